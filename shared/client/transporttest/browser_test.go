//go:build js

package transporttest_test

import (
	"encoding/json"
	"flag"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/shared/client/engine"
	"parley/shared/client/polling"
	"parley/shared/client/transporttest"
	"parley/shared/client/websocket"
)

var setup = flag.String("setup", "", "address of the server and name of the transport, as JSON")

// TestInBrowser runs in a page or a worker that server/interop opens in a browser;
// elsewhere there is nothing to run it with.
func TestInBrowser(t *testing.T) {
	if *setup == "" {
		return
	}
	var s struct{ URL, Transport string }
	require.NoError(t, json.Unmarshal([]byte(*setup), &s))
	transporttest.Run(t, s.URL, func() engine.Transport {
		if s.Transport == "polling" {
			return &polling.Transport{MaxBody: 2 << 20}
		}
		return &websocket.Transport{MaxMessage: 2 << 20}
	})
}
