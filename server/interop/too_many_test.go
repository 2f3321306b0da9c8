package interop_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/engine"
)

// A client for which there is no place says so with connect_error, tries again, and
// comes in when there is one.
// Rows: E23 A12
func TestOfficialClientWaitsForAPlace(t *testing.T) {
	for name, transports := range officialTransports() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var cfg server.Config
			cfg.Engine.Connections = engine.ConnectionLimits{PerAddress: 1}
			f := startFixture(t, cfg)
			p := node(t, "too_many.mjs", append([]string{f.url}, transports...)...)
			var got struct {
				Error  string
				Active bool
			}
			require.True(t, p.next(t, &got))
			want := "xhr poll error"
			if name == "websocket" {
				want = "websocket error"
			}
			require.Equal(t, want, got.Error)
			require.True(t, got.Active)
			require.NoError(t, p.wait(t))
		})
	}
}
