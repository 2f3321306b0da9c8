package engine_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"parley/server/engine"
	"parley/shared/engineio"
)

// Rows: E01 E03 E20
func TestHandshake(t *testing.T) {
	const tail = `"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`
	t.Run("polling", func(t *testing.T) {
		f := start(t, engine.Config{})
		a := f.do("GET", pollQuery, "")
		s := f.opened()
		require.Equal(t, `0{"sid":"`+s.ID()+`","upgrades":["websocket"],`+tail, a.body)
		require.Equal(t, "text/plain; charset=UTF-8", a.header.Get("Content-Type"))
		require.Equal(t, "no-store", a.header.Get("Cache-Control"))
		require.Empty(t, a.header.Get("Set-Cookie"))
		require.Empty(t, a.header.Get("Access-Control-Allow-Origin"))
	})
	t.Run("websocket", func(t *testing.T) {
		f := start(t, engine.Config{})
		c := f.dial("")
		require.Equal(t, `0{"sid":"`+f.opened().ID()+`","upgrades":[],`+tail, c.text())
	})
	t.Run("configured", func(t *testing.T) {
		f := start(t, engine.Config{
			Transports: []string{"polling"}, PingInterval: time.Second, PingTimeout: 2 * time.Second, MaxPayload: 5,
			InitialPacket: engine.NewMessage(false, []byte("welcome")),
		})
		a := f.do("GET", pollQuery, "")
		require.Equal(t, `0{"sid":"`+f.opened().ID()+`","upgrades":[],"pingInterval":1000,"pingTimeout":2000,"maxPayload":5}`+
			"\x1e4welcome", a.body)
	})
	t.Run("no upgrades", func(t *testing.T) {
		f := start(t, engine.Config{NoUpgrades: true, InitialPacket: engine.NewMessage(true, []byte{1})})
		require.Contains(t, f.do("GET", pollQuery, "").body, `"upgrades":[],`)
		c := f.dial("")
		require.Equal(t, "0", c.text()[:1])
		require.Equal(t, []byte{1}, c.binary())
	})
	t.Run("what Open sends follows", func(t *testing.T) {
		var f *fixture
		f = start(t, engine.Config{Open: func(s *engine.Session) engine.Receiver {
			require.NoError(t, s.Send(engine.SendOptions{}, engine.NewMessage(false, []byte("early"))))
			a := &app{Session: s, closed: make(chan ending, 1)}
			f.open <- a
			return a
		}})
		p, _ := f.poll()
		require.Equal(t, "4early", p.get().body)
		c, _ := f.connect()
		require.Equal(t, "4early", c.text())
	})
}

// Rows: A12 E02 E23
// Advisories: CVE-2023-31125
func TestRefusedRequests(t *testing.T) {
	var refused []*engine.Refusal
	f := start(t, engine.Config{OnRefuse: func(r *engine.Refusal) { refused = append(refused, r) }})
	p, _ := f.poll()
	c, ws := f.connect()
	defer c.end()
	defer ws.Close(engineio.ReasonForcedClose)
	for _, c := range []struct {
		method, query string
		code          engineio.ErrorCode
		message       string
		context       string
	}{
		{"GET", "", 0, "Transport unknown", ""},
		{"GET", "?EIO=4", 0, "Transport unknown", ""},
		{"GET", "?EIO=4&transport=foo", 0, "Transport unknown", ""},
		{"GET", "?EIO=4&transport=__proto__", 0, "Transport unknown", ""},
		{"GET", "?EIO=4&transport=constructor", 0, "Transport unknown", ""},
		{"GET", "?EIO=4&transport=webtransport", 0, "Transport unknown", ""},
		{"GET", "?EIO=4&transport=polling&transport=websocket", 3, "Bad request", "TRANSPORT_HANDSHAKE_ERROR"},
		{"GET", "?EIO=4&transport=polling&sid=none", 1, "Session ID unknown", ""},
		{"GET", "?EIO=4&transport=polling&sid=__proto__", 1, "Session ID unknown", ""},
		{"GET", "?EIO=4&transport=polling&sid=constructor", 1, "Session ID unknown", ""},
		{"POST", pollQuery, 2, "Bad handshake method", ""},
		{"PUT", pollQuery, 2, "Bad handshake method", ""},
		{"DELETE", pollQuery, 2, "Bad handshake method", ""},
		{"OPTIONS", pollQuery, 2, "Bad handshake method", ""},
		{"GET", "?EIO=4&transport=websocket", 3, "Bad request", "TRANSPORT_HANDSHAKE_ERROR"},
		{"GET", "?EIO=4&transport=websocket&sid=" + p.sid, 3, "Bad request", "TRANSPORT_MISMATCH"},
		{"GET", pollQuery + "&sid=" + ws.ID(), 3, "Bad request", "TRANSPORT_MISMATCH"},
		{"POST", pollQuery + "&sid=" + ws.ID(), 3, "Bad request", "TRANSPORT_MISMATCH"},
		{"GET", "?EIO=3&transport=polling&sid=" + p.sid, 3, "Bad request", "PROTOCOL_MISMATCH"},
		{"GET", "?EIO=3&transport=polling", 5, "Unsupported protocol version", ""},
		{"GET", "?transport=polling", 5, "Unsupported protocol version", ""},
		{"GET", pollQuery + "&j=0", 5, "Unsupported protocol version", ""},
		{"GET", pollQuery + "&j", 5, "Unsupported protocol version", ""},
		{"GET", pollQuery + "&j=0&sid=" + p.sid, 5, "Unsupported protocol version", ""},
		{"GET", "?EIO=abc&transport=polling", 5, "Unsupported protocol version", ""},
	} {
		refused = nil
		a := f.do(c.method, c.query, "")
		require.Equal(t, 400, a.status, "%s %s", c.method, c.query)
		require.Equal(t, fmt.Sprintf(`{"code":%d,"message":%q}`, c.code, c.message), a.body, c.query)
		require.Equal(t, "application/json", a.header.Get("Content-Type"))
		require.Len(t, refused, 1)
		require.Equal(t, c.code, refused[0].Code)
		require.Equal(t, c.message, refused[0].Message)
		require.Equal(t, c.context, refused[0].Context, c.query)
		require.NotNil(t, refused[0].Request)
	}
	refused = nil
	require.Equal(t, 405, f.do("DELETE", p.query(), "").status)
	require.Len(t, refused, 1)
	require.Equal(t, "method not allowed", refused[0].Message)
	require.Equal(t, 2, f.Count(), "nobody was hurt")
	require.Equal(t, "0", f.dial("&j=0").text()[:1], "that is a parameter like any other there")
}

// raw sends a request as it stands and returns the status code of the response.
func (f *fixture) raw(request string) int {
	f.t.Helper()
	nc, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(f.url, "http://"), "/socket.io/"))
	require.NoError(f.t, err)
	defer nc.Close()
	_, err = nc.Write([]byte(request))
	require.NoError(f.t, err)
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	require.NoError(f.t, err)
	resp.Body.Close()
	return resp.StatusCode
}

// Rows: E02 E23 A12
func TestRefusedWebSockets(t *testing.T) {
	f := start(t, engine.Config{})
	p, _ := f.poll()
	status := func(query string) int {
		_, resp, err := websocket.Dial(t.Context(), f.url+query, nil)
		require.Error(t, err)
		return resp.StatusCode
	}
	require.Equal(t, 400, status("?EIO=3&transport=websocket"), "before the 101, not after it")
	require.Equal(t, 400, status("?EIO=4&transport=websocket&sid=none"))
	require.Equal(t, 400, status("?EIO=4&transport=polling"))
	require.Equal(t, 400, status("?EIO=4&transport=polling&sid="+p.sid))
	require.Equal(t, 400, status("?EIO=4&transport=constructor"))

	const head = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
	const key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
	const version = "Sec-WebSocket-Version: 13\r\n"
	require.Equal(t, 101, f.raw(head+"Upgrade: websocket\r\n"+key+version+"\r\n"))
	require.Equal(t, 400, f.raw(head+"Upgrade: h2c\r\n"+key+version+"\r\n"))
	require.Equal(t, 400, f.raw(head+"Upgrade: websocket\r\n"+key+"Sec-WebSocket-Version: 99\r\n\r\n"))
	require.Equal(t, 400, f.raw(head+"Upgrade: websocket\r\nSec-WebSocket-Key: short\r\n"+version+"\r\n"))
	require.Equal(t, 400, f.raw(head+"Upgrade: websocket\r\n"+version+"\r\n"))
	require.Equal(t, 400, f.raw("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nOrigin: a\x01b\r\n\r\n"))
}

// What net/http would not let through, and the contexts of what it does.
// Rows: A12 E23
func TestRefusedOrigins(t *testing.T) {
	var refused *engine.Refusal
	f := start(t, engine.Config{OnRefuse: func(r *engine.Refusal) { refused = r }})
	for _, c := range []struct {
		origin string
		code   engineio.ErrorCode
		status int
	}{
		{"a\x01b", engineio.BadRequest, 400},
		{"http://x\x7f", engineio.BadRequest, 400},
		{"http://x\x00", engineio.BadRequest, 400},
		{"http://a\tb", engineio.Forbidden, 403},
		{"https://evil.org", engineio.Forbidden, 403},
	} {
		refused = nil
		r, err := http.NewRequestWithContext(t.Context(), "GET", "/socket.io/"+pollQuery, nil)
		require.NoError(t, err)
		r.Header["Origin"] = []string{c.origin}
		w := newRecorder()
		f.ServeHTTP(w, r)
		require.Equal(t, c.status, w.status, "%q", c.origin)
		require.NotNil(t, refused)
		require.Equal(t, c.code, refused.Code, "%q", c.origin)
		require.Equal(t, "INVALID_ORIGIN", refused.Context, "%q", c.origin)
	}
	require.Zero(t, f.Count())
}

// A transport that is switched off is unknown, to handshakes and to upgrades.
// Rows: E20 A12
func TestTransportsThatAreOff(t *testing.T) {
	const unknown = `{"code":0,"message":"Transport unknown"}`
	upgrade := []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="}
	f := start(t, engine.Config{Transports: []string{"websocket"}})
	a := f.do("GET", pollQuery, "")
	require.Equal(t, 400, a.status)
	require.Equal(t, unknown, a.body)
	require.Equal(t, "0", f.dial("").text()[:1])

	f = start(t, engine.Config{Transports: []string{"polling"}})
	p, _ := f.poll()
	for _, query := range []string{"", "&sid=" + p.sid} {
		a = f.do("GET", "?EIO=4&transport=websocket"+query, "", upgrade...)
		require.Equal(t, 400, a.status, query)
		require.Equal(t, unknown, a.body)
	}
}

// Rows: A08
func TestAllowRequest(t *testing.T) {
	f := start(t, engine.Config{AllowRequest: func(r *http.Request) error {
		if r.URL.Query().Get("pass") == "" {
			return errors.New("no pass")
		}
		require.Empty(t, r.URL.Query().Get("sid"), "once for each session")
		return nil
	}})
	a := f.do("GET", pollQuery, "")
	require.Equal(t, 403, a.status)
	require.Equal(t, `{"code":4,"message":"no pass"}`, a.body)
	_, resp, err := websocket.Dial(t.Context(), f.url+"?EIO=4&transport=websocket", nil)
	require.Error(t, err)
	require.Equal(t, 403, resp.StatusCode)

	a = f.do("GET", pollQuery+"&pass=1", "")
	require.Equal(t, 200, a.status)
	p := &poller{f, f.opened().ID()}
	require.Equal(t, 200, p.post("4x").status)
	require.Equal(t, "4x", p.get().body)
	require.Equal(t, "0", f.dial("&pass=1").text()[:1])
}

// Rows: A12 A13
// Advisories: CVE-2017-16031
func TestSessionIDs(t *testing.T) {
	f := start(t, engine.Config{})
	seen := map[string]bool{}
	for range 50 {
		_, a := f.poll()
		require.Regexp(t, `^[A-Za-z0-9_-]{20}$`, a.ID())
		require.False(t, seen[a.ID()])
		seen[a.ID()] = true
	}

	n := 0
	var refused *engine.Refusal
	noMore := errors.New("no more ids")
	f = start(t, engine.Config{OnRefuse: func(r *engine.Refusal) { refused = r }, GenerateID: func(r *http.Request) (string, error) {
		if n++; r.URL.Query().Has("fail") {
			return "", noMore
		}
		return fmt.Sprint("own", n), nil
	}})
	p, _ := f.poll()
	require.Equal(t, "own1", p.sid)
	_, a := f.connect()
	require.Equal(t, "own2", a.ID())
	require.Equal(t, `{"code":3,"message":"Bad request"}`, f.do("GET", pollQuery+"&fail", "").body)
	require.Equal(t, "ID_GENERATION_ERROR", refused.Context)
	require.ErrorIs(t, refused.Err, noMore)
	n = 0
	require.Equal(t, 400, f.do("GET", pollQuery, "").status, "an id that is taken")
}

// Rows: A10
func TestCookie(t *testing.T) {
	f := start(t, engine.Config{Cookie: &http.Cookie{}})
	a := f.do("GET", pollQuery, "")
	s := f.opened()
	require.Equal(t, "io="+s.ID()+"; Path=/; HttpOnly; SameSite=Lax", a.header.Get("Set-Cookie"))
	p := &poller{f, s.ID()}
	require.Empty(t, p.post("4x").header.Get("Set-Cookie"), "only the first response")

	_, resp, err := websocket.Dial(t.Context(), f.url+"?EIO=4&transport=websocket", nil)
	require.NoError(t, err)
	require.Contains(t, resp.Header.Get("Set-Cookie"), "io="+f.opened().ID())

	for _, c := range []struct {
		cookie http.Cookie
		want   string
	}{
		{http.Cookie{Name: "s", Path: "/x", Secure: true, MaxAge: 10}, "; Path=/x; Max-Age=10; HttpOnly; Secure; SameSite=Lax"},
		{http.Cookie{Name: "s", SameSite: http.SameSiteDefaultMode}, "; Path=/; HttpOnly; SameSite=Lax"},
		{http.Cookie{Name: "s", SameSite: http.SameSiteStrictMode}, "; Path=/; HttpOnly; SameSite=Strict"},
		{http.Cookie{Name: "s", Secure: true, SameSite: http.SameSiteNoneMode}, "; Path=/; HttpOnly; Secure; SameSite=None"},
	} {
		f = start(t, engine.Config{Cookie: &c.cookie})
		a = f.do("GET", pollQuery, "")
		require.Equal(t, "s="+f.opened().ID()+c.want, a.header.Get("Set-Cookie"))
	}
}

// Rows: A11
func TestHeadersHook(t *testing.T) {
	f := start(t, engine.Config{Headers: func(h http.Header, r *http.Request, first bool) {
		h.Set("X-First", fmt.Sprint(first))
		h.Set("Cache-Control", "private")
	}})
	a := f.do("GET", pollQuery, "")
	require.Equal(t, "true", a.header.Get("X-First"))
	require.Equal(t, "private", a.header.Get("Cache-Control"))
	p := &poller{f, f.opened().ID()}
	require.Equal(t, "false", p.post("4x").header.Get("X-First"))
	require.Equal(t, "false", p.get().header.Get("X-First"))
	for query, first := range map[string]string{"": "true", "&sid=" + p.sid: "false"} {
		_, resp, err := websocket.Dial(t.Context(), f.url+"?EIO=4&transport=websocket"+query, nil)
		require.NoError(t, err)
		require.Equal(t, 101, resp.StatusCode)
		require.Equal(t, first, resp.Header.Get("X-First"))
	}
}

// Rows: E19
func TestHandshakeInfo(t *testing.T) {
	f := start(t, engine.Config{})
	for _, transport := range []string{"polling", "websocket"} {
		query := "?EIO=4&transport=" + transport + "&a=1&a=2&b=%20x"
		if transport == "polling" {
			f.do("GET", query, "", "X-Test", "yes: both", "Cookie", "c=1")
		} else {
			_, _, err := websocket.Dial(t.Context(), f.url+query, &websocket.DialOptions{
				HTTPHeader: http.Header{"X-Test": {"yes: both"}, "Cookie": {"c=1"}},
			})
			require.NoError(t, err)
		}
		a := f.opened()
		h := a.Handshake()
		require.Equal(t, transport, a.Transport())
		require.Equal(t, "yes: both", h.Header.Get("X-Test"))
		require.Equal(t, "c=1", h.Header.Get("Cookie"))
		require.Equal(t, []string{"1", "2"}, h.Query["a"])
		require.Equal(t, " x", h.Query.Get("b"))
		require.Equal(t, "/socket.io/"+query, h.URL.RequestURI())
		require.Equal(t, f.host(), h.Host)
		require.NotContains(t, h.Header, "Host")
		require.Equal(t, "127.0.0.1", h.RemoteAddr)
		require.False(t, h.Secure)
		require.WithinDuration(t, time.Now(), h.Time, 10*time.Second)
	}
	f = start(t, engine.Config{RemoteAddr: func(r *http.Request) string { return r.Header.Get("X-Forwarded-For") }})
	f.do("GET", pollQuery, "", "X-Forwarded-For", "9.9.9.9")
	require.Equal(t, "9.9.9.9", f.opened().Handshake().RemoteAddr)
}

// Rows: A03 A04 A14
func TestMounting(t *testing.T) {
	echo := func(s *engine.Session) engine.Receiver {
		return &app{Session: s, got: make(chan message, 1), closed: make(chan ending, 1)}
	}
	status := func(h http.Handler, path string) int {
		w := newRecorder()
		r, err := http.NewRequestWithContext(context.Background(), "GET", path+"?EIO=4&transport=polling", nil)
		require.NoError(t, err)
		h.ServeHTTP(w, r)
		return w.status
	}
	srv := engine.New(engine.Config{Open: echo})
	defer srv.Close()
	require.Equal(t, 200, status(srv, "/socket.io/"))
	require.Equal(t, 200, status(srv, "/socket.io/a/b"))
	require.Equal(t, 404, status(srv, "/socket.io"), "belongs to the application")
	require.Equal(t, 404, status(srv, "/other/"))
	require.Equal(t, 2, srv.Count())

	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })
	require.Equal(t, 200, status(srv.Before(app), "/socket.io/"))
	require.Equal(t, 418, status(srv.Before(app), "/socket.io"))
	require.Equal(t, 418, status(srv.Before(app), "/"))

	bare := engine.New(engine.Config{Open: echo, Path: "rt"})
	defer bare.Close()
	require.Equal(t, 200, status(bare, "/rt"))
	require.Equal(t, 200, status(bare, "/rt/"))
	require.Equal(t, 404, status(bare, "/socket.io/"))

	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.Handle("/rt/", bare)
	require.Equal(t, 200, status(mux, "/rt/"))
	require.Equal(t, 200, status(mux, "/socket.io/"))
	require.Panics(t, func() { engine.New(engine.Config{}) })

	// An upgrade to somewhere else gets an answer, too.
	f := start(t, engine.Config{})
	require.Equal(t, 404, f.raw("GET /elsewhere HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"))
}

// recorder is a response writer without deadlines or hijacking.
type recorder struct {
	status int
	header http.Header
}

func newRecorder() *recorder                    { return &recorder{200, http.Header{}} }
func (w *recorder) Header() http.Header         { return w.header }
func (w *recorder) Write(b []byte) (int, error) { return len(b), nil }
func (w *recorder) WriteHeader(status int)      { w.status = status }

// Rows: A07
func TestMiddleware(t *testing.T) {
	var order []string
	trace := func(name string) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				order = append(order, name)
				w.Header().Set("X-"+name, "seen")
				next.ServeHTTP(w, r)
			})
		}
	}
	var refused []*engine.Refusal
	f := start(t, engine.Config{
		OnRefuse: func(r *engine.Refusal) { refused = append(refused, r) },
		Middleware: []func(http.Handler) http.Handler{
			trace("A"),
			func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Query().Has("stop") {
						engine.Refuse(w, engineio.BadRequest, "")
						return
					}
					next.ServeHTTP(w, r)
				})
			},
			trace("B"),
		},
	})
	p, _ := f.poll()
	require.Equal(t, []string{"A", "B"}, order)
	require.Equal(t, "seen", p.post("4x").header.Get("X-A"))
	require.Equal(t, []string{"A", "B", "A", "B"}, order)

	a := f.do("GET", pollQuery+"&stop", "")
	require.Equal(t, 400, a.status)
	require.Equal(t, `{"code":3,"message":"Bad request"}`, a.body)
	require.Len(t, refused, 1)
	require.Equal(t, "MIDDLEWARE_FAILURE", refused[0].Context)

	_, resp, err := websocket.Dial(t.Context(), f.url+"?EIO=4&transport=websocket", nil)
	require.NoError(t, err)
	require.Equal(t, "seen", resp.Header.Get("X-B"), "upgrades pass through, with their headers")
	_, resp, err = websocket.Dial(t.Context(), f.url+"?EIO=4&transport=websocket&stop", nil)
	require.Error(t, err)
	require.Equal(t, 400, resp.StatusCode)
}

// A middleware may put another context in the place of the request's.
// Rows: A07
func TestMiddlewareThatReplacesTheContext(t *testing.T) {
	wrap := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(context.Background()))
		})
	}
	f := start(t, engine.Config{Middleware: []func(http.Handler) http.Handler{wrap}})
	require.Equal(t, 200, f.do("GET", pollQuery, "").status)
}

// late is a response writer that adds a cookie when the status is known, as
// packages for sessions do.
type late struct{ http.ResponseWriter }

func (l late) WriteHeader(status int) {
	l.Header().Add("Set-Cookie", fmt.Sprint("late=", status))
	l.ResponseWriter.WriteHeader(status)
}

func (l late) Unwrap() http.ResponseWriter { return l.ResponseWriter }

// Rows: A07
func TestMiddlewareSeesTheStatus(t *testing.T) {
	wrap := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(late{w}, r) })
	}
	f := start(t, engine.Config{Middleware: []func(http.Handler) http.Handler{wrap}})
	c, resp, err := websocket.Dial(t.Context(), f.url+"?EIO=4&transport=websocket", nil)
	require.NoError(t, err)
	require.Equal(t, []string{"late=101"}, resp.Header.Values("Set-Cookie"))
	_, open, err := c.Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, byte('0'), open[0])
}

// Rows: A17
func TestLogsPanicsOfTheReceiver(t *testing.T) {
	for _, transport := range []string{"polling", "websocket"} {
		t.Run(transport, func(t *testing.T) {
			log := &logHandler{}
			ends := make(chan ending, 1)
			f := start(t, engine.Config{Logger: log.logger(), Open: func(s *engine.Session) engine.Receiver {
				return panics{ends}
			}})
			if transport == "polling" {
				a := f.do("GET", pollQuery, "")
				p := &poller{f, strings.Split(a.body, `"`)[3]}
				p.post("4boom")
			} else {
				c := f.dial("")
				c.text()
				c.send("4boom")
				c.end()
			}
			e := await(t, ends)
			require.Contains(t, []engine.Reason{engineio.ReasonForcedClose, engineio.ReasonForcedServerClose}, e.reason)
			require.ErrorIs(t, e.err, errBoom)
			require.Contains(t, log.text(), "receiver panicked")
			require.Contains(t, log.text(), "session opened")
		})
	}
	t.Run("in Open", func(t *testing.T) {
		f := start(t, engine.Config{Open: func(*engine.Session) engine.Receiver { panic(errBoom) }})
		c := f.dial("")
		require.Equal(t, "0", c.text()[:1])
		c.end()
		require.Zero(t, f.Count())
	})
}

var errBoom = errors.New("boom")

type panics struct{ ends chan ending }

func (p panics) Receive(bool, []byte) engine.Task { panic(errBoom) }
func (p panics) Closed(reason engine.Reason, err error) {
	p.ends <- ending{reason, err}
	panic(errBoom)
}

// Rows: A11 A15
func TestRefusesWhileShuttingDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refused []string
		f := startPipe(t, engine.Config{OnRefuse: func(r *engine.Refusal) { refused = append(refused, r.Message) }})
		require.NoError(t, f.Shutdown(t.Context()))
		require.Equal(t, 503, f.do("GET", pollQuery, "").status)
		require.Equal(t, []string{"server is shutting down"}, refused)
		require.NoError(t, f.Shutdown(t.Context()), "again is harmless")
		require.NoError(t, f.Close())
	})
}
