package server_test

import (
	"context"
	"regexp"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/adapter"
	"parley/shared/event"
)

// Who is told that somebody has come may greet him.
// Rows: R09 K01
func TestEmitWhenARoomIsJoined(t *testing.T) {
	f := start(t, server.Config{Recovery: time.Minute})
	f.OnRoom(func(e adapter.RoomEvent) {
		if e.Kind == adapter.JoinRoom && e.Room == "hall" {
			assert.NoError(t, f.To("hall").Emit("here", e.Socket))
		}
	})
	f.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			assert.NoError(t, s.Join("hall"))
			return next(ctx, s)
		}
	})
	c := &comer{f: f}
	s := c.come()
	c.expect(`["here","` + c.id + `"]`)
	c.p.cut()
	gone(t, s)
	c.come()
	require.True(t, c.recovered)
	c.expect(`["here","` + c.id + `"]`)
}

// A namespace that is being announced lets nobody in yet: who is told of it may lock it.
// Rows: N11
func TestNobodyIsInBeforeTheAnnouncement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, server.Config{})
		f.Match(regexp.MustCompile(`^/room-\d$`))
		release := make(chan struct{})
		f.OnNamespace(func(ns *server.Namespace) {
			<-release
			ns.Use(func(server.ConnectFunc) server.ConnectFunc {
				return func(context.Context, *server.Socket) error { return event.Errorf(event.CodeForbidden, "locked") }
			})
		})
		first, second, third := f.dial(), f.dial(), f.dial()
		first.send("0/room-1,")
		synctest.Wait()
		second.send("0/room-1,")
		third.send("0/room-1,")
		synctest.Wait()
		third.cut() // does not wait for it
		synctest.Wait()
		require.Equal(t, 2, f.Connections())
		close(release)
		for _, p := range []*peer{first, second} {
			p.expect(`4/room-1,{"message":"locked","data":{"code":"forbidden"}}`)
			p.cut()
		}
	})
}

// closer counts how often it is closed.
type closer struct {
	*adapter.Local
	closed *atomic.Int32
}

func (a closer) Close() error {
	a.closed.Add(1)
	return a.Local.Close()
}

// A middleware that outlives the shutdown does not close the adapter of its namespace once more.
// Rows: N13
func TestLateMiddlewareAfterShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var closed atomic.Int32
		f := startPipe(t, server.Config{CleanupNamespaces: true, Adapter: func(k adapter.Sink) adapter.Adapter {
			return closer{adapter.NewLocal(k, adapter.LocalConfig{}), &closed}
		}})
		release := make(chan struct{})
		f.Match(regexp.MustCompile(`^/room-\d$`)).Use(func(next server.ConnectFunc) server.ConnectFunc {
			return func(ctx context.Context, s *server.Socket) error {
				<-release
				return next(ctx, s)
			}
		})
		p := f.dial()
		p.send("0/room-1,")
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, f.Shutdown(ctx), context.Canceled)
		require.EqualValues(t, 2, closed.Load(), "/ and /room-1")
		close(release)
		synctest.Wait()
		require.EqualValues(t, 2, closed.Load())
		p.cut()
	})
}
