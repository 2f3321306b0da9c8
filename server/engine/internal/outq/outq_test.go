package outq

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"parley/server/engine/frame"
	"parley/server/engine/internal/track"
	"parley/shared/engineio"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pair is a Conn and the other end of its connection.
type pair struct {
	*Conn
	group *Group
	track *track.Group
	peer  net.Conn
}

// plain hides what a connection can do beyond net.Conn.
type plain struct{ net.Conn }

// overEach runs a test over every kind of connection: a socket that is written to
// without blocking, the same through net.Conn alone, and net.Pipe.
func overEach(t *testing.T, l Limits, test func(t *testing.T, p *pair)) {
	for name, open := range map[string]func(t *testing.T) (net.Conn, net.Conn){
		"socket": tcpPair,
		"plain": func(t *testing.T) (net.Conn, net.Conn) {
			near, far := tcpPair(t)
			return plain{near}, far
		},
		"pipe": func(*testing.T) (net.Conn, net.Conn) { return net.Pipe() },
	} {
		t.Run(name, func(t *testing.T) {
			near, far := open(t)
			tr := &track.Group{}
			g := NewGroup(l, tr)
			p := &pair{New(near, g), g, tr, far}
			defer func() {
				far.Close()
				p.Close()
				require.NoError(t, tr.Wait(context.Background()))
				require.Nil(t, g.first, "the group forgets what is closed")
			}()
			test(t, p)
		})
	}
}

// tcpPair returns both ends of a connection.
func tcpPair(t *testing.T) (near, far net.Conn) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	near, err = net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	far, err = ln.Accept()
	require.NoError(t, err)
	return near, far
}

func generous() Limits {
	return bounded(64<<20, 1<<20)
}

// bounded returns limits of which a burst may be 16 times as long.
func bounded(bytes, messages int) Limits {
	return Limits{
		Bytes: bytes, Messages: messages, Burst: time.Second, BurstBytes: 16 * bytes, BurstMessages: 16 * messages,
		Age: 10 * time.Second, Close: 10 * time.Second, Linger: 10 * time.Second,
	}
}

func text(s string) *frame.Message { return frame.New(false, []byte(s)) }

// readFrames reads frames of the peer until its end and calls f with each.
func readFrames(r io.Reader, f func(first byte, payload []byte) bool) error {
	for {
		head := make([]byte, 2)
		if _, err := io.ReadFull(r, head); err != nil {
			return err
		}
		n := int(head[1])
		switch n {
		case 126:
			b := make([]byte, 2)
			if _, err := io.ReadFull(r, b); err != nil {
				return err
			}
			n = int(binary.BigEndian.Uint16(b))
		case 127:
			b := make([]byte, 8)
			if _, err := io.ReadFull(r, b); err != nil {
				return err
			}
			n = int(binary.BigEndian.Uint64(b))
		}
		payload := make([]byte, n)
		if _, err := io.ReadFull(r, payload); err != nil {
			return err
		}
		if !f(head[0], payload) {
			return nil
		}
	}
}

// Everything arrives whole and in the order of sending, however it was sent.
// Rows: M22 E22
func TestOrder(t *testing.T) {
	overEach(t, generous(), func(t *testing.T, p *pair) {
		const n = 3000
		long := bytes.Repeat([]byte("long "), 20_000)
		go func() {
			for i := 0; i < n; {
				switch i % 7 {
				case 0:
					assert.NoError(t, p.Send(true, nil, text(fmt.Sprint(i)), text(fmt.Sprint(i+1))))
					i += 2
				case 3:
					_, err := p.Write([]byte{0x8a, 0}) // the library's pong
					assert.NoError(t, err)
					assert.NoError(t, p.Send(i%2 == 0, nil, text(fmt.Sprint(i))))
					i++
				case 5:
					assert.NoError(t, p.Send(i%2 == 0, nil, frame.New(true, append(long, fmt.Sprint(i)...)), text(fmt.Sprint(i))))
					i++
				case 6:
					assert.NoError(t, p.Queue(nil, text(fmt.Sprint(i))))
					p.Flush()
					i++
				default:
					assert.NoError(t, p.Send(i%3 == 0, nil, text(fmt.Sprint(i))))
					i++
				}
			}
		}()
		next := 0
		err := readFrames(p.peer, func(first byte, b []byte) bool {
			switch first {
			case 0x81:
				require.Equal(t, fmt.Sprint("4", next), string(b))
				next++
			case 0x82:
				require.Equal(t, string(long)+fmt.Sprint(next), string(b))
			default:
				require.Equal(t, byte(0x8a), first)
			}
			return next < n
		})
		require.NoError(t, err)
		<-p.Flushed()
		count, size := p.Buffered()
		require.Zero(t, count+size)
		require.True(t, p.Idle())
	})
}

// Each of many senders sees its own order kept.
// Advisories: googollee-393
func TestConcurrentSenders(t *testing.T) {
	overEach(t, generous(), func(t *testing.T, p *pair) {
		const senders, each = 8, 400
		var wg sync.WaitGroup
		for s := range senders {
			wg.Go(func() {
				for i := range each {
					body := bytes.Repeat([]byte{byte(s)}, 1+i%5*3000)
					body[0] = byte(i)
					assert.NoError(t, p.Send(i%2 == 0, nil, frame.New(true, append(body, byte(s)))))
				}
			})
		}
		var seen [senders]int
		err := readFrames(p.peer, func(_ byte, b []byte) bool {
			s := b[len(b)-1]
			require.Equal(t, byte(seen[s]), b[0])
			require.Len(t, b, 2+seen[s]%5*3000)
			seen[s]++
			total := 0
			for _, n := range seen {
				total += n
			}
			return total < senders*each
		})
		require.NoError(t, err)
		wg.Wait()
	})
}

// A batch for many connections leaves in one write each, and a batched message
// never overtakes.
func TestBatch(t *testing.T) {
	overEach(t, generous(), func(t *testing.T, p *pair) {
		for i := range 50 {
			require.NoError(t, p.Send(true, nil, text(fmt.Sprint(i))))
		}
		require.NoError(t, p.Send(false, nil, text("50")))
		next := 0
		require.NoError(t, readFrames(p.peer, func(_ byte, b []byte) bool {
			require.Equal(t, fmt.Sprint("4", next), string(b))
			next++
			return next < 51
		}))
	})
}

func TestFlushed(t *testing.T) {
	overEach(t, generous(), func(t *testing.T, p *pair) {
		<-p.Flushed() // nothing to wait for
		for range 20 {
			require.NoError(t, p.Send(true, nil, frame.New(true, make([]byte, 1<<20))))
		}
		done := p.Flushed()
		select {
		case <-done:
			require.Fail(t, "20 MB cannot be out")
		default:
		}
		go io.Copy(io.Discard, p.peer) //nolint:errcheck // ends with the test
		<-done
		require.NoError(t, p.Send(true, nil, text("x")))
		<-p.Flushed()
		p.Close()
		<-p.Flushed()
		require.ErrorIs(t, p.Err(), frame.ErrClosed)
	})
}

// Rows: E17
func TestBounds(t *testing.T) {
	l := bounded(1<<20, 1000)
	l.Burst = time.Hour
	chunk := frame.New(true, make([]byte, 1<<16))
	fill := func(t *testing.T, p *pair, m *frame.Message) (sent int) {
		for range 10_000_000 {
			err := p.Send(false, nil, m)
			if err != nil {
				require.ErrorIs(t, err, frame.ErrSlow)
				return sent
			}
			sent++
		}
		require.Fail(t, "no bound")
		return 0
	}
	t.Run("bytes", func(t *testing.T) {
		overEach(t, l, func(t *testing.T, p *pair) {
			fill(t, p, chunk)
			_, size := p.Buffered()
			require.LessOrEqual(t, size, l.BurstBytes+chunk.Size())
			require.Greater(t, size, l.Bytes, "the system has taken some more meanwhile")
			if p.sock.ok() { // elsewhere a write may still be on its way
				require.False(t, p.Idle())
			}
			require.NoError(t, p.Err(), "closing is the caller's business")
		})
	})
	t.Run("messages", func(t *testing.T) {
		overEach(t, l, func(t *testing.T, p *pair) {
			fill(t, p, text("x"))
			n, _ := p.Buffered()
			require.LessOrEqual(t, n, l.BurstMessages)
		})
	})
	t.Run("one large message passes", func(t *testing.T) {
		overEach(t, l, func(t *testing.T, p *pair) {
			require.NoError(t, p.Send(false, nil, frame.New(true, make([]byte, 16<<20))))
			n := 0
			require.NoError(t, readFrames(p.peer, func(_ byte, b []byte) bool { n = len(b); return false }))
			require.Equal(t, 16<<20, n)
		})
	})
	t.Run("who reads may get more than the bound", func(t *testing.T) {
		overEach(t, l, func(t *testing.T, p *pair) {
			const n = 20_000
			done := make(chan error)
			go func() {
				next := 0
				done <- readFrames(p.peer, func(_ byte, b []byte) bool { next++; return next < n })
			}()
			for i := range n {
				for p.Send(true, nil, text("a burst of small messages")) != nil {
					require.False(t, i == 0)
					<-p.Flushed()
				}
			}
			require.NoError(t, <-done)
		})
	})
}

// A connection that takes nothing is closed after Age.
func TestAge(t *testing.T) {
	l := generous()
	l.Age = 50 * time.Millisecond
	overEach(t, l, func(t *testing.T, p *pair) {
		var all []*frame.Message // at once: the first of several could be too old before the last is sent
		for range 16 {
			all = append(all, frame.New(true, make([]byte, 1<<20)))
		}
		require.NoError(t, p.Send(false, nil, all...))
		<-p.Flushed()
		require.ErrorIs(t, p.Err(), frame.ErrSlow)
		require.ErrorIs(t, p.Send(false, nil, text("x")), frame.ErrClosed)
	})
}

// End delivers what is queued and then the last frame; the peer decides when to
// close, within bounds.
func TestEnd(t *testing.T) {
	l := generous()
	l.Linger = 50 * time.Millisecond
	overEach(t, l, func(t *testing.T, p *pair) {
		for i := range 100 {
			require.NoError(t, p.Send(true, nil, frame.New(true, make([]byte, i*1000))))
		}
		p.End(frame.Close(1000, "bye"))
		p.End(frame.Close(1001, "again"))
		require.ErrorIs(t, p.Send(false, nil, text("late")), frame.ErrClosed)
		require.ErrorIs(t, p.Queue(nil, text("late")), frame.ErrClosed)
		n, err := p.Write([]byte{0x8a, 0})
		require.NoError(t, err, "the library need not know")
		require.Equal(t, 2, n)
		frames := 0
		require.NoError(t, readFrames(p.peer, func(first byte, b []byte) bool {
			if first == 0x88 {
				require.Equal(t, "\x03\xe8bye", string(b))
				return false
			}
			require.Len(t, b, frames*1000)
			frames++
			return true
		}))
		require.Equal(t, 100, frames)
		_, err = p.Read(make([]byte, 10)) // the peer is silent
		var ne net.Error
		require.ErrorAs(t, err, &ne)
		require.True(t, ne.Timeout())
	})
}

// The library's close frame is an end too, and Close after it waits for it.
func TestCloseAfterEnd(t *testing.T) {
	overEach(t, generous(), func(t *testing.T, p *pair) {
		require.NoError(t, p.Send(true, nil, frame.New(true, make([]byte, 8<<20))))
		n, err := p.Write([]byte{0x88, 2, 3, 0xe8})
		require.NoError(t, err)
		require.Equal(t, 4, n)
		require.NoError(t, p.Close())
		var firsts []byte
		require.ErrorIs(t, readFrames(p.peer, func(first byte, _ []byte) bool {
			firsts = append(firsts, first)
			return true
		}), io.EOF)
		require.Equal(t, []byte{0x82, 0x88}, firsts)
	})
}

func TestCloseAtOnce(t *testing.T) {
	overEach(t, generous(), func(t *testing.T, p *pair) {
		require.NoError(t, p.Send(false, nil, frame.New(true, make([]byte, 30<<20))))
		done := p.Flushed()
		require.NoError(t, p.Close())
		<-done
		require.ErrorIs(t, p.Err(), frame.ErrClosed)
		n, size := p.Buffered()
		require.Zero(t, n+size)
		require.NoError(t, p.Close())
	})
	overEach(t, generous(), func(t *testing.T, p *pair) {
		require.NoError(t, p.Send(false, nil, frame.New(true, make([]byte, 30<<20))))
		p.Abort(io.ErrNoProgress)
		require.ErrorIs(t, p.Err(), io.ErrNoProgress)
		_, err := io.Copy(io.Discard, p.peer)
		_ = err // a reset or an end, depending on the system
	})
	overEach(t, generous(), func(t *testing.T, p *pair) {
		require.NoError(t, p.Send(false, nil, frame.New(true, make([]byte, 30<<20))))
		p.group.Cut()
		require.ErrorIs(t, p.Err(), frame.ErrClosed)
	})
}

// A write error closes the connection, so that whoever reads learns of it.
func TestWriteError(t *testing.T) {
	overEach(t, generous(), func(t *testing.T, p *pair) {
		p.peer.Close()
		require.Eventually(t, func() bool {
			p.Send(false, nil, frame.New(true, make([]byte, 1<<20))) //nolint:errcheck // that is the point
			return p.Err() != nil
		}, 10*time.Second, time.Millisecond)
		_, err := p.Read(make([]byte, 1))
		require.Error(t, err)
		require.Equal(t, err, p.ReadErr())
	})
}

func TestRead(t *testing.T) {
	overEach(t, generous(), func(t *testing.T, p *pair) {
		data := make([]byte, 100_000)
		for i := range data {
			data[i] = byte(i * 7)
		}
		p.unread(data[:3])
		go func() {
			for rest, n := data[3:], 1; len(rest) > 0; n = n*3%5000 + 1 {
				k := min(n, len(rest))
				if _, err := p.peer.Write(rest[:k]); err != nil {
					return
				}
				rest = rest[k:]
			}
			p.peer.Close()
		}()
		var got []byte
		for size := 1; ; size = size*5%9000 + 1 {
			b := make([]byte, size)
			n, err := p.Read(b)
			got = append(got, b[:n]...)
			if err != nil {
				require.ErrorIs(t, err, io.EOF)
				break
			}
			require.Positive(t, n)
		}
		require.Equal(t, data, got)
		require.Nil(t, p.in.buf, "an idle connection holds no buffer")
	})
}

// The deadline of a message begins when its rest is awaited and goes with it.
func TestMessageTimeout(t *testing.T) {
	overEach(t, generous(), func(t *testing.T, p *pair) {
		const timeout = time.Second // more than the machine takes from what is written to its being read
		p.SetMessageTimeout(timeout)
		write := func(b string) { _, _ = p.peer.Write([]byte(b)) }
		b := make([]byte, 10)
		go write("ab")
		p.BeginMessage()
		_, err := io.ReadFull(p.Conn, b[:2])
		require.NoError(t, err)
		p.EndMessage()
		require.False(t, p.Stalled())

		timer := time.AfterFunc(timeout*5/4, func() { write("c") }) // between messages there is time
		defer timer.Stop()
		_, err = p.Read(b[:1])
		require.NoError(t, err)

		p.BeginMessage()
		begin := time.Now()
		_, err = p.Read(b)
		var ne net.Error
		require.ErrorAs(t, err, &ne)
		require.True(t, ne.Timeout())
		require.GreaterOrEqual(t, time.Since(begin), timeout)
		require.True(t, p.Stalled())
	})
}

// Rows: E22
func TestSharedMessagesAreNotChanged(t *testing.T) {
	m := frame.New(false, []byte("shared"))
	big := frame.New(true, bytes.Repeat([]byte{7}, 100_000))
	overEach(t, generous(), func(t *testing.T, p *pair) {
		require.NoError(t, p.Send(false, nil, m))
		require.NoError(t, p.Send(true, nil, big, m))
		n := 0
		require.NoError(t, readFrames(p.peer, func(_ byte, b []byte) bool {
			if n++; n == 2 {
				require.Len(t, b, 100_000)
			} else {
				require.Equal(t, "4shared", string(b))
			}
			return n < 3
		}))
	})
	require.Equal(t, "shared", string(m.Data()))
	require.Equal(t, engineio.PacketMessage, m.Type())
}

// An idle connection is written to by its sender alone: no goroutine, and one
// allocation for the message.
func TestSendAllocates(t *testing.T) {
	near, far := net.Pipe()
	far.Close()
	near.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	out, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	in, err := ln.Accept()
	require.NoError(t, err)
	defer in.Close()
	var tr track.Group
	c := New(out, NewGroup(generous(), &tr))
	defer c.Close()
	if !c.sock.ok() {
		return // nothing to measure elsewhere
	}
	go io.Copy(io.Discard, in) //nolint:errcheck // ends with the test
	m := text("hello")
	require.Zero(t, int(testing.AllocsPerRun(100, func() { c.Send(false, nil, m) }))) //nolint:errcheck // checked above
}

// A socket that has room is written to even when the time is over: the system may
// not have told of it. Not so after the end.
func TestLastTry(t *testing.T) {
	overEach(t, generous(), func(t *testing.T, p *pair) {
		round := func() error {
			require.NoError(t, p.SetWriteDeadline(time.Unix(1, 0)))
			return p.drainRound([][]byte{make([]byte, 20_000)}, make([]byte, pieceSize))
		}
		err := round()
		if !p.sock.ok() {
			require.True(t, timedOut(err), "%v", err)
			return
		}
		require.NoError(t, err)
		p.mu.Lock()
		p.ending, p.since = true, time.Now().Add(-p.group.limits.Close)
		p.mu.Unlock()
		require.True(t, timedOut(round()))
	})
}

// A few control frames may wait behind a long message, but not any number.
func TestControlFramesBehindALongMessage(t *testing.T) {
	l := bounded(1<<10, 40)
	overEach(t, l, func(t *testing.T, p *pair) {
		require.NoError(t, p.Send(false, nil, frame.New(true, make([]byte, 30<<20))))
		var err error
		n := 0
		for ; err == nil && n < 10*few; n++ {
			err = p.Control(frame.Pong([]byte("x")))
		}
		require.ErrorIs(t, err, frame.ErrSlow)
		require.Greater(t, n, few/2)
		require.LessOrEqual(t, n, l.BurstMessages)
		require.ErrorIs(t, p.Err(), frame.ErrSlow)
	})
}

// What a socket has not taken waits where it is: many clients that do not read share
// the memory of what was sent to all of them.
// Rows: E17 E22
func TestWhatWaitsIsShared(t *testing.T) {
	overEach(t, generous(), func(t *testing.T, p *pair) {
		if c, ok := p.Conn.Conn.(*net.TCPConn); ok { // takes less than is written in one go
			require.NoError(t, c.SetWriteBuffer(64<<10))
			require.NoError(t, p.peer.(*net.TCPConn).SetReadBuffer(64<<10))
		}
		body := make([]byte, 64<<10)
		msgs := []*frame.Message{text("short")}
		for range 100 {
			msgs = append(msgs, frame.New(true, body))
		}
		require.NoError(t, p.Send(true, nil, msgs...))
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.sock.ok() { // what waits is what was sent
			return
		}
		require.Greater(t, len(p.rest), 20)
		for _, b := range p.rest[1:] {
			if len(b) > 1000 {
				require.Same(t, &body[0], &b[0])
			}
		}
	})
}
