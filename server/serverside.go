package server

import (
	"context"
	"iter"
	"runtime/debug"

	"parley/server/adapter"
	"parley/shared/event"
)

// ServerEmit sends an event to the same namespace of every other server, not to clients. With a single server it
// reaches nobody. The listeners are those of [Namespace.OnServer].
func (ns *Namespace) ServerEmit(ctx context.Context, name string, args ...any) error {
	p, err := encodeServerEvent(name, args)
	if err != nil {
		return err
	}
	return ns.adapter.ServerEmit(ctx, p)
}

// ServerAnswer is what one other server replied.
type ServerAnswer struct {
	Node string
	Args event.Args
}

// ServerEmitAck is ServerEmit with an answer wanted: one for each other server, in the order of arrival. When some
// stay silent until ctx ends (or Config.AckTimeout) the last element is an [adapter.PartialError].
func (ns *Namespace) ServerEmitAck(ctx context.Context, name string, args ...any) iter.Seq2[ServerAnswer, error] {
	return func(yield func(ServerAnswer, error) bool) {
		p, err := encodeServerEvent(name, args)
		if err != nil {
			yield(ServerAnswer{}, err)
			return
		}
		ctx, cancel := ns.srv.withDeadline(ctx, 0)
		defer cancel()
		ended := false
		err = ns.adapter.ServerAsk(ctx, p, func(a adapter.Answer) bool {
			ended = !yield(ServerAnswer{Node: a.Node, Args: a.Args}, a.Err)
			return !ended
		})
		if err != nil && !ended {
			yield(ServerAnswer{}, err)
		}
	}
}

// OnServer calls fn for each event that another server sent to this namespace. reply answers it, once; it does
// nothing when no answer is wanted. stop ends it.
func (ns *Namespace) OnServer(fn func(name string, args event.Args, reply func(args ...any))) (stop func()) {
	return ns.onServer.add(fn, false)
}

// encodeServerEvent refuses the names that the reference's servers use for themselves.
func encodeServerEvent(name string, args []any) (adapter.Packet, error) {
	switch name {
	case "connect", "connection", "new_namespace":
		return adapter.Packet{}, ErrReserved
	}
	return encodeEvent(name, args)
}

// guard calls application code that belongs to no socket.
func (ns *Namespace) guard(name string, fn func()) {
	defer func() {
		if v := recover(); v != nil {
			ns.srv.fault(Fault{Namespace: ns, Event: name, Err: &PanicError{Value: v}, Stack: debug.Stack()})
		}
	}()
	fn()
}
