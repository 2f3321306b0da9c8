package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/shared/engineio"
)

// An upgrade moves a session to a better transport (Engine.IO v4, section
// "Upgrade"): a candidate link proves itself with a ping and a pong that carry
// "probe"; then the old link falls silent, an upgrade packet on the new one
// makes the server follow, and everything queued meanwhile leaves there. Nothing
// is lost or reordered, since no packet is read from the new link before the
// last one of the old link has been handled.

type upgradeState byte

const (
	upgradeIdle      upgradeState = iota // nothing to do, or probing: the old link is in full use
	upgradeSwitching                     // reader and writer of the old link are coming to rest
)

// quiet is where reader and writer tell the upgrade that they rest.
type quiet struct {
	reader, writer               chan struct{} // closed at rest
	readerResting, writerResting bool
}

// headStart is how long the best candidate is alone in the race, as in the
// reference.
const headStart = 200 * time.Millisecond

var errProbe = errors.New("engine: the server did not answer the probe")

type candidate struct {
	transport Transport
	link      Link
	early     []engineio.Packet
	err       error
}

// runUpgrade probes every candidate and moves to the first that proves itself.
func (s *Session) runUpgrade() {
	ctx, cancel := context.WithTimeout(s.ctx, s.cfg.UpgradeTimeout)
	defer cancel()
	results := make(chan candidate)
	best := s.upgrades[len(s.upgrades)-1] // the server names the best one last
	for _, t := range s.upgrades {
		s.wg.Go(func() {
			delay := time.Duration(0)
			if t != best {
				delay = headStart
			}
			results <- s.probe(ctx, t, delay)
		})
	}
	moved := false
	for range s.upgrades {
		c := <-results
		if c.err == nil && moved {
			_ = c.link.Close(canceled())
			continue
		}
		if c.err == nil {
			c.err = s.moveTo(ctx, c)
		}
		if c.err == nil {
			moved = true
			cancel()
		} else if s.cfg.Trace.UpgradeFailed != nil && !moved {
			s.cfg.Trace.UpgradeFailed(c.transport.Name(), c.err)
		}
	}
}

// probe dials a candidate and lets it prove that packets pass both ways.
func (s *Session) probe(ctx context.Context, t Transport, delay time.Duration) candidate {
	c := candidate{transport: t}
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			c.err = ctx.Err()
			return c
		}
	}
	if s.cfg.Trace.Upgrading != nil {
		s.cfg.Trace.Upgrading(t.Name())
	}
	link, err := t.Dial(ctx, s.cfg.request(t.Name(), s.handshake.SID, s.handshake.MaxPayload))
	if err != nil {
		c.err = wrapDial(t, err)
		return c
	}
	c.early, c.err = prove(ctx, link)
	if c.err != nil {
		_ = link.Close(canceled())
		return c
	}
	c.link = link
	return c
}

func prove(ctx context.Context, link Link) ([]engineio.Packet, error) {
	ping := engineio.Packet{Type: engineio.PacketPing, Data: []byte("probe")}
	if err := link.Write(ctx, []engineio.Packet{ping}); err != nil {
		return nil, err
	}
	packets, err := link.Read(ctx)
	if err != nil {
		return nil, err
	}
	if p := packets[0]; p.Type != engineio.PacketPong || string(p.Data) != "probe" {
		return nil, fmt.Errorf("%w: got %s", errProbe, p.Type)
	}
	return packets[1:], nil
}

// moveTo makes the candidate the session's link. On failure the session goes on
// with the link it has and the candidate is closed.
func (s *Session) moveTo(ctx context.Context, c candidate) error {
	s.mu.Lock()
	if s.ended || s.closing {
		s.mu.Unlock()
		_ = c.link.Close(canceled())
		return ErrClosed
	}
	s.upgrade = upgradeSwitching
	s.quiet = quiet{reader: make(chan struct{}), writer: make(chan struct{})}
	rest := s.quiet
	old := s.link
	s.wake()
	s.mu.Unlock()

	err := s.awaitRest(ctx, rest)
	if err == nil {
		err = c.link.Write(ctx, []engineio.Packet{{Type: engineio.PacketUpgrade}})
	}
	if err != nil {
		_ = c.link.Close(canceled())
		s.stayOn(old)
		return err
	}

	s.mu.Lock()
	s.link, s.transport, s.upgrade = c.link, c.transport.Name(), upgradeIdle
	s.settle()
	s.wg.Go(func() { s.read(c.link, c.early) })
	ended := s.ended
	s.wake()
	s.mu.Unlock()
	_ = old.Close(canceled())
	if ended { // the supervisor has only seen the old link
		_ = c.link.Close(canceled())
	}
	if s.cfg.Trace.Upgraded != nil {
		s.cfg.Trace.Upgraded(c.transport.Name())
	}
	return nil
}

func (s *Session) awaitRest(ctx context.Context, rest quiet) error {
	for _, ch := range []chan struct{}{rest.writer, rest.reader} {
		select {
		case <-ch:
		case <-s.dead:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// stayOn takes the old link into use again after a failed switch.
func (s *Session) stayOn(old Link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.upgrade = upgradeIdle
	if s.quiet.readerResting && !s.ended {
		s.wg.Go(func() { s.read(old, nil) })
	}
	s.settle()
	s.wake()
}

// settle lets a Close go on that waited for the switch.
func (s *Session) settle() {
	if s.drained != nil && len(s.queue) == 0 && !s.writing {
		close(s.drained)
		s.drained = nil
	}
}

// pauseReading reports whether an upgrade wants the reader of link to end.
func (s *Session) pauseReading(link Link) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.upgrade != upgradeSwitching || s.link != link {
		return false
	}
	s.quiet.readerResting = true
	close(s.quiet.reader)
	return true
}

// pauseWriting reports whether an upgrade holds the writer back; it is called
// with the lock held, by the writer, between two writes.
func (s *Session) pauseWriting() bool {
	if s.upgrade != upgradeSwitching {
		return false
	}
	if !s.quiet.writerResting {
		s.quiet.writerResting = true
		close(s.quiet.writer)
	}
	return true
}
