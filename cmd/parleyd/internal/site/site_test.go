package site

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"parley/app/page"
	"parley/server/httpd"
	"parley/web"
)

func TestMain(m *testing.M) {
	page.Register(page.Config{}) // go-app's routes belong to the program
	os.Exit(m.Run())
}

// assets are the real files with a stand-in for the program, which need not be
// built for these tests.
func assets(t *testing.T) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	require.NoError(t, fs.WalkDir(web.Files(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(name, "dist/") {
			return err
		}
		content, err := fs.ReadFile(web.Files(), name)
		files[name] = &fstest.MapFile{Data: content}
		return err
	}))
	files["dist/app.wasm"] = &fstest.MapFile{Data: []byte("\x00asm the program")}
	files["dist/app.wasm.br"] = &fstest.MapFile{Data: []byte("brotli")}
	return files
}

func open(t *testing.T, files fs.FS) *Site {
	t.Helper()
	s, err := New(files)
	require.NoError(t, err)
	return s
}

func get(t *testing.T, s *Site, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, req)
	return rec
}

// precached is what the service worker stores before it takes over.
func precached(t *testing.T, s *Site) []string {
	t.Helper()
	match := regexp.MustCompile(`const files = (\[.*?\]);`).FindStringSubmatch(get(t, s, worker).Body.String())
	require.NotNil(t, match)
	var list []string
	require.NoError(t, json.Unmarshal([]byte(match[1]), &list))
	return list
}

// Rows: X08 X10
func TestEveryPrecachedFileIsThere(t *testing.T) {
	s := open(t, assets(t))
	list := precached(t, s)
	require.Contains(t, list, "/")
	require.Contains(t, list, "/web/icons/icon-192.png")
	immutable := 0
	for _, path := range list {
		rec := get(t, s, path)
		require.Equal(t, http.StatusOK, rec.Code, path)
		require.NotEqual(t, "application/octet-stream", rec.Header().Get("Content-Type"), path)
		require.NotEmpty(t, rec.Header().Get("ETag"), path)
		if strings.Contains(rec.Header().Get("Cache-Control"), "immutable") {
			immutable++
		}
	}
	require.Equal(t, 1+len(page.Styles())+len(page.Scripts())+len(scripts()), immutable, "program, styles and scripts")
	require.NotContains(t, list, worker)
}

func TestPageNamesOnlyWhatIsPrecached(t *testing.T) {
	s := open(t, assets(t))
	list := precached(t, s)
	html := get(t, s, "/").Body.String()
	named := regexp.MustCompile(`(?:src|href)="(/[^"]*)"`).FindAllStringSubmatch(html, -1)
	require.NotEmpty(t, named)
	for _, m := range named {
		if strings.Contains(m[1], "apple-touch") || strings.HasPrefix(m[1], "/room/") {
			continue
		}
		require.Contains(t, list, m[1])
	}
	require.NotRegexp(t, `<script(?:>|[^>]*[^"]>)[^<]`, html, "the policy forbids inline scripts")
	require.NotContains(t, html, "<style")
	require.NotContains(t, html, "og:")
	require.NotContains(t, html, " style=")
	require.NotRegexp(t, ` on[a-z]+="`, html)
}

// Rows: X08
func TestEveryAddressIsTheOneShell(t *testing.T) {
	s := open(t, assets(t))
	home := get(t, s, "/")
	require.Equal(t, "text/html; charset=utf-8", home.Header().Get("Content-Type"))
	require.Equal(t, "no-cache", home.Header().Get("Cache-Control"))
	for _, path := range []string{"/room/lobby", "/room/lobby/", "/room/a-1?source=pwa"} {
		rec := get(t, s, path)
		require.Equal(t, http.StatusOK, rec.Code, path)
		require.Equal(t, home.Body.String(), rec.Body.String())
	}
	for _, path := range []string{"/room/", "/room/Not%20A%20Room", "/room/x%22%20onload=", "/room/a/b", "/nope",
		"/web/worker.js", "/web/manifest.webmanifest", "/web/dist/.keep", "/web/dist/app.wasm.br"} {
		require.Equal(t, http.StatusNotFound, get(t, s, path).Code, path)
	}
}

// The ETag of go-app's own handler is the version for whatever path, so it would
// answer 304 to anything with that tag.
func TestValidatorsAreTheContents(t *testing.T) {
	s := open(t, assets(t))
	require.Equal(t, http.StatusOK, get(t, s, "/", "If-None-Match", `"`+s.Version()+`"`).Code)
	tag := get(t, s, "/app.js").Header().Get("ETag")
	require.Equal(t, http.StatusNotModified, get(t, s, "/app.js", "If-None-Match", tag).Code)
	require.Equal(t, http.StatusOK, get(t, s, "/wasm_exec.js", "If-None-Match", tag).Code)
}

// Rows: X17
func TestGeneratedPartsAreCompressed(t *testing.T) {
	s := open(t, assets(t))
	for _, path := range []string{"/", "/app.js", "/wasm_exec.js", "/app.css", manifest, worker} {
		rec := get(t, s, path, "Accept-Encoding", "br")
		require.Equal(t, "br", rec.Header().Get("Content-Encoding"), path)
	}
	rec := get(t, s, resolver{s.files}.Resolve("/web/app.wasm"), "Accept-Encoding", "br")
	require.Equal(t, "brotli", rec.Body.String())
	require.Equal(t, "16", rec.Header().Get(httpd.RawLengthHeader), "the loader's progress counts plain bytes")
}

func TestVersionIsOverEverything(t *testing.T) {
	first := open(t, assets(t))
	require.Regexp(t, `^[0-9a-f]{16}$`, first.Version())
	require.Equal(t, first.Version(), open(t, assets(t)).Version(), "the same files are the same release")
	require.Contains(t, get(t, first, worker).Body.String(), "+ \""+first.Version()+"\"")
	require.Contains(t, get(t, first, "/app.js").Body.String(), `"GOAPP_VERSION":"`+first.Version()+`"`)

	for _, name := range []string{"dist/app.wasm", "css/base.css", "js/store.js", "worker.js", "manifest.webmanifest", "icons/icon.svg"} {
		files := assets(t)
		files[name] = &fstest.MapFile{Data: append([]byte("/* new */ "), files[name].Data...)}
		require.NotEqual(t, first.Version(), open(t, files).Version(), name)
	}
}

func TestManifest(t *testing.T) {
	s := open(t, assets(t))
	rec := get(t, s, manifest)
	require.Equal(t, "application/manifest+json; charset=utf-8", rec.Header().Get("Content-Type"))
	var m struct {
		ID        string `json:"id"`
		Name      string `json:"name"`
		StartURL  string `json:"start_url"`
		Display   string `json:"display"`
		Icons     []struct{ Src, Type, Purpose string }
		Shortcuts []struct {
			URL   string
			Icons []struct{ Src, Type string }
		}
		Screenshots []struct{ Src, Type string }
	}
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &m))
	require.NotEmpty(t, m.ID)
	require.NotEmpty(t, m.Name)
	require.Equal(t, "standalone", m.Display)
	require.Equal(t, http.StatusOK, get(t, s, m.StartURL).Code)
	purposes := map[string]bool{}
	images := map[string]string{}
	for _, icon := range m.Icons {
		purposes[icon.Purpose] = true
		images[icon.Src] = icon.Type
	}
	require.True(t, purposes["maskable"])
	for _, shortcut := range m.Shortcuts {
		require.Equal(t, http.StatusOK, get(t, s, shortcut.URL).Code)
		for _, icon := range shortcut.Icons {
			images[icon.Src] = icon.Type
		}
	}
	for _, shot := range m.Screenshots {
		images[shot.Src] = shot.Type
	}
	for src, mediaType := range images {
		image := get(t, s, src)
		require.Equal(t, http.StatusOK, image.Code, src)
		require.Contains(t, image.Header().Get("Content-Type"), mediaType, src)
	}
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	files := assets(t)
	delete(files, "dist/app.wasm")
	_, err := New(files)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "make wasm")
	files = assets(t)
	delete(files, "worker.js")
	_, err = New(files)
	require.ErrorContains(t, err, "service worker")
}
