package interop_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/shared/engineio"
)

// What the official client sees of an orderly shutdown: what was emitted before it, then on every namespace the
// reason after which it comes back by itself, and at the same address the next server, where it is a stranger:
// what could be recovered has gone with the first one.
//
// Rows: A15 E16 K04 reason/server-shutting-down
func TestOfficialClientSeesAShutdown(t *testing.T) {
	for name, transports := range officialTransports() {
		for _, recovery := range []time.Duration{0, time.Minute} {
			t.Run(fmt.Sprintf("%s/recovery %s", name, recovery), func(t *testing.T) {
				t.Parallel()
				first := startFixture(t, server.Config{Recovery: recovery})
				next := startFixture(t, server.Config{Recovery: recovery})
				var serving atomic.Pointer[fixture]
				serving.Store(first)
				web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serving.Load().ServeHTTP(w, r) }))
				t.Cleanup(func() {
					web.CloseClientConnections()
					web.Close()
				})

				list, err := json.Marshal(transports)
				require.NoError(t, err)
				p := node(t, "shutdown.mjs", web.URL, string(list))
				ids := p.step(t).IDs
				require.Len(t, ids, 2)
				require.NoError(t, first.Emit("said", "something to resume behind"))
				require.Equal(t, "something to resume behind", p.step(t).Said)

				require.NoError(t, first.Emit("said", "last words"))
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				require.NoError(t, first.Shutdown(ctx))
				require.Equal(t, "last words", p.step(t).Said)
				end := p.step(t)
				require.Equal(t, []string{"transport close", "transport close"}, end.Reasons)
				require.Equal(t, []bool{true, true}, end.Active, "they come back by themselves")
				for _, id := range ids {
					select {
					case <-first.of(id).done:
						require.Equal(t, engineio.ReasonServerShuttingDown, first.of(id).reason)
					default:
						require.Fail(t, "Shutdown returned before the disconnect handlers")
					}
				}
				require.Zero(t, first.Connections())
				require.NoError(t, first.Shutdown(ctx), "a second call is harmless")

				serving.Store(next)
				again := p.step(t)
				require.Equal(t, []bool{false, false}, again.Recovered)
				require.Len(t, again.IDs, 2)
				require.NotContains(t, ids, again.IDs[0])
				require.NotContains(t, ids, again.IDs[1])
				require.NoError(t, p.wait(t))
			})
		}
	}
}

// step is a line of peers/shutdown.mjs.
type step struct {
	Said              string
	IDs, Reasons      []string
	Active, Recovered []bool
}

func (p *peer) step(t *testing.T) (s step) {
	t.Helper()
	require.True(t, p.next(t, &s), "the client ended")
	return s
}
