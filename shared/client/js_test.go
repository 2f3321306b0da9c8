//go:build !js

package client_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What must not get into a program for the browser, and why.
var bannedInBrowsers = map[string]string{
	"net/http":                           "its client alone is 0.85 MB of brotli; the polling transport uses fetch",
	"crypto/tls":                         "the browser encrypts; it comes with net/http's transport",
	"net":                                "there are no sockets in a browser",
	"regexp":                             "0.2 MB for what a few comparisons do",
	"text/template":                      "it keeps every exported method of the program alive",
	"testing":                            "belongs to tests",
	"github.com/coder/websocket":         "its js build loses close codes and messages; see package websocket",
	"github.com/quic-go/quic-go":         "the browser has its own QUIC",
	"github.com/quic-go/webtransport-go": "the browser has its own WebTransport",
	"parley/server":                      "the client must not know the server",
	"parley/server/engine":               "the client must not know the server",
	"parley/shared/chat":                 "the client must not know an application",
	"parley/shared/socketio/msgpack":     "another parser is linked only by programs that use it",
}

func goTool(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "go %s: %s", strings.Join(args, " "), stderr.String())
	return string(out)
}

func TestNothingBannedReachesTheBrowser(t *testing.T) {
	deps := map[string]bool{}
	for _, pkg := range strings.Fields(goTool(t, "list", "-deps", ".", "./webtransport", "./clienttest")) {
		deps[pkg] = true
	}
	require.True(t, deps["parley/shared/client/websocket"])
	for pkg, why := range bannedInBrowsers {
		assert.False(t, deps[pkg], "%s is linked for js/wasm: %s", pkg, why)
	}

	program := filepath.Join(t.TempDir(), "program.wasm")
	goTool(t, "build", "-o", program, "./internal/jsprogram")
	wasm, err := os.ReadFile(program)
	require.NoError(t, err)
	require.True(t, bytes.Contains(wasm, []byte("parley/shared/client.(*Conn).loop")), "function names are in the file")
	for _, symbol := range []string{"net/http.(*Transport)", "net/http.(*Server)", "crypto/tls.(*Conn)"} {
		assert.False(t, bytes.Contains(wasm, []byte(symbol)), "%s is linked", symbol)
	}
}
