//go:build !js

package clienttest_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"parley/server"
	"parley/shared/client"
	"parley/shared/client/clienttest"
	"parley/shared/client/engine"
	"parley/shared/client/polling"
	"parley/shared/client/websocket"
	"parley/shared/engineio"
	"parley/shared/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	ns     = event.NewNamespace("/math")
	double = event.NewCall[int, int](ns, "double")
)

func newServer(t *testing.T) *server.Server {
	t.Helper()
	srv := server.New(server.Config{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	t.Cleanup(func() { assert.NoError(t, srv.Close()) })
	server.Handle(srv.Of(ns), double, func(_ context.Context, _ *server.Socket, n int) (int, error) { return 2 * n, nil })
	return srv
}

func TestDial(t *testing.T) {
	conn := clienttest.Dial(t, newServer(t), client.Config{})
	got, err := client.Call(t.Context(), conn.Of(ns), double, 21)
	require.NoError(t, err)
	assert.Equal(t, 42, got)
}

// Minutes of heartbeats pass in no time, over both transports and an upgrade.
//
// Rows: F13 E12 G03
func TestMinutesInABubble(t *testing.T) {
	for name, mode := range map[string]func(*http.Client) []engine.Transport{
		"websocket": func(c *http.Client) []engine.Transport {
			return []engine.Transport{&websocket.Transport{Native: websocket.Native{HTTPClient: c}}}
		},
		"polling": func(c *http.Client) []engine.Transport {
			return []engine.Transport{&polling.Transport{Native: polling.Native{HTTPClient: c}}}
		},
		"upgrade": func(c *http.Client) []engine.Transport {
			return []engine.Transport{
				&polling.Transport{Native: polling.Native{HTTPClient: c}},
				&websocket.Transport{Native: websocket.Native{HTTPClient: c}},
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := clienttest.Serve(t, newServer(t))
				conn := s.Dial(t, client.Config{Transports: mode(s.HTTPClient)})
				sock := conn.Of(ns)
				lost := make(chan engineio.Reason, 1)
				sock.OnDisconnect(func(r engineio.Reason, _ error) { lost <- r })
				_, err := client.Call(t.Context(), sock, double, 1)
				require.NoError(t, err)
				time.Sleep(10 * time.Minute)
				require.Empty(t, lost)
				got, err := client.Call(t.Context(), sock, double, 4)
				require.NoError(t, err)
				assert.Equal(t, 8, got)

				id := sock.ID()
				synctest.Wait() // a poll is under way; between two of them nobody would notice
				s.Cut()
				reason := <-lost
				assert.True(t, reason.Reconnects(), reason)
				got, err = client.Call(t.Context(), sock, double, 5)
				require.NoError(t, err)
				assert.Equal(t, 10, got)
				assert.NotEqual(t, id, sock.ID())
			})
		})
	}
}

func TestPlainRequests(t *testing.T) {
	s := clienttest.Serve(t, http.NotFoundHandler())
	resp, err := s.HTTPClient.Get(clienttest.Address + "/x")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, 404, resp.StatusCode)
	_, err = client.Dial(t.Context(), clienttest.Address, s.Config(client.Config{}))
	assert.Error(t, err)
}
