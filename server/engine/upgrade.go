package engine

import (
	"time"

	"parley/shared/engineio"
)

// holdPoll is how long a poll that comes while an upgrade waits for its
// completion is held before a noop lets it go.
const holdPoll = instant(100 * time.Millisecond)

// upgrade is a change of transport under way; guarded by the session's lock.
type upgrade struct {
	transport Transport
	probed    bool    // the probe was answered
	until     instant // when the candidate is given up
}

// offer begins an upgrade to t and reports whether that is possible: the session
// polls, may be upgraded, and no other upgrade is under way.
func (s *Session) offer(t Transport) (ok bool) {
	s.step(func(*after) {
		if ok = s.state != closed && s.transport == nil && s.upgrade == nil && !s.srv.cfg.NoUpgrades; ok {
			s.upgrade = &upgrade{transport: t, until: s.srv.now() + instant(s.srv.cfg.UpgradeTimeout)}
		}
	})
	return ok
}

// fromCandidate takes a packet from a transport that is not the session's own.
func (s *Session) fromCandidate(t Transport, p engineio.Packet) {
	s.step(func(do *after) {
		u := s.upgrade
		switch {
		case u == nil || u.transport != t: // given up meanwhile, or replaced
		case p.Type == engineio.PacketPing && string(p.Data) == "probe":
			s.probe(do, u)
		case p.Type == engineio.PacketUpgrade:
			s.complete(do, u)
		default:
			s.dropCandidate(do)
		}
	})
}

// probe answers a probe. The poll that waits is let go: the client stops to poll
// before it completes the upgrade.
func (s *Session) probe(do *after, u *upgrade) {
	u.probed = true
	do.add(func() { u.transport.Send(false, false, nil, probeAnswer) }) //nolint:errcheck // its end is told otherwise
	if p := s.polling; p.get != nil {
		p.reply(answer{packets: []*Message{noopPacket}})
	}
}

// complete makes the candidate the session's transport. What was queued for the
// next poll goes out first. A poll that still waits is refused when it knew of
// the upgrade, and let go otherwise.
func (s *Session) complete(do *after, u *upgrade) {
	p := s.polling
	s.upgrade, s.polling = nil, nil
	if p.get != nil {
		a := answer{packets: []*Message{noopPacket}}
		if p.get.probed {
			a = answer{refuse: true}
		}
		p.reply(a)
	}
	if p.post != nil {
		p.post.abort() // it would be refused anyway
	}
	if a := p.take(); len(a.packets) > 0 {
		u.transport.Queue(a.compress, nil, a.packets...) //nolint:errcheck // its end is told otherwise
	}
	s.adopt(u.transport)
	s.alive.Store(true)
	do.add(u.transport.Flush)
	if s.state == closing { // what is queued was all that was left
		s.finish(do, ending{reason: s.reason})
	}
}

// dropCandidate ends an upgrade; the session goes on polling.
func (s *Session) dropCandidate(do *after) {
	t := s.upgrade.transport
	s.upgrade = nil
	do.add(func() { t.Close(engineio.ReasonTransportClose) })
}
