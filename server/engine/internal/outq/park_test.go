package outq

import (
	"context"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server/engine/frame"
	"parley/server/engine/internal/track"
)

// visitor is a reader that lets its connection be parked.
type visitor struct {
	p     *pair
	got   chan string
	ended chan error
	hold  sync.Mutex // reading waits while it is locked
	after func()     // run once a message is read and the connection can be read by others
}

func (v *visitor) start() {
	v.got, v.ended = make(chan string, 16), make(chan error, 1)
	v.p.Start(v)
}

func (v *visitor) Run() {
	p := v.conn()
	for p.Await() {
		buf := make([]byte, 2)
		n, err := io.ReadFull(p.Conn, buf)
		if err != nil {
			v.ended <- err
			p.Finish()
			return
		}
		v.got <- string(buf[:n])
		if after := v.after; after != nil {
			if p.Park() {
				after()
				return
			}
			p.Go(task(after))
		}
	}
}

// conn is what to read from, as soon as that is wanted.
func (v *visitor) conn() *pair {
	v.hold.Lock()
	defer v.hold.Unlock()
	return v.p
}

type task func()

func (t task) Run() { t() }

// parked counts the connections that nobody reads.
func (g *Group) parked() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for c := g.first; c != nil; c = c.next {
		if c.in.state.Load()&reading == 0 {
			n++
		}
	}
	return n
}

// settled waits until the connection is parked, where that is possible.
func (v *visitor) settled(t *testing.T) {
	if v.p.in.raw == nil || runtime.GOOS != "linux" {
		return
	}
	require.Eventually(t, func() bool { return v.p.group.parked() == 1 }, 5*time.Second, time.Millisecond)
}

func overEachReading(t *testing.T, test func(t *testing.T, v *visitor)) {
	overEach(t, generous(), func(t *testing.T, p *pair) {
		v := &visitor{p: p}
		v.start()
		test(t, v)
		p.peer.Close()
		p.Close()
		require.NoError(t, p.track.Wait(context.Background()))
		require.Zero(t, p.group.parked())
	})
}

// What comes for a parked connection is read, also in pieces.
func TestParkedReads(t *testing.T) {
	overEachReading(t, func(t *testing.T, v *visitor) {
		v.settled(t)
		for _, pieces := range []string{"ab", "c d", "efgh", "i j", "kl"} {
			for piece := range strings.SplitSeq(pieces, " ") {
				_, err := io.WriteString(v.p.peer, piece)
				require.NoError(t, err)
			}
			for want := strings.ReplaceAll(pieces, " ", ""); want != ""; want = want[2:] {
				assert.Equal(t, want[:2], <-v.got)
			}
		}
		v.settled(t)
	})
}

func TestParkedConnectionNoticesItsEnd(t *testing.T) {
	for name, end := range map[string]func(p *pair){
		"the peer closes": func(p *pair) { p.peer.Close() },
		"the peer closes behind its last message": func(p *pair) {
			io.WriteString(p.peer, "ab") //nolint:errcheck // it ends either way
			p.peer.Close()
		},
		"we close": func(p *pair) { p.Close() },
		"we abort": func(p *pair) { p.Abort(frame.ErrSlow) },
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
			overEachReading(t, func(t *testing.T, v *visitor) {
				v.settled(t)
				end(v.p)
				select {
				case err := <-v.ended:
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
	overEachReading(t, func(t *testing.T, v *visitor) {
		for range 300 {
			_, err := io.WriteString(v.p.peer, "xy")
			require.NoError(t, err)
			select {
			case <-v.got:
			case <-time.After(5 * time.Second):
				t.Fatal("overlooked")
			}
		}
	})
}

// A stream has its own goroutine: there is none to be started when it is closed.
func TestStreamsAreNotParked(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	tr := &track.Group{}
	g := NewGroup(generous(), tr)
	c := NewStream(near, g, (*frame.Message).Stream)
	require.Zero(t, g.parked())
	c.in.task = task(func() { t.Error("roused") })
	c.Close()
	require.NoError(t, tr.Wait(context.Background()))
}

// Who has read a message may take his time over it: others read on.
func TestReadingGoesOnWhileWorkLasts(t *testing.T) {
	overEach(t, generous(), func(t *testing.T, p *pair) {
		release := make(chan struct{})
		v := &visitor{p: p, after: func() { <-release }}
		v.start()
		for range 8 {
			_, err := io.WriteString(p.peer, "xyz.")
			require.NoError(t, err)
			assert.Equal(t, "xy", <-v.got)
			assert.Equal(t, "z.", <-v.got)
		}
		p.peer.Close()
		require.Error(t, <-v.ended)
		p.Close()
		require.NoError(t, p.track.Wait(context.Background()))
		close(release)
	})
}
