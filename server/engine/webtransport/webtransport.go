// Package webtransport lets the sessions of an engine use WebTransport over
// HTTP/3. It is apart from the engine so that only programs that import it
// contain QUIC.
//
//	cfg.Transports = []string{"polling", "websocket", "webtransport"}
//	srv := engine.New(cfg)
//	h3 := &http3.Server{Addr: ":443", TLSConfig: tlsConfig}
//	wt := webtransport.New(srv, h3)
//	mux.Handle("/socket.io/", wt)
//	h3.Handler = mux
//	go wt.ListenAndServe()
//	defer wt.Close()
//
// The client opens one bidirectional stream, on which both sides send packets
// with the headers of package engineio. Origin check, AllowRequest and
// Middleware of the engine apply; a middleware must hand on the response writer
// it was given.
//
// A session that the server closes is told to Chromium as a lost connection, for
// webtransport-go ends the stream of the request with it: clients there give
// "transport error" as the reason where over other transports it is "transport
// close", and come back all the same.
package webtransport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"

	"parley/server/engine"
)

// idleTimeout is the default of http3.Server.IdleTimeout.
const idleTimeout = time.Minute

// Server accepts WebTransport sessions for an engine. It is the http.Handler for
// the engine's path in the HTTP/3 server.
type Server struct {
	*webtransport.Server
	engine *engine.Server
}

// New returns a Server. It configures h3 for WebTransport; call ListenAndServe or
// Serve of the result, not of h3. The engine checks origins.
//
// QUIC keeps a connection as long as the client's system answers, whatever became
// of the program there. So New sets h3.IdleTimeout to one minute if it is 0: a
// connection without a session or request for that long is closed.
func New(srv *engine.Server, h3 *http3.Server) *Server {
	webtransport.ConfigureHTTP3Server(h3)
	if h3.IdleTimeout == 0 {
		h3.IdleTimeout = idleTimeout
	}
	return &Server{
		Server: &webtransport.Server{H3: h3, CheckOrigin: func(*http.Request) bool { return true }},
		engine: srv,
	}
}

// ServeHTTP serves the CONNECT request of a WebTransport session, and leaves all
// other requests to the engine: polling works over HTTP/3 as well.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		s.engine.ServeHTTP(w, r)
		return
	}
	s.engine.ServeStream(w, r, s.accept)
}

func (s *Server) accept(ctx context.Context, w http.ResponseWriter, r *http.Request) (net.Conn, error) {
	session, err := s.Upgrade(w, r)
	if err != nil {
		http.Error(w, "not a WebTransport request", http.StatusBadRequest)
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(session.Context(), cancel)()
	stream, err := session.AcceptStream(ctx)
	if err != nil {
		session.CloseWithError(0, "no stream") //nolint:errcheck // it is gone then
		return nil, err
	}
	return &conn{stream, session}, nil
}

// conn is the stream of a session as a net.Conn.
type conn struct {
	*webtransport.Stream
	session *webtransport.Session
}

// Read turns an orderly end of the session into io.EOF.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Stream.Read(b)
	var session *webtransport.SessionError
	var connection *quic.ApplicationError
	var h3 *http3.Error
	switch {
	case errors.As(err, &session) && session.Remote,
		errors.As(err, &connection) && connection.Remote && orderly(connection.ErrorCode),
		errors.As(err, &h3) && h3.ErrorMessage == closedByPeer:
		err = io.EOF
	}
	return n, err
}

// closedByPeer is the text of an orderly end of the connection below, which the
// library sometimes wraps as an error of its own and keeps as nothing but text.
var closedByPeer = (&quic.ApplicationError{Remote: true, ErrorCode: quic.ApplicationErrorCode(http3.ErrCodeNoError)}).Error()

func orderly(code quic.ApplicationErrorCode) bool {
	return code == 0 || code == quic.ApplicationErrorCode(http3.ErrCodeNoError)
}

// CloseWrite tells the peer that nothing more comes.
func (c *conn) CloseWrite() error { return c.Stream.Close() }

// Close ends the session.
func (c *conn) Close() error { return c.session.CloseWithError(0, "") }

func (c *conn) LocalAddr() net.Addr  { return c.session.LocalAddr() }
func (c *conn) RemoteAddr() net.Addr { return c.session.RemoteAddr() }
