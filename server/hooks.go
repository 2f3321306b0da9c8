package server

import (
	"context"

	"parley/shared/engineio"
	"parley/shared/event"
)

// ConnectFunc lets a socket into a namespace, or refuses it with an error. It runs before the client is told
// anything; ctx ends when the client leaves, which it is made to do after Config.ConnectTimeout if it is in no other
// namespace.
//
// An *[event.Error] is told to the client: CONNECT_ERROR with its message, and with its code and data as data. So
// is a *[Refusal]. Any other error becomes "internal error" for the client and is reported as a [Fault].
type ConnectFunc func(ctx context.Context, s *Socket) error

// EventFunc handles one received event; see [Router.UseEvent].
type EventFunc func(ctx context.Context, e *Event) error

// Router is what [Handle], [On] and the middlewares bind to: a [Namespace], or a [Parent] for all of its children.
// It is not for implementing elsewhere.
type Router interface {
	// Use adds a connect middleware. Middlewares run in the order in which they were added, those of a parent first,
	// once for each connecting socket. What next is called with is the context of the socket from then on, so that
	// values travel to handlers. Who is let in has passed all of them: a middleware that returns nil and has not called
	// next, or does not pass its error on, refuses the client with code "internal", and [ErrNextNotCalled] is reported.
	Use(mw func(next ConnectFunc) ConnectFunc)
	// UseEvent adds an event middleware, for every event that a socket receives; acknowledgements do not pass it.
	// When it does not call next the handlers are not run. Its error is the acknowledgement, as that of a [Handle]
	// function; when none was asked for it is reported as a [Fault].
	UseEvent(mw func(next EventFunc) EventFunc)
	// OnConnect calls fn for each socket that is let in, after the client was told. Events of the client wait until
	// every OnConnect function has returned, so none is missed. stop ends it.
	OnConnect(fn func(*Socket)) (stop func())
	// OnDisconnecting calls fn for each socket that has ended, while [Socket.Rooms] still tells where it was.
	OnDisconnecting(fn func(*Socket, engineio.Reason, error)) (stop func())
	// OnDisconnect calls fn for each socket that has ended, after the last of its events was handled. The error has
	// details where there are any.
	OnDisconnect(fn func(*Socket, engineio.Reason, error)) (stop func())

	router() *hooks
}

// hooks are the functions that an application has registered at a namespace or parent.
type hooks struct {
	middleware      list[func(ConnectFunc) ConnectFunc]
	events          list[func(EventFunc) EventFunc]
	onConnect       list[func(*Socket)]
	onDisconnecting list[func(*Socket, engineio.Reason, error)]
	onDisconnect    list[func(*Socket, engineio.Reason, error)]
	onAny           list[func(*Socket, string, event.Args)]
	onOutgoing      list[func(*Socket, string, event.Args)]
	table           table
}

func (h *hooks) router() *hooks { return h }

// Use adds a connect middleware, see [Router].
func (h *hooks) Use(mw func(next ConnectFunc) ConnectFunc) { h.middleware.add(mw, false) }

// UseEvent adds an event middleware, see [Router].
func (h *hooks) UseEvent(mw func(next EventFunc) EventFunc) { h.events.add(mw, false) }

// OnConnect calls fn for each socket that is let in, see [Router].
func (h *hooks) OnConnect(fn func(*Socket)) (stop func()) { return h.onConnect.add(fn, false) }

// OnDisconnecting calls fn for each socket that has ended and still knows its rooms, see [Router].
func (h *hooks) OnDisconnecting(fn func(*Socket, engineio.Reason, error)) (stop func()) {
	return h.onDisconnecting.add(fn, false)
}

// OnDisconnect calls fn for each socket that has ended, see [Router].
func (h *hooks) OnDisconnect(fn func(*Socket, engineio.Reason, error)) (stop func()) {
	return h.onDisconnect.add(fn, false)
}

// OnAny calls fn for every event that a socket receives, before its handlers.
func (h *hooks) OnAny(fn func(s *Socket, name string, args event.Args)) (stop func()) {
	return h.onAny.add(fn, false)
}

// OnAnyOutgoing calls fn for every event sent to a socket, once for each receiver; acknowledgements are not events.
// It runs on the sender's goroutine and must not block.
func (h *hooks) OnAnyOutgoing(fn func(s *Socket, name string, args event.Args)) (stop func()) {
	return h.onOutgoing.add(fn, false)
}

// Refusal is an error of a connect middleware that writes CONNECT_ERROR as it pleases, for clients whose contract
// is not ours.
type Refusal struct {
	Message string // err.message at the client
	Data    any    // err.data at the client, as encoding/json writes it; nil: none. What it cannot write is left out, with a [Fault]
}

func (r *Refusal) Error() string { return "server: connection refused: " + r.Message }
