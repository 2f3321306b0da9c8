package outq

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server/engine/frame"
)

// Who sends to a busy connection writes for the others only so long, and all that
// they have sent arrives in order.
// Rows: M22
func TestWriterHandsOn(t *testing.T) {
	for name, c := range map[string]struct{ size, others, rounds int }{
		"short messages": {10, 200, 1 + moreRounds},
		"long messages":  {moreBytes/2 + 10_000, 6, 2}, // the socket takes them all
	} {
		for _, batch := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " batch ", batch), func(t *testing.T) {
				overEach(t, generous(), func(t *testing.T, p *pair) {
					if !p.sock.ok() {
						return // there each connection has a writer of its own
					}
					sent, rounds := 0, 0 // the writer's
					free := make(chan struct{})
					p.group.between = func(*Conn) {
						if rounds++; rounds == c.rounds+1 { // it must be the flusher
							select {
							case <-free:
							case <-time.After(5 * time.Second):
								t.Error("the sender is still writing")
							}
						}
						if sent < c.others { // somebody else sends while a write is on its way
							assert.NoError(t, p.Send(batch, nil, frame.New(true, fmt.Appendf(make([]byte, c.size), "%d", sent))))
							sent++
						}
					}
					require.NoError(t, p.Queue(nil, text("first")))
					p.Flush()
					close(free)
					got := 0
					require.NoError(t, readFrames(p.peer, func(_ byte, b []byte) bool {
						if string(b) != "4first" {
							require.Equal(t, fmt.Sprint(got), string(b[c.size:]))
							got++
						}
						return got < c.others
					}))
				})
			})
		}
	}
}

// The flusher serves its connections in turn: one that has always something to write
// does not hold up the others.
func TestFlusherServesInTurn(t *testing.T) {
	overEach(t, generous(), func(t *testing.T, p *pair) {
		if !p.sock.ok() {
			return
		}
		near, far := tcpPair(t)
		defer far.Close()
		q := New(near, p.group)
		defer q.Close()
		busy, served := 0, false // the flusher's
		waited := make(chan int, 1)
		p.group.between = func(c *Conn) {
			switch {
			case c == q:
				served = true
				waited <- busy
			case !served && busy < 10_000:
				busy++
				assert.NoError(t, p.Send(true, nil, text("busy")))
				if busy == 1 {
					assert.NoError(t, q.Send(true, nil, text("alone")))
				}
			}
		}
		go io.Copy(io.Discard, p.peer) //nolint:errcheck // until it is closed
		require.NoError(t, p.Send(true, nil, text("busy")))
		require.LessOrEqual(t, <-waited, 1+moreRounds)
		require.NoError(t, readFrames(far, func(_ byte, b []byte) bool {
			require.Equal(t, "4alone", string(b))
			return false
		}))
	})
}

// What a writer has left to the flusher is not lost to an end that comes before it,
// nor does it go on after a close.
func TestEndAfterHandingOn(t *testing.T) {
	overEach(t, generous(), func(t *testing.T, p *pair) {
		if !p.sock.ok() {
			return
		}
		for _, ended := range []bool{true, false} {
			near, far := tcpPair(t)
			c := New(near, p.group)
			require.NoError(t, c.Queue(nil, text("last")))
			c.mu.Lock()
			c.state, c.dirty = writing, true // the flusher has not come to it
			c.handOn()
			if ended {
				c.End(frame.Close(1000, ""))
			}
			require.NoError(t, c.Close())
			var got []byte
			assert.ErrorIs(t, readFrames(far, func(first byte, _ []byte) bool { got = append(got, first); return true }), io.EOF)
			if ended {
				require.Equal(t, []byte{0x81, 0x88}, got)
			} else {
				require.Empty(t, got)
			}
			c.flushBatch(newScratch())
			far.Close()
		}
	})
}
