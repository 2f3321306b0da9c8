package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/engine"
	"parley/shared/event"
	"parley/shared/socketio"
	"parley/shared/socketio/msgpack"
)

var (
	blob   = event.NewRawCall[event.Value, event.Value](event.NewNamespace("/"), "blob")
	blobs  = event.NewRawCall[event.Value, event.Args](event.NewNamespace("/"), "blob")
	upload = event.NewToServer[[]byte](event.NewNamespace("/"), "blob")
)

// blobOf is a long attachment unlike that of any other number.
func blobOf(n int) string { return strings.Repeat(fmt.Sprintf("%06d,", n), 5000) }

// sendBlob asks for an answer with the id n.
func (p *peer) sendBlob(n int) {
	p.t.Helper()
	p.send(fmt.Sprintf(`51-%d["blob",{"_placeholder":true,"num":0}]`, n))
	p.sendBinary([]byte(blobOf(n))...)
}

func (p *peer) expectBlob(n int) {
	p.t.Helper()
	p.expect(fmt.Sprintf(`61-%d[{"_placeholder":true,"num":0}]`, n))
	require.True(p.t, "b:"+blobOf(n) == p.read(), "another message's bytes")
}

// places counts at how many places attachments have been.
type places struct {
	mu   sync.Mutex
	seen map[*byte]bool
}

func (p *places) add(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen == nil {
		p.seen = map[*byte]bool{}
	}
	p.seen[unsafe.SliceData(b)] = true
}

func (p *places) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.seen)
}

func TestLentMemoryIsUsedAgain(t *testing.T) {
	const rounds = 60
	t.Run("answered with itself", func(t *testing.T) {
		f := start(t, server.Config{})
		var at places
		server.HandleLent(f, blob, func(_ context.Context, _ *server.Socket, v event.Value) (event.Value, error) {
			at.add(v.Attachments[0])
			return v, nil
		})
		p, _ := f.join("/")
		for n := range rounds {
			p.sendBlob(n)
			p.expectBlob(n)
		}
		assert.Less(t, at.count(), rounds/2)
	})
	t.Run("not answered", func(t *testing.T) {
		f := start(t, server.Config{})
		var at places
		server.OnLent(f, upload, func(_ context.Context, _ *server.Socket, data []byte) error {
			at.add(data)
			return nil
		})
		p, s := f.join("/")
		for n := range rounds {
			p.sendBlob(n)
			p.expect(fmt.Sprintf("3%d[]", n))
		}
		p.send(`51-["blob",{"_placeholder":true,"num":0}]`) // nobody waits for an answer
		p.sendBinary([]byte(blobOf(0))...)
		p.sendBlob(1)
		p.expect("31[]")
		p.silent(s)
		assert.Less(t, at.count(), rounds/2)
	})
}

// What somebody else has seen stays what it is, and so does what is answered in parts or more than once.
func TestLentMemoryIsNotUsedAgain(t *testing.T) {
	const rounds = 30
	echo := func(f *fixture) {
		server.HandleLent(f, blob, func(_ context.Context, _ *server.Socket, v event.Value) (event.Value, error) { return v, nil })
	}
	for name, arrange := range map[string]func(f *fixture, keep func([]byte)){
		"a catch-all listener": func(f *fixture, keep func([]byte)) {
			echo(f)
			f.OnAny(func(_ *server.Socket, _ string, args event.Args) { keep(args.Bytes(0)) })
		},
		"a socket's catch-all listener": func(f *fixture, keep func([]byte)) {
			echo(f)
			f.OnConnect(func(s *server.Socket) { s.OnAny(func(_ string, args event.Args) { keep(args.Bytes(0)) }) })
		},
		"a middleware": func(f *fixture, keep func([]byte)) {
			echo(f)
			f.UseEvent(func(next server.EventFunc) server.EventFunc {
				return func(ctx context.Context, e *server.Event) error { keep(e.Args.Bytes(0)); return next(ctx, e) }
			})
		},
		"another handler": func(f *fixture, keep func([]byte)) {
			echo(f)
			f.OnConnect(func(s *server.Socket) { s.On("blob", func(args event.Args) { keep(args.Bytes(0)) }) })
		},
		"a handler that has stopped since": func(f *fixture, keep func([]byte)) {
			var stop func()
			stop = server.On(f, upload, func(_ context.Context, _ *server.Socket, b []byte) error { keep(b); stop(); return nil })
			server.HandleLent(f, blob, func(_ context.Context, s *server.Socket, v event.Value) (event.Value, error) { return v, nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, server.Config{})
			var mu sync.Mutex
			kept := map[int][]byte{} // by the number they had then
			arrange(f, func(b []byte) {
				n, err := strconv.Atoi(string(b[:6]))
				assert.NoError(t, err)
				mu.Lock()
				defer mu.Unlock()
				kept[n] = b
			})
			p, s := f.join("/")
			for n := range rounds {
				p.sendBlob(n)
				if !strings.HasSuffix(p.read(), "[]") { // as the one that has stopped answers
					p.read()
				}
			}
			p.silent(s)
			mu.Lock()
			defer mu.Unlock()
			require.NotEmpty(t, kept)
			for n, b := range kept {
				require.True(t, blobOf(n) == string(b), "attachment %d", n)
			}
		})
	}
	t.Run("in the answer twice, in part, and not at all", func(t *testing.T) {
		f := start(t, server.Config{})
		server.HandleLent(f, blobs, func(_ context.Context, _ *server.Socket, v event.Value) (event.Args, error) {
			b := v.Attachments[0]
			switch b[5] % 4 {
			case 0:
				return event.Args{b, b}, nil
			case 1:
				return event.Args{b[7:], b[:len(b)-7]}, nil
			case 2:
				return event.Args{bytes.Clone(b), bytes.Clone(b)}, nil
			}
			return nil, errors.New("no")
		})
		p, _ := f.join("/")
		for n := range rounds {
			p.sendBlob(n)
			want := blobOf(n)
			one, two := want, want
			switch want[5] % 4 {
			case 1:
				one, two = want[7:], want[:len(want)-7]
			case 3:
				p.expect(fmt.Sprintf(`3%d[{"error":{"code":"internal","message":"internal error"}}]`, n))
				continue
			}
			p.read()
			require.True(t, "b:"+one == p.read())
			require.True(t, "b:"+two == p.read())
		}
	})
	t.Run("what the handler put in its place", func(t *testing.T) {
		f := start(t, server.Config{})
		mine := []byte(blobOf(77))
		list := event.NewRawCall[event.Args, event.Args](event.NewNamespace("/"), "blob")
		server.HandleLent(f, list, func(_ context.Context, _ *server.Socket, args event.Args) (event.Args, error) {
			if n, _ := strconv.Atoi(string(args.Bytes(0)[:6])); n%2 == 0 {
				args.Value(0).Attachments[0] = mine // in the event's own list
				return args, nil
			}
			args[0] = mine
			return args, nil
		})
		p, _ := f.join("/")
		for n := range rounds {
			p.sendBlob(n)
			p.read()
			require.True(t, "b:"+blobOf(77) == p.read())
		}
		require.True(t, blobOf(77) == string(mine), "the application's own memory")
	})
	t.Run("which the handler has put in twice", func(t *testing.T) {
		f := start(t, server.Config{})
		var mu sync.Mutex
		var kept []*byte // at a time
		server.HandleLent(f, blobs, func(_ context.Context, _ *server.Socket, v event.Value) (event.Args, error) {
			a, b := v.Attachments[0], v.Attachments[1]
			mu.Lock()
			kept = append(kept, unsafe.SliceData(a), unsafe.SliceData(b))
			mu.Unlock()
			same := string(a) == string(b)
			v.Attachments[1] = a
			return event.Args{same}, nil
		})
		p, _ := f.join("/")
		for n := range rounds {
			p.send(`52-1["blob",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`)
			p.sendBinary([]byte(blobOf(n))...)
			p.sendBinary([]byte(blobOf(n + 1))...)
			p.expect(`31[false]`)
		}
		for pair := range slices.Chunk(kept, 2) {
			require.NotSame(t, pair[0], pair[1])
		}
	})
	t.Run("for a client that does not read", func(t *testing.T) {
		f := start(t, server.Config{Engine: engine.Config{Queue: engine.QueueLimits{Bytes: 64 << 20}}})
		echo(f)
		p, _ := f.join("/")
		for n := range 200 { // 7 MB, more than the system takes
			p.sendBlob(n)
		}
		other, _ := f.join("/")
		for n := range rounds {
			other.sendBlob(1000 + n)
			other.expectBlob(1000 + n)
		}
		for n := range 200 {
			p.expectBlob(n)
		}
	})
	t.Run("with a parser that puts all in one frame", func(t *testing.T) {
		f := start(t, server.Config{Parser: msgpack.New()})
		var at places
		server.HandleLent(f, blob, func(_ context.Context, _ *server.Socket, v event.Value) (event.Value, error) {
			at.add(v.Attachments[0])
			return v, nil
		})
		parser := msgpack.New()
		p := f.dial()
		exchange := func(out socketio.Packet) socketio.Packet {
			frames, err := parser.Encode(nil, &out)
			require.NoError(t, err)
			p.sendBinary(frames[0].Data...)
			in, whole, err := parser.NewDecoder(socketio.Limits{}).Add(socketio.Frame{Binary: true, Data: []byte(p.read()[2:])})
			require.NoError(t, err)
			require.True(t, whole)
			return in
		}
		exchange(socketio.Packet{Type: socketio.PacketConnect, Namespace: "/"})
		for n := range rounds {
			out, err := socketio.NewEvent("/", "blob", []byte(blobOf(n)))
			require.NoError(t, err)
			out.ID, out.HasID = uint64(n), true
			args, err := new(exchange(out)).Args()
			require.NoError(t, err)
			require.True(t, blobOf(n) == string(args.Bytes(0)))
		}
	})
}

// Many clients at once: each gets its own bytes.
func TestLentMemoryUnderLoad(t *testing.T) {
	f := start(t, server.Config{})
	server.HandleLent(f, blob, func(_ context.Context, _ *server.Socket, v event.Value) (event.Value, error) { return v, nil })
	var all sync.WaitGroup
	for client := range 8 {
		p, _ := f.join("/")
		all.Go(func() {
			for n := range 40 {
				p.sendBlob(client*1000 + 2*n)
				p.sendBlob(client*1000 + 2*n + 1)
				p.expectBlob(client*1000 + 2*n)
				p.expectBlob(client*1000 + 2*n + 1)
			}
		})
	}
	all.Wait()
}
