package engine

import (
	"parley/server/engine/websocket"
	"parley/shared/engineio"
)

// start connects a transport with the session.
func (s *Session) start(t Transport) {
	t.Start(
		func(p engineio.Packet) Task { return s.fromTransport(t, p) },
		func(reason Reason, err error) { s.transportGone(t, reason, err) },
	)
}

// fromTransport takes a packet from the session's transport, or from one that
// wants to become it.
func (s *Session) fromTransport(t Transport, p engineio.Packet) Task {
	if ws := s.ws.Load(); ws == nil || Transport(ws) != t {
		if !s.isCurrent(t) {
			s.fromCandidate(t, p)
			return nil
		}
	}
	if p.Type != engineio.PacketMessage {
		s.control(p)
		return nil
	}
	s.alive.Store(true)
	s.recv.lock(&s.mu)
	defer s.recv.unlock(&s.mu)
	return s.receive(p)
}

func (s *Session) isCurrent(t Transport) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.transport == t
}

// transportGone takes the end of a transport.
func (s *Session) transportGone(t Transport, reason Reason, err error) {
	s.step(func(do *after) {
		switch {
		case s.upgrade != nil && s.upgrade.transport == t:
			s.upgrade = nil
		case s.transport != t:
		case s.state == closed:
			s.srv.gate.leave(s.place)
		default:
			s.finish(do, ending{reason: reason, err: err, gone: true})
		}
	})
}

// control takes a packet that is no message, on any transport.
func (s *Session) control(p engineio.Packet) {
	s.alive.Store(true)
	switch p.Type {
	case engineio.PacketPong:
		s.pong()
	case engineio.PacketPing:
		s.step(func(do *after) { s.finish(do, ending{reason: engineio.ReasonTransportError, err: ErrHeartbeat}) })
	case engineio.PacketClose:
		s.step(func(do *after) {
			s.finish(do, ending{reason: engineio.ReasonTransportClose, farewell: true})
		})
	}
	// Open, upgrade and noop mean nothing here and are tolerated as in the reference.
}

// adopt makes t the session's transport; s.mu is held or nobody else knows s.
func (s *Session) adopt(t Transport) {
	s.transport = t
	if ws, ok := t.(*websocket.Conn); ok && s.state == open {
		s.ws.Store(ws)
	}
}
