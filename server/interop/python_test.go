package interop_test

import (
	"testing"

	"parley/server"
)

// runPython runs the cases of Debian's python3-socketio, each as a subtest. The package belongs to
// Debian's own interpreter, whatever else is called python3 in PATH.
func runPython(t *testing.T, url, transports string) {
	t.Helper()
	p := startPeer(t, "/usr/bin/python3", "peers/python_client.py", url, transports)
	runCases(t, p, pythonCases, "; `.ci/need python-socketio` installs what it needs")
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
