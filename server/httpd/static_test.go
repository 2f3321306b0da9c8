package httpd

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/stretchr/testify/require"
)

const sheet = "body{color:red}"

// long is a text every coding shrinks.
var long = strings.Repeat("all work and no play ", 100)

func siteFiles(t *testing.T) *Files {
	t.Helper()
	files := NewFiles()
	require.NoError(t, files.AddFS(fstest.MapFS{
		"app.css":           {Data: []byte(sheet)},
		"app.wasm":          {Data: []byte("\x00asm plain")},
		"app.wasm.br":       {Data: []byte("BR")},
		"app.wasm.gz":       {Data: []byte("GZIP")},
		"site.webmanifest":  {Data: []byte("{}")},
		"archive.tar.gz":    {Data: []byte("an archive of its own")},
		"docs/index.html":   {Data: []byte("<p>docs</p>")},
		"empty.txt":         {Data: nil},
		"odd.xyz":           {Data: []byte("?")},
		".env":              {Data: []byte("SECRET=1")},
		".git/config":       {Data: []byte("secret")},
		"docs/.htaccess":    {Data: []byte("secret")},
		"name with space.t": {Data: []byte("space")},
	}, "/web"))
	require.NoError(t, files.Add("/long.txt", "", []byte(long)))
	return files
}

func do(t *testing.T, h http.Handler, method, target string, headers ...string) *http.Response {
	t.Helper()
	req := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	return rec.Result()
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return string(b)
}

// Rows: X08
func TestStaticAnswers(t *testing.T) {
	files := siteFiles(t)
	for _, tc := range []struct {
		name, method, target string
		headers              []string
		status               int
		body                 string
		want                 map[string]string
	}{
		{"file", "GET", "/web/app.css", nil, 200, sheet, map[string]string{
			"Content-Type": "text/css; charset=utf-8", "Content-Length": "15",
			"Accept-Ranges": "bytes", "Cache-Control": "no-cache"}},
		{"head", "HEAD", "/web/app.css", nil, 200, "", map[string]string{"Content-Length": "15"}},
		{"query is ignored", "GET", "/web/app.css?v=1", nil, 200, sheet, nil},
		{"escaped name", "GET", "/web/name%20with%20space.t", nil, 200, "space", nil},
		{"empty file", "GET", "/web/empty.txt", nil, 200, "", map[string]string{"Content-Length": "0"}},
		{"unknown type", "GET", "/web/odd.xyz", nil, 200, "?", map[string]string{"Content-Type": "application/octet-stream"}},
		{"an archive is not a compressed form", "GET", "/web/archive.tar.gz", []string{"Accept-Encoding", "gzip"}, 200,
			"an archive of its own", map[string]string{"Content-Type": "application/gzip", "Content-Encoding": ""}},

		{"post", "POST", "/web/app.css", nil, 405, "405 method not allowed\n", map[string]string{"Allow": "GET, HEAD"}},
		{"delete", "DELETE", "/web/app.css", nil, 405, "405 method not allowed\n", nil},
		{"missing", "GET", "/web/nope.css", nil, 404, "404 not found\n", nil},
		{"missing head", "HEAD", "/web/nope.css", nil, 404, "", nil},
		{"post to missing", "POST", "/web/nope.css", nil, 404, "404 not found\n", nil},

		{"index of a directory", "GET", "/web/docs/", nil, 200, "<p>docs</p>", map[string]string{"Content-Type": "text/html; charset=utf-8"}},
		{"directory gets its slash", "GET", "/web/docs?a=b", nil, 301, "<a href=\"/web/docs/?a=b\">Moved Permanently</a>.\n\n", map[string]string{"Location": "/web/docs/?a=b"}},
		{"redirect stays on this host", "GET", "//evil.example/..//web/docs", nil, 404, "404 not found\n", nil},
		{"no listing", "GET", "/web/", nil, 404, "404 not found\n", nil},
		{"no listing without slash", "GET", "/web", nil, 404, "404 not found\n", nil},

		{"dotfile", "GET", "/web/.env", nil, 404, "404 not found\n", nil},
		{"dot directory", "GET", "/web/.git/config", nil, 404, "404 not found\n", nil},
		{"dotfile below", "GET", "/web/docs/.htaccess", nil, 404, "404 not found\n", nil},
		{"traversal", "GET", "/web/../web/app.css", nil, 404, "404 not found\n", nil},
		{"escaped traversal", "GET", "/web/%2e%2e/%2e%2e/etc/passwd", nil, 404, "404 not found\n", nil},
		{"escaped slash traversal", "GET", "/web/..%2f..%2fetc%2fpasswd", nil, 404, "404 not found\n", nil},
		{"backslash traversal", "GET", "/web/..%5c..%5cetc%5cpasswd", nil, 404, "404 not found\n", nil},
		{"zero byte", "GET", "/web/app.css%00.html", nil, 404, "404 not found\n", nil},
		{"compressed form has no address", "GET", "/web/app.wasm.br", nil, 404, "404 not found\n", nil},

		{"range", "GET", "/web/app.css", []string{"Range", "bytes=0-3"}, 206, "body", map[string]string{
			"Content-Range": "bytes 0-3/15", "Content-Length": "4"}},
		{"range to the end", "GET", "/web/app.css", []string{"Range", "bytes=11-"}, 206, "red}", map[string]string{"Content-Range": "bytes 11-14/15"}},
		{"suffix range", "GET", "/web/app.css", []string{"Range", "bytes=-4"}, 206, "red}", map[string]string{"Content-Range": "bytes 11-14/15"}},
		{"suffix longer than the file", "GET", "/web/app.css", []string{"Range", "bytes=-99"}, 206, sheet, map[string]string{"Content-Range": "bytes 0-14/15"}},
		{"range past the end is cut", "GET", "/web/app.css", []string{"Range", "bytes=11-99"}, 206, "red}", map[string]string{"Content-Range": "bytes 11-14/15"}},
		{"head with range", "HEAD", "/web/app.css", []string{"Range", "bytes=0-3"}, 206, "", map[string]string{"Content-Length": "4"}},
		{"range outside", "GET", "/web/app.css", []string{"Range", "bytes=15-"}, 416, "invalid range: failed to overlap\n", map[string]string{"Content-Range": "bytes */15"}},
		{"other unit", "GET", "/web/app.css", []string{"Range", "lines=0-1"}, 200, sheet, nil},
		{"malformed range", "GET", "/web/app.css", []string{"Range", "bytes=abc"}, 200, sheet, nil},
		{"range without a number", "GET", "/web/app.css", []string{"Range", "bytes=-"}, 200, sheet, nil},
		{"range backwards", "GET", "/web/app.css", []string{"Range", "bytes=9-3"}, 200, sheet, nil},
		{"range beyond any integer", "GET", "/web/app.css", []string{"Range", "bytes=99999999999999999999-"}, 416, "invalid range\n", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			res := do(t, files, tc.method, tc.target, tc.headers...)
			require.Equal(t, tc.status, res.StatusCode)
			require.Equal(t, tc.body, body(t, res))
			for name, value := range tc.want {
				require.Equal(t, value, res.Header.Get(name), name)
			}
		})
	}
}

// Rows: X08
func TestMultipleRanges(t *testing.T) {
	res := do(t, siteFiles(t), "GET", "/web/app.css", "Range", "bytes=0-3,11-14")
	require.Equal(t, http.StatusPartialContent, res.StatusCode)
	require.Contains(t, res.Header.Get("Content-Type"), "multipart/byteranges")
	text := body(t, res)
	require.Contains(t, text, "Content-Range: bytes 0-3/15")
	require.Contains(t, text, "Content-Range: bytes 11-14/15")
}

// Rows: X08
func TestValidators(t *testing.T) {
	files := siteFiles(t)
	tag := do(t, files, "GET", "/web/app.css").Header.Get("ETag")
	require.Regexp(t, `^"[0-9a-f]{32}"$`, tag, "strong and made of the content")

	for _, match := range []string{tag, "*", `"other", ` + tag, "W/" + tag} {
		res := do(t, files, "GET", "/web/app.css", "If-None-Match", match)
		require.Equal(t, http.StatusNotModified, res.StatusCode, match)
		require.Empty(t, body(t, res))
		require.Equal(t, tag, res.Header.Get("ETag"))
		require.Equal(t, "no-cache", res.Header.Get("Cache-Control"))
	}
	require.Equal(t, 200, do(t, files, "GET", "/web/app.css", "If-None-Match", `"other"`).StatusCode)
	require.Equal(t, 404, do(t, files, "GET", "/web/nope", "If-None-Match", "*").StatusCode)
	require.Equal(t, 412, do(t, files, "GET", "/web/app.css", "If-Match", `"other"`).StatusCode)

	partial := do(t, files, "GET", "/web/app.css", "Range", "bytes=0-3", "If-Range", tag)
	require.Equal(t, 206, partial.StatusCode)
	whole := do(t, files, "GET", "/web/app.css", "Range", "bytes=0-3", "If-Range", `"old"`)
	require.Equal(t, 200, whole.StatusCode)
	require.Equal(t, sheet, body(t, whole))
}

// Rows: X08
func TestLastModified(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a.txt")
	require.NoError(t, os.WriteFile(name, []byte("a"), 0o600))
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	require.NoError(t, os.Chtimes(name, at, at))
	files := NewFiles()
	require.NoError(t, files.AddFS(os.DirFS(dir), "/"))

	res := do(t, files, "GET", "/a.txt")
	require.Equal(t, "Fri, 02 Jan 2026 03:04:05 GMT", res.Header.Get("Last-Modified"))
	res = do(t, files, "GET", "/a.txt", "If-Modified-Since", "Fri, 02 Jan 2026 03:04:05 GMT")
	require.Equal(t, http.StatusNotModified, res.StatusCode)
	res = do(t, files, "GET", "/a.txt", "If-Modified-Since", "Fri, 02 Jan 2026 03:04:04 GMT")
	require.Equal(t, http.StatusOK, res.StatusCode)
}

// Rows: X08
func TestHashedNamesAreImmutable(t *testing.T) {
	files := siteFiles(t)
	hashed := files.Hashed("/web/app.css")
	require.Regexp(t, `^/web/app\.[0-9a-f]{16}\.css$`, hashed)
	res := do(t, files, "GET", hashed)
	require.Equal(t, "public, max-age=31536000, immutable", res.Header.Get("Cache-Control"))
	require.Equal(t, "text/css; charset=utf-8", res.Header.Get("Content-Type"))
	require.Equal(t, sheet, body(t, res))

	require.Equal(t, "/web/nope.css", files.Hashed("/web/nope.css"))

	// A new content has a new name and the old name is gone: it must never answer
	// with content it does not name.
	require.NoError(t, files.Add("/web/app.css", "", []byte("body{color:blue}")))
	require.NotEqual(t, hashed, files.Hashed("/web/app.css"))
	require.Equal(t, 404, do(t, files, "GET", hashed).StatusCode)
}

// Rows: X17
func TestPrecompressed(t *testing.T) {
	files := siteFiles(t)
	for accept, want := range map[string]string{
		"":                          "\x00asm plain",
		"identity":                  "\x00asm plain",
		"deflate":                   "\x00asm plain",
		"gzip":                      "GZIP",
		"GZip":                      "GZIP",
		"gzip, deflate, br":         "BR",
		"br;q=0.5, gzip":            "GZIP",
		"br;q=0, gzip;q=0":          "\x00asm plain",
		"gzip;q=nonsense":           "\x00asm plain",
		"*":                         "BR",
		"*;q=0.1, br;q=0":           "GZIP",
		"identity;q=1, br;q=0.5":    "\x00asm plain",
		"gzip;q=1.0, identity; q=0": "GZIP",
	} {
		res := do(t, files, "GET", "/web/app.wasm", "Accept-Encoding", accept)
		require.Equal(t, want, body(t, res), accept)
		require.Equal(t, "Accept-Encoding", res.Header.Get("Vary"))
		require.Equal(t, "application/wasm", res.Header.Get("Content-Type"))
	}
	res := do(t, files, "GET", "/web/app.wasm", "Accept-Encoding", "br")
	require.Equal(t, "br", res.Header.Get("Content-Encoding"))
	require.Equal(t, "2", res.Header.Get("Content-Length"))
	require.Equal(t, "10", res.Header.Get(RawLengthHeader))

	plain := do(t, files, "GET", "/web/app.wasm").Header.Get("ETag")
	require.NotEqual(t, plain, res.Header.Get("ETag"), "representations have their own validators")
	require.Equal(t, 304, do(t, files, "GET", "/web/app.wasm",
		"Accept-Encoding", "br", "If-None-Match", res.Header.Get("ETag")).StatusCode)

	ranged := do(t, files, "GET", "/web/app.wasm", "Accept-Encoding", "br", "Range", "bytes=0-3")
	require.Equal(t, "\x00asm", body(t, ranged), "a range counts plain bytes")
	require.Empty(t, ranged.Header.Get("Content-Encoding"))
}

// Rows: X17
func TestAddCompresses(t *testing.T) {
	files := siteFiles(t)
	res := do(t, files, "GET", "/long.txt", "Accept-Encoding", "br")
	require.Equal(t, "br", res.Header.Get("Content-Encoding"))
	text, err := io.ReadAll(brotli.NewReader(res.Body))
	require.NoError(t, err)
	require.Equal(t, long, string(text))

	res = do(t, files, "GET", "/long.txt", "Accept-Encoding", "gzip")
	zr, err := gzip.NewReader(res.Body)
	require.NoError(t, err)
	text, err = io.ReadAll(zr)
	require.NoError(t, err)
	require.Equal(t, long, string(text))

	require.NoError(t, files.Add("/short.txt", "", []byte("short")))
	require.Empty(t, do(t, files, "GET", "/short.txt", "Accept-Encoding", "br").Header.Get("Content-Encoding"))
	require.Error(t, files.Add("relative.txt", "", nil))
}

// Rows: X10
func TestMediaTypes(t *testing.T) {
	for name, want := range map[string]string{
		"a.html": "text/html; charset=utf-8", "a.js": "text/javascript; charset=utf-8",
		"a.mjs": "text/javascript; charset=utf-8", "a.css": "text/css; charset=utf-8",
		"app.wasm": "application/wasm", "m.webmanifest": "application/manifest+json; charset=utf-8",
		"a.json": "application/json; charset=utf-8", "a.txt": "text/plain; charset=utf-8",
		"i.svg": "image/svg+xml; charset=utf-8", "i.png": "image/png", "i.JPG": "image/jpeg",
		"i.webp": "image/webp", "favicon.ico": "image/x-icon", "f.woff2": "font/woff2",
		"v.mp4": "video/mp4", "noext": "application/octet-stream", "a.exe": "application/octet-stream",
	} {
		require.Equal(t, want, MediaType(name), name)
	}
}

// Rows: X08
func TestNotFoundPage(t *testing.T) {
	res := do(t, siteFiles(t), "GET", "/nope/%3Cscript%3E", "Accept", "text/html,*/*")
	require.Equal(t, 404, res.StatusCode)
	require.Equal(t, "text/html; charset=utf-8", res.Header.Get("Content-Type"))
	text := body(t, res)
	require.Contains(t, text, `<a href="/">`)
	require.NotContains(t, text, "script")
}

func TestVersion(t *testing.T) {
	files := siteFiles(t)
	version := func(paths ...string) string {
		v, err := files.Version(paths...)
		require.NoError(t, err)
		return v
	}
	both := version("/web/app.css", "/web/app.wasm")
	require.Len(t, both, 16)
	require.Equal(t, both, version("/web/app.wasm", "/web/app.css", "/web/app.css"))
	require.NotEqual(t, both, version("/web/app.css"))
	require.NoError(t, files.Add("/web/app.css", "", []byte("other")))
	require.NotEqual(t, both, version("/web/app.css", "/web/app.wasm"))
	_, err := files.Version("/web/nope")
	require.Error(t, err)
}

func TestAddResponse(t *testing.T) {
	files := NewFiles()
	ui := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<p>shell</p>")
		case "/app.js":
			w.Header().Set("Content-Type", "application/javascript")
			_, _ = io.WriteString(w, "run()")
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	require.NoError(t, files.AddResponse("/", ui))
	require.NoError(t, files.AddResponse("/app.js", ui, bytes.ToUpper, bytes.ToLower))
	require.ErrorContains(t, files.AddResponse("/nope", ui), "404")

	res := do(t, files.Page("/"), "GET", "/room/lobby?x=1")
	require.Equal(t, "<p>shell</p>", body(t, res))
	require.Equal(t, "text/html; charset=utf-8", res.Header.Get("Content-Type"))
	require.Equal(t, "no-cache", res.Header.Get("Cache-Control"))
	require.Equal(t, 405, do(t, files.Page("/"), "POST", "/room/lobby").StatusCode)
	require.Equal(t, 404, do(t, files.Page("/gone"), "GET", "/").StatusCode)
	require.Equal(t, "text/javascript; charset=utf-8", do(t, files, "GET", "/app.js").Header.Get("Content-Type"))
	require.Equal(t, []string{"/", "/app.js"}, files.Paths())
	require.Equal(t, int64(5), files.Size("/app.js"))
	require.Equal(t, int64(-1), files.Size("/nope"))
}
