package engine

import (
	"encoding/json"
	"net"
	"net/http"
	"slices"

	"parley/server/engine/internal/stream"
	"parley/shared/engineio"
)

// ServeStream serves a request that becomes a stream of bytes in both
// directions, as package webtransport has it: accept answers the request and
// returns the stream. It returns when the stream belongs to a session. Middleware,
// Origin check and AllowRequest are asked as for any other handshake.
//
// The client begins with an open packet; one with a session id means an upgrade
// of that session.
func (srv *Server) ServeStream(w http.ResponseWriter, r *http.Request, accept func(http.ResponseWriter, *http.Request) (net.Conn, error)) {
	srv.withMiddleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := srv.verifyStream(r)
		switch {
		case f != nil:
			f.Request = r
			srv.refuseRequest(w, *f)
		case srv.closing.Load():
			http.Error(w, "server is shutting down", http.StatusServiceUnavailable)
		default:
			nc, err := accept(w, r)
			if err != nil {
				srv.report(Refusal{Request: r, Code: engineio.BadRequest, Message: err.Error(), Context: badUpgrade, Err: err})
				return
			}
			srv.serveStream(r, nc)
		}
	})).ServeHTTP(w, r)
}

func (srv *Server) verifyStream(r *http.Request) *Refusal {
	if !slices.Contains(srv.cfg.Transports, transportWebTransport) {
		return &Refusal{Code: engineio.UnknownTransport}
	}
	if f := srv.verifyOrigin(r); f != nil {
		return f
	}
	if srv.cfg.AllowRequest != nil {
		if err := srv.cfg.AllowRequest(r); err != nil {
			return &Refusal{Code: engineio.Forbidden, Message: err.Error(), Err: err}
		}
	}
	return nil
}

func (srv *Server) serveStream(r *http.Request, nc net.Conn) {
	id, err := srv.cfg.GenerateID(r)
	if err != nil || id == "" || srv.find(id) != nil {
		nc.Close()
		srv.report(Refusal{Request: r, Code: engineio.BadRequest, Message: "no session id", Context: idGeneration, Err: err})
		return
	}
	s := srv.newSession(id, newHandshake(r, srv.cfg.RemoteAddr(r)))
	t := stream.New(nc, stream.Options{
		Name:           transportWebTransport,
		MaxPayload:     srv.cfg.MaxPayload,
		MessageTimeout: srv.cfg.MessageTimeout,
		Track:          &srv.track,
		Group:          s.shard.out,
	})
	first, err := t.First(srv.cfg.UpgradeTimeout)
	if err != nil || first.Type != engineio.PacketOpen {
		t.Abort(ErrClosed)
		srv.report(Refusal{Request: r, Code: engineio.BadRequest, Message: "no open packet", Context: badUpgrade, Err: err})
		return
	}
	if len(first.Data) == 0 {
		s.adopt(t)
		t.Send(false, false, srv.greeting(s)...) //nolint:errcheck // the reader will tell
		srv.open(s)
		s.start(t)
		return
	}
	var upgrade struct {
		SID string `json:"sid"`
	}
	err = json.Unmarshal(first.Data, &upgrade)
	target := srv.find(upgrade.SID)
	if err != nil || target == nil {
		t.Abort(ErrClosed)
		srv.report(Refusal{Request: r, Code: engineio.UnknownSID, Message: engineio.UnknownSID.Message(), Err: err})
		return
	}
	srv.candidate(target, t)
}

var _ Transport = (*stream.Conn)(nil)
