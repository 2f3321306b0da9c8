package server

import (
	"context"

	"parley/shared/event"
)

// HandleLent is [Handle] for large attachments: fn only borrows those of its request, and their memory serves the next
// request as soon as the answer has been written. An echo of 64 KiB takes about a fifth less CPU that way.
//
// What fn is given, []byte and [event.Value] alike, is valid until it returns, and may be in its result. Whatever fn
// keeps or hands to others, an emit, a goroutine, a cache, has to be a copy ([event.Value.Clone]); else what is read
// there later is another message, perhaps another client's. The race detector may find it. The same is asked of
// Config.Admit.
//
// The memory is not used again, and nothing else changes, after an error, when a middleware, a catch-all listener or
// another handler saw the event too, with a parser whose packets are not [socketio.Packet.Apart], and where an answer
// that holds the attachment did not leave at once, uncompressed, on a WebSocket without TLS.
func HandleLent[Req, Res any](
	ns Router, call event.Call[Req, Res], fn func(ctx context.Context, s *Socket, req Req) (Res, error),
) (stop func()) {
	return handle("HandleLent", ns, call, fn, (*Event).lent)
}

// OnLent is [On] for large attachments that fn only borrows; see [HandleLent].
func OnLent[T any](
	ns Router, ev event.ToServer[T], fn func(ctx context.Context, s *Socket, payload T) error,
) (stop func()) {
	return on("OnLent", ns, ev, fn, (*Event).lent)
}

// lent are the attachments that were lent to the only one who has seen the event.
func (e *Event) lent() [][]byte {
	if !e.alone || !e.apart || len(e.Args) == 0 {
		return nil
	}
	return e.Args.Value(0).Attachments
}
