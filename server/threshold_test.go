package server_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/adapter"
	"parley/shared/engineio"
	"parley/shared/event"
)

// What one goroutine sends to a socket that is being let in arrives in that order, with recovery too.
// Rows: K10 M22 N16
func TestOrderAtTheThreshold(t *testing.T) {
	for _, recovery := range []time.Duration{0, time.Minute} {
		t.Run(recovery.String(), func(t *testing.T) {
			f := start(t, server.Config{Recovery: recovery})
			const n = 100
			f.Use(func(next server.ConnectFunc) server.ConnectFunc {
				return func(ctx context.Context, s *server.Socket) error {
					some := make(chan struct{})
					go func() {
						for i := range n {
							if i == n/10 {
								close(some)
							}
							if i%7 == 3 {
								ctx, cancel := context.WithCancel(ctx)
								cancel() // nobody waits for the answer
								_, _ = s.EmitAck(ctx, "n", i, 0)
							} else {
								assert.NoError(t, s.Emit("n", i, 0))
							}
						}
					}()
					<-some
					return next(ctx, s)
				}
			})
			for range 50 {
				p := f.dial()
				p.send("0")
				p.read()
				for i := range n {
					require.Contains(t, p.read(), fmt.Sprintf(`["n",%d,0`, i))
				}
				p.cut()
			}
		})
	}
}

// afterAdd lets something happen when a socket has just become a member, before it is live.
type afterAdd struct {
	*adapter.Local
	then func(*server.Socket)
}

func (a afterAdd) Replay(ctx context.Context, m adapter.Member, s adapter.Session, rooms []event.Room, flush func(context.Context) error) error {
	err := a.Local.Replay(ctx, m, s, rooms, flush)
	if err == nil && a.then != nil {
		a.then(m.(*server.Socket))
	}
	return err
}

func (a afterAdd) Add(m adapter.Member, rooms []event.Room) string {
	p := a.Local.Add(m, rooms)
	if a.then != nil {
		a.then(m.(*server.Socket))
	}
	return p
}

// The log's order is the order on the wire, whatever was emitted before the socket was let in.
// Rows: K05 K10 M22
func TestPositionsGrowAtTheThreshold(t *testing.T) {
	var f *fixture
	f = start(t, server.Config{Recovery: time.Minute, Adapter: func(k adapter.Sink) adapter.Adapter {
		return afterAdd{adapter.NewLocal(k, adapter.LocalConfig{Recovery: time.Minute}), func(*server.Socket) {
			assert.NoError(t, f.Emit("broadcast"))
		}}
	}})
	f.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			if !s.Recovered() {
				assert.NoError(t, s.Emit("hello"))
			}
			return next(ctx, s)
		}
	})
	c := &comer{f: f}
	s := c.come()
	got := []string{c.note(c.p.read())} // one of the two arrives, and the connection breaks
	c.p.cut()
	gone(t, s)
	c.come()
	require.True(t, c.recovered)
	got = append(got, c.early...)
	require.ElementsMatch(t, []string{`["hello"]`, `["broadcast"]`}, got)
}

type aroundReplay struct {
	*adapter.Local
	before, after func(*server.Socket)
}

func (a aroundReplay) Replay(ctx context.Context, m adapter.Member, s adapter.Session, rooms []event.Room, flush func(context.Context) error) error {
	a.before(m.(*server.Socket))
	err := a.Local.Replay(ctx, m, s, rooms, flush)
	a.after(m.(*server.Socket))
	return err
}

// What Emit has promised to keep is kept, also when the connection breaks before the client was let in.
// Rows: K03 K10
func TestEmitDuringTheReplayIsKept(t *testing.T) {
	for _, when := range []string{"middleware", "replay", "welcome"} {
		t.Run(when, func(t *testing.T) {
			var broken atomic.Bool
			f := start(t, server.Config{Recovery: time.Minute, Adapter: func(k adapter.Sink) adapter.Adapter {
				local := adapter.NewLocal(k, adapter.LocalConfig{Recovery: time.Minute})
				emit := func(s *server.Socket) {
					if broken.Load() {
						assert.NoError(t, s.Emit("order 66"))
					}
				}
				cut := func(s *server.Socket) {
					if broken.Load() {
						s.Conn().Close(engineio.ReasonTransportClose)
						<-s.Context().Done()
					}
				}
				return aroundReplay{local, func(s *server.Socket) {
					if when == "replay" {
						emit(s)
						cut(s)
					}
				}, func(s *server.Socket) {
					if when == "welcome" {
						emit(s)
					}
					cut(s)
				}}
			}})
			f.Use(func(next server.ConnectFunc) server.ConnectFunc {
				return func(ctx context.Context, s *server.Socket) error {
					if broken.Load() && when == "middleware" {
						assert.NoError(t, s.Emit("order 66"))
					}
					return next(ctx, s)
				}
			})
			c := lost(t, f)
			broken.Store(true)
			c.ask().expectClosed()
			broken.Store(false)
			c.come()
			require.True(t, c.recovered)
			require.Equal(t, `["order 66"]`, strings.Join(c.early, ""))
		})
	}
}

// The same when the connection breaks in the middleware that has emitted.
// Rows: K03 K10
func TestEmitInABrokenMiddlewareIsKept(t *testing.T) {
	var broken atomic.Bool
	f := start(t, server.Config{Recovery: time.Minute})
	f.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			if broken.Swap(false) {
				assert.NoError(t, s.Emit("order 66"))
				s.Conn().Close(engineio.ReasonTransportClose)
				<-s.Context().Done()
			}
			return next(ctx, s)
		}
	})
	c := lost(t, f)
	broken.Store(true)
	c.ask().expectClosed()
	require.Eventually(t, func() bool { return f.Connections() == 0 }, 10*time.Second, time.Millisecond)
	c.come()
	require.True(t, c.recovered)
	got := c.early
	if len(got) == 0 { // the client was quicker than the goroutine of the middleware: then it comes behind the answer
		got = append(got, c.note(c.p.read()))
	}
	require.Equal(t, []string{`["order 66"]`}, got)
}

// Rows: M15
func TestVolatileInAMiddleware(t *testing.T) {
	faults := make(chan server.Fault, 4)
	f := start(t, server.Config{Recovery: time.Minute, OnFault: func(f server.Fault) { faults <- f }})
	f.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			assert.NoError(t, s.Volatile().Emit("hello"))
			return next(ctx, s)
		}
	})
	_, s := f.joinPolling()
	require.NoError(t, s.Emit("settled"))
	select {
	case x := <-faults:
		t.Fatal(x.Err)
	default:
	}
}
