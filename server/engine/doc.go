// Package engine is an Engine.IO v4 server: sessions that survive a change of
// transport, heartbeat, limits, and the HTTP side of it all. The smallest whole
// program:
//
//	srv := engine.New(engine.Config{
//		Open: func(s *engine.Session) engine.Receiver { return &echo{s} },
//	})
//	http.ListenAndServe(":3000", srv)
//
// A message goes out with [Session.Send] and comes in through the [Receiver] that
// Open returned. What a message says is not the engine's business: Socket.IO is
// spoken by package server above it.
//
// # Sessions
//
// Every input of a session (a poll, a post, a frame, a timer, a close, an
// upgrade) is one complete step under the session's lock; what the step decided
// is carried out after it. No lock is held while anything is written to a
// network. An idle WebSocket session has no timer of its own, since each shard of
// the server has one, and at most one goroutine, which reads; over TCP on Linux it
// has none between two messages, since one for each shard waits for all of them.
//
// # Order
//
// Messages of one session leave in the order of the Send calls, across the
// upgrade and whether they were batched or not. Received messages are handed on
// one at a time and in order.
//
// # Slow receivers
//
// What waits for one session is bounded by [Config].Queue: by default 1 MiB or
// 16,384 messages may wait for long, and for a second 16 times as much, so that a
// receiver is not cut off for what an application says in one go. Slow is for whom
// more than 16 MiB would wait, or still more than 1 MiB a second after that began,
// without a break; this is looked at when something is sent. Whoever is slow is
// evicted: [Session.Send] returns [ErrSlow], the session ends with the reason "slow
// consumer", and OnSlow and the log are told. Bytes that the system has taken do not
// count, and neither does what the client is taking at the moment: a message, or
// several that were sent together, are accepted at any size when nothing else waits,
// and do no harm to what follows. They may take as long as the client likes, as long
// as that takes 64 KiB within each Queue.Age, or all that waits if it is less: who
// takes too little is evicted too, over polling as well. Volatile messages are
// dropped instead of queued.
// Who has more to send than the bound allows, such as a replay, sends it in parts
// and waits for [Session.Flush] between them.
//
// # Many clients
//
// [Config].Connections bounds how many sessions there may be, all together and of one
// remote address, and how fast new ones may come. By default nothing does. Connections
// without a session (of requests that are slow to come, or of none) are the http.Server's,
// whose own defaults let them be: one that faces the internet should have a
// ReadHeaderTimeout of 10 s, an IdleTimeout of 60 s and MaxHeaderBytes of 16 KiB, but
// neither ReadTimeout nor WriteTimeout, which would cut polls off.
//
// # Where this differs from the reference
//
// On purpose, in the user's favour, and without breaking a client:
//
//   - A close packet ends a WebSocket session at once, as it does over polling
//     (the reference ignores it there).
//   - Every inbound packet, a message that is still arriving and a busy Receiver
//     count as life: only silence ends in a ping timeout.
//   - The Origin header is checked on every request, WebSocket included: browsers
//     on other sites are refused with 403 unless CORS or CheckOrigin lets them in.
//     Clients without an Origin are not concerned.
//   - An origin of "*" goes out literally and never together with credentials.
//   - The cookie is set on a WebSocket handshake too, and is always HttpOnly.
//   - Every WebSocket that is refused is answered with HTTP status and JSON instead
//     of the 101, also for its version, of which the reference tells behind it; one
//     that AllowRequest refuses with 403, not with 400.
//   - AllowRequest and middlewares are asked over WebTransport, too.
//   - Of the first request its header, URL, host, address, time, and whether it came
//     over TLS are kept, not the request itself.
//   - An orderly close waits 10 s for a poll, see CloseTimeout, instead of 30 s.
//   - What waits for a client is bounded, see above, and so are sessions on request;
//     those too many are answered with 429 or 503.
//   - A message above MaxPayload ends the session with "transport error" and
//     [ErrTooLarge] on both transports, as soon as its first frame announces it; over
//     polling the request gets a 413 at once, even if only its Content-Length is
//     too large. On WebTransport, as in the reference, the reason is "parse
//     error".
//   - A payload that cannot be parsed is answered with 400, and so are a POST to a
//     session that has been upgraded meanwhile, the first of two POSTs at once, and
//     a WebSocket handshake that says transport=polling, or transport twice.
//   - Methods other than GET and POST to a session get 405 instead of 500.
//   - Text that is not UTF-8 is refused on both transports.
//   - EIO=3 and JSONP are not spoken: both are answered with code 5.
package engine
