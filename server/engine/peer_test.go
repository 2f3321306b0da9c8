package engine_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"parley/server/engine"
	"parley/server/engine/internal/pipe"
	"parley/shared/engineio"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture is a running server.
type fixture struct {
	*engine.Server
	t    testing.TB
	url  string // of the path, with a slash at the end
	http *http.Client
	open chan *app
}

// app is the application's side of one session. By default it echoes.
type app struct {
	*engine.Session
	got    chan message
	closed chan ending
	silent bool

	mu    sync.Mutex
	ended int
}

type message struct {
	binary bool
	data   string
}

type ending struct {
	reason engine.Reason
	err    error
}

func (a *app) Receive(binary bool, data []byte) engine.Task {
	select {
	case a.got <- message{binary, string(data)}:
	default:
	}
	if !a.silent {
		_ = a.Send(engine.SendOptions{}, engine.NewMessage(binary, data))
	}
	return nil
}

func (a *app) Closed(reason engine.Reason, err error) {
	a.mu.Lock()
	a.ended++
	assert.Equal(nil, 1, a.ended)
	a.mu.Unlock()
	a.closed <- ending{reason, err}
}

func (f *fixture) config(cfg engine.Config) engine.Config {
	f.open = make(chan *app, 20_000)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Open == nil {
		cfg.Open = func(s *engine.Session) engine.Receiver {
			a := &app{Session: s, got: make(chan message, 1000), closed: make(chan ending, 1)}
			f.open <- a
			return a
		}
	}
	return cfg
}

// start serves over TCP until the test ends.
func start(t testing.TB, cfg engine.Config) *fixture {
	f := &fixture{t: t}
	f.Server = engine.New(f.config(cfg))
	web := httptest.NewServer(f.Server)
	f.url, f.http = web.URL+"/socket.io/", web.Client()
	t.Cleanup(func() {
		require.NoError(t, f.Close())
		web.CloseClientConnections()
		web.Close()
	})
	return f
}

// startPipe serves over net.Pipe, for tests in a synctest bubble.
func startPipe(t testing.TB, cfg engine.Config) *fixture {
	f := &fixture{t: t, url: "http://pipe/socket.io/"}
	f.Server = engine.New(f.config(cfg))
	l := pipe.Listen()
	web := &http.Server{Handler: f.Server}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = web.Serve(l)
	}()
	f.http = l.Client()
	t.Cleanup(func() {
		require.NoError(t, f.Close())
		require.NoError(t, web.Close())
		f.http.CloseIdleConnections()
		<-served
	})
	return f
}

// opened returns the application's side of the session that was opened last.
func (f *fixture) opened() *app { f.t.Helper(); return await(f.t, f.open) }

// await receives one value or fails the test.
func await[T any](t testing.TB, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(100 * time.Second): // real seconds, or those of the bubble
		require.FailNow(t, "nothing came")
		panic("unreachable")
	}
}

// socket is a WebSocket client that speaks frames.
type socket struct {
	t  testing.TB
	ws *websocket.Conn
}

// dial opens a WebSocket; query follows the transport.
func (f *fixture) dial(query string) *socket {
	f.t.Helper()
	ws, _, err := websocket.Dial(f.t.Context(), f.url+"?EIO=4&transport=websocket"+query, &websocket.DialOptions{HTTPClient: f.http})
	require.NoError(f.t, err)
	ws.SetReadLimit(64 << 20)
	f.t.Cleanup(func() { _ = ws.CloseNow() })
	return &socket{f.t, ws}
}

// connect opens a session on WebSocket.
func (f *fixture) connect() (*socket, *app) {
	f.t.Helper()
	c := f.dial("")
	_, err := engineio.ParseHandshake([]byte(c.text()[1:]))
	require.NoError(f.t, err)
	return c, f.opened()
}

func (c *socket) send(text string) {
	c.t.Helper()
	require.NoError(c.t, c.ws.Write(context.Background(), websocket.MessageText, []byte(text)))
}

func (c *socket) sendBinary(b ...byte) {
	c.t.Helper()
	require.NoError(c.t, c.ws.Write(context.Background(), websocket.MessageBinary, b))
}

func (c *socket) text() string {
	c.t.Helper()
	kind, b, err := c.ws.Read(context.Background())
	require.NoError(c.t, err)
	require.Equal(c.t, websocket.MessageText, kind, "%q", b)
	return string(b)
}

func (c *socket) binary() []byte {
	c.t.Helper()
	kind, b, err := c.ws.Read(context.Background())
	require.NoError(c.t, err)
	require.Equal(c.t, websocket.MessageBinary, kind, "%q", b)
	return b
}

// end reads until the connection is closed and returns the close code, -1 for none.
func (c *socket) end() websocket.StatusCode {
	c.t.Helper()
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
		_, _, err := c.ws.Read(ctx)
		late := ctx.Err()
		cancel()
		require.NoError(c.t, late)
		if err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

// reply is an HTTP response.
type reply struct {
	status int
	body   string
	header http.Header
}

func (f *fixture) request(ctx context.Context, method, query, body string, header ...string) (reply, error) {
	r, err := http.NewRequestWithContext(ctx, method, f.url+query, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := f.http.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, string(b), resp.Header}, err
}

func (f *fixture) do(method, query, body string, header ...string) reply {
	f.t.Helper()
	a, err := f.request(f.t.Context(), method, query, body, header...)
	require.NoError(f.t, err)
	return a
}

// poller is a session that polls.
type poller struct {
	f   *fixture
	sid string
}

const pollQuery = "?EIO=4&transport=polling"

// poll opens a session that polls.
func (f *fixture) poll() (*poller, *app) {
	f.t.Helper()
	a := f.do("GET", pollQuery, "")
	require.Equal(f.t, 200, a.status, a.body)
	require.Equal(f.t, "0", a.body[:1])
	h, err := engineio.ParseHandshake([]byte(a.body[1:]))
	require.NoError(f.t, err)
	return &poller{f, h.SID}, f.opened()
}

func (p *poller) query() string { return pollQuery + "&sid=" + p.sid }

func (p *poller) get() reply { p.f.t.Helper(); return p.f.do("GET", p.query(), "") }

func (p *poller) post(body string) reply { p.f.t.Helper(); return p.f.do("POST", p.query(), body) }

// start polls in the background.
func (p *poller) start() <-chan reply {
	ch := make(chan reply, 1)
	go func() {
		a, err := p.f.request(context.Background(), "GET", p.query(), "")
		if err != nil {
			a.body = err.Error()
		}
		ch <- a
	}()
	return ch
}

// sidOf reads the session id out of a handshake.
func sidOf(t testing.TB, a reply) string {
	t.Helper()
	h, err := engineio.ParseHandshake([]byte(a.body[1:]))
	require.NoError(t, err)
	return h.SID
}
