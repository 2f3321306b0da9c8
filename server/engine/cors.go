package engine

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/shared/engineio"
)

// CORS says which pages of other origins may use the server from a browser, and
// how. The zero value allows none. What it allows may also open WebSockets, which
// browsers themselves do not restrict, see Config.CheckOrigin.
type CORS struct {
	// Origins are such as "https://example.org". With "*" among them every page on
	// the web may send requests, WebSockets included; the answers carry a literal *
	// and never the credentials header, so that browsers leave cookies out of
	// requests, though not out of WebSockets.
	Origins []string

	Patterns  []*regexp.Regexp // matched against the whole origin if anchored
	AnyOrigin bool             // every page on the web, mind Credentials
	Allow     func(origin string, r *http.Request) bool

	Credentials bool // cookies may come along

	Methods        []string      // default GET, HEAD, PUT, PATCH, POST, DELETE
	AllowedHeaders []string      // default: what the browser asks for
	ExposedHeaders []string      // headers of responses that pages may read
	MaxAge         time.Duration // how long a browser may remember the answer; 0: its own default

	// PreflightContinue lets OPTIONS requests pass on instead of answering them.
	PreflightContinue bool
	PreflightStatus   int // default 204
}

// Allows reports whether a page of that origin may send the request.
func (c *CORS) Allows(origin string, r *http.Request) bool {
	if c.AnyOrigin || slices.Contains(c.Origins, origin) || slices.Contains(c.Origins, "*") {
		return true
	}
	for _, p := range c.Patterns {
		if p.MatchString(origin) {
			return true
		}
	}
	return c.Allow != nil && c.Allow(origin, r)
}

// withCORS sets the headers before anything else answers, so that pages can read
// what it says, and answers preflights, which browsers send without credentials.
func (srv *Server) withCORS(next http.Handler) http.Handler {
	if srv.cfg.CORS == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !srv.CORS(w, r) {
			next.ServeHTTP(w, r)
		}
	})
}

// CORS sets the headers that Config.CORS asks for, and answers the request if it
// is a preflight, which it reports. The engine calls it by itself; it is there
// for what else is served to the same pages.
func (srv *Server) CORS(w http.ResponseWriter, r *http.Request) (answered bool) {
	c := srv.cfg.CORS
	if c == nil {
		return false
	}
	h := w.Header()
	origin := r.Header.Get("Origin")
	star := slices.Contains(c.Origins, "*")
	allowed := origin != "" && !star && c.Allows(origin, r)
	switch {
	case star || c.AnyOrigin && !c.Credentials:
		h.Set("Access-Control-Allow-Origin", "*")
	default:
		h.Add("Vary", "Origin")
		if allowed {
			h.Set("Access-Control-Allow-Origin", origin)
		}
	}
	if c.Credentials && allowed {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if len(c.ExposedHeaders) > 0 {
		h.Set("Access-Control-Expose-Headers", strings.Join(c.ExposedHeaders, ","))
	}
	if r.Method != http.MethodOptions {
		return false
	}
	c.preflight(h, r)
	if c.PreflightContinue {
		return false
	}
	status := c.PreflightStatus
	setDefault(&status, http.StatusNoContent)
	h.Set("Content-Length", "0")
	w.WriteHeader(status)
	return true
}

func (c *CORS) preflight(h http.Header, r *http.Request) {
	methods := c.Methods
	if methods == nil {
		methods = []string{"GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"}
	}
	h.Set("Access-Control-Allow-Methods", strings.Join(methods, ","))
	if len(c.AllowedHeaders) > 0 {
		h.Set("Access-Control-Allow-Headers", strings.Join(c.AllowedHeaders, ","))
	} else if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
		h.Add("Vary", "Access-Control-Request-Headers")
		h.Set("Access-Control-Allow-Headers", asked)
	}
	if c.MaxAge > 0 {
		h.Set("Access-Control-Max-Age", strconv.Itoa(int(c.MaxAge.Seconds())))
	}
}

// verifyOrigin refuses browsers on pages that may not use the server. Requests
// without an Origin header do not come from a page of another site, or not from
// a browser at all.
func (srv *Server) verifyOrigin(r *http.Request) *Refusal {
	origin := r.Header.Get("Origin")
	switch {
	case origin == "":
		return nil
	case strings.ContainsFunc(origin, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }):
		return &Refusal{Code: engineio.BadRequest, Context: invalidOrigin}
	case srv.allowsOrigin(origin, r):
		return nil
	}
	return &Refusal{Code: engineio.Forbidden, Message: "Origin not allowed", Context: invalidOrigin}
}

func (srv *Server) allowsOrigin(origin string, r *http.Request) bool {
	if srv.cfg.CheckOrigin != nil {
		return srv.cfg.CheckOrigin(r)
	}
	if r.Header.Get("Sec-Fetch-Site") == "same-origin" { // set by the browser alone, right behind any proxy
		return true
	}
	if u, err := url.Parse(origin); err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host) {
		return true
	}
	return srv.cfg.CORS != nil && srv.cfg.CORS.Allows(origin, r)
}
