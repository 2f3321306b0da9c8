package httpd

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// running is a Server under test with the address it got.
type running struct {
	url  string
	stop context.CancelFunc
	done chan error
}

func run(t *testing.T, s *Server) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	addr := make(chan net.Addr, 1)
	s.Ready = func(a net.Addr) { addr <- a }
	s.Log = slog.New(slog.DiscardHandler)
	r := &running{stop: cancel, done: make(chan error, 1)}
	go func() { r.done <- s.Run(ctx, "127.0.0.1:0") }()
	select {
	case a := <-addr:
		r.url = "http://" + a.String()
	case err := <-r.done:
		require.NoError(t, err)
	}
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return r
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	return res.StatusCode, body(t, res)
}

// Rows: X01
func TestRunTellsItsAddressAndStops(t *testing.T) {
	s := run(t, &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "hello")
	})})
	status, text := get(t, s.url)
	require.Equal(t, 200, status)
	require.Equal(t, "hello", text)

	s.stop()
	require.NoError(t, <-s.done)
	_, err := net.DialTimeout("tcp", strings.TrimPrefix(s.url, "http://"), time.Second)
	require.Error(t, err, "the port is free again")
}

// Rows: X01
func TestRunReportsAPortInUse(t *testing.T) {
	first := run(t, &Server{Handler: http.NotFoundHandler()})
	defer func() { first.stop(); require.NoError(t, <-first.done) }()
	second := &Server{Handler: http.NotFoundHandler()}
	err := second.Run(t.Context(), strings.TrimPrefix(first.url, "http://"))
	var opErr *net.OpError
	require.ErrorAs(t, err, &opErr)
	require.ErrorContains(t, err, "listen")
}

// Rows: X02
func TestSocketAndSiteShareThePort(t *testing.T) {
	says := func(text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, text+" "+r.URL.Path)
		})
	}
	s := run(t, &Server{Handler: New(Config{Socket: says("socket"), Site: says("site"), Health: &Health{}})})
	defer func() { s.stop(); require.NoError(t, <-s.done) }()
	for path, want := range map[string]string{
		"/socket.io/?EIO=4":  "socket /socket.io/",
		"/socket.io":         "socket /socket.io",
		"/socket.io/x/y":     "socket /socket.io/x/y",
		"/socket.iox":        "site /socket.iox",
		"/":                  "site /",
		"/room/lobby":        "site /room/lobby",
		"/livez":             "ok\n",
		"/readyz":            "ok\n",
		"/livez/more":        "site /livez/more",
		"/room/socket.io/aa": "site /room/socket.io/aa",
	} {
		_, text := get(t, s.url+path)
		require.Equal(t, want, text, path)
	}
}

// Rows: X19
func TestStopDrainsBeforeItCloses(t *testing.T) {
	var health Health
	inside, release := make(chan struct{}), make(chan struct{})
	var atDrain int
	mux := http.NewServeMux()
	mux.HandleFunc("/slow", func(w http.ResponseWriter, _ *http.Request) {
		close(inside)
		<-release
		_, _ = io.WriteString(w, "finished")
	})
	var s *running
	srv := &Server{
		Handler: New(Config{Site: mux, Health: &health}),
		Health:  &health,
		Drain: func(context.Context) error {
			// Requests are still answered, and the load balancer is told.
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/readyz", nil)
			if !assert.NoError(t, err) {
				return err
			}
			res, err := http.DefaultClient.Do(req)
			if !assert.NoError(t, err) {
				return err
			}
			atDrain = res.StatusCode
			close(release)
			return res.Body.Close()
		},
	}
	s = run(t, srv)
	answer := make(chan string, 1)
	go func() {
		res, err := http.Get(s.url + "/slow") //nolint:noctx // outlives nothing: awaited below
		if !assert.NoError(t, err) {
			answer <- err.Error()
			return
		}
		text, err := io.ReadAll(res.Body)
		assert.NoError(t, err)
		assert.NoError(t, res.Body.Close())
		answer <- string(text)
	}()
	<-inside
	s.stop()
	require.NoError(t, <-s.done)
	require.Equal(t, "finished", <-answer)
	require.Equal(t, http.StatusServiceUnavailable, atDrain)
}

// Rows: X19
func TestStopCutsWhatOutlivesTheGrace(t *testing.T) {
	inside := make(chan struct{})
	s := run(t, &Server{
		Grace: 20 * time.Millisecond,
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(inside)
			<-r.Context().Done()
		}),
		Drain: func(ctx context.Context) error { return nil },
	})
	answer := make(chan error, 1)
	go func() {
		res, err := http.Get(s.url) //nolint:noctx // cut by the server, awaited below
		if err == nil {
			_ = res.Body.Close()
		}
		answer <- err
	}()
	<-inside
	s.stop()
	require.ErrorIs(t, <-s.done, context.DeadlineExceeded)
	require.Error(t, <-answer)
}

func TestHealthChecksAreNotRunAtWill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var health Health
		runs := 0
		health.Check("store", func(context.Context) error { runs++; return errors.New("down") })
		h := New(Config{Health: &health})
		for range 100 {
			require.Equal(t, 503, do(t, h, "GET", "/readyz").StatusCode)
		}
		require.Equal(t, 1, runs)
		time.Sleep(time.Second)
		do(t, h, "GET", "/readyz")
		require.Equal(t, 2, runs)
	})
}

func TestHealth(t *testing.T) {
	health := Health{Keep: -1}
	h := New(Config{Health: &health})
	require.Equal(t, 200, do(t, h, "GET", "/readyz").StatusCode)

	var broken error
	health.Check("store", func(context.Context) error { return broken })
	res := do(t, h, "GET", "/readyz")
	require.Equal(t, 200, res.StatusCode)
	require.Equal(t, "store: ok\n", body(t, res))
	require.Equal(t, "no-store", res.Header.Get("Cache-Control"))

	broken = errors.New("open /var/lib/secret: permission denied")
	res = do(t, h, "GET", "/readyz")
	require.Equal(t, 503, res.StatusCode)
	require.Equal(t, "store: failed\n", body(t, res), "the cause is not for strangers")

	broken = context.DeadlineExceeded
	require.Equal(t, "store: timed out\n", body(t, do(t, h, "GET", "/readyz")))

	broken = nil
	health.Drain()
	require.True(t, health.Draining())
	res = do(t, h, "GET", "/readyz")
	require.Equal(t, 503, res.StatusCode)
	require.Equal(t, "drain: in progress\nstore: ok\n", body(t, res))
	require.Equal(t, 200, do(t, h, "GET", "/livez").StatusCode, "draining is alive")
	require.Empty(t, body(t, do(t, h, "HEAD", "/livez")))
}

// Rows: X16 X20
func TestSecurityHeaders(t *testing.T) {
	h := New(Config{Socket: http.NotFoundHandler()})
	res := do(t, h, "GET", "/")
	csp := res.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "connect-src 'self'",
		"style-src 'self'", "worker-src 'self'", "manifest-src 'self'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"} {
		require.Contains(t, csp, part)
	}
	require.NotContains(t, csp, "unsafe-inline")
	require.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
	require.Equal(t, "no-referrer", res.Header.Get("Referrer-Policy"))
	require.Equal(t, "same-origin", res.Header.Get("Cross-Origin-Opener-Policy"))
	require.Equal(t, "same-origin", res.Header.Get("Cross-Origin-Resource-Policy"))
	require.Contains(t, res.Header.Get("Permissions-Policy"), "camera=()")
	require.Empty(t, res.Header.Get("Strict-Transport-Security"), "only over TLS")
	require.Empty(t, res.Header.Get("X-Powered-By"))
	require.Empty(t, res.Header.Get("Server"))

	tls := httptest.NewRequest(http.MethodGet, "https://chat.example/", nil)
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, tls)
	require.NotEmpty(t, rec.Header().Get("Strict-Transport-Security"))

	require.Empty(t, do(t, h, "GET", "/socket.io/").Header.Get("Content-Security-Policy"))
}

// A panic never reaches the client as text, and never as half an answer that
// looks whole.
func TestPanicBecomes500(t *testing.T) {
	var logged strings.Builder
	mux := http.NewServeMux()
	mux.HandleFunc("/early", func(http.ResponseWriter, *http.Request) { panic("early") })
	mux.HandleFunc("/late", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		panic("late")
	})
	mux.HandleFunc("/abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	h := New(Config{Site: mux, Log: slog.New(slog.NewTextHandler(&logged, nil))})

	res := do(t, h, "GET", "/early")
	require.Equal(t, 500, res.StatusCode)
	require.Equal(t, "500 internal server error\n", body(t, res), "no stack, no message")
	require.Contains(t, logged.String(), "panic=early")

	require.PanicsWithValue(t, http.ErrAbortHandler, func() { do(t, h, "GET", "/late") })
	require.Contains(t, logged.String(), "panic=late")
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { do(t, h, "GET", "/abort") })
}
