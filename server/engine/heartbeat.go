package engine

import "parley/shared/engineio"

// pong ends the wait for one.
func (s *Session) pong() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == open && s.pongAt != 0 {
		s.pongAt = 0
		s.pingAt = s.srv.now() + instant(s.srv.cfg.PingInterval)
		s.schedule()
	}
}

// beat does what the heartbeat asks for at the time now; s.mu is held.
func (s *Session) beat(do *after, now instant) {
	cfg := &s.srv.cfg
	switch {
	case s.pongAt != 0 && now >= s.pongAt:
		if !s.sign() {
			s.finish(do, ending{reason: engineio.ReasonPingTimeout})
			return
		}
		// Not answered, but alive. The client counts on the next ping in time.
		sent := s.pongAt - instant(cfg.PingTimeout)
		s.pongAt = 0
		s.pingAt = max(now, sent+instant(cfg.PingInterval))
		if now >= s.pingAt {
			s.ping(do, now)
		}
	case s.pingAt != 0 && now >= s.pingAt:
		s.ping(do, now)
	}
}

func (s *Session) ping(do *after, now instant) {
	s.alive.Store(false)
	s.pingAt = 0
	s.pongAt = now + instant(s.srv.cfg.PingTimeout)
	if t := s.transport; t != nil {
		do.add(func() {
			// Whatever waits: it may be one long message, which the client is taking.
			if sendUnbounded(t, SendOptions{NoCompress: true}, []*Message{pingPacket}) == ErrClosed {
				s.deserted(t)
			}
		})
		return
	}
	s.polling.heard = false
	s.polling.add(false, pingPacket)
}

// deserted ends the session when its connection is gone and the goroutine that
// would tell is in the receiver, which may be waiting for just that.
func (s *Session) deserted(t Transport) {
	s.step(func(do *after) {
		if s.transport == t && s.recv.busy() {
			s.finish(do, ending{reason: engineio.ReasonTransportError, err: ErrClosed, gone: true})
		}
	})
}

// sign reports whether the client has given a sign of life since the last ping:
// a packet, a part of one, or a message that the receiver has not finished with.
// The last counts over polling only while the client also polls: a client that
// has gone is noticed by nothing else there.
func (s *Session) sign() bool {
	if s.alive.Swap(false) {
		return true
	}
	if t := s.transport; t != nil {
		return t.Stalled() || s.recv.busy()
	}
	p := s.polling
	return p.post != nil && p.post.until != 0 || s.recv.busy() && (p.heard || p.get != nil)
}
