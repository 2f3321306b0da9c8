package server_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"parley/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quiet is a configuration that does not log.
func quiet(cfg server.Config) server.Config {
	cfg.Logger = slog.New(slog.DiscardHandler)
	return cfg
}

// fixture is a running server with whatever clients a test connects to it.
type fixture struct {
	*server.Server
	t    testing.TB
	url  string
	http *http.Client
}

// start runs a server on a TCP port until the test ends.
func start(t testing.TB, cfg server.Config) *fixture {
	srv := server.New(quiet(cfg))
	web := httptest.NewServer(srv)
	t.Cleanup(func() {
		require.NoError(t, srv.Close())
		web.CloseClientConnections()
		web.Close()
	})
	return &fixture{Server: srv, t: t, url: web.URL, http: web.Client()}
}

// startPipe runs a server over net.Pipe, for tests in a synctest bubble.
func startPipe(t testing.TB, cfg server.Config) *fixture {
	srv := server.New(quiet(cfg))
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	web := &http.Server{Handler: srv}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = web.Serve(l)
	}()
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return l.dial() }}
	t.Cleanup(func() {
		require.NoError(t, srv.Close())
		require.NoError(t, web.Close())
		transport.CloseIdleConnections()
		<-served
	})
	return &fixture{Server: srv, t: t, url: "http://pipe", http: &http.Client{Transport: transport}}
}

type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *pipeListener) dial() (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { close(l.done); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

// peer is a client that speaks raw Engine.IO frames over a WebSocket and answers pings.
type peer struct {
	t  testing.TB
	ws *websocket.Conn
}

// dial opens a connection and reads the handshake.
func (f *fixture) dial() *peer {
	f.t.Helper()
	p := f.dialURL(f.url + "/socket.io/?EIO=4&transport=websocket&room=one")
	require.True(f.t, strings.HasPrefix(p.raw(), `0{"sid":`))
	return p
}

// dialURL opens a WebSocket.
func (f *fixture) dialURL(url string) *peer {
	f.t.Helper()
	ws, _, err := websocket.Dial(f.t.Context(), url, &websocket.DialOptions{
		HTTPClient: f.http, HTTPHeader: http.Header{"X-Test": {"yes"}},
	})
	require.NoError(f.t, err)
	ws.SetReadLimit(8 << 20)
	f.t.Cleanup(func() { _ = ws.CloseNow() })
	return &peer{t: f.t, ws: ws}
}

// join dials and connects to a namespace; it returns the peer and its socket.
func (f *fixture) join(ns string) (*peer, *server.Socket) {
	f.t.Helper()
	p := f.dial()
	return p, f.connect(p, ns)
}

// connect joins a namespace over a connection that is there.
func (f *fixture) connect(p *peer, ns string) *server.Socket {
	f.t.Helper()
	prefix := ""
	if ns != "/" {
		prefix = ns + ","
	}
	p.send("0" + prefix)
	answer := p.read()
	require.True(f.t, strings.HasPrefix(answer, "0"+prefix+`{"sid":"`), "answer to CONNECT: %s", answer)
	id := strings.Split(answer, `"`)[3]
	for _, space := range f.Namespaces() {
		if space.Name() == ns {
			if s, ok := space.Socket(id); ok {
				return s
			}
		}
	}
	f.t.Fatalf("socket %s is not in %s", id, ns)
	return nil
}

// send writes one Socket.IO text packet.
func (p *peer) send(text string) { p.t.Helper(); p.sendRaw("4" + text) }

func (p *peer) sendRaw(text string) {
	p.t.Helper()
	require.NoError(p.t, p.ws.Write(p.t.Context(), websocket.MessageText, []byte(text)))
}

func (p *peer) sendBinary(data ...byte) {
	p.t.Helper()
	require.NoError(p.t, p.ws.Write(p.t.Context(), websocket.MessageBinary, data))
}

// next reads one frame; it answers pings by itself.
func (p *peer) next() (binary bool, data string, err error) {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 120*time.Second)
		kind, b, err := p.ws.Read(ctx)
		cancel()
		if err == nil && kind == websocket.MessageText && string(b) == "2" {
			if err = p.ws.Write(context.Background(), websocket.MessageText, []byte("3")); err == nil {
				continue
			}
		}
		return kind == websocket.MessageBinary, string(b), err
	}
}

func (p *peer) raw() string {
	p.t.Helper()
	_, data, err := p.next()
	require.NoError(p.t, err)
	return data
}

// read returns the next Socket.IO packet; "b:" stands in front of a binary one.
func (p *peer) read() string {
	p.t.Helper()
	binary, data, err := p.next()
	require.NoError(p.t, err)
	if binary {
		return "b:" + data
	}
	require.True(p.t, strings.HasPrefix(data, "4"), "not a message: %q", data)
	return data[1:]
}

// expect reads packets and compares them.
func (p *peer) expect(packets ...string) {
	p.t.Helper()
	for _, want := range packets {
		require.Equal(p.t, want, p.read())
	}
}

// expectClosed reads until the connection ends and returns the packets that came before.
func (p *peer) expectClosed() (before []string) {
	p.t.Helper()
	for {
		_, data, err := p.next()
		if err != nil {
			return before
		}
		before = append(before, data)
	}
}

// silent proves that nothing was sent to the peer before now: an echo of its own comes next.
func (p *peer) silent(s *server.Socket) {
	p.t.Helper()
	require.NoError(p.t, s.Emit("__marker"))
	prefix := ""
	if ns := s.Namespace().Name(); ns != "/" {
		prefix = ns + ","
	}
	p.expect("2" + prefix + `["__marker"]`)
}

// close ends the connection as a browser does that leaves.
func (p *peer) close() { p.t.Helper(); _ = p.ws.Close(websocket.StatusNormalClosure, "") }

// cut drops the connection without a word.
func (p *peer) cut() { _ = p.ws.CloseNow() }

// await receives one value, or fails the test.
func await[T any](t testing.TB, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(10 * time.Second):
		require.FailNow(t, "nothing came in 10 s")
		panic("unreachable")
	}
}

// rawPing reads a frame without answering it.
func (p *peer) rawPing() string {
	p.t.Helper()
	_, b, err := p.ws.Read(p.t.Context())
	require.NoError(p.t, err)
	return string(b)
}
