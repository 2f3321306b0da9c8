package client

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"parley/shared/event"
)

// The typed functions are shells over Emit, EmitAck and OnAck. They check at run
// time what the types cannot: that the event belongs to the Socket's namespace, or
// to the one that Socket.As names.
// Call and Emit return ErrNamespace otherwise; On, Stream and Answer panic, for
// it is a mistake in the program.

// Call asks the server and returns its answer. The errors are those of
// Socket.EmitAck, an *event.Error that the server sent, and one that wraps
// event.ErrReply when the answer does not fit Res.
func Call[Req, Res any](ctx context.Context, s *Socket, call event.Call[Req, Res], req Req) (Res, error) {
	var none Res
	if err := s.belongs(call.Namespace(), call.Name()); err != nil {
		return none, err
	}
	args, err := s.EmitAck(ctx, call.Name(), event.EncodePayload(req)...)
	if err != nil {
		return none, fmt.Errorf("call %s: %w", call.Name(), err)
	}
	return event.DecodeReply[Res](call.Raw(), args)
}

// Emit sends an event; see Socket.Emit.
func Emit[T any](s *Socket, ev event.ToServer[T], payload T) error {
	if err := s.belongs(ev.Namespace(), ev.Name()); err != nil {
		return err
	}
	if err := s.Emit(ev.Name(), event.EncodePayload(payload)...); err != nil {
		return fmt.Errorf("emit %s: %w", ev.Name(), err)
	}
	return nil
}

// On calls fn for every such event; see Socket.On. An event that does not decode
// as T is logged and passed over.
func On[T any](s *Socket, ev event.ToClient[T], fn func(T)) (stop func()) {
	s.mustBelong(ev.Namespace(), ev.Name())
	return s.On(ev.Name(), func(args event.Args) {
		v, err := event.DecodePayload[T](args)
		if err != nil {
			s.core.conn.cfg.Logger.Warn("client: event does not fit its declaration",
				"namespace", s.core.ns, "event", ev.Name(), "error", err)
			return
		}
		fn(v)
	})
}

// Stream yields every such event that arrives while the loop runs. It is
// subscribed from the first step of the loop until the loop is left. It survives
// reconnections. An event that does not decode is yielded as an error and the
// loop goes on; after any other error it ends: ctx's, ErrClosed, or
// ErrStreamOverflow when the loop was so slow that more than Config.StreamBuffer
// events waited (those that had fitted are yielded first, so that the program
// knows where the gap begins).
func Stream[T any](ctx context.Context, s *Socket, ev event.ToClient[T]) iter.Seq2[T, error] {
	s.mustBelong(ev.Namespace(), ev.Name())
	return func(yield func(T, error) bool) {
		var none T
		q := &streamQueue{ch: make(chan event.Args, s.core.conn.cfg.StreamBuffer), over: make(chan struct{})}
		stop := s.On(ev.Name(), q.push)
		defer stop()
		for {
			args, err := q.next(ctx, s.core.conn.ctx)
			if err != nil {
				yield(none, err)
				return
			}
			v, err := event.DecodePayload[T](args)
			if !yield(v, err) {
				return
			}
		}
	}
}

type streamQueue struct {
	ch   chan event.Args
	over chan struct{} // closed when an event found no place
	once sync.Once
}

func (q *streamQueue) push(args event.Args) {
	select {
	case <-q.over:
		return
	default:
	}
	select {
	case q.ch <- args:
	default:
		q.once.Do(func() { close(q.over) })
	}
}

func (q *streamQueue) next(ctx, conn context.Context) (event.Args, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	select {
	case args := <-q.ch: // what arrived comes before what ends the stream
		return args, nil
	default:
	}
	select {
	case args := <-q.ch:
		return args, nil
	case <-q.over:
		select {
		case args := <-q.ch:
			return args, nil
		default:
		}
		return nil, ErrStreamOverflow
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-conn.Done():
		return nil, ErrClosed
	}
}

// Answer answers such questions of the server with what fn returns: a value, or
// an error that crosses the wire as event.AsError tells. fn runs like every
// handler, one at a time; ctx ends with the connection. A question that does not
// decode is answered with the error. The last registered Answer of an event is
// not special: the first acknowledgement counts.
func Answer[Req, Res any](s *Socket, ask event.Ask[Req, Res], fn func(ctx context.Context, req Req) (Res, error)) (stop func()) {
	s.mustBelong(ask.Namespace(), ask.Name())
	return s.core.on(ask.Name(), func(args event.Args, a *answer) {
		ctx := s.core.conn.ctx
		if a != nil {
			ctx = a.link.ctx
		}
		req, err := event.DecodePayload[Req](args)
		var res Res
		if err == nil {
			res, err = fn(ctx, req)
		}
		if a != nil {
			a.send(event.EncodeReply(ask.Raw(), res, err)...)
		}
	})
}

func (s *Socket) belongs(ns event.Namespace, name string) error {
	if ns.Name() != s.core.ns && ns.Name() != s.declared {
		return fmt.Errorf("%w: %s is declared for %s, the socket is of %s (for a dynamic namespace see Socket.As)",
			ErrNamespace, name, ns.Name(), s.core.ns)
	}
	return nil
}

func (s *Socket) mustBelong(ns event.Namespace, name string) {
	if err := s.belongs(ns, name); err != nil {
		panic(err)
	}
}
