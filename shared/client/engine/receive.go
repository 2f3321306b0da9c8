package engine

import (
	"errors"
	"fmt"
	"time"

	"parley/shared/engineio"
)

// read takes packets from one link until the link ends, the session ends, or an
// upgrade has silenced the link.
func (s *Session) read(link Link, packets []engineio.Packet) {
	for {
		for _, p := range packets {
			if !s.receive(p) {
				return
			}
		}
		if s.pauseReading(link) {
			return
		}
		var err error
		packets, err = link.Read(s.ctx)
		if err != nil {
			s.linkFailed(link, err)
			return
		}
		s.alive()
	}
}

// receive handles one packet and reports whether to go on.
func (s *Session) receive(p engineio.Packet) bool {
	if s.cfg.Trace.Received != nil {
		s.cfg.Trace.Received(p)
	}
	select {
	case <-s.dead:
		return false
	default:
	}
	switch p.Type {
	case engineio.PacketMessage:
		s.handler.Receive(p.Binary, p.Data)
	case engineio.PacketPing:
		s.enqueue(engineio.Packet{Type: engineio.PacketPong, Data: p.Data})
	case engineio.PacketClose:
		s.end(engineio.ReasonTransportClose, nil)
		return false
	case engineio.PacketNoop:
	default:
		s.end(engineio.ReasonParseError, fmt.Errorf("engine: unexpected %s packet", p.Type))
		return false
	}
	return true
}

// linkFailed ends the session when its link did, with the reason that fits.
func (s *Session) linkFailed(link Link, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.link != link {
		return // an upgrade has replaced it
	}
	reason := engineio.ReasonTransportError
	if e, ok := errors.AsType[*Error](err); ok && e.Op == OpClosed {
		reason = engineio.ReasonTransportClose
	} else if isParseError(err) {
		reason = engineio.ReasonParseError
	}
	s.endLocked(reason, err)
}

func isParseError(err error) bool {
	for _, target := range []error{
		engineio.ErrEmptyPacket, engineio.ErrUnknownType, engineio.ErrBase64,
		engineio.ErrTooManyPackets, engineio.ErrFrameLength,
	} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

// alive notes that the server was heard.
func (s *Session) alive() {
	now := s.cfg.Now()
	s.mu.Lock()
	s.seen = now
	s.mu.Unlock()
}

// deadline is how long the server may be silent.
func (s *Session) deadline() time.Duration {
	return time.Duration(s.handshake.PingInterval+s.handshake.PingTimeout) * time.Millisecond
}

// silence is how long nothing was heard from the server, by the wall clock.
func (s *Session) silence() time.Duration {
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(0, now.Round(0).Sub(s.seen.Round(0))) // Round strips the monotonic clock, which stands still in sleep
}

// Expired reports whether the server has been silent for longer than its own
// handshake allows, by the wall clock. It ends the session in that case, with
// reason "ping timeout". A machine that slept learns so at once, before a timer
// fires.
func (s *Session) Expired() bool {
	if s.silence() <= s.deadline() {
		return false
	}
	s.end(engineio.ReasonPingTimeout, ErrHeartbeat)
	return true
}

// Seen is the wall clock time of the last packet from the server.
func (s *Session) Seen() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

// watchHeartbeat returns when the session has a reason to end, and gives it one
// when the server stays silent.
func (s *Session) watchHeartbeat() {
	timer := time.NewTimer(s.deadline())
	defer timer.Stop()
	for {
		select {
		case <-s.dead:
			return
		case <-timer.C:
			if !s.Expired() {
				timer.Reset(s.deadline() - s.silence() + time.Millisecond)
			}
		}
	}
}
