package interop_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/server"
)

// runPython runs the cases of Debian's python3-socketio, each as a subtest. The package belongs to
// Debian's own interpreter, whatever else is called python3 in PATH.
func runPython(t *testing.T, url, transports string) {
	t.Helper()
	p := startPeer(t, "/usr/bin/python3", "peers/python_client.py", url, transports)
	ran := 0
	for {
		var result struct{ Name, Error string }
		if !p.next(t, &result) {
			break
		}
		ran++
		t.Run(result.Name, func(t *testing.T) { require.Empty(t, result.Error) })
	}
	require.NoError(t, p.wait(t), "the run broke off; `.ci/need python-socketio` installs what it needs")
	require.NotZero(t, ran)
}

func TestPythonClient(t *testing.T) {
	for _, transports := range []string{"websocket", "polling", "polling,websocket"} {
		t.Run(transports, func(t *testing.T) {
			t.Parallel()
			t.Run("ours", func(t *testing.T) { runPython(t, startFixture(t, server.Config{}).url, transports) })
			t.Run("official", func(t *testing.T) { runPython(t, officialFixture(t, nil), transports) })
		})
	}
}
