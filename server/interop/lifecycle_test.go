package interop_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/engine"
	"parley/server/interop/browsertest"
	"parley/shared/client"
	"parley/shared/engineio"
	"parley/shared/event"
)

// servePage serves the program in lifecycle.
func servePage(t *testing.T) string {
	t.Helper()
	wasm := filepath.Join(t.TempDir(), "lifecycle.wasm")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", wasm, "./lifecycle")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	goRoot, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("/wasm_exec.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(strings.TrimSpace(string(goRoot)), "lib", "wasm", "wasm_exec.js"))
	})
	mux.HandleFunc("/lifecycle.wasm", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, wasm) })
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`<!doctype html><script src="/wasm_exec.js"></script><script>
const go = new Go();
WebAssembly.instantiateStreaming(fetch("/lifecycle.wasm"), go.importObject).then(({ instance }) => go.run(instance));
</script>`))
	})
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)
	return site.URL
}

// What a browser does to a page: it freezes it for longer than the heartbeat allows, takes the network and
// gives it back, and closes it. The program's pauses last an hour, so that only the page's events can have
// ended them.
//
// Rows: F11 F12 G10
func TestAPageThatIsFrozenAndCutOff(t *testing.T) {
	cfg := server.Config{}
	cfg.Engine.PingInterval, cfg.Engine.PingTimeout = 500*time.Millisecond, 5*time.Second
	cfg.Engine.CORS = &engine.CORS{AnyOrigin: true}
	f := startFixture(t, cfg)
	control, err := client.Dial(t.Context(), f.url+"/control", client.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = control.Close() })
	reason := func(id string) string {
		answer, err := control.Main().EmitAck(t.Context(), "reason", id)
		require.NoError(t, err)
		return answer.String(0)
	}

	tab := browsertest.Chromium(t).Open(t, servePage(t)+"/?url="+url.QueryEscape(f.url))
	tab.Wait(t, `globalThis.happened?.includes("connect")`)
	id := browsertest.Eval[string](t, tab, "id()")

	tab.Freeze(t, true)
	assert.Equal(t, "ping timeout", reason(id), "the server gives a frozen page up")
	thawed := time.Now()
	tab.Freeze(t, false)
	tab.Wait(t, `happened.filter((what) => what === "connect").length === 2`)
	assert.Less(t, time.Since(thawed), 20*time.Second)
	browsertest.Eval[any](t, tab, `echo("after the frost")`)
	tab.Wait(t, `happened.includes("echo after the frost")`)

	const ends = `happened.filter((what) => what !== "connect" && !what.startsWith("echo")).length`
	before := browsertest.Eval[int](t, tab, ends)
	id = browsertest.Eval[string](t, tab, "id()")
	tab.CutNetwork(t, true)
	for s := range f.To(event.Room(id)).Sockets() {
		s.Conn().Close(engineio.ReasonForcedClose)
	}
	tab.Wait(t, fmt.Sprint(ends, " > ", before))
	browsertest.Eval[any](t, tab, `echo("written while away")`)
	tab.CutNetwork(t, false)
	tab.Wait(t, `connected() && happened.includes("echo written while away")`)

	id = browsertest.Eval[string](t, tab, "id()")
	tab.Go(t, "about:blank")
	assert.Equal(t, "client namespace disconnect", reason(id), "the page said goodbye")
}
