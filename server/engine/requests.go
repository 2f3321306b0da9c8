package engine

import (
	"errors"
	"net/http"
	"time"

	"parley/server/engine/polling"
	"parley/server/engine/websocket"
	"parley/shared/engineio"
)

// serveHandshake answers a handshake over WebSocket or polling.
func (srv *Server) serveHandshake(w http.ResponseWriter, r *http.Request, socket bool) {
	var n newcomer
	defer srv.dismiss(&n)
	f := srv.admit(&n, r)
	switch {
	case f != nil:
		f.Request = r
		srv.refuseRequest(w, *f)
	case socket:
		srv.openWebSocket(w, r, &n)
	default:
		srv.openPolling(w, r, &n)
	}
}

// openPolling answers the handshake of a session that polls.
func (srv *Server) openPolling(w http.ResponseWriter, r *http.Request, n *newcomer) {
	s := srv.begin(w, r, n)
	if s == nil {
		return
	}
	s.polling = &pollState{}
	first := srv.greeting(s)
	srv.open(s, n)
	srv.writer.Write(w, r, true, first) //nolint:errcheck // who did not get it is unknown to us anyway
}

// openWebSocket answers the handshake of a session that begins on WebSocket.
func (srv *Server) openWebSocket(w http.ResponseWriter, r *http.Request, n *newcomer) {
	s := srv.begin(w, r, n)
	if s == nil {
		return
	}
	ws, err := srv.sockets.Accept(w, r, s.shard.out)
	if err != nil {
		srv.report(Refusal{Request: r, Code: engineio.BadRequest, Message: err.Error(), Context: badUpgrade, Err: err})
		return
	}
	s.adopt(ws)
	ws.Queue(false, nil, srv.greeting(s)...) //nolint:errcheck // the reader will tell
	ws.Flush()
	defer s.start(ws) // also when the application ends this goroutine
	srv.open(s, n)
}

// serveUpgrade answers a WebSocket that a session may change to. One that cannot
// be used is accepted and closed: that is what the protocol's clients expect.
func (srv *Server) serveUpgrade(w http.ResponseWriter, r *http.Request, s *Session) {
	srv.prepare(w, r, "")
	ws, err := srv.sockets.Accept(w, r, s.shard.out)
	if err != nil {
		srv.report(Refusal{Request: r, Code: engineio.BadRequest, Message: err.Error(), Context: badUpgrade, Err: err})
		return
	}
	ws.Flush()
	srv.candidate(s, ws)
}

// candidate offers a transport to a session, and closes it if it is not wanted.
func (srv *Server) candidate(s *Session, t Transport) {
	if !s.offer(t) {
		t.Close(engineio.ReasonTransportClose)
		t.Start(func(engineio.Packet) Task { return nil }, func(engineio.Reason, error) {})
		return
	}
	s.start(t)
}

// servePoll answers a poll, as soon as there is something to say.
func (srv *Server) servePoll(w http.ResponseWriter, r *http.Request, s *Session) {
	g, a, code := s.poll()
	if g != nil {
		select {
		case a = <-g.answer:
		case <-r.Context().Done():
			s.abandon(g)
			return
		}
	}
	if a.refuse {
		code = engineio.BadRequest
	}
	if code >= 0 {
		srv.refuseRequest(w, Refusal{Request: r, Code: code, Context: transportMismatch})
		return
	}
	if r.Context().Err() != nil {
		s.abandon(g)
		return
	}
	srv.prepare(w, r, "")
	if len(a.packets) > fewPackets || a.bytes > fewBytes {
		srv.writeLong(w, r, s, g, a)
		return
	}
	if err := srv.writer.Write(w, r, a.compress, a.packets); err != nil {
		s.abandon(g)
	}
}

// An answer of this size is taken by the connection at once.
const (
	fewPackets = 64
	fewBytes   = 2 << 10
)

// writeLong writes an answer that may take a while, within bounds.
func (srv *Server) writeLong(w http.ResponseWriter, r *http.Request, s *Session, g *get, a answer) {
	out := polling.Paced{ResponseWriter: w, Age: srv.cfg.Queue.Age}
	err := srv.writer.Write(&out, r, a.compress, a.packets)
	if err == nil {
		err = out.End()
	}
	// The context tells nothing any more: a client without keep-alive closes the connection once it has the answer.
	switch {
	case err == nil:
	case out.Late():
		s.outrun(len(a.packets), a.bytes)
	default:
		s.abandon(g)
	}
}

// servePost takes the packets of a post.
func (srv *Server) servePost(w http.ResponseWriter, r *http.Request, s *Session) {
	control := http.NewResponseController(w)
	p, code := s.beginPost(func() { control.SetReadDeadline(time.Unix(1, 0)) }) //nolint:errcheck // then it reads to its end
	if code >= 0 {
		w.Header().Set("Connection", "close") // its body stays unread
		srv.refuseRequest(w, Refusal{Request: r, Code: code, Context: transportMismatch})
		return
	}
	body, err := polling.Read(r, srv.cfg.MaxPayload)
	if err != nil {
		srv.badPost(w, r, s, p, err)
		return
	}
	if !s.received(p) {
		w.Header().Set("Connection", "close")
	}
	ok := s.deliver(p, body)
	s.endPost(p)
	if !ok {
		srv.refuseRequest(w, Refusal{Request: r, Code: engineio.BadRequest, Context: transportMismatch})
		return
	}
	srv.prepare(w, r, "")
	srv.writer.OK(w) //nolint:errcheck // the client learns it in other ways
}

// badPost ends a session whose client sent a body that could not be read.
func (srv *Server) badPost(w http.ResponseWriter, r *http.Request, s *Session, p *post, err error) {
	status := http.StatusBadRequest
	switch {
	case errors.Is(err, polling.ErrTooLarge):
		err, status = ErrTooLarge, http.StatusRequestEntityTooLarge
	case errors.Is(err, polling.ErrContentType):
		err = ErrContentType
	case errors.Is(err, polling.ErrTimeout):
		err, status = ErrStalled, http.StatusRequestTimeout
	case errors.Is(err, polling.ErrUTF8):
	default:
		err = errors.Join(ErrAborted, err)
	}
	if !s.failPost(p, err) {
		status = http.StatusBadRequest
	}
	w.Header().Set("Connection", "close")
	srv.report(Refusal{Request: r, Code: engineio.BadRequest, Message: err.Error(), Err: err})
	w.WriteHeader(status)
}

var _ Transport = (*websocket.Conn)(nil)
