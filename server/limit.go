package server

import (
	"math"
	"sync"
	"time"

	"parley/server/engine"
	"parley/shared/engineio"
	"parley/shared/event"
)

// Rate is so many events a second on average (PerSecond), and Burst at once. The zero Rate is no limit.
type Rate = engine.Rate

func burst(r Rate) float64 {
	if r.Burst > 0 {
		return float64(r.Burst)
	}
	return math.Ceil(r.PerSecond)
}

// Bucket is a token bucket: it holds Burst tokens at first and is filled at its Rate. It is safe for concurrent use and
// must not be copied after the first Take.
type Bucket struct {
	Rate Rate // must not be changed after the first Take

	mu    sync.Mutex
	spent float64   // guarded by mu; tokens that are missing
	at    time.Time // guarded by mu
}

// Take takes one token and reports whether there was one.
func (b *Bucket) Take() bool {
	if b.Rate.PerSecond <= 0 {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.spent = max(b.spent-now.Sub(b.at).Seconds()*b.Rate.PerSecond, 0)
	b.at = now
	if b.spent+1 > burst(b.Rate) {
		return false
	}
	b.spent++
	return true
}

// Verdict is what becomes of a received event.
type Verdict uint8

// The verdicts of an [AdmitFunc].
const (
	Accept     Verdict = iota // queue it for its handlers
	Drop                      // forget it; nobody is told
	Refuse                    // forget it; who wants an acknowledgement gets the code "rate_limited", and a [Fault] is reported
	Disconnect                // as Refuse, and close the connection with the reason "forced close"
)

// AdmitFunc decides about a received event before it is queued, see [Config].Admit. It runs on the connection's reader,
// one event at a time, without a lock: until it has returned nothing more of the connection is read, so it must not
// block. Events may come before the OnConnect functions are through; the values of the connect middleware are there.
//
// A refusal in other words is [Event.Ack] and then Drop; to put the client out of one namespace only, call
// [Socket.Disconnect] and return Drop. After a panic the event is dropped; who wants an
// acknowledgement gets the code "internal", and a [Fault] is reported.
type AdmitFunc func(e *Event) Verdict

// allowance is what a socket has left of Limits.EventRate.
type allowance struct {
	Bucket
	refused int // in a row; used by the connection's reader only
}

var errRate = event.Errorf(event.CodeRateLimited, "too many events")

// admission is who decides about events, or nil when nobody does.
func (c *Config) admission() AdmitFunc {
	rate := c.Limits.EventRate
	plain := func(e *Event) Verdict { return e.socket.spend(rate) }
	switch {
	case c.Admit != nil:
		return c.Admit(plain)
	case rate.PerSecond > 0:
		return plain
	}
	return nil
}

// spend is the verdict of the plain limit.
func (s *Socket) spend(rate Rate) Verdict {
	if rate.PerSecond <= 0 {
		return Accept
	}
	s.mu.Lock()
	x := s.extra()
	if x.rate == nil {
		x.rate = &allowance{Bucket: Bucket{Rate: rate}}
	}
	a := x.rate
	s.mu.Unlock()
	if a.Take() {
		a.refused = 0
		return Accept
	}
	if a.refused++; float64(a.refused) > burst(rate) {
		return Disconnect
	}
	return Refuse
}

// allow reports whether an event is to be queued, and does what else the verdict asks for.
func (s *Socket) allow(e *Event) bool {
	admit := s.srv().admit
	if admit == nil {
		return true
	}
	var verdict Verdict
	if err := s.guard(e.Name, func() error { verdict = admit(e); return nil }); err != nil {
		e.fail(err)
		return false
	}
	switch verdict {
	case Accept:
		return true
	case Drop:
		return false
	}
	s.srv().fault(Fault{Namespace: s.ns, Socket: s, Event: e.Name, Err: errRate, Client: true})
	_ = e.Ack(event.EncodeReply(false, event.None{}, error(errRate))...) // an error means that the client has gone
	if verdict == Disconnect {
		s.conn.session.Close(engineio.ReasonForcedClose)
	}
	return false
}
