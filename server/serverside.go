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
//
// The event is sent when the loop begins: without one nothing is sent, and a second loop asks once more.
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
// nothing when no answer is wanted. stop ends it. fn is called where the adapter delivers, and holds up what it
// delivers next: what takes long, or waits for other servers, belongs on a goroutine of its own. The same is true of
// OnServers and HandleServers.
func (ns *Namespace) OnServer(fn func(name string, args event.Args, reply func(args ...any))) (stop func()) {
	return ns.onServer.add(fn, false)
}

// EmitServers sends a declared event to every other server, as [Namespace.ServerEmit] does.
func EmitServers[T any](ctx context.Context, ns *Namespace, ev event.ServerSide[T], payload T) error {
	if err := ns.target().belongs(ev.Namespace()); err != nil {
		return err
	}
	return ns.ServerEmit(ctx, ev.Name(), event.EncodePayload(payload)...)
}

// OnServers calls fn for each declared event that another server sent. An error of fn, or of decoding, is a [Fault].
// stop ends it.
func OnServers[T any](ns *Namespace, ev event.ServerSide[T], fn func(payload T) error) (stop func()) {
	mustBelong("OnServers", ns, ev.Namespace(), ev.Name())
	return ns.OnServer(func(name string, args event.Args, reply func(...any)) {
		if name != ev.Name() {
			return
		}
		payload, err := event.DecodePayload[T](args)
		if err == nil {
			err = fn(payload)
		}
		if err != nil {
			ns.srv.fault(Fault{Namespace: ns, Event: name, Err: err})
			return
		}
		reply()
	})
}

// ServerReply is the typed [ServerAnswer].
type ServerReply[T any] struct {
	Node  string
	Value T
}

// AskServers sends a declared question to every other server and yields the replies as they arrive: the value, or the
// other server's own *event.Error, or one of the errors of [Namespace.ServerEmitAck].
func AskServers[Req, Res any](
	ctx context.Context, ns *Namespace, call event.ServerCall[Req, Res], req Req,
) iter.Seq2[ServerReply[Res], error] {
	return func(yield func(ServerReply[Res], error) bool) {
		if err := ns.target().belongs(call.Namespace()); err != nil {
			yield(ServerReply[Res]{}, err)
			return
		}
		for answer, err := range ns.ServerEmitAck(ctx, call.Name(), event.EncodePayload(req)...) {
			reply := ServerReply[Res]{Node: answer.Node}
			if err == nil {
				reply.Value, err = event.DecodeReply[Res](call.Raw(), answer.Args)
			}
			if !yield(reply, err) {
				return
			}
		}
	}
}

// HandleServers answers a declared question of other servers. An error of fn, or of decoding, is the answer, and a
// [Fault] unless it is an *[event.Error]. stop ends it.
func HandleServers[Req, Res any](
	ns *Namespace, call event.ServerCall[Req, Res], fn func(req Req) (Res, error),
) (stop func()) {
	mustBelong("HandleServers", ns, call.Namespace(), call.Name())
	return ns.OnServer(func(name string, args event.Args, reply func(...any)) {
		if name != call.Name() {
			return
		}
		req, err := event.DecodePayload[Req](args)
		var res Res
		if err == nil {
			res, err = fn(req)
		}
		if err != nil && event.CodeOf(err) == event.CodeInternal {
			ns.srv.fault(Fault{Namespace: ns, Event: name, Err: err})
		}
		reply(event.EncodeReply(call.Raw(), res, err)...)
	})
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
