package outq

import (
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server/engine/frame"
	"parley/server/engine/internal/track"
)

// inBubble runs a test over net.Pipe in a bubble, with a WebSocket's frames and
// with those of a stream.
func inBubble(t *testing.T, l Limits, test func(t *testing.T, p *pair)) {
	for name, open := range map[string]func(nc net.Conn, g *Group) *Conn{
		"frames": New,
		"stream": func(nc net.Conn, g *Group) *Conn { return NewStream(nc, g, (*frame.Message).Stream) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				tr := &track.Group{}
				g := NewGroup(l, tr)
				p := &pair{open(near, g), g, tr, far}
				defer func() {
					far.Close()
					p.Close()
					require.NoError(t, tr.Wait(context.Background()))
				}()
				test(t, p)
			})
		})
	}
}

// More than the bounds may wait for a moment: who then has come back below is not
// slow, and begins anew.
// Rows: E17
func TestBurst(t *testing.T) {
	const size = 100 // of a frame, nearly
	l := bounded(10*size, 1000)
	inBubble(t, l, func(t *testing.T, p *pair) {
		m := text(string(make([]byte, size-3)))
		send := func(n int) error {
			for range n {
				if err := p.Send(false, nil, m); err != nil {
					return err
				}
			}
			return nil
		}
		for range 2 {
			require.NoError(t, send(30))
			time.Sleep(l.Burst)
			require.NoError(t, send(30))
			_, bytes := p.Buffered()
			_, err := io.CopyN(io.Discard, p.peer, int64(bytes-9*size)) // the break
			require.NoError(t, err)
			synctest.Wait()
			require.NoError(t, send(30))
			time.Sleep(l.Burst + 1)
			require.ErrorIs(t, p.Send(false, nil, m), frame.ErrSlow)
			require.NoError(t, p.Err())
			done := p.Flushed()
			go io.Copy(io.Discard, p.peer) //nolint:errcheck // until the test ends
			<-done
			near, far := net.Pipe() // the same once more
			p.Close()
			p.peer.Close()
			p.Conn, p.peer = New(near, p.group), far
		}
	})
	inBubble(t, l, func(t *testing.T, p *pair) {
		m := text(string(make([]byte, size)))
		require.NoError(t, p.Send(false, nil, m))
		synctest.Wait() // it is at the head, and the peer does not take it
		sent := 1
		for p.Send(false, nil, m) == nil {
			sent++
		}
		require.InDelta(t, 16*10, sent, 5)
		require.ErrorIs(t, p.Send(true, nil, m), frame.ErrSlow)
	})
	inBubble(t, bounded(1<<20, 10), func(t *testing.T, p *pair) {
		require.NoError(t, p.Send(false, nil, text("x")))
		synctest.Wait()
		for range 159 {
			require.NoError(t, p.Send(false, nil, text("x")))
		}
		require.ErrorIs(t, p.Send(false, nil, text("x")), frame.ErrSlow)
	})
}

// What the peer is taking may be of any size, a message or several that were sent
// together, and for all that nothing behind it is refused. It counts once it is not
// at the head.
// Rows: E17
func TestLongMessageAtTheHead(t *testing.T) {
	l := bounded(1000, 1000)
	l.Age = time.Hour
	long := frame.New(true, make([]byte, 1<<20))
	for name, first := range map[string][]*frame.Message{
		"one":           {long},
		"with its text": {text("51-"), long, long},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, l, func(t *testing.T, p *pair) {
				require.NoError(t, p.Send(false, nil, first...))
				for range 9 {
					time.Sleep(time.Minute)
					_, err := io.CopyN(io.Discard, p.peer, 100<<10)
					require.NoError(t, err)
					require.NoError(t, p.Send(false, nil, text(string(make([]byte, 90)))))
				}
				require.NoError(t, p.Send(true, nil, text(string(make([]byte, 900)))))
				time.Sleep(time.Minute)
				require.ErrorIs(t, p.Send(true, nil, text("x")), frame.ErrSlow)
			})
		})
	}
	inBubble(t, bounded(8<<10, 1000), func(t *testing.T, p *pair) {
		require.NoError(t, p.Send(false, nil, text("x")))
		require.ErrorIs(t, p.Send(false, nil, frame.New(true, make([]byte, 128<<10))), frame.ErrSlow)
		middle := frame.New(true, make([]byte, 100<<10))
		require.NoError(t, p.Send(false, nil, middle))
		require.NoError(t, p.Send(false, nil, text("y")))
		_, err := io.CopyN(io.Discard, p.peer, 100)
		require.NoError(t, err)
		time.Sleep(5 * time.Second) // it is at the head now
		require.NoError(t, p.Send(false, nil, text("z")))
	})
}

// What is queued without asking begins no excess that it does not end, either.
func TestExcessOfUnboundedMessages(t *testing.T) {
	inBubble(t, bounded(10_000, 1000), func(t *testing.T, p *pair) {
		long := text(string(make([]byte, 40_000)))
		take := func() {
			_, bytes := p.Buffered()
			_, err := io.CopyN(io.Discard, p.peer, int64(bytes-10))
			assert.NoError(t, err)
			synctest.Wait()
		}
		require.NoError(t, p.Send(false, nil, text("x")))
		require.NoError(t, p.Send(false, nil, long, long)) // beyond
		take()
		time.Sleep(5 * time.Second)
		require.NoError(t, p.Queue(nil, text("y"), long, long))
		p.Flush()
		require.NoError(t, p.Send(false, nil, text("x")))
		time.Sleep(time.Second + 1)
		require.ErrorIs(t, p.Send(false, nil, text("x")), frame.ErrSlow)
	})
}

// The usual cases read no clock: a queue within its bounds has no use for one.
func TestExcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bounded(100, 10)
		l.Start = time.Now()
		var e Excess
		require.True(t, e.Admits(&l, 9, 99, 1, 1))
		require.Zero(t, e.since)
		require.True(t, e.Admits(&l, 10, 100, 1, 1))
		require.NotZero(t, e.since)
		require.False(t, e.Admits(&l, 11, 101, 1, 1500))
		require.False(t, e.Admits(&l, 11, 101, 150, 1))
		time.Sleep(l.Burst)
		require.True(t, e.Admits(&l, 11, 50, 1, 1))
		time.Sleep(time.Nanosecond)
		require.False(t, e.Admits(&l, 11, 50, 1, 1))
		e.Look(&l, 11, 50)
		require.NotZero(t, e.since)
		e.Look(&l, 10, 50)
		require.Zero(t, e.since)
		require.True(t, e.Admits(&l, 1, 101, 1, 1), "not known since when")
		require.True(t, e.Admits(&l, 1, 1, 1, 1))
		require.Zero(t, e.since)
	})
}
