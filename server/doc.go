// Package server is a Socket.IO v5 server (over Engine.IO v4) for Go. The smallest whole program:
//
//	srv := server.New(server.Config{})
//	srv.OnConnect(func(s *server.Socket) {
//		s.On("userMessage", func(args event.Args) { srv.Emit("userMessage", args...) })
//	})
//	http.Handle("/socket.io/", srv)
//	log.Fatal(http.ListenAndServe(":3000", nil))
//
// Any Socket.IO client of version 3 or 4 connects to it. When both sides are Go, or a contract is wanted anyway, the
// events are declared once (package parley/shared/event) and bound by type:
//
//	server.Handle(ns, chat.Send, func(ctx context.Context, s *server.Socket, d chat.Draft) (chat.Message, error) { … })
//	server.Emit(ctx, s.To(room), chat.Posted, message)
//
// # Contents
//
//   - Attaching: [New], [Config], [Server] (an http.Handler), [Server.Shutdown]
//   - Connections, and HTTP in front of them: Config.Engine, package parley/server/engine, [Socket.Conn]
//   - Namespaces: [Server.Of], and on demand [Server.Match], [Server.MatchFunc], [Parent]; [Server.OnNamespace]
//   - Letting in: Use with a [ConnectFunc], [Refusal], [Socket.Handshake], OnConnect
//   - Putting out and leaving: [Socket.Disconnect], OnDisconnecting, OnDisconnect, [Socket.Context]
//   - Receiving: [Handle], [On], [Socket.On], [Socket.OnAck], [Socket.OnAny], UseEvent with an [EventFunc];
//     [HandleLent] and [OnLent] for large attachments
//   - Sending: [Emit], [Socket.Emit], and to many with [Target]: To, Except, Local, Volatile, NoCompress
//   - Asking: [Ask], [AskOne], [Socket.EmitAck], [Target.EmitAck], Timeout
//   - Rooms: [Socket.Join], [Socket.Leave], [Socket.Rooms], [Namespace.OnRoom]
//   - What belongs to a socket: [Socket.ID], [Socket.Set], [Socket.Get]
//   - Sets of sockets: [Target.Sockets], [Target.Fetch], [Target.Join], [Target.Leave], [Target.Disconnect],
//     [RemoteSocket]
//   - Between servers: [Namespace.ServerEmit], [Namespace.OnServer], package parley/server/adapter
//   - Coming back: Config.Recovery, [Socket.Recovered]
//   - Protection: [Limits], and Config.Admit with an [AdmitFunc], a [Verdict], a [Bucket]
//   - What went wrong: [ErrDisconnected] and the other errors beside it, [Fault], Config.OnFault
//
// Most of them have an Example.
//
// # Order
//
// What is emitted to one socket by one goroutine arrives in that order, whether it was emitted directly, to a room, to
// all, or as an acknowledgement.
//
// Handlers of one socket run one at a time, in the order in which its events arrived, on a goroutine that exists while
// there is work; different sockets run at once. OnConnect functions come first: events that arrive meanwhile wait, so a
// handler registered there misses nothing. OnDisconnect functions come last. A handler may wait for an acknowledgement
// of its own socket. [Namespace.Concurrency] gives up the order for speed.
//
// # Bounds
//
// Events that wait for handlers are bounded by Limits.Inbox and InboxBytes. When a socket's inbox is full the
// connection is not read any further until there is room again, so the client feels TCP back-pressure; acknowledgements
// that follow in the stream wait as well, up to their deadline. What waits to be sent is bounded by the engine's queue
// limits: volatile packets are dropped first, then the client that does not read is disconnected with the reason
// "slow consumer". No emit ever waits for a client.
//
// Every acknowledgement has a deadline (of the context, Target.Timeout or Config.AckTimeout) and fails at once when its
// socket ends. The context of a socket ends at its disconnect.
//
// # What differs from the reference
//
// On the wire nothing does. These are decisions where the reference's behaviour is a known weakness:
//
//   - A second CONNECT to a namespace that is still being joined closes the connection; the reference makes two sockets.
//   - Middlewares and handlers added to a [Parent] count for children that exist already.
//   - The text of an error that is not meant for clients (no [event.Error], no [Refusal]) stays on the server.
//   - What a middleware emits is sent right after the client was let in, and not at all when it is refused; with
//     recovery it is not lost.
//   - Acknowledgements asked for without a deadline get the configured one, and fail at disconnect; so do those of a
//     broadcast, which yields each answer with its sender and each failure with its cause.
//   - On, the typed form, acknowledges an event whose sender wants it (clients with retries do), so that nobody waits.
//   - Emit returns an error on a socket that has ended, instead of dropping silently, or, with recovery, sending later.
//   - Packets that a client sent before it knew that the server had put it out of a namespace are ignored; the reference
//     closes the connection.
//   - Events that arrived before a client left are handled before OnDisconnect.
//   - When a server of the cluster stays silent, the answers of the others come with an [adapter.PartialError].
//   - With a single server, ServerEmit reaches nobody and says nothing about it.
//   - There is no bind or onconnection: a Server is an http.Handler with an engine of its own, [Server.Engine], whose
//     requests and streams can be routed to it by hand. Whatever serves net/http can serve it: HTTP, TLS, HTTP/2
//     (polling; browsers open a connection of their own for WebSocket), HTTP/3 with package webtransport, and the
//     routers that take an http.Handler.
//   - CORS has no delegate that chooses its options for each request: its Allow sees the request and decides about the
//     origin; what more depends on the request is for a middleware.
//   - The engine has no events for single packets, flushes, drains, heartbeats and upgrades: that is what
//     [Socket.OnAny] and [Socket.OnAnyOutgoing], Session.Flush, Session.Transport and OnSlow of package engine are for.
//
// It is stricter than the reference in four places of testdata/hostile-inputs.txt: nesting deeper than Limits.Depth, a
// number of attachments that is not digits, an acknowledgement id that a number cannot hold, and a close packet over
// WebSocket close the connection.
//
// And with recovery (the reference's connection state recovery):
//
//   - A client that has not seen an event yet, or none for longer than the window, is recovered too.
//   - A client that comes back before its loss was noticed takes the half-open socket over; that one ends with "transport
//     close".
//   - A session is consumed by who takes it; a client that is refused at the door may try again.
//   - The log is bounded by age and by bytes. When it does not reach back far enough the client is told that it was not
//     recovered: never with a hole.
//   - A volatile event whose last argument is a string gets a position too: clients take any last string for one.
//   - Connect middlewares run for recovered clients, unless Config.RecoverySkipsMiddleware.
package server
