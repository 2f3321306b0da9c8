package interop_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/server/interop/clientcases"
)

// officialFixture starts the official server as a fixture and returns its address.
func officialFixture(t *testing.T, settings map[string]any) string {
	t.Helper()
	text, err := json.Marshal(settings)
	require.NoError(t, err)
	var at struct{ URL string }
	require.True(t, node(t, "fixture_server.mjs", string(text)).next(t, &at))
	return at.URL
}

func TestOurClientAgainstTheOfficialServer(t *testing.T) {
	for _, mode := range clientcases.Modes() {
		t.Run(mode, func(t *testing.T) {
			parser := ""
			if mode == "msgpack" {
				parser = "msgpack"
			}
			clientcases.Run(t, clientcases.Setup{
				Mode:     mode,
				URL:      officialFixture(t, map[string]any{"parser": parser}),
				Recovery: officialFixture(t, map[string]any{"parser": parser, "recovery": true}),
				Beating:  officialFixture(t, map[string]any{"parser": parser, "pingInterval": 300, "pingTimeout": 200}),
			})
		})
	}
}
