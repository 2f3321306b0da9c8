package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/cmd/parleyd/internal/site"
	"parley/server/interop/browsertest"
	"parley/web"
)

// release is a folder to serve the page from, with one style sheet changed, and
// the version this makes.
func release(t *testing.T, note string) (dir, version string) {
	t.Helper()
	dir = t.TempDir()
	require.NoError(t, os.CopyFS(dir, web.Files()))
	name := filepath.Join(dir, "css", "base.css")
	content, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name, append(content, []byte("\n/* "+note+" */\n")...), 0o600))
	return dir, versionOf(t, os.DirFS(dir))
}

func versionOf(t *testing.T, files fs.FS) string {
	t.Helper()
	s, err := site.New(files)
	require.NoError(t, err)
	return s.Version()
}

const (
	running = `goappGetenv("GOAPP_VERSION")`
	offer   = `[...document.querySelectorAll(".banners button")].find((b) => b.dataset.act === "reload")`
)

func TestNewReleaseReachesAnOpenPage(t *testing.T) {
	server := browsertest.Serve(t)
	ann := join(t, browsertest.Chromium(t), server.URL+"/room/lobby", "Ann")
	ann.installed(t)
	require.Equal(t, versionOf(t, web.Files()), browsertest.Eval[string](t, ann.Tab, running))
	ann.write(t, "written on the old release")
	ann.sees(t, "written on the old release")

	dir, version := release(t, "the next release")
	server.Stop(t)
	server.Start(t, "--web", dir)
	ann.Wait(t, offer)
	browsertest.Eval[bool](t, ann.Tab, offer+`.click() ?? true`)
	ann.Wait(t, running+` === "`+version+`"`)
	ann.Wait(t, online)
	ann.sees(t, "written on the old release")
	ann.Wait(t, `!(`+offer+`)`)
	require.Equal(t, []string{"parley-" + version}, browsertest.Eval[[]string](t, ann.Tab, `caches.keys()`))
	ann.sound(t)
}

func TestBrokenReleaseLeavesTheOldOneInCharge(t *testing.T) {
	server := browsertest.Serve(t)
	ann := join(t, browsertest.Chromium(t), server.URL+"/room/lobby", "Ann")
	ann.installed(t)
	ann.write(t, "before")
	ann.sees(t, "before")
	old := versionOf(t, web.Files())

	// A release of which one file cannot be had: the server answers 500 for it.
	dir, version := release(t, "broken")
	server.Stop(t)
	server.Start(t, "--web", dir)
	require.NoError(t, os.Remove(filepath.Join(dir, "css", "base.css")))
	ann.Wait(t, online)
	require.Equal(t, "current", browsertest.Eval[string](t, ann.Tab, `parleyRelease("`+old+`")`))
	require.Equal(t, []string{"parley-" + old}, browsertest.Eval[[]string](t, ann.Tab, `caches.keys()`))
	require.True(t, browsertest.Eval[bool](t, ann.Tab, `!(`+offer+`)`), "nothing is offered that is not there")

	// Without a network the old release still opens.
	server.Kill(t)
	ann.Reload(t)
	ann.sees(t, "before")
	require.Equal(t, old, browsertest.Eval[string](t, ann.Tab, running))

	// The repaired release gets through.
	repaired, next := release(t, "repaired")
	require.NotEqual(t, version, next)
	server.Start(t, "--web", repaired)
	ann.Wait(t, offer)
	browsertest.Eval[bool](t, ann.Tab, offer+`.click() ?? true`)
	ann.Wait(t, running+` === "`+next+`"`)
	ann.sees(t, "before")
}

// When the program ends, the page is painted and dead; it must say so.
func TestEndedProgramOffersAReload(t *testing.T) {
	server := browsertest.Serve(t)
	ann := join(t, browsertest.Chromium(t), server.URL+"/room/lobby", "Ann")
	require.True(t, browsertest.Eval[bool](t, ann.Tab, `document.getElementById("parley-stopped") === null`))
	// go-app's own callback, called without its argument, panics and nothing
	// recovers it.
	browsertest.Eval[bool](t, ann.Tab, `(() => { try { goappNav() } catch { /* the program ends */ } return true })()`)
	ann.WaitText(t, "#parley-stopped", "stopped working")
	browsertest.Eval[bool](t, ann.Tab, `document.querySelector("#parley-stopped button").click() ?? true`)
	ann.Wait(t, online)
}
