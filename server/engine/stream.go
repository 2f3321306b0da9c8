package engine

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"time"

	"parley/server/engine/internal/stream"
	"parley/shared/engineio"
)

// ServeStream serves a request that becomes a stream of bytes in both
// directions, as package webtransport has it: accept answers the request and
// returns the stream, before ctx is done. It returns when the stream belongs to a
// session. Middleware, Origin check and AllowRequest are asked as for any other
// handshake.
//
// The client begins with an open packet; one with a session id means an upgrade
// of that session. Clients that upgrade name the session in the URL too:
// AllowRequest is not asked for them.
func (srv *Server) ServeStream(w http.ResponseWriter, r *http.Request, accept func(ctx context.Context, w http.ResponseWriter, r *http.Request) (net.Conn, error)) {
	srv.withMiddleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), srv.cfg.UpgradeTimeout)
		defer cancel()
		var n newcomer
		defer srv.dismiss(&n)
		upgrades, f := srv.verifyStream(&n, r)
		switch {
		case f != nil:
			f.Request = r
			srv.refuseRequest(w, *f)
		case srv.closing.Load():
			srv.refuseStatus(w, r, http.StatusServiceUnavailable, shuttingDown)
		default:
			nc, err := accept(ctx, w, r)
			if err != nil {
				srv.report(Refusal{Request: r, Code: engineio.BadRequest, Message: err.Error(), Context: badUpgrade, Err: err})
				return
			}
			srv.serveStream(ctx, r, nc, &n, upgrades)
		}
	})).ServeHTTP(w, r)
}

// verifyStream decides about a request for a stream. One that says it upgrades a
// session has not been admitted.
func (srv *Server) verifyStream(n *newcomer, r *http.Request) (upgrades bool, f *Refusal) {
	if !slices.Contains(srv.cfg.Transports, transportWebTransport) {
		return false, &Refusal{Code: engineio.UnknownTransport}
	}
	if f := srv.verifyOrigin(r); f != nil {
		return false, f
	}
	var q request
	q.readQuery(r.URL.RawQuery)
	switch {
	case q.sid == "":
		return false, srv.admit(n, r)
	case srv.find(q.sid) == nil:
		return true, &Refusal{Code: engineio.UnknownSID}
	}
	return true, nil
}

// serveStream waits for the first packet, until ctx is done.
func (srv *Server) serveStream(ctx context.Context, r *http.Request, nc net.Conn, n *newcomer, upgrades bool) {
	t := stream.New(nc, stream.Options{
		Name:           transportWebTransport,
		MaxPayload:     srv.cfg.MaxPayload,
		MessageTimeout: srv.cfg.MessageTimeout,
		Track:          &srv.track,
		Group:          srv.shardOf(r.RemoteAddr).out,
	})
	deadline, _ := ctx.Deadline()
	first, err := t.First(time.Until(deadline))
	if err != nil || first.Type != engineio.PacketOpen {
		t.Abort(ErrClosed)
		srv.report(Refusal{Request: r, Code: engineio.BadRequest, Message: "no open packet", Context: badUpgrade, Err: err})
		return
	}
	if len(first.Data) == 0 {
		srv.openStream(r, t, n, upgrades)
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

// openStream begins a session on a stream.
func (srv *Server) openStream(r *http.Request, t *stream.Conn, n *newcomer, unasked bool) {
	if unasked {
		if f := srv.admit(n, r); f != nil {
			t.Abort(ErrClosed)
			f.Request = r
			srv.report(*f)
			return
		}
	}
	id, err := srv.cfg.GenerateID(r)
	if err != nil || id == "" || srv.find(id) != nil {
		t.Abort(ErrClosed)
		srv.report(Refusal{Request: r, Code: engineio.BadRequest, Message: "no session id", Context: idGeneration, Err: err})
		return
	}
	s := srv.newSession(id, newHandshake(r, n.remote))
	s.adopt(t)
	t.Send(false, false, nil, srv.greeting(s)...) //nolint:errcheck // the reader will tell
	defer s.start(t)                              // also when the application ends this goroutine
	srv.open(s, n)
}

var _ Transport = (*stream.Conn)(nil)
