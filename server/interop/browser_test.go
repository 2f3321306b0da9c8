package interop_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/server/interop/browsertest"
	"parley/server/interop/clientcases"
)

// The client's cases run as js/wasm in Chromium: in a page over every mode, against our server and the
// official one, and in a worker.
func TestOurClientInABrowser(t *testing.T) {
	site := serveCases(t, "./clientcases")
	browser := browsertest.Chromium(t)
	for _, mode := range clientcases.Modes() {
		ours, official := ourSetup(t, mode), officialSetup(t, mode)
		t.Run(mode+"/page/ours", func(t *testing.T) { runInBrowser(t, browser, site+"/page", ours) })
		t.Run(mode+"/page/official", func(t *testing.T) { runInBrowser(t, browser, site+"/page", official) })
		t.Run(mode+"/worker/ours", func(t *testing.T) { runInBrowser(t, browser, site+"/in-worker", ours) })
	}
}

// serveCases compiles the tests of a package for the browser and serves them with the pages that run them.
func serveCases(t *testing.T, pkg string) string {
	t.Helper()
	wasm := filepath.Join(t.TempDir(), "cases.wasm")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", wasm, pkg)
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)

	serve := func(mimeType, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", mimeType)
			_, _ = w.Write([]byte(text))
		}
	}
	goRoot, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("/wasm_exec.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(strings.TrimSpace(string(goRoot)), "lib", "wasm", "wasm_exec.js"))
	})
	mux.HandleFunc("/cases.wasm", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, wasm) })
	mux.HandleFunc("/page", serve("text/html", pageHTML))
	mux.HandleFunc("/in-worker", serve("text/html", workerHTML))
	mux.HandleFunc("/worker.js", serve("text/javascript", workerJS))
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)
	return site.URL
}

const (
	// runJS runs the program with the setup of the address and gathers what it prints.
	runJS = `
function run(setup, tell) {
  console.log = (line) => tell({ line });
  const go = new Go();
  go.argv = ["cases", "-test.v", "-setup", setup];
  go.exit = (code) => tell({ code });
  WebAssembly.instantiateStreaming(fetch("/cases.wasm"), go.importObject)
    .then(({ instance }) => go.run(instance))
    .catch((err) => tell({ line: String(err), code: 1 }));
}
`
	gatherJS = `
const output = { lines: [], code: null };
function tell(m) {
  if (m.line !== undefined) output.lines.push(m.line);
  if (m.code !== undefined && output.code === null) output.code = m.code; // an event may come after the exit
}
const setup = new URL(location).searchParams.get("setup");
`
	pageHTML   = "<!doctype html><script src='/wasm_exec.js'></script><script>" + runJS + gatherJS + "run(setup, tell)</script>"
	workerHTML = "<!doctype html><script>" + gatherJS + `
const worker = new Worker("/worker.js?setup=" + encodeURIComponent(setup));
worker.onmessage = (e) => tell(e.data);
worker.onerror = (e) => tell({ line: e.message, code: 1 });
</script>`
	workerJS = "importScripts('/wasm_exec.js');" + runJS +
		"run(new URL(location).searchParams.get('setup'), (m) => postMessage(m));"
)

// result is the line of a case that has ended.
var result = regexp.MustCompile(`^\s*--- (PASS|FAIL): TestInBrowser/(.*) \(`)

// runInBrowser opens the page that runs the cases, and reports each as a subtest.
func runInBrowser(t *testing.T, browser *browsertest.Browser, page string, setup any) {
	t.Helper()
	text, err := json.Marshal(setup)
	require.NoError(t, err)
	tab := browser.Open(t, page+"?setup="+url.QueryEscape(string(text)))
	tab.Wait(t, "output.code !== null")
	output := browsertest.Eval[string](t, tab, "output.lines.join('\\n')")
	ran := 0
	for line := range strings.Lines(output) {
		if m := result.FindStringSubmatch(line); m != nil {
			ran++
			t.Run(m[2], func(t *testing.T) { require.Equal(t, "PASS", m[1]) })
		}
	}
	code := browsertest.Eval[int](t, tab, "output.code")
	if t.Failed() || code != 0 || ran == 0 {
		t.Fatalf("exit code %d on %s; output:\n%s", code, runtime.Version(), output)
	}
	tab.Close(t)
}
