package engine

import (
	"container/list"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"parley/shared/engineio"
)

// gate keeps a server to its ConnectionLimits. A nil gate lets everybody in.
type gate struct {
	now                func() instant
	server, perAddress bounds

	mu        sync.Mutex // nothing else is locked under it; guards what follows, and every caller
	all       crowd
	callers   map[address]*caller
	idle      list.List // the callers without a session, by the time they left
	everybody caller    // who comes when addresses do not matter
}

// caller is what is known of one remote address. It is forgotten when it has no
// session and its rate is as if it never had one.
type caller struct {
	crowd
	address address
	idle    *list.Element // nil while it has sessions
}

// maxIdle is how many callers without a session are remembered at most. Who left
// first is forgotten too early then.
const maxIdle = 1 << 16

// crowd is how many sessions there are, handshakes under way among them, and what of
// the burst is spent at the moment.
type crowd struct {
	open  int
	spent float64
	at    instant // the time that spent is of
}

// bounds are those of a crowd.
type bounds struct {
	open    int // 0: none
	rate    Rate
	status  int    // that refuses
	tooMany string // contexts of refusals
	tooFast string
}

func (b *bounds) set() bool { return b.open > 0 || b.rate.PerSecond > 0 }

// newGate returns nil when there is nothing to bound.
func newGate(l ConnectionLimits, now func() instant) *gate {
	g := &gate{
		now:        now,
		server:     bounds{max(l.Total, 0), l.Rate, http.StatusServiceUnavailable, connectionLimit, connectionRate},
		perAddress: bounds{max(l.PerAddress, 0), l.AddressRate, http.StatusTooManyRequests, addressLimit, addressRate},
		callers:    map[address]*caller{},
	}
	if !g.server.set() && !g.perAddress.set() {
		return nil
	}
	return g
}

// enter takes a place for a session of that remote address, or says why there is
// none. The place must be given back once, with leave.
func (g *gate) enter(remote string) (*caller, *Refusal) {
	if g == nil {
		return nil, nil
	}
	c, a := &g.everybody, address{}
	if g.perAddress.set() {
		a = addressOf(remote)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	g.forget(now)
	if g.perAddress.set() {
		if c = g.callers[a]; c == nil {
			c = &caller{address: a}
		}
	}
	// An address that comes too often spends nothing of what all have.
	if f := g.perAddress.refuse(&c.crowd, now); f != nil {
		return nil, f
	}
	if f := g.server.refuse(&g.all, now); f != nil {
		return nil, f
	}
	g.server.add(&g.all)
	g.perAddress.add(&c.crowd)
	g.remember(c)
	return c, nil
}

// leave gives a place back.
func (g *gate) leave(c *caller) {
	if c == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all.open--
	c.open--
	if c.open == 0 && c != &g.everybody {
		c.idle = g.idle.PushBack(c)
	}
	g.forget(g.now())
}

// remember takes note of a caller that has sessions; g.mu is held.
func (g *gate) remember(c *caller) {
	switch {
	case c.idle != nil:
		g.idle.Remove(c.idle)
		c.idle = nil
	case c.open == 1 && c != &g.everybody:
		c.address.text = strings.Clone(c.address.text) // of a header, which would be kept with it
		g.callers[c.address] = c
	}
}

// forget drops callers that are as good as unknown: a few at a time, but more than
// can have come since the last time. g.mu is held.
func (g *gate) forget(now instant) {
	for range 8 {
		first := g.idle.Front()
		if first == nil {
			return
		}
		c := first.Value.(*caller)
		if c.refill(g.perAddress.rate, now); c.spent > 0 && g.idle.Len() <= maxIdle {
			return
		}
		g.idle.Remove(first)
		delete(g.callers, c.address)
	}
}

// retryLater is what a client is told when nobody knows when there will be a place.
const retryLater = 5 * time.Second

const tooManyConnections = "too many connections"

// refuse says why nobody more may come in, or returns nil. The code is one after
// which a client tries again.
func (b *bounds) refuse(c *crowd, now instant) *Refusal {
	cause, retry := b.tooMany, retryLater
	if b.open == 0 || c.open < b.open {
		cause, retry = b.tooFast, c.wait(b.rate, now)
	}
	if retry == 0 {
		return nil
	}
	return &Refusal{Code: engineio.BadRequest, Message: tooManyConnections, Context: cause, status: b.status, retry: retry}
}

func (b *bounds) add(c *crowd) {
	c.open++
	if b.rate.PerSecond > 0 {
		c.spent++
	}
}

// wait returns how long it takes until one more may come at that rate.
func (c *crowd) wait(r Rate, now instant) time.Duration {
	if r.PerSecond <= 0 {
		return 0
	}
	c.refill(r, now)
	seconds := (c.spent + 1 - r.burst()) / r.PerSecond
	return time.Duration(min(max(seconds, 0), time.Hour.Seconds()) * float64(time.Second))
}

// refill takes into account that time has passed.
func (c *crowd) refill(r Rate, now instant) {
	c.spent = max(c.spent-time.Duration(now-c.at).Seconds()*r.PerSecond, 0)
	c.at = now
}

// address is what a remote address counts as: an IP address, or else the text.
type address struct {
	ip   netip.Addr
	text string
}

// maxText bounds the text: it may have come out of a header.
const maxText = 256

func addressOf(remote string) address {
	if len(remote) > maxText { // it may be an address with a long zone
		return address{text: remote[:maxText]}
	}
	ip, err := netip.ParseAddr(remote)
	if err != nil {
		with, err := netip.ParseAddrPort(remote)
		if err != nil {
			return address{text: remote}
		}
		ip = with.Addr()
	}
	ip = ip.Unmap()
	if ip.Is6() && !ip.IsLinkLocalUnicast() { // these are all in one /64
		network, _ := ip.Prefix(64) // 64 is a length that it can have
		ip = network.Addr()
	}
	return address{ip: ip}
}

// newcomer is a handshake under way.
type newcomer struct {
	remote string  // see Config.RemoteAddr
	place  *caller // in the gate; nil when there is no gate, and once a session has it
}

// admit asks whether there is a place and then whether the application allows it.
// Whatever comes of it, dismiss must be called in the end.
func (srv *Server) admit(n *newcomer, r *http.Request) (f *Refusal) {
	n.remote = srv.cfg.RemoteAddr(r)
	if n.place, f = srv.gate.enter(n.remote); f != nil {
		return f
	}
	return srv.verifyAllowed(r)
}

// dismiss ends a handshake, also one that a panic has ended: the place that no
// session has taken is free again.
func (srv *Server) dismiss(n *newcomer) { srv.gate.leave(n.place) }
