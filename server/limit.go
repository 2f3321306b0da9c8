package server

import (
	"time"

	"parley/shared/engineio"
	"parley/shared/event"
)

// bucket is a token bucket for one socket's events, used by the connection's reader only.
type bucket struct {
	tokens  float64
	at      time.Time
	dropped int // in a row
}

var errRate = event.Errorf(event.CodeRateLimited, "too many events")

// allow decides whether an event may pass Limits.EventRate.
func (s *Socket) allow(e *Event) bool {
	rate := &s.srv().cfg.Limits.EventRate
	if rate.PerSecond <= 0 {
		return true
	}
	s.mu.Lock()
	x := s.extra()
	if x.rate == nil {
		x.rate = &bucket{tokens: float64(rate.Burst), at: time.Now()}
	}
	b := x.rate
	s.mu.Unlock()
	now := time.Now()
	b.tokens = min(b.tokens+now.Sub(b.at).Seconds()*rate.PerSecond, float64(rate.Burst))
	b.at = now
	if b.tokens >= 1 {
		b.tokens--
		b.dropped = 0
		return true
	}
	b.dropped++
	s.srv().fault(Fault{Namespace: s.ns, Socket: s, Event: e.Name, Err: errRate, Client: true})
	_ = e.Ack(event.EncodeReply(false, event.None{}, error(errRate))...)
	if b.dropped > rate.Burst {
		s.conn.session.Close(engineio.ReasonForcedClose)
	}
	return false
}
