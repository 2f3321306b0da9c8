package server_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/shared/client"
	"parley/shared/engineio"
	"parley/shared/event"
	"parley/shared/socketio"
)

// A client that cannot hold what it has missed comes back, and both sides know that it was not recovered.
// Rows: K05 H06
func TestReplayLongerThanTheClientHolds(t *testing.T) {
	const held = 100
	for name, missed := range map[string]int{"just fits": held, "too long": held + 1} {
		t.Run(name, func(t *testing.T) {
			f := start(t, server.Config{Recovery: time.Minute})
			var full atomic.Bool
			f.Use(func(next server.ConnectFunc) server.ConnectFunc {
				return func(ctx context.Context, s *server.Socket) error {
					if s.Recovered() && !full.Swap(true) {
						for i := range missed {
							assert.NoError(t, f.Emit("missed", i))
						}
					}
					return next(ctx, s)
				}
			})
			sockets := make(chan *server.Socket, 8)
			f.OnConnect(func(s *server.Socket) { sockets <- s })

			conn, err := client.New(f.url, client.Config{
				MaxPending: held, Logger: slog.New(slog.DiscardHandler), Reconnect: client.Reconnect{Delay: time.Millisecond},
			})
			require.NoError(t, err)
			defer conn.Close()
			sock := conn.Of(event.NewNamespace("/"))
			connected, got := make(chan bool, 8), make(chan int, 2*held)
			sock.OnConnect(func() { connected <- sock.Recovered() })
			sock.On("missed", func(args event.Args) {
				var n int
				assert.NoError(t, args.Decode(&n))
				got <- n
			})
			conn.Connect()
			require.False(t, await(t, connected))
			await(t, sockets).Conn().Close(engineio.ReasonTransportClose)
			recovered := await(t, connected)
			require.Equal(t, missed <= held, recovered)
			s := await(t, sockets)
			for !s.Connected() || s.Recovered() != recovered { // one that did not last came before it
				s = await(t, sockets)
			}
			if recovered {
				for i := range missed {
					require.Equal(t, i, await(t, got))
				}
			}
			require.Empty(t, got, "all or nothing")
			require.NoError(t, s.Emit("missed", -1))
			require.Equal(t, -1, await(t, got))
		})
	}
}

// comingBack is a client that has come back and has not taken what it missed, so that its CONNECT waits.
func comingBack(t *testing.T, f *fixture) *peer {
	c := lost(t, f)
	require.NoError(t, f.Emit("missed"))
	p := c.ask()
	synctest.Wait()
	require.Equal(t, 1, f.Len())
	return p
}

// What is held for a client that takes the last of what it missed obeys the rules of its queue.
// Rows: K14 N17
func TestHeldInTheReplayIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		emit func(f *fixture) error
		n    int
		stay bool
	}{
		"volatile events are dropped":   {func(f *fixture) error { return f.Volatile().Emit("tick") }, 20_000, true},
		"many events for a moment":      {func(f *fixture) error { return f.Emit("news") }, 20_000, true},
		"more than may wait":            {func(f *fixture) error { return f.Emit("news") }, 1<<18 + 1, false},
		"long events for a moment":      {func(f *fixture) error { return f.Emit("big", strings.Repeat("x", 1<<20)) }, 15, true},
		"longer events than may wait":   {func(f *fixture) error { return f.Emit("big", strings.Repeat("x", 1<<20)) }, 17, false},
		"volatile events that are long": {func(f *fixture) error { return f.Volatile().Emit("big", strings.Repeat("x", 1<<20)) }, 17, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := startPipe(t, server.Config{Recovery: time.Minute, RecoveryBytes: 1 << 30})
				p := comingBack(t, f)
				for range c.n {
					require.NoError(t, c.emit(f))
				}
				synctest.Wait()
				if !c.stay {
					require.Zero(t, f.Connections())
					return
				}
				require.Equal(t, 1, f.Connections())
				require.Contains(t, p.read(), "missed")
				require.Contains(t, p.read(), `0{"sid"`)
				p.cut()
			})
		})
	}
}

// narrowParser does not write packets that are longer than it likes.
type narrowParser struct{ socketio.Parser }

func (s narrowParser) Encode(dst []socketio.Frame, p *socketio.Packet) ([]socketio.Frame, error) {
	if len(p.Data) > 100 {
		return dst, errors.New("too long")
	}
	return s.Parser.Encode(dst, p)
}

func (s narrowParser) Check(p *socketio.Packet) error {
	_, err := s.Encode(nil, p)
	return err
}

// Who is told of a fault may emit, also of one in a replay.
// Rows: K05 A17
func TestEmitFromTheFaultHookInAReplay(t *testing.T) {
	told := make(chan error, 16)
	var f *fixture
	f = start(t, server.Config{Recovery: time.Minute, Parser: narrowParser{socketio.JSON()}, OnFault: func(server.Fault) {
		told <- f.Emit("fault")
	}})
	c := lost(t, f)
	other := &comer{f: f}
	other.come()
	require.NoError(t, f.Emit("x", strings.Repeat("x", 90))) // it fits, but not with its position
	require.NoError(t, await(t, told), "for the one that is connected")
	s := c.come()
	require.NoError(t, await(t, told), "for the one that comes back")
	require.True(t, s.Recovered())
}
