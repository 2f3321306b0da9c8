package interop_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/interop/clientcases"
	"parley/shared/socketio/msgpack"
)

func TestOurClientAgainstTheOfficialServer(t *testing.T) {
	for _, mode := range clientcases.Modes() {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			clientcases.Run(t, officialSetup(t, mode))
		})
	}
}

func TestOurClientAgainstOurServer(t *testing.T) {
	for _, mode := range clientcases.Modes() {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			clientcases.Run(t, ourSetup(t, mode))
		})
	}
}

// The heartbeat of the servers that are there for it. Where nobody answers, the server notices so long after its ping, and
// the client that the next ping is missing so much later than that: a second of either is what a stalled machine may take.
const (
	beat        = time.Second
	beatTimeout = 1500 * time.Millisecond
)

// officialFixture starts the official server as a fixture and returns its address.
func officialFixture(t *testing.T, settings map[string]any) string {
	t.Helper()
	if settings == nil {
		settings = map[string]any{}
	}
	text, err := json.Marshal(settings)
	require.NoError(t, err)
	var at struct{ URL string }
	require.True(t, node(t, "fixture_server.mjs", string(text)).next(t, &at))
	return at.URL
}

// officialSetup starts the official server for our client's cases.
func officialSetup(t *testing.T, mode string) clientcases.Setup {
	t.Helper()
	parser := ""
	if mode == "msgpack" {
		parser = "msgpack"
	}
	return clientcases.Setup{
		Mode:     mode,
		URL:      officialFixture(t, map[string]any{"parser": parser}),
		Recovery: officialFixture(t, map[string]any{"parser": parser, "recovery": true}),
		Beating:  officialFixture(t, map[string]any{"parser": parser, "pingInterval": beat.Milliseconds(), "pingTimeout": beatTimeout.Milliseconds()}),
	}
}

// ourSetup starts our server for our client's cases.
func ourSetup(t *testing.T, mode string) clientcases.Setup {
	t.Helper()
	config := func() server.Config {
		cfg := server.Config{}
		if mode == "msgpack" {
			cfg.Parser = msgpack.New()
		}
		return cfg
	}
	recovering, beating := config(), config()
	recovering.Recovery = time.Minute
	beating.Engine.PingInterval, beating.Engine.PingTimeout = beat, beatTimeout
	return clientcases.Setup{
		Mode:     mode,
		Ours:     true,
		URL:      startFixture(t, config()).url,
		Recovery: startFixture(t, recovering).url,
		Beating:  startFixture(t, beating).url,
	}
}
