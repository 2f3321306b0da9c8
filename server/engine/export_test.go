package engine

import "net/http"

// Resolved is c as a server with it works: what was left open has its default.
func (c Config) Resolved() Config { return c.withDefaults() }

// Gate is how many places the server has given away, and how many addresses it knows.
// Both are -1 when it counts nothing.
func (srv *Server) Gate() (places, addresses int) {
	g := srv.gate
	if g == nil {
		return -1, -1
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.all.open, len(g.callers)
}

// Visit is what a handshake does to the gate, without the rest of it. It reports
// whether there was a place.
func (srv *Server) Visit(r *http.Request, during func()) bool {
	var n newcomer
	defer srv.dismiss(&n)
	if srv.admit(&n, r) != nil {
		return false
	}
	during()
	return true
}

// MaxIdle is how many addresses without a session are known at most.
const MaxIdle = maxIdle
