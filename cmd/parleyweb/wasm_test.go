//go:build !js

package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The most that the program may measure, in bytes: what the browser has to compile
// and keep, and what a visitor has to download. Brotli at quality 11 is what they
// do download (1.34 MB) and takes half a minute, so this test bounds what gzip
// makes of the program; the two go together within a few percent (`make sizes`).
const (
	maxRaw  = 8_000_000
	maxGzip = 1_920_000
)

// The page must not carry code that cannot run in it. The names of functions are
// in the program for stack traces, so what is linked can be read there.
func TestProgramIsSmallAndHasNoServerInIt(t *testing.T) {
	out := filepath.Join(t.TempDir(), "app.wasm")
	build := exec.CommandContext(t.Context(), "go", "run", "./.ci/wasm", "-quality", "0", "-o", out)
	build.Dir = filepath.Join("..", "..")
	report, err := build.CombinedOutput()
	require.NoError(t, err, string(report))
	program, err := os.ReadFile(out)
	require.NoError(t, err)

	for _, name := range []string{"parley/app/page.Register", "parley/app/link.(*database).PutMessages"} {
		require.True(t, bytes.Contains(program, []byte(name)), "%s: the names are there to be looked for", name)
	}
	for name, reason := range map[string]string{
		"net/http.(*":      "the page uses fetch and WebSocket; net/http costs 320 KB compressed",
		"crypto/tls.(*":    "the browser does TLS",
		"text/template.(*": "it keeps every exported method alive, which defeats the linker",
		"html/template.(*": "it keeps every exported method alive, which defeats the linker",
		"os/exec.(*":       "there are no processes in a browser",
		"regexp.(*":        "the browser has regular expressions; Go's cost 530 KB",
		"crypto/internal/": "the browser has random bytes and hashes; Go's cost 380 KB",
		"parley/server/":   "the page is a client",
	} {
		require.False(t, bytes.Contains(program, []byte(name)), "%s is linked: %s", name, reason)
	}

	var packed bytes.Buffer
	zw, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	require.NoError(t, err)
	_, err = zw.Write(program)
	require.NoError(t, err)
	require.NoError(t, zw.Close())
	t.Logf("raw %d bytes, gzip %d", len(program), packed.Len())
	require.LessOrEqual(t, len(program), maxRaw)
	require.LessOrEqual(t, packed.Len(), maxGzip)
}
