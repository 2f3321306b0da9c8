package server_test

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/engine"
	"parley/shared/engineio"
	"parley/shared/event"
)

func fetch(t *testing.T, client *http.Client, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	res, err := client.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(text)
}

// Rows: A01 A02 A03 A04 A14
func TestMounting(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" { // another WebSocket server of the application
			ws, err := websocket.Accept(w, r, nil)
			if err == nil {
				ws.Close(4000, "the app")
			}
			return
		}
		io.WriteString(w, "the app")
	})
	web := httptest.NewServer(mux)
	defer web.Close()
	defer web.CloseClientConnections()
	f := &fixture{Server: server.New(quiet(server.Config{})), t: t, url: web.URL, http: web.Client()}
	defer f.Close()
	_, text := fetch(t, f.http, "GET", web.URL+"/socket.io/?EIO=4&transport=polling", "")
	require.Equal(t, "the app", text)
	mux.Handle("/socket.io/", f.Server) // late
	_, text = fetch(t, f.http, "GET", web.URL+"/socket.io/?EIO=4&transport=polling", "")
	require.True(t, strings.HasPrefix(text, `0{"sid":"`))
	_, text = fetch(t, f.http, "GET", web.URL+"/socket.io/a/b?EIO=4&transport=polling", "")
	require.True(t, strings.HasPrefix(text, `0{"sid":"`))
	_, text = fetch(t, f.http, "GET", web.URL+"/elsewhere", "")
	require.Equal(t, "the app", text)
	_, s := f.join("/")
	require.True(t, s.Connected())
	require.Equal(t, 3, f.Connections())
	require.Equal(t, 3, f.Engine().Count())
	ws, _, err := websocket.Dial(t.Context(), web.URL+"/elsewhere", nil)
	require.NoError(t, err)
	_, _, err = ws.Read(t.Context())
	require.Equal(t, websocket.StatusCode(4000), websocket.CloseStatus(err))

	// A listener of its own, and requests routed by hand.
	own := server.New(quiet(server.Config{Engine: engine.Config{Path: "/chat"}}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	hs := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/chat") {
			own.Engine().ServeHTTP(w, r)
			return
		}
		http.NotFound(w, r)
	})}
	served := make(chan struct{})
	go func() { defer close(served); _ = hs.Serve(l) }()
	defer func() { require.NoError(t, own.Close()); require.NoError(t, hs.Close()); <-served }()
	for path, want := range map[string]int{"/chat": 200, "/chat/": 200, "/other": 404} {
		status, _ := fetch(t, f.http, "GET", "http://"+l.Addr().String()+path+"?EIO=4&transport=polling", "")
		require.Equal(t, want, status, path)
	}
	f.http.CloseIdleConnections()
}

// Rows: A07
func TestEngineMiddleware(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	f := start(t, server.Config{Engine: engine.Config{Middleware: []func(http.Handler) http.Handler{
		func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				seen = append(seen, r.URL.Query().Get("transport"))
				mu.Unlock()
				if r.URL.Query().Has("stop") {
					http.Error(w, "stopped", http.StatusTeapot)
					return
				}
				next.ServeHTTP(w, r)
			})
		},
	}}})
	_, s := f.join("/")
	require.True(t, s.Connected())
	status, text := fetch(t, f.http, "GET", f.url+"/socket.io/?EIO=4&transport=polling&stop", "")
	require.Equal(t, http.StatusTeapot, status)
	require.Equal(t, "stopped\n", text)
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, []string{"websocket", "polling"}, seen)
}

// Rows: N03 N05 reason/forced-server-close
func TestViolationOverPolling(t *testing.T) {
	f := start(t, server.Config{})
	reasons := ended(f)
	url := f.url + "/socket.io/?EIO=4&transport=polling"
	_, text := fetch(t, f.http, "GET", url, "")
	url += "&sid=" + strings.Split(text, `"`)[3]
	_, text = fetch(t, f.http, "POST", url, "40")
	require.Equal(t, "ok", text)
	_, text = fetch(t, f.http, "GET", url, "")
	require.True(t, strings.HasPrefix(text, `40{"sid":"`))
	_, text = fetch(t, f.http, "POST", url, "42{}") // no poll is open: the close waits for one
	require.Equal(t, "ok", text)
	_, _ = fetch(t, f.http, "GET", url, "")
	require.Equal(t, engineio.ReasonForcedServerClose, await(t, reasons))
}

// Rows: A17
func TestLogs(t *testing.T) {
	var out bytes.Buffer
	var mu sync.Mutex
	log := slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return out.Write(b)
	}), &slog.HandlerOptions{Level: slog.LevelDebug}))
	srv := server.New(server.Config{Logger: log})
	web := httptest.NewServer(srv)
	defer web.Close()
	f := &fixture{Server: srv, t: t, url: web.URL, http: web.Client()}
	p, s := f.join("/")
	id, secret := s.ID(), s.Conn().ID()
	s.On("x", func(event.Args) { panic("in handler") })
	p.send(`2["x","payload"]`)
	p.send(`1`)
	<-s.Context().Done()
	require.NoError(t, srv.Close())
	mu.Lock()
	defer mu.Unlock()
	text := out.String()
	require.Contains(t, text, `level=DEBUG msg="socket.io: connected" namespace=/ sid=`+id)
	require.Contains(t, text, `level=DEBUG msg="socket.io: disconnected" namespace=/ sid=`+id+` reason="client namespace disconnect"`)
	require.Contains(t, text, `level=ERROR msg="socket.io: fault" error="server: panic in handler: in handler"`)
	require.NotContains(t, text, secret)
	require.NotContains(t, text, "payload")
	require.Contains(t, text, `msg="session opened" transport=websocket`, "the layer below logs too")
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
