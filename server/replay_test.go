package server_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/shared/client"
	"parley/shared/engineio"
	"parley/shared/event"
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
