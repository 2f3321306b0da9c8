package server_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/adapter"
	"parley/server/engine"
	"parley/shared/engineio"
	"parley/shared/event"
)

// Rows: N01 N04 N07
func TestConnect(t *testing.T) {
	f := start(t, server.Config{})
	f.Of(event.NewNamespace("/custom"))
	p := f.dial()

	s := f.connect(p, "/")
	custom := f.connect(p, "/custom")
	require.Len(t, s.ID(), 20)
	require.NotEqual(t, s.ID(), custom.ID(), "each namespace has its own id")
	require.NotEqual(t, s.ID(), s.Conn().ID(), "the connection's id stays secret")
	require.Same(t, s.Conn(), custom.Conn())

	require.NoError(t, s.Emit("a", 1))
	require.NoError(t, custom.Emit("b", "x"))
	p.expect(`2["a",1]`, `2/custom,["b","x"]`)

	p.send("1") // leaving one namespace keeps the rest
	p.send(`2/custom,7["ping"]`)
	got := make(chan struct{})
	custom.OnAck("ping", func(_ event.Args, ack func(...any)) { ack("pong"); close(got) })
	p.send(`2/custom,8["ping"]`)
	require.Contains(t, []string{`3/custom,7["pong"]`, `3/custom,8["pong"]`}, p.read())
}

// Rows: N01
func TestConnectIsNotImplicit(t *testing.T) {
	f := start(t, server.Config{})
	connected := make(chan string, 2)
	f.OnConnect(func(s *server.Socket) { connected <- s.ID() })
	f.Of(event.NewNamespace("/other"))
	p := f.dial()
	f.connect(p, "/other")
	require.Empty(t, connected)
}

// Rows: N01 N08 N09
func TestHandshake(t *testing.T) {
	f := start(t, server.Config{})
	p := f.dial()
	before := time.Now()
	p.send(`0{"token":"abc","n":[1]}`)
	answer := p.read()
	id := strings.Split(answer, `"`)[3]
	s, ok := f.Socket(id)
	require.True(t, ok)

	h := s.Handshake()
	var auth struct{ Token string }
	require.NoError(t, h.Auth.Decode(&auth))
	require.Equal(t, "abc", auth.Token)
	require.Equal(t, "one", h.Query.Get("room"))
	require.Equal(t, "yes", h.Header.Get("X-Test"))
	require.Equal(t, "/socket.io/?EIO=4&transport=websocket&room=one", h.URL)
	require.True(t, strings.HasPrefix(h.Address, "127.0.0.1"), h.Address)
	require.False(t, h.Secure)
	require.False(t, h.XDomain)
	require.WithinDuration(t, before, h.Time, 10*time.Second)

	require.True(t, s.Connected())
	require.False(t, s.Recovered())
	require.Equal(t, "/", s.Namespace().Name())
	require.Nil(t, s.Get("user"))
	s.Set("user", "ada")
	require.Equal(t, "ada", s.Get("user"))
	require.Equal(t, []event.Room{event.Room(id)}, s.Rooms())
}

// Rows: N08 M23
func TestHandshakeOverTLSFromAnotherOrigin(t *testing.T) {
	f := start(t, server.Config{Engine: engine.Config{CORS: &engine.CORS{Origins: []string{"https://page.example"}}}})
	web := httptest.NewTLSServer(f.Server)
	t.Cleanup(web.Close)
	for _, c := range []struct {
		url, origin      string
		secure, crossing bool
	}{
		{f.url, "", false, false},
		{f.url, "https://page.example", false, true},
		{web.URL, "", true, false},
		{web.URL, "https://page.example", true, true},
	} {
		f.url, f.http = c.url, &http.Client{Transport: page{c.origin, web.Client().Transport}}
		_, s := f.join("/")
		require.Equal(t, c.secure, s.Handshake().Secure)
		require.Equal(t, c.crossing, s.Handshake().XDomain)
		list, err := f.To(event.Room(s.ID())).Fetch(t.Context())
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Equal(t, c.secure, list[0].Handshake().Secure)
		require.Equal(t, c.crossing, list[0].Handshake().XDomain)
	}
}

// page sends requests as a browser does for a page of that origin.
type page struct {
	origin string
	http.RoundTripper
}

func (p page) RoundTrip(r *http.Request) (*http.Response, error) {
	if p.origin != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Origin", p.origin)
	}
	return p.RoundTripper.RoundTrip(r)
}

// Rows: N02
func TestUnknownNamespace(t *testing.T) {
	f := start(t, server.Config{})
	p := f.dial()
	p.send(`0/nope,`)
	p.expect(`4/nope,{"message":"Invalid namespace"}`)
	p.send(`0/?token=x,`)
	require.Contains(t, p.read(), `{"message":"Invalid namespace"}`)
	s := f.connect(p, "/") // the connection stays
	p.silent(s)
}

// Rows: N03
func TestConnectTimeout(t *testing.T) {
	t.Run("nobody connects", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := startPipe(t, server.Config{})
			begin := time.Now()
			p := f.dial()
			p.expectClosed()
			require.Equal(t, 45*time.Second, time.Since(begin))
		})
	})
	t.Run("a middleware that hangs", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := startPipe(t, server.Config{ConnectTimeout: 5 * time.Second})
			f.Use(func(server.ConnectFunc) server.ConnectFunc {
				return func(ctx context.Context, _ *server.Socket) error { <-ctx.Done(); return ctx.Err() }
			})
			begin := time.Now()
			p := f.dial()
			p.send("0")
			require.Empty(t, p.expectClosed())
			require.Equal(t, 5*time.Second, time.Since(begin))
		})
	})
	t.Run("a refused client that stays", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := startPipe(t, server.Config{ConnectTimeout: 5 * time.Second})
			begin := time.Now()
			p := f.dial()
			p.send("0/nope,")
			require.Len(t, p.expectClosed(), 1)
			require.Equal(t, 5*time.Second, time.Since(begin))
		})
	})
	t.Run("who joined stays", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := startPipe(t, server.Config{})
			p, s := f.join("/")
			done := make(chan struct{})
			go func() { defer close(done); p.expectClosed() }()
			time.Sleep(10 * time.Minute)
			require.True(t, s.Connected())
			p.cut()
			<-done
		})
	})
}

// Rows: N05
func TestProtocolViolations(t *testing.T) {
	for name, packet := range map[string]string{
		"CONNECT twice":                      "0",
		"event in a namespace not joined":    `2/other,["x"]`,
		"ack in a namespace not joined":      `3/other,1[]`,
		"DISCONNECT of a namespace unjoined": `1/other,`,
		"CONNECT_ERROR from a client":        `4{"message":"x"}`,
		"bad JSON":                           `2["x"`,
		"reserved event":                     `2["disconnect"]`,
		"unknown type":                       "9",
		"attachments promised, text comes":   `51-["x",{"_placeholder":true,"num":0}]`,
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, server.Config{})
			f.Of(event.NewNamespace("/other"))
			reasons := make(chan engineio.Reason, 1)
			f.OnDisconnect(func(_ *server.Socket, r engineio.Reason, _ error) { reasons <- r })
			p, _ := f.join("/")
			p.send(packet)
			p.sendRaw(`42["never"]`)
			p.expectClosed()
			require.Equal(t, engineio.ReasonForcedClose, await(t, reasons))
		})
	}
}

// Rows: N05
func TestEventBeforeConnect(t *testing.T) {
	f := start(t, server.Config{})
	p := f.dial()
	p.send(`2["x"]`)
	require.Empty(t, p.expectClosed())
}

type userKey struct{}

// Rows: N15 N16 N17
func TestMiddleware(t *testing.T) {
	f := start(t, server.Config{})
	var order []string
	f.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			order = append(order, "first")
			assert.False(t, s.Connected())
			assert.NoError(t, s.Join("vip"))
			assert.NoError(t, s.Emit("welcome", 1))
			return next(context.WithValue(ctx, userKey{}, "ada"), s)
		}
	})
	f.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			order = append(order, "second")
			return next(ctx, s)
		}
	})
	done := make(chan *server.Socket, 1)
	f.OnConnect(func(s *server.Socket) {
		order = append(order, "connect")
		assert.True(t, s.Connected())
		assert.True(t, s.In("vip"))
		assert.Equal(t, "ada", s.Context().Value(userKey{}))
		_, found := f.Socket(s.ID())
		assert.True(t, found)
		assert.NoError(t, s.Emit("hello", 2))
		done <- s
	})
	p := f.dial()
	p.send("0")
	s := await(t, done)
	p.expect(`0{"sid":"`+s.ID()+`"}`, `2["welcome",1]`, `2["hello",2]`)
	require.Equal(t, []string{"first", "second", "connect"}, order)
}

// Rows: N02 N15 N16
func TestMiddlewareRefuses(t *testing.T) {
	faults := make(chan server.Fault, 8)
	f := start(t, server.Config{OnFault: func(f server.Fault) { faults <- f }})
	refusals := make(chan error, 1)
	f.Use(func(server.ConnectFunc) server.ConnectFunc {
		return func(_ context.Context, s *server.Socket) error {
			assert.NoError(t, s.Join("vip"))
			err := <-refusals
			if err == nil {
				panic("boom")
			}
			return err
		}
	})
	f.OnConnect(func(*server.Socket) { t.Error("let in") })
	f.OnDisconnect(func(*server.Socket, engineio.Reason, error) { t.Error("a disconnect without a connect") })
	p := f.dial()
	for _, c := range []struct {
		err  error
		wire string
	}{
		{event.Errorf(event.CodeUnauthenticated, "who are you?"), `4{"message":"who are you?","data":{"code":"unauthenticated"}}`},
		{&event.Error{Code: "banned", Message: "go", Data: []byte(`{"until":5}`)}, `4{"message":"go","data":{"code":"banned","data":{"until":5}}}`},
		{&server.Refusal{Message: "not authorized", Data: map[string]any{"content": "retry later"}}, `4{"message":"not authorized","data":{"content":"retry later"}}`},
		{&server.Refusal{Message: "plain"}, `4{"message":"plain"}`},
		{errors.New("dial tcp 10.0.0.5: refused"), `4{"message":"internal error","data":{"code":"internal"}}`},
		{nil, `4{"message":"internal error","data":{"code":"internal"}}`},
	} {
		refusals <- c.err
		p.send("0")
		p.expect(c.wire)
		if c.err != nil && strings.Contains(c.err.Error(), "10.0.0.5") { // before the next: each refusal has a goroutine of its own
			require.ErrorContains(t, await(t, faults).Err, "10.0.0.5")
		}
	}
	fault := await(t, faults)
	var panicked *server.PanicError
	require.ErrorAs(t, fault.Err, &panicked)
	require.Equal(t, "boom", panicked.Value)
	require.NotEmpty(t, fault.Stack)
	require.Empty(t, f.Rooms(), "what was joined is undone")
}

// A middleware that forgets next lets nobody past those behind it.
// Rows: N15 N03
func TestMiddlewareThatDoesNotCallNext(t *testing.T) {
	faults := make(chan server.Fault, 8)
	f := start(t, server.Config{OnFault: func(f server.Fault) { faults <- f }})
	f.OnConnect(func(*server.Socket) { t.Error("let in") })
	for ns, first := range map[string]func(server.ConnectFunc) server.ConnectFunc{
		"/forgets": func(server.ConnectFunc) server.ConnectFunc {
			return func(context.Context, *server.Socket) error { return nil }
		},
		"/swallows": func(next server.ConnectFunc) server.ConnectFunc {
			return func(ctx context.Context, s *server.Socket) error {
				_ = next(ctx, s)
				return nil
			}
		},
	} {
		space := f.Of(event.NewNamespace(ns))
		space.OnConnect(func(*server.Socket) { t.Error("let in") })
		space.Use(first)
		space.Use(func(server.ConnectFunc) server.ConnectFunc {
			return func(context.Context, *server.Socket) error {
				return event.Errorf(event.CodeUnauthenticated, "no token")
			}
		})
		p := f.dial()
		p.send("0" + ns + ",")
		p.expect("4" + ns + `,{"message":"internal error","data":{"code":"internal"}}`)
		fault := await(t, faults)
		require.ErrorIs(t, fault.Err, server.ErrNextNotCalled)
		require.Same(t, space, fault.Namespace)
		require.NotNil(t, fault.Socket)
	}
}

// Rows: N16
func TestClientLeavesDuringMiddleware(t *testing.T) {
	f := start(t, server.Config{})
	entered, left := make(chan struct{}), make(chan error, 1)
	f.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			close(entered)
			<-ctx.Done()
			left <- ctx.Err()
			return next(ctx, s)
		}
	})
	f.OnConnect(func(*server.Socket) { t.Error("let in") })
	f.OnDisconnect(func(*server.Socket, engineio.Reason, error) { t.Error("a disconnect without a connect") })
	p := f.dial()
	p.send("0")
	await(t, entered)
	p.close()
	require.ErrorIs(t, await(t, left), context.Canceled)
	require.NoError(t, f.Close())
}

// Rows: N21 L03
func TestNoEventIsMissed(t *testing.T) {
	f := start(t, server.Config{})
	got := make(chan string, 3)
	release := make(chan struct{})
	f.OnConnect(func(s *server.Socket) {
		<-release // a slow lookup
		s.On("early", func(args event.Args) { got <- args.String(0) })
	})
	p, _ := f.join("/")
	for _, word := range []string{"a", "b", "c"} {
		p.send(`2["early","` + word + `"]`)
	}
	close(release)
	require.Equal(t, "a", await(t, got))
	require.Equal(t, "b", await(t, got))
	require.Equal(t, "c", await(t, got))
}

// An application of the official client that connects once more before it was let in makes it send CONNECT again.
// Rows: N05 N06
func TestConnectAgainWhileJoining(t *testing.T) {
	f := start(t, server.Config{})
	asked, release := make(chan string, 4), make(chan struct{})
	f.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			var auth struct{ Token string }
			assert.NoError(t, s.Handshake().Auth.Decode(&auth))
			asked <- auth.Token
			<-release
			return next(ctx, s)
		}
	})
	in := make(chan *server.Socket, 4)
	f.OnConnect(func(s *server.Socket) { in <- s })
	p := f.dial()
	p.send(`0{"token":"a"}`)
	require.Equal(t, "a", await(t, asked))
	p.send(`0{"token":"a"}`)
	p.send(`0{"token":"a"}`)
	p.send(`0{"token":"b"}`) // somebody else by now
	require.Equal(t, "b", await(t, asked))
	p.send(`0{"token":"b"}`)
	p.send(`0/none,`)
	require.Contains(t, p.read(), `4/none,`) // so it has read the ones before
	close(release)
	s := <-in
	require.Contains(t, p.read(), s.ID())
	p.silent(s)
	require.Empty(t, in)
	require.Empty(t, asked)
	require.JSONEq(t, `{"token":"b"}`, string(s.Handshake().Auth.JSON))
	require.Equal(t, 1, f.Len())
}

// A handler may ask its own client, however many events are in front of the answer.
// Rows: L03 M03
func TestAskingInABurst(t *testing.T) {
	const n = 1000 // more than the inbox takes otherwise
	f := start(t, server.Config{AckTimeout: time.Minute})
	failed := make(chan error, n)
	f.OnConnect(func(s *server.Socket) {
		s.On("ask me", func(event.Args) {
			_, err := s.EmitAck(s.Context(), "question")
			failed <- err
		})
	})
	p, _ := f.join("/")
	for range n {
		p.send(`2["ask me"]`)
	}
	for range n {
		packet := p.read()
		p.send("3" + strings.TrimSuffix(strings.TrimPrefix(packet, "2"), `["question"]`) + "[]")
		require.NoError(t, await(t, failed))
	}
}

// Other credentials come too late while the answer to the first is on its way; no answer to the first can then follow
// that to the second.
// Rows: N05 N06
func TestConnectAgainWhenItIsTooLate(t *testing.T) {
	joining, release := make(chan struct{}), make(chan struct{})
	f := start(t, server.Config{Adapter: func(k adapter.Sink) adapter.Adapter {
		return afterAdd{adapter.NewLocal(k, adapter.LocalConfig{}), func(*server.Socket) { close(joining); <-release }}
	}})
	f.Use(func(next server.ConnectFunc) server.ConnectFunc { // so that it is let in on a goroutine of its own
		return func(ctx context.Context, s *server.Socket) error { return next(ctx, s) }
	})
	p := f.dial()
	p.send(`0{"token":"a"}`)
	await(t, joining)
	p.send(`0{"token":"a"}`)
	p.send(`0/none,`)
	require.Contains(t, p.read(), `4/none,`) // so the second was read, and counted as the first
	p.send(`0{"token":"b"}`)
	p.expectClosed()
	close(release)
}

// A client that connects once more while it gets what it had missed says how far it has come meanwhile, which makes it
// nobody else. If something else has changed it comes back on another connection and has lost nothing.
// Rows: N05 K05
func TestConnectAgainInTheReplay(t *testing.T) {
	for name, token := range map[string]string{"same": "a", "other": "b"} {
		t.Run(name, func(t *testing.T) {
			inReplay, release := make(chan struct{}), make(chan struct{})
			var block atomic.Bool
			f := start(t, server.Config{Recovery: time.Minute, Adapter: func(k adapter.Sink) adapter.Adapter {
				local := adapter.NewLocal(k, adapter.LocalConfig{Recovery: time.Minute})
				return aroundReplay{local, func(*server.Socket) {}, func(*server.Socket) {
					if block.Swap(false) {
						close(inReplay)
						<-release
					}
				}}
			}})
			c := lost(t, f)
			require.NoError(t, f.Emit("missed"))
			block.Store(true)
			p := f.dial()
			p.send(fmt.Sprintf(`0{"token":"a","pid":%q}`, c.pid))
			await(t, inReplay)
			require.Equal(t, `["missed"]`, c.note(p.read()))
			p.send(fmt.Sprintf(`0{"offset":%q,"pid":%q,"token":%q}`, c.offset, c.pid, token))
			if name == "same" {
				p.send(`0/none,`)
				require.Contains(t, p.read(), `4/none,`) // so it was read
				close(release)
				require.Contains(t, p.read(), c.pid)
				return
			}
			p.expectClosed()
			close(release)
			c.come()
			require.True(t, c.recovered)
			require.Empty(t, c.early)
		})
	}
}

// Who shows other credentials while a middleware still looks at the first ones may take up the same session.
// Rows: N05 K05
func TestConnectAgainKeepsTheSession(t *testing.T) {
	f := start(t, server.Config{Recovery: time.Minute})
	f.Of(event.NewNamespace("/other"))
	var slow atomic.Bool
	asked, release := make(chan struct{}, 1), make(chan struct{})
	f.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			if slow.Swap(false) {
				asked <- struct{}{}
				<-release
			}
			return next(ctx, s)
		}
	})
	c := lost(t, f)
	require.NoError(t, f.Emit("missed"))
	slow.Store(true)
	p := f.dial()
	p.send(fmt.Sprintf(`0{"token":"a","pid":%q}`, c.pid))
	await(t, asked)
	p.send(fmt.Sprintf(`0{"token":"b","pid":%q}`, c.pid))
	require.Equal(t, `["missed"]`, c.note(p.read()))
	require.Contains(t, p.read(), c.pid)
	close(release)
	f.connect(p, "/other")
	require.Equal(t, 1, f.Len())
}
