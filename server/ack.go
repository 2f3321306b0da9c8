package server

import (
	"context"
	"time"

	"parley/server/adapter"
	"parley/shared/event"
)

// resolve hands an acknowledgement to who waits for it. It runs on the connection's reader, so that a handler may
// wait for an answer of its own socket. Unknown ids are ignored: the wait may be over.
func (s *Socket) resolve(id uint64, args event.Args) {
	s.mu.Lock()
	done := s.pending[id]
	delete(s.pending, id)
	s.mu.Unlock()
	if done != nil {
		done(args, nil)
	}
}

// expect registers who waits for an acknowledgement. It reports false for a socket that has ended.
func (s *Socket) expect(id uint64, done func(event.Args, error)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Load() == stateClosed {
		return false
	}
	if s.pending == nil {
		s.pending = map[uint64]func(event.Args, error){}
	}
	s.pending[id] = done
	if s.more != nil && s.more.space != nil { // the reader may find more room now, see full
		close(s.more.space)
		s.more.space = nil
	}
	return true
}

// giveUp ends the wait with err unless the answer came first.
func (s *Socket) giveUp(id uint64, err error) {
	if err == context.DeadlineExceeded { // of a context that the application made
		err = ErrAckTimeout
	}
	s.mu.Lock()
	done := s.pending[id]
	delete(s.pending, id)
	if len(s.pending) == 0 {
		s.pending = nil
	}
	s.mu.Unlock()
	if done != nil {
		done(nil, err)
	}
}

// EmitAck sends an event and waits for the client's acknowledgement. It fails with [ErrAckTimeout] when the deadline
// passes (that of ctx, else Config.AckTimeout), with [ErrDisconnected] at once when the socket ends, or with ctx's
// error. The typed form is [AskOne].
func (s *Socket) EmitAck(ctx context.Context, name string, args ...any) (event.Args, error) {
	return s.emitAck(ctx, adapter.Flags{}, 0, name, args)
}

func (s *Socket) emitAck(ctx context.Context, f adapter.Flags, d time.Duration, name string, args []any) (event.Args, error) {
	p, err := encodeEvent(name, args)
	if err != nil {
		return nil, err
	}
	ctx, cancel := s.srv().withDeadline(ctx, d)
	defer cancel()
	type result struct {
		args event.Args
		err  error
	}
	answer := make(chan result, 1)
	id := s.ns.nextAck()
	if !s.expect(id, func(args event.Args, err error) { answer <- result{args, err} }) {
		return nil, ErrDisconnected
	}
	if err := s.sendEvent(f, p, id, true); err != nil {
		s.giveUp(id, err)
		return nil, err
	}
	select {
	case r := <-answer:
		return r.args, r.err
	case <-ctx.Done():
		s.giveUp(id, context.Cause(ctx))
		r := <-answer
		return r.args, r.err
	}
}

// withDeadline gives ctx the deadline of an acknowledgement: d, else its own, else the configured one.
func (srv *Server) withDeadline(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d <= 0 {
		if _, ok := ctx.Deadline(); ok {
			return context.WithCancel(ctx)
		}
		d = srv.cfg.AckTimeout
	}
	return context.WithTimeoutCause(ctx, d, ErrAckTimeout)
}
