//go:build !js

package clienttest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"

	"parley/shared/client"
)

// Address is what clients dial; no name is looked up.
const Address = "http://server.test"

// Server serves a handler in memory.
type Server struct {
	// HTTPClient reaches the handler, whatever the host of an address is. It is
	// for plain requests of a test, and what Config sets.
	HTTPClient *http.Client

	listener *listener
	server   *http.Server
	served   chan error
}

// Serve serves h until the test ends; then it closes the connections that are
// left. It does not close h itself. Closing the clients first, as Dial does, is
// what the cleanup order of testing gives when they are made after Serve.
func Serve(t testing.TB, h http.Handler) *Server {
	t.Helper()
	s := &Server{
		listener: &listener{dials: make(chan net.Conn), closed: make(chan struct{})},
		server:   &http.Server{Handler: h},
		served:   make(chan error, 1),
	}
	transport := &http.Transport{DialContext: s.listener.dial}
	s.HTTPClient = &http.Client{Transport: transport}
	go func() { s.served <- s.server.Serve(s.listener) }()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = s.server.Close()
		<-s.served
		s.listener.hangUp()
	})
	return s
}

// Config returns cfg with a way to this server.
func (s *Server) Config(cfg client.Config) client.Config {
	cfg.HTTPClient = s.HTTPClient
	return cfg
}

// Dial connects a client that is closed with the test. A failure fails the test.
func (s *Server) Dial(t testing.TB, cfg client.Config) *client.Conn {
	t.Helper()
	conn, err := client.Dial(t.Context(), Address, s.Config(cfg))
	if err != nil {
		t.Fatalf("clienttest: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// Dial serves h and connects one client to it.
func Dial(t testing.TB, h http.Handler, cfg client.Config) *client.Conn {
	t.Helper()
	return Serve(t, h).Dial(t, cfg)
}

// Cut breaks every connection without a goodbye, as a network that fails does.
// New ones can be made.
func (s *Server) Cut() { s.listener.hangUp() }

// listener accepts pipes.
type listener struct {
	dials  chan net.Conn
	closed chan struct{}
	once   sync.Once

	mu    sync.Mutex // guards conns
	conns []net.Conn
}

func (l *listener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.dials <- far:
		l.mu.Lock()
		defer l.mu.Unlock()
		l.conns = append(l.conns, near, far)
		return near, nil
	case <-l.closed:
		return nil, errors.New("clienttest: the server has ended")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *listener) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.conns = nil
}

// Accept waits for a dial; it is for http.Server.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.dials:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr is a made-up address.
func (l *listener) Addr() net.Addr { return address{} }

type address struct{}

func (address) Network() string { return "memory" }
func (address) String() string  { return "server.test" }
