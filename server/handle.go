package server

import (
	"context"
	"fmt"

	"parley/shared/event"
)

// Handle answers a declared call: fn gets the decoded request and what it returns is the acknowledgement. An
// *[event.Error] travels to the client as it is; any other error becomes code "internal" there and a [Fault] here, as
// does a panic, and a result that cannot be encoded. A request that does not decode or validate is answered with its
// error and does not reach fn. A raw call ([event.NewRawCall]) is answered with {"error":…} as well, which this
// project's client returns as the error.
//
// fn runs on the socket's own dispatch, one event at a time in arrival order (see [Namespace.Concurrency]). ctx ends
// when the socket disconnects and has the values of the connect middleware. Handle panics when another handler
// answers that call already, or when the call is declared for another namespace than ns: both are mistakes in the
// program. stop ends it.
func Handle[Req, Res any](
	ns Router, call event.Call[Req, Res], fn func(ctx context.Context, s *Socket, req Req) (Res, error),
) (stop func()) {
	return handle("Handle", ns, call, fn, (*Event).kept)
}

// handle is Handle; lent tells which attachments nobody uses once the answer has been sent.
func handle[Req, Res any](
	verb string, ns Router, call event.Call[Req, Res], fn func(context.Context, *Socket, Req) (Res, error),
	lent func(*Event) [][]byte,
) (stop func()) {
	mustBelong(verb, ns, call.Namespace(), call.Name())
	h := ns.router()
	if h.table.hasSole(call.Name()) {
		panic(fmt.Sprintf("server.%s: %s is handled already", verb, call))
	}
	return h.table.add(&handler{name: call.Name(), sole: true, fn: func(ctx context.Context, e *Event) {
		var room [4][]byte
		mine := append(room[:0], lent(e)...) // now, for fn may change the lists
		req, err := event.DecodePayload[Req](e.Args)
		var res Res
		if err == nil {
			res, err = fn(ctx, e.socket, req)
		}
		if err != nil {
			e.fail(err)
			return
		}
		e.answered(e.ack(event.EncodeReply(call.Raw(), res, nil), mine))
	}})
}

// On handles a declared event that has no answer. An error of fn, or of decoding, is reported as a [Fault]. A client
// that asks for an acknowledgement all the same (one with retries does) gets an empty one after fn has returned without
// an error, else the error, as from [Handle]. See there for the rest.
func On[T any](ns Router, ev event.ToServer[T], fn func(ctx context.Context, s *Socket, payload T) error) (stop func()) {
	return on("On", ns, ev, fn, (*Event).kept)
}

// on is On; see handle.
func on[T any](
	verb string, ns Router, ev event.ToServer[T], fn func(context.Context, *Socket, T) error, lent func(*Event) [][]byte,
) (stop func()) {
	mustBelong(verb, ns, ev.Namespace(), ev.Name())
	return ns.router().table.add(&handler{name: ev.Name(), fn: func(ctx context.Context, e *Event) {
		var room [4][]byte
		mine := append(room[:0], lent(e)...)
		payload, err := event.DecodePayload[T](e.Args)
		if err == nil {
			err = fn(ctx, e.socket, payload)
		}
		if err != nil {
			e.dropped(err)
			return
		}
		e.answered(e.ack(nil, mine))
	}})
}

// kept is for handlers that may keep everything.
func (e *Event) kept() [][]byte { return nil }

// answered reports an answer that could not be sent, unless the client has left. Who waits for one that cannot be
// encoded is told that there is none.
func (e *Event) answered(err error) {
	if err == nil || err == ErrDisconnected {
		return
	}
	e.fault(err)
	if e.WantsAck() {
		_ = e.Ack(event.EncodeReply(false, event.None{}, error(errInternal))...) // an error means that the client has gone
	}
}

var errInternal = event.Errorf(event.CodeInternal, "internal error")

// dropped answers an event with its error, or reports it when its sender does not wait for an answer.
func (e *Event) dropped(err error) {
	if e.WantsAck() {
		e.fail(err)
		return
	}
	if _, panicked := err.(*PanicError); panicked { // and reported already
		return
	}
	e.fault(err)
}

// mustBelong panics when a declaration is bound to the wrong namespace.
func mustBelong(verb string, r Router, declared event.Namespace, name string) {
	if named, ok := r.(interface{ Name() string }); ok && named.Name() != declared.Name() {
		if ns, ok := r.(*Namespace); ok && ns.parent != nil {
			return
		}
		panic(fmt.Sprintf("server.%s: %s %s is declared for another namespace than %s", verb, declared, name, named.Name()))
	}
}
