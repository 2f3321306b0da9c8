package server_test

import (
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/engine"
)

// Rows: A05 A06
func TestClientBundles(t *testing.T) {
	files := fstest.MapFS{
		"socket.io.js":            {Data: []byte("var io = 1;")},
		"socket.io.min.js":        {Data: []byte("var io=1")},
		"socket.io.min.js.br":     {Data: []byte("brotli")},
		"socket.io.min.js.gz":     {Data: []byte("gzip")},
		"socket.io.min.js.map":    {Data: []byte("{}")},
		"socket.io.esm.min.js":    {Data: []byte("export default 1")},
		"socket.io.esm.min.js.gz": {Data: []byte("gzip")},
		"secret.txt":              {Data: []byte("x")},
	}
	f := start(t, server.Config{Client: files, ClientVersion: "4.8.3"})
	get := func(method, name string, header ...string) (*http.Response, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, f.url+"/socket.io/"+name, nil)
		require.NoError(t, err)
		req.Header.Set("Accept-Encoding", "identity")
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		res, err := f.http.Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return res, string(body)
	}

	res, body := get("GET", "socket.io.js")
	require.Equal(t, 200, res.StatusCode)
	require.Equal(t, "var io = 1;", body)
	require.Equal(t, "application/javascript; charset=utf-8", res.Header.Get("Content-Type"))
	require.Equal(t, "public, max-age=0", res.Header.Get("Cache-Control"))
	require.Equal(t, `"4.8.3"`, res.Header.Get("ETag"))
	res, _ = get("GET", "socket.io.min.js.map")
	require.Equal(t, "application/json; charset=utf-8", res.Header.Get("Content-Type"))
	res, body = get("HEAD", "socket.io.js")
	require.Equal(t, 200, res.StatusCode)
	require.Empty(t, body)
	require.Equal(t, "11", res.Header.Get("Content-Length"))

	for _, tag := range []string{`"4.8.3"`, `W/"4.8.3"`, `"x", "4.8.3"`, "*"} {
		res, body = get("GET", "socket.io.js", "If-None-Match", tag)
		require.Equal(t, 304, res.StatusCode, tag)
		require.Empty(t, body)
	}
	res, _ = get("GET", "socket.io.js", "If-None-Match", `"4.8.2"`)
	require.Equal(t, 200, res.StatusCode)

	for _, c := range []struct{ name, accept, encoding, body string }{
		{"socket.io.min.js", "gzip, deflate, br", "br", "brotli"},
		{"socket.io.min.js", "gzip", "gzip", "gzip"},
		{"socket.io.min.js", "br;q=0, gzip;q=0.5", "gzip", "gzip"},
		{"socket.io.min.js", "*", "br", "brotli"},
		{"socket.io.min.js", "identity", "", "var io=1"},
		{"socket.io.esm.min.js", "br, gzip", "gzip", "gzip"},
		{"socket.io.js", "br", "", "var io = 1;"},
	} {
		res, body = get("GET", c.name, "Accept-Encoding", c.accept)
		require.Equal(t, c.encoding, res.Header.Get("Content-Encoding"), "%s %s", c.name, c.accept)
		require.Equal(t, c.body, body)
		require.Equal(t, "Accept-Encoding", res.Header.Get("Vary"))
	}

	for range 2 { // a form that is not there is made
		res, body = get("GET", "socket.io.js", "Accept-Encoding", "br, gzip")
		require.Equal(t, "gzip", res.Header.Get("Content-Encoding"))
		zipped, err := gzip.NewReader(strings.NewReader(body))
		require.NoError(t, err)
		plain, err := io.ReadAll(zipped)
		require.NoError(t, err)
		require.Equal(t, "var io = 1;", string(plain))
	}
	res, body = get("GET", "socket.io.js", "Accept-Encoding", "br, deflate")
	require.Equal(t, "deflate", res.Header.Get("Content-Encoding"))
	deflated, err := zlib.NewReader(strings.NewReader(body))
	require.NoError(t, err)
	plain, err := io.ReadAll(deflated)
	require.NoError(t, err)
	require.Equal(t, "var io = 1;", string(plain))

	res, body = get("GET", "socket.io.msgpack.min.js")
	require.Equal(t, 404, res.StatusCode)
	require.Contains(t, body, "has no socket.io.msgpack.min.js")
	for _, name := range []string{"secret.txt", "socket.io.min.js.br", "socket.io.jsx"} { // not ours: the engine answers
		res, body = get("GET", name)
		require.Equal(t, 400, res.StatusCode)
		require.JSONEq(t, `{"code":0,"message":"Transport unknown"}`, body)
	}
}

// The files are right below the path and nowhere else.
// Rows: A03 A05
func TestWhereBundlesAre(t *testing.T) {
	for path, where := range map[string]string{"": "/socket.io/", "/chat/": "/chat/", "rt": "/rt/", "/": "/", "/a/b": "/a/b/"} {
		srv := server.New(server.Config{
			Engine: engine.Config{Path: path},
			Client: fstest.MapFS{"socket.io.js": {Data: []byte("bundle")}},
		})
		get := func(path string) (int, string) {
			w := httptest.NewRecorder()
			srv.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			return w.Code, w.Body.String()
		}
		status, body := get(where + "socket.io.js")
		require.Equal(t, 200, status, path)
		require.Equal(t, "bundle", body)
		for _, other := range []string{"/elsewhere/socket.io.js", where + "a/b/socket.io.js", where + "socket.io.js/", "/socket.io.js", "/socket.io/socket.io.js"} {
			if other == where+"socket.io.js" {
				continue
			}
			status, body = get(other)
			require.Contains(t, []int{400, 404}, status, "%s of %q", other, path)
			require.NotEqual(t, "bundle", body)
		}
		require.NoError(t, srv.Shutdown(t.Context()))
	}
}

// Rows: A04 A05
func TestBeforeOthers(t *testing.T) {
	f := start(t, server.Config{Client: fstest.MapFS{"socket.io.js": {Data: []byte("bundle")}}})
	h := f.Before(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("site")) }))
	for path, want := range map[string]string{
		"/": "site", "/socket.io": "site", "/socket.io/socket.io.js": "bundle", "/socket.io/?EIO=4&transport=polling": `0{"sid"`,
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		require.Equal(t, 200, w.Code)
		require.Contains(t, w.Body.String(), want, path)
	}
}

// Pages that may use the server may load its client.
// Rows: A05 A09
func TestBundlesAndCORS(t *testing.T) {
	const origin = "https://page.org"
	f := start(t, server.Config{
		Engine: engine.Config{CORS: &engine.CORS{Origins: []string{origin}}},
		Client: fstest.MapFS{"socket.io.js": {Data: []byte("1")}},
	})
	req, err := http.NewRequestWithContext(t.Context(), "GET", f.url+"/socket.io/socket.io.js", nil)
	require.NoError(t, err)
	req.Header.Set("Origin", origin)
	res, err := f.http.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, 200, res.StatusCode)
	require.Equal(t, origin, res.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, []string{"Origin", "Accept-Encoding"}, res.Header.Values("Vary"))
}

// Rows: A05
func TestWithoutBundlesThereIsHelp(t *testing.T) {
	f := start(t, server.Config{})
	res, err := f.http.Get(f.url + "/socket.io/socket.io.js")
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, 404, res.StatusCode)
	require.Contains(t, string(body), "npm install socket.io-client")
}

// Rows: A05
func TestBundlesAreHashedWithoutAVersion(t *testing.T) {
	f := start(t, server.Config{Client: fstest.MapFS{"socket.io.js": {Data: []byte("1")}}})
	res, err := f.http.Get(f.url + "/socket.io/socket.io.js")
	require.NoError(t, err)
	defer res.Body.Close()
	require.Regexp(t, `^"[\w-]{16}"$`, res.Header.Get("ETag"))
}
