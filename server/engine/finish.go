package engine

import (
	"errors"
	"fmt"
	"runtime/debug"

	"parley/shared/engineio"
)

// ending is how a session ends.
type ending struct {
	reason   Reason
	err      error
	graceful bool // deliver what is queued first
	abort    bool // the transport is beyond words
	farewell bool // the client itself said goodbye: a waiting poll gets a noop
	gone     bool // the transport has gone by itself

	messages, bytes int // what waited elsewhere than in the session's queue
}

// slow is the ending of a client that reads too slowly.
var slow = ending{reason: engineio.ReasonSlow, err: ErrSlow, abort: true}

// finish ends the session: the one way out, whatever the cause. s.mu is held.
func (s *Session) finish(do *after, e ending) {
	switch {
	case s.state == closed:
		return
	case s.state == closing && e.graceful:
		return
	case s.state == open:
		wait := e.graceful && s.transport == nil && s.polling.get == nil
		if wait && e.reason == engineio.ReasonForcedClose {
			e.reason = engineio.ReasonForcedServerClose
		}
		s.announce(do, e)
		if wait {
			s.state = closing
			s.closeAt = s.srv.now() + instant(s.srv.cfg.CloseTimeout)
			return
		}
	}
	s.state = closed
	s.pingAt, s.pongAt, s.closeAt = 0, 0, 0
	s.srv.remove(s)
	if s.transport == nil || e.gone { // else it has its place as long as it has its connection
		s.srv.gate.leave(s.place)
	}
	if u := s.upgrade; u != nil {
		s.upgrade = nil
		do.add(func() { u.transport.Close(e.reason) })
	}
	if s.transport != nil {
		s.finishTransport(do, e)
		return
	}
	s.polling.finish(e)
}

func (s *Session) finishTransport(do *after, e ending) {
	t := s.transport
	switch {
	case e.gone:
	case e.abort:
		do.add(func() { t.Abort(ErrClosed) })
	default:
		do.add(func() { t.Close(e.reason) })
	}
}

// announce tells everybody that the session has ended.
func (s *Session) announce(do *after, e ending) {
	s.reason = e.reason
	s.ended.Store(true)
	s.ws.Store(nil)
	s.pingAt, s.pongAt = 0, 0
	if s.done != nil {
		close(s.done)
	}
	s.srv.count.Add(-1)
	name := s.transportName()
	if e.reason == engineio.ReasonSlow {
		s.reportSlow(name, e)
	}
	s.srv.track.Go(func() {
		s.srv.log.Debug("session closed", "transport", name, "reason", e.reason, "error", e.err)
		s.recv.lock(&s.mu)
		defer s.recv.unlock(&s.mu)
		defer func() {
			if v := recover(); v != nil {
				s.srv.log.Error("receiver panicked", "error", panicError(v), "stack", stack())
			}
		}()
		s.receiver.Closed(e.reason, e.err)
	})
}

// reportSlow tells the operator and the hook of an eviction, and how much waited. It
// does so on another goroutine: who has just sent may hold locks that they want.
func (s *Session) reportSlow(transport string, e ending) {
	messages, bytes := s.buffered()
	messages, bytes = messages+e.messages, bytes+e.bytes
	s.srv.track.Go(func() {
		s.srv.log.Warn("slow client evicted", "id", s.id, "remote", s.info.remote,
			"transport", transport, "messages", messages, "bytes", bytes)
		if s.srv.cfg.OnSlow != nil {
			s.srv.cfg.OnSlow(s, messages, bytes)
		}
	})
}

func panicError(v any) error {
	if err, ok := v.(error); ok {
		return fmt.Errorf("engine: receiver panicked: %w", err)
	}
	return errors.New("engine: receiver panicked: " + fmt.Sprint(v))
}

func stack() string { return string(debug.Stack()) }
