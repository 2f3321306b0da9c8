package client

import "time"

// WithClock replaces the wall clock.
func WithClock(cfg Config, now func() time.Time) Config {
	cfg.now = now
	return cfg
}

// Delay is the pause before attempt n.
func (r Reconnect) DelayForTest(n int) time.Duration { return r.withDefaults().delay(n) }

// ParseAddress exposes the address rules.
var ParseAddress = parseAddress

// ProbeNamespace is what a liveness probe asks for.
const ProbeNamespace = probeNamespace

// NumberOfHandlers counts the subscriptions of a Socket.
func (s *Socket) NumberOfHandlers() int {
	n := 0
	for _, l := range s.core.handlers.byName {
		n += len(l.list)
	}
	return n + len(s.core.onAny.list) + len(s.core.onAnySent.list) + len(s.core.onConnect.list) +
		len(s.core.onDisconnect.list) + len(s.core.onError.list) + len(s.core.conn.onState.list)
}
