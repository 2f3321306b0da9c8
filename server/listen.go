package server

import (
	"context"

	"parley/shared/engineio"
	"parley/shared/event"
)

// On calls fn for each event of that name which the socket receives; an acknowledgement that the client asks for is
// left open. stop ends it. The typed form, for every socket of a namespace, is [On].
func (s *Socket) On(name string, fn func(args event.Args)) (stop func()) {
	return s.lists().table.add(&handler{name: name, fn: func(_ context.Context, e *Event) { fn(e.Args) }})
}

// OnAck is [Socket.On] with the acknowledgement: ack answers it, now or later, from any goroutine; the first call
// counts. Without a wish for an answer ack does nothing. Arguments that cannot be encoded are reported as a [Fault], and
// the client gets the error code "internal". The typed form is [Handle].
func (s *Socket) OnAck(name string, fn func(args event.Args, ack func(args ...any))) (stop func()) {
	return s.lists().table.add(&handler{name: name, sole: true, fn: func(_ context.Context, e *Event) {
		fn(e.Args, func(args ...any) { e.answered(e.Ack(args...)) })
	}})
}

// OnAny calls fn for every event that the socket receives, before the handlers of its name.
func (s *Socket) OnAny(fn func(name string, args event.Args)) (stop func()) {
	return s.lists().onAny.add(fn, false)
}

// PrependAny is [Socket.OnAny], before those that are there already.
func (s *Socket) PrependAny(fn func(name string, args event.Args)) (stop func()) {
	return s.lists().onAny.add(fn, true)
}

// OnAnyOutgoing calls fn for every event that is sent to the socket, directly or by a broadcast; acknowledgements
// are not events. It runs on the sender's goroutine and must not block.
func (s *Socket) OnAnyOutgoing(fn func(name string, args event.Args)) (stop func()) {
	s.ns.outgoing.Store(true)
	return s.lists().onOutgoing.add(fn, false)
}

// PrependAnyOutgoing is [Socket.OnAnyOutgoing], before those that are there already.
func (s *Socket) PrependAnyOutgoing(fn func(name string, args event.Args)) (stop func()) {
	s.ns.outgoing.Store(true)
	return s.lists().onOutgoing.add(fn, true)
}

// OnDisconnecting calls fn when the socket has ended and still knows its rooms.
func (s *Socket) OnDisconnecting(fn func(reason engineio.Reason, err error)) (stop func()) {
	return s.lists().onDisconnecting.add(fn, false)
}

// OnDisconnect calls fn when the socket has ended and the last of its events was handled. It is called only for a
// socket that was let in, and not when it has been called already.
func (s *Socket) OnDisconnect(fn func(reason engineio.Reason, err error)) (stop func()) {
	return s.lists().onDisconnect.add(fn, false)
}

// Use adds an event middleware for this socket, after those of the namespace; see [Router.UseEvent].
func (s *Socket) Use(mw func(next EventFunc) EventFunc) (stop func()) {
	return s.lists().use.add(mw, false)
}
