package main

import (
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/server/httpd"
	"parley/server/interop/browsertest"
	"parley/web"
)

// The packages that speak to IndexedDB, Web Locks and BroadcastChannel bring
// tests that only a browser can run; here they run in one, with the scripts and
// the policy of the page.
func TestStorageInTheBrowser(t *testing.T) {
	chromium := browsertest.Chromium(t)
	for _, pkg := range []string{"parley/shared/client/outbox", "parley/app/link"} {
		t.Run(filepath.Base(pkg), func(t *testing.T) {
			tab := chromium.Open(t, serveTests(t, pkg))
			tab.Wait(t, "outcome.code !== null")
			output := browsertest.Eval[string](t, tab, "outcome.lines.join('\\n')")
			require.Zero(t, browsertest.Eval[int](t, tab, "outcome.code"), output)
			require.Contains(t, output, "--- PASS")
			require.Empty(t, tab.Problems())
			tab.Close(t)
		})
	}
}

// runTests runs the test program and keeps what it prints.
const runTests = `
const outcome = { lines: [], code: null };
console.log = (line) => outcome.lines.push(line);
const go = new Go();
go.argv = ["test", "-test.v", "-test.run=^Test"]; // examples need a file to print into
go.exit = (code) => { outcome.code = code; };
WebAssembly.instantiateStreaming(fetch("/test.wasm"), go.importObject).then(
  ({ instance }) => go.run(instance),
  (err) => { outcome.lines.push(String(err)); outcome.code = 1; });
`

// serveTests compiles a package's tests for the browser and returns the address
// of a page that runs them.
func serveTests(t *testing.T, pkg string) string {
	t.Helper()
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-tags", "browser", "-o", filepath.Join(dir, "test.wasm"), pkg)
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	goRoot, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	require.NoError(t, err)
	loader, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(goRoot)), "lib", "wasm", "wasm_exec.js"))
	require.NoError(t, err)

	files := httpd.NewFiles()
	require.NoError(t, files.AddFS(os.DirFS(dir), "/"))
	scripts, err := fs.Sub(web.Files(), "js")
	require.NoError(t, err)
	require.NoError(t, files.AddFS(scripts, "/web/js"))
	require.NoError(t, files.Add("/wasm_exec.js", "", loader))
	require.NoError(t, files.Add("/run.js", "", []byte(runTests)))
	require.NoError(t, files.Add("/", "text/html; charset=utf-8", []byte(`<!doctype html><title>tests</title>
<script src="/web/js/store.js"></script><script src="/web/js/release.js"></script>
<script src="/wasm_exec.js"></script><script src="/run.js"></script>`)))
	site := httptest.NewServer(httpd.New(httpd.Config{Site: files}))
	t.Cleanup(site.Close)
	return site.URL + "/"
}
