package engine

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"parley/shared/engineio"
)

// Refusal is a request that was not let in.
type Refusal struct {
	Request *http.Request
	Code    engineio.ErrorCode // BadRequest also for what was answered with a status alone
	Message string             // what the client was told
	Context string             // more for the log, in the reference's words: "INVALID_ORIGIN", "TRANSPORT_MISMATCH", …; may be empty
	Err     error              // cause, or nil

	status int           // of the answer; 0: that of the code
	retry  time.Duration // after which the client may try again; 0: it is not told
}

// Contexts of refusals.
const (
	invalidOrigin     = "INVALID_ORIGIN"
	transportMismatch = "TRANSPORT_MISMATCH"
	protocolMismatch  = "PROTOCOL_MISMATCH"
	badUpgrade        = "TRANSPORT_HANDSHAKE_ERROR"
	idGeneration      = "ID_GENERATION_ERROR"
	middlewareFailure = "MIDDLEWARE_FAILURE"
	connectionLimit   = "CONNECTION_LIMIT"
	connectionRate    = "CONNECTION_RATE"
	addressLimit      = "ADDRESS_LIMIT"
	addressRate       = "ADDRESS_RATE"
)

// Refuse answers a request with an error of the protocol, for middlewares. An
// empty message stands for the usual one of the code.
func Refuse(w http.ResponseWriter, code engineio.ErrorCode, message string) {
	refuseWith(w, code.Status(), code, message)
}

func refuseWith(w http.ResponseWriter, status int, code engineio.ErrorCode, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write((&engineio.Error{Code: code, Message: message}).Append(nil)) //nolint:errcheck // nobody to tell
}

// refuseRequest answers and tells the hook.
func (srv *Server) refuseRequest(w http.ResponseWriter, f Refusal) {
	if f.Message == "" {
		f.Message = f.Code.Message()
	}
	setDefault(&f.status, f.Code.Status())
	srv.report(f)
	if f.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.retry.Seconds()))))
	}
	refuseWith(w, f.status, f.Code, f.Message)
}

// refuseStatus answers what the protocol has no error for, and tells the hook.
func (srv *Server) refuseStatus(w http.ResponseWriter, r *http.Request, status int, message string) {
	srv.report(Refusal{Request: r, Code: engineio.BadRequest, Message: message})
	http.Error(w, message, status)
}

const shuttingDown = "server is shutting down"

func (srv *Server) report(f Refusal) {
	srv.log.Debug("request refused", "code", int(f.Code), "message", f.Message, "context", f.Context, "error", f.Err)
	if srv.cfg.OnRefuse != nil {
		srv.cfg.OnRefuse(&f)
	}
}

// withMiddleware wraps the handler, the first middleware outermost, and reports
// requests that a middleware has kept from it.
func (srv *Server) withMiddleware(inner http.Handler) http.Handler {
	if len(srv.cfg.Middleware) == 0 {
		return inner
	}
	type reached struct{}
	mark := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ok, _ := r.Context().Value(reached{}).(*bool); ok != nil {
			*ok = true
		}
		inner.ServeHTTP(w, r)
	})
	var h http.Handler = mark
	for i := len(srv.cfg.Middleware) - 1; i >= 0; i-- {
		h = srv.cfg.Middleware[i](h)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var ok bool
		h.ServeHTTP(w, r.WithContext(withValue(r.Context(), reached{}, &ok)))
		if !ok && r.Method != http.MethodOptions { // a preflight that is answered is not refused
			srv.report(Refusal{Request: r, Code: engineio.BadRequest, Message: "kept by a middleware", Context: middlewareFailure})
		}
	})
}
