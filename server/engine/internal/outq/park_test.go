package outq

import (
	"context"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server/engine/frame"
)

// reading is a reader that lets its connection be parked.
type reading struct {
	p     *pair
	got   chan string
	ended chan error
	limit int  // bytes a message
	quiet bool // count as quiet always
}

func (r *reading) start() {
	r.got, r.ended = make(chan string, 16), make(chan error, 1)
	r.p.track.Go(r.read)
}

func (r *reading) read() {
	for {
		if r.quiet {
			r.p.in.soon = 0
		}
		if !r.p.Await(r.read) {
			return
		}
		buf := make([]byte, r.limit)
		n, err := io.ReadFull(r.p.Conn, buf)
		if err != nil {
			r.ended <- err
			return
		}
		r.got <- string(buf[:n])
	}
}

// parked counts the connections without a goroutine.
func (g *Group) parked() int {
	if l := g.parking(false); l != nil {
		return l.count()
	}
	return 0
}

// settled waits until the connection is parked, where that is possible.
func (r *reading) settled(t *testing.T) {
	if r.p.in.raw == nil || runtime.GOOS != "linux" {
		return
	}
	require.Eventually(t, func() bool { return r.p.group.parked() == 1 }, 5*time.Second, time.Millisecond)
}

func overEachReading(t *testing.T, quiet bool, test func(t *testing.T, r *reading)) {
	overEach(t, generous(), func(t *testing.T, p *pair) {
		r := &reading{p: p, limit: 2, quiet: quiet}
		r.start()
		test(t, r)
		p.peer.Close()
		p.Close()
		require.NoError(t, p.track.Wait(context.Background()))
		require.Zero(t, p.group.parked())
	})
}

// What comes for a parked connection is read, also in pieces, and a busy one is
// not parked.
func TestParkedReads(t *testing.T) {
	overEachReading(t, false, func(t *testing.T, r *reading) {
		r.settled(t)
		for _, pieces := range []string{"ab", "c d", "efgh", "i j", "kl"} {
			for piece := range strings.SplitSeq(pieces, " ") {
				_, err := io.WriteString(r.p.peer, piece)
				require.NoError(t, err)
			}
			for want := strings.ReplaceAll(pieces, " ", ""); want != ""; want = want[2:] {
				assert.Equal(t, want[:2], <-r.got)
			}
		}
		if r.p.in.raw != nil { // six messages at once: not quiet any more
			assert.Zero(t, r.p.group.parked())
		}
	})
}

func TestParkedConnectionNoticesItsEnd(t *testing.T) {
	for name, end := range map[string]func(p *pair){
		"the peer closes": func(p *pair) { p.peer.Close() },
		"we close":        func(p *pair) { p.Close() },
		"we abort":        func(p *pair) { p.Abort(frame.ErrSlow) },
		"the group is cut": func(p *pair) {
			p.group.Cut()
		},
		"we end, and the peer does not answer": func(p *pair) {
			go io.Copy(io.Discard, p.peer) //nolint:errcheck // until it is closed
			p.group.limits.Linger = 10 * time.Millisecond
			p.End(frame.Close(1000, ""))
		},
	} {
		t.Run(name, func(t *testing.T) {
			overEachReading(t, false, func(t *testing.T, r *reading) {
				r.settled(t)
				end(r.p)
				select {
				case err := <-r.ended:
					require.Error(t, err)
				case <-time.After(5 * time.Second):
					t.Fatal("the reader was not told")
				}
			})
		})
	}
}

// Whatever is sent at the moment of parking is not overlooked.
func TestParkingRaces(t *testing.T) {
	overEachReading(t, true, func(t *testing.T, r *reading) {
		for range 300 {
			_, err := io.WriteString(r.p.peer, "xy")
			require.NoError(t, err)
			select {
			case <-r.got:
			case <-time.After(5 * time.Second):
				t.Fatal("overlooked")
			}
		}
	})
}
