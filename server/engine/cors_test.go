package engine_test

import (
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"parley/server/engine"
)

// Browsers on pages of other sites stay out, over WebSocket as well.
// Rows: A09 A12
// Advisories: gitpod-2023
func TestOrigins(t *testing.T) {
	custom := func(r *http.Request) bool { return r.Header.Get("Origin") == "https://custom" }
	for _, c := range []struct {
		name   string
		cfg    engine.Config
		header []string
		ok     bool
	}{
		{"no origin", engine.Config{}, nil, true},
		{"same host", engine.Config{}, []string{"Origin", "http://HOST"}, true},
		{"same host, other scheme", engine.Config{}, []string{"Origin", "https://HOST"}, true},
		{"behind a proxy that changes Host", engine.Config{}, []string{"Origin", "https://page.org", "Sec-Fetch-Site", "same-origin"}, true},
		{"other site", engine.Config{}, []string{"Origin", "https://evil.org"}, false},
		{"other site, says so", engine.Config{}, []string{"Origin", "https://evil.org", "Sec-Fetch-Site", "cross-site"}, false},
		{"null", engine.Config{}, []string{"Origin", "null"}, false},
		{"nonsense", engine.Config{}, []string{"Origin", "::"}, false},
		{"listed", engine.Config{CORS: &engine.CORS{Origins: []string{"https://a.org", "https://b.org"}}}, []string{"Origin", "https://b.org"}, true},
		{"not listed", engine.Config{CORS: &engine.CORS{Origins: []string{"https://a.org"}}}, []string{"Origin", "https://b.org"}, false},
		{"same host with CORS", engine.Config{CORS: &engine.CORS{Origins: []string{"https://a.org"}}}, []string{"Origin", "http://HOST"}, true},
		{"pattern", engine.Config{CORS: &engine.CORS{Patterns: []*regexp.Regexp{regexp.MustCompile(`^https://[a-z]+\.b\.org$`)}}}, []string{"Origin", "https://x.b.org"}, true},
		{"function", engine.Config{CORS: &engine.CORS{Allow: func(o string, _ *http.Request) bool { return o == "https://f" }}}, []string{"Origin", "https://f"}, true},
		{"any", engine.Config{CORS: &engine.CORS{AnyOrigin: true}}, []string{"Origin", "null"}, true},
		{"a star", engine.Config{CORS: &engine.CORS{Origins: []string{"*"}}}, []string{"Origin", "https://evil.org"}, true},
		{"own check", engine.Config{CheckOrigin: custom}, []string{"Origin", "https://custom"}, true},
		{"own check says no", engine.Config{CheckOrigin: custom}, []string{"Origin", "http://HOST"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := start(t, c.cfg)
			h := http.Header{}
			header := append([]string(nil), c.header...)
			for i := 0; i < len(header); i += 2 {
				header[i+1] = regexp.MustCompile("HOST").ReplaceAllString(header[i+1], f.host())
				h.Set(header[i], header[i+1])
			}
			a := f.do("GET", pollQuery, "", header...)
			_, resp, err := websocket.Dial(t.Context(), f.url+"?EIO=4&transport=websocket", &websocket.DialOptions{HTTPHeader: h})
			if c.ok {
				require.Equal(t, 200, a.status)
				require.NoError(t, err)
				return
			}
			require.Equal(t, 403, a.status)
			require.Equal(t, `{"code":4,"message":"Origin not allowed"}`, a.body)
			require.Error(t, err)
			require.Equal(t, 403, resp.StatusCode)
		})
	}
}

// A page of another site has the visitor's cookies, and whatever else the browser adds. It gets no
// session with them, and not into one that there is: not by an upgrade, a poll or a post.
// Rows: A09 A10
// Advisories: gitpod-2023
func TestOtherSiteWithTheVisitorsCookie(t *testing.T) {
	f := start(t, engine.Config{Cookie: &http.Cookie{}})
	p, a := f.poll()
	from := []string{"Cookie", "io=" + p.sid, "Authorization", "Basic dmlzaXRvcg==", "Origin", "https://evil.org"}
	header := http.Header{}
	for i := 0; i < len(from); i += 2 {
		header.Set(from[i], from[i+1])
	}
	for _, query := range []string{"", "&sid=" + p.sid} {
		for _, method := range []string{"GET", "POST"} {
			require.Equal(t, 403, f.do(method, pollQuery+query, "4evil", from...).status)
		}
		_, resp, err := websocket.Dial(t.Context(), f.url+"?EIO=4&transport=websocket"+query, &websocket.DialOptions{HTTPHeader: header})
		require.Error(t, err)
		require.Equal(t, 403, resp.StatusCode)
	}
	require.Equal(t, 1, f.Count())
	require.Empty(t, a.got)
	require.Equal(t, "ok", p.post("4mine").body)
	require.Equal(t, "4mine", p.get().body)
}

// Rows: A07 A09
// Advisories: CVE-2020-28481
func TestCORS(t *testing.T) {
	const origin = "https://page.org"
	headers := func(a reply) map[string]string {
		got := map[string]string{}
		for name := range a.header {
			if len(name) > 14 && name[:14] == "Access-Control" {
				got[name[15:]] = a.header.Get(name)
			}
		}
		return got
	}
	for _, c := range []struct {
		name      string
		cors      engine.CORS
		simple    map[string]string
		preflight map[string]string
		status    int
	}{
		{"list", engine.CORS{Origins: []string{origin}},
			map[string]string{"Allow-Origin": origin},
			map[string]string{"Allow-Origin": origin, "Allow-Methods": "GET,HEAD,PUT,PATCH,POST,DELETE", "Allow-Headers": "x-asked"}, 204},
		{"any", engine.CORS{AnyOrigin: true},
			map[string]string{"Allow-Origin": "*"},
			map[string]string{"Allow-Origin": "*", "Allow-Methods": "GET,HEAD,PUT,PATCH,POST,DELETE", "Allow-Headers": "x-asked"}, 204},
		{"any with cookies", engine.CORS{AnyOrigin: true, Credentials: true},
			map[string]string{"Allow-Origin": origin, "Allow-Credentials": "true"},
			map[string]string{"Allow-Origin": origin, "Allow-Credentials": "true", "Allow-Methods": "GET,HEAD,PUT,PATCH,POST,DELETE", "Allow-Headers": "x-asked"}, 204},
		{"a star", engine.CORS{Origins: []string{"*"}},
			map[string]string{"Allow-Origin": "*"},
			map[string]string{"Allow-Origin": "*", "Allow-Methods": "GET,HEAD,PUT,PATCH,POST,DELETE", "Allow-Headers": "x-asked"}, 204},
		{"a star with cookies", engine.CORS{Origins: []string{"https://a.org", "*"}, AnyOrigin: true, Credentials: true},
			map[string]string{"Allow-Origin": "*"},
			map[string]string{"Allow-Origin": "*", "Allow-Methods": "GET,HEAD,PUT,PATCH,POST,DELETE", "Allow-Headers": "x-asked"}, 204},
		{"everything", engine.CORS{
			Origins: []string{origin}, Credentials: true, Methods: []string{"GET", "POST"}, AllowedHeaders: []string{"x-a", "x-b"},
			ExposedHeaders: []string{"x-c", "x-d"}, MaxAge: 2 * time.Minute, PreflightStatus: 200,
		},
			map[string]string{"Allow-Origin": origin, "Allow-Credentials": "true", "Expose-Headers": "x-c,x-d"},
			map[string]string{
				"Allow-Origin": origin, "Allow-Credentials": "true", "Expose-Headers": "x-c,x-d", "Allow-Methods": "GET,POST",
				"Allow-Headers": "x-a,x-b", "Max-Age": "120",
			}, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := start(t, engine.Config{CORS: &c.cors})
			a := f.do("GET", pollQuery, "", "Origin", origin)
			require.Equal(t, 200, a.status)
			require.Equal(t, c.simple, headers(a))
			p := &poller{f, f.opened().ID()}
			require.Equal(t, c.simple, headers(f.do("POST", p.query(), "4x", "Origin", origin)))
			require.Equal(t, c.simple, headers(f.do("GET", p.query(), "", "Origin", origin)))
			require.Equal(t, c.simple, headers(f.do("GET", pollQuery+"&sid=none", "", "Origin", origin)), "pages may read errors")
			a = f.do("OPTIONS", p.query(), "", "Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "x-asked")
			require.Equal(t, c.status, a.status)
			require.Empty(t, a.body)
			require.Equal(t, c.preflight, headers(a))
		})
	}
	t.Run("a refused page", func(t *testing.T) {
		f := start(t, engine.Config{CORS: &engine.CORS{Origins: []string{origin}}})
		a := f.do("OPTIONS", pollQuery, "", "Origin", "https://evil.org", "Access-Control-Request-Method", "GET")
		require.Equal(t, 204, a.status)
		require.Empty(t, a.header.Get("Access-Control-Allow-Origin"))
		require.Equal(t, "Origin", a.header.Get("Vary"))
	})
	t.Run("preflights that go on", func(t *testing.T) {
		f := start(t, engine.Config{CORS: &engine.CORS{AnyOrigin: true, PreflightContinue: true}})
		a := f.do("OPTIONS", pollQuery, "", "Origin", origin)
		require.Equal(t, 400, a.status)
		require.Equal(t, "*", a.header.Get("Access-Control-Allow-Origin"))
	})
	t.Run("middlewares", func(t *testing.T) {
		var refused []*engine.Refusal
		auth := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") == "" {
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				next.ServeHTTP(w, r)
			})
		}
		f := start(t, engine.Config{
			CORS:       &engine.CORS{Origins: []string{origin}},
			Middleware: []func(http.Handler) http.Handler{auth},
			OnRefuse:   func(r *engine.Refusal) { refused = append(refused, r) },
		})
		a := f.do("OPTIONS", pollQuery, "", "Origin", origin, "Access-Control-Request-Headers", "authorization")
		require.Equal(t, 204, a.status, "a browser asks without them")
		require.Equal(t, origin, a.header.Get("Access-Control-Allow-Origin"))
		require.Empty(t, refused)
		a = f.do("GET", pollQuery, "", "Origin", origin)
		require.Equal(t, 401, a.status)
		require.Equal(t, origin, a.header.Get("Access-Control-Allow-Origin"), "pages may read that, too")
		require.Equal(t, []string{"Origin"}, a.header.Values("Vary"))
		require.Len(t, refused, 1)
		require.Equal(t, 200, f.do("GET", pollQuery, "", "Origin", origin, "Authorization", "x").status)
	})
	t.Run("a middleware of the user's own", func(t *testing.T) {
		var refused []*engine.Refusal
		own := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodOptions {
					w.WriteHeader(http.StatusNoContent)
					return
				}
				next.ServeHTTP(w, r)
			})
		}
		f := start(t, engine.Config{
			Middleware: []func(http.Handler) http.Handler{own},
			OnRefuse:   func(r *engine.Refusal) { refused = append(refused, r) },
		})
		require.Equal(t, 204, f.do("OPTIONS", pollQuery, "", "Origin", origin).status)
		require.Empty(t, refused, "that was no refusal")
	})
	t.Run("off", func(t *testing.T) {
		f := start(t, engine.Config{})
		require.Empty(t, headers(f.do("GET", pollQuery, "")))
	})
}
