package engine

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"parley/shared/engineio"
)

func withValue(ctx context.Context, key, value any) context.Context {
	return context.WithValue(ctx, key, value)
}

// ServeHTTP serves one request: handshake, poll, post or upgrade. Requests for
// paths outside of Config.Path get 404.
func (srv *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.URL.Path, srv.cfg.Path) {
		http.NotFound(w, r)
		return
	}
	srv.handler.ServeHTTP(w, r)
}

// Before returns a handler that serves the paths of the server and leaves the
// others to next.
func (srv *Server) Before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, srv.cfg.Path) {
			srv.handler.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// request is what the engine reads out of an HTTP request.
type request struct {
	transport string
	sid       string
	version   string
	repeated  bool     // one of these was given more than once
	jsonp     bool     // asks for an answer that is a script
	upgrade   bool     // asks for WebSocket
	session   *Session // of sid, or nil
}

// readQuery takes what concerns the engine out of a query, without making a map
// of it for each poll.
func (q *request) readQuery(raw string) {
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		name, value, _ := strings.Cut(pair, "=")
		var field *string
		switch name {
		case "transport":
			field = &q.transport
		case "sid":
			field = &q.sid
		case "EIO":
			field = &q.version
		case "j":
			q.jsonp = true
			continue
		default:
			continue
		}
		if *field != "" {
			q.repeated = true
		}
		if strings.ContainsAny(value, "%+") {
			var err error
			if value, err = url.QueryUnescape(value); err != nil {
				value = "?"
			}
		}
		*field = value
	}
}

// version is the protocol version as clients name it.
const version = "4"

func (srv *Server) handle(w http.ResponseWriter, r *http.Request) {
	q, refusal := srv.verify(r)
	if refusal != nil {
		refusal.Request = r
		srv.refuseRequest(w, *refusal)
		return
	}
	switch {
	case q.session == nil:
		srv.serveHandshake(w, r, q.upgrade)
	case q.upgrade:
		srv.serveUpgrade(w, r, q.session)
	case r.Method == http.MethodGet:
		srv.servePoll(w, r, q.session)
	case r.Method == http.MethodPost:
		srv.servePost(w, r, q.session)
	default:
		w.Header().Set("Allow", "GET, POST")
		srv.refuseStatus(w, r, http.StatusMethodNotAllowed, "method not allowed")
	}
}

// verify decides whether a request makes sense and comes from a page that may send it.
func (srv *Server) verify(r *http.Request) (request, *Refusal) {
	q := request{upgrade: tokenIn(r.Header, "Connection", "upgrade") && tokenIn(r.Header, "Upgrade", "websocket")}
	q.readQuery(r.URL.RawQuery)
	if f := srv.verifyTransport(r, &q); f != nil {
		return q, f
	}
	if f := srv.verifyOrigin(r); f != nil {
		return q, f
	}
	if q.jsonp && q.transport == transportPolling {
		return q, &Refusal{Code: engineio.UnsupportedVersion}
	}
	if q.sid != "" {
		return q, srv.verifySession(&q)
	}
	return q, verifyHandshake(r, &q)
}

func (srv *Server) verifyTransport(r *http.Request, q *request) *Refusal {
	known := q.transport == transportPolling || q.transport == transportWebSocket
	if !known || !slices.Contains(srv.cfg.Transports, q.transport) {
		return &Refusal{Code: engineio.UnknownTransport}
	}
	if q.repeated {
		return &Refusal{Code: engineio.BadRequest, Context: badUpgrade}
	}
	return nil
}

func (srv *Server) verifySession(q *request) *Refusal {
	q.session = srv.find(q.sid)
	switch {
	case q.session == nil:
		return &Refusal{Code: engineio.UnknownSID}
	case q.version != version:
		return &Refusal{Code: engineio.BadRequest, Context: protocolMismatch}
	case !q.upgrade && q.transport != transportPolling,
		q.upgrade && q.transport != transportWebSocket:
		return &Refusal{Code: engineio.BadRequest, Context: transportMismatch}
	}
	return nil
}

func verifyHandshake(r *http.Request, q *request) *Refusal {
	if r.Method != http.MethodGet {
		return &Refusal{Code: engineio.BadHandshakeMethod}
	}
	if q.upgrade != (q.transport == transportWebSocket) {
		return &Refusal{Code: engineio.BadRequest, Context: badUpgrade}
	}
	if q.version != version {
		return &Refusal{Code: engineio.UnsupportedVersion}
	}
	return nil
}

// verifyAllowed asks the application.
func (srv *Server) verifyAllowed(r *http.Request) *Refusal {
	if srv.cfg.AllowRequest != nil {
		if err := srv.cfg.AllowRequest(r); err != nil {
			return &Refusal{Code: engineio.Forbidden, Message: err.Error(), Err: err}
		}
	}
	return nil
}

// tokenIn reports whether a header that lists tokens has that one.
func tokenIn(h http.Header, name, token string) bool {
	for _, line := range h[name] {
		for item := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(item), token) {
				return true
			}
		}
	}
	return false
}

// begin makes a session for a handshake, or refuses the request.
func (srv *Server) begin(w http.ResponseWriter, r *http.Request, n *newcomer) *Session {
	if srv.closing.Load() {
		srv.refuseStatus(w, r, http.StatusServiceUnavailable, shuttingDown)
		return nil
	}
	id, err := srv.cfg.GenerateID(r)
	if err != nil || id == "" || srv.find(id) != nil {
		srv.refuseRequest(w, Refusal{Request: r, Code: engineio.BadRequest, Context: idGeneration, Err: err})
		return nil
	}
	srv.prepare(w, r, id)
	return srv.newSession(id, newHandshake(r, n.remote))
}

// prepare sets the headers of a response that is not a refusal. id is that of a
// new session, else empty.
func (srv *Server) prepare(w http.ResponseWriter, r *http.Request, id string) {
	if id != "" && srv.cfg.Cookie != nil {
		http.SetCookie(w, srv.cookie(id))
	}
	if srv.cfg.Headers != nil {
		srv.cfg.Headers(w.Header(), r, id != "")
	}
}

// cookie is the configured cookie with the session id for a value.
func (srv *Server) cookie(id string) *http.Cookie {
	c := *srv.cfg.Cookie
	setDefault(&c.Name, "io")
	setDefault(&c.Path, "/")
	c.HttpOnly = true
	if c.SameSite == 0 || c.SameSite == http.SameSiteDefaultMode {
		c.SameSite = http.SameSiteLaxMode
	}
	c.Value = id
	return &c
}
