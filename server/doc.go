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
//   - What belongs to a socket: [Socket.ID], [Socket.Set], [Socket.Get], typed with a [Key]
//   - Sets of sockets: [Target.Sockets], [Target.Fetch], [Target.Join], [Target.Leave], [Target.Disconnect],
//     [RemoteSocket]
//   - Between servers: [EmitServers], [OnServers], [AskServers], [HandleServers], untyped [Namespace.ServerEmit] and
//     [Namespace.OnServer]; package parley/server/adapter
//   - Coming back: Config.Recovery, [Socket.Recovered]
//   - Protection: [Limits], Config.Engine.Connections, and Config.Admit with an [AdmitFunc], a [Verdict], a [Bucket]
//   - What went wrong: [ErrDisconnected] and the other errors beside it, [Fault], Config.OnFault
//
// Nearly all of them have an Example, which runs.
//
// # Coming from Node
//
//	io.on("connection", (s) => {…})           srv.OnConnect(func(s *server.Socket) {…})
//	io.of("/chat"), io.of(/^\/room-\d+$/)     srv.Of(event.NewNamespace("/chat")), srv.Match(pattern)
//	io.use((s, next) => {…})                  srv.Use(func(next server.ConnectFunc) server.ConnectFunc {…})
//	next(new Error("no"))                     return &server.Refusal{Message: "no"}
//	s.use(([name, ...args], next) => {…})     s.Use(func(next server.EventFunc) server.EventFunc {…})
//	s.on("say", (text) => {…})                s.On("say", func(args event.Args) {…})
//	s.on("ask", (n, ack) => ack(n + 1))       s.OnAck("ask", func(args event.Args, ack func(...any)) {…})
//	s.off(…)                                  stop := s.On(…); stop()
//	s.emit("said", text)                      s.Emit("said", text)
//	await s.timeout(500).emitWithAck("q", 1)  s.EmitAck(ctx, "q", 1), the deadline from ctx
//	io.emit(…), s.broadcast.emit(…)           srv.Emit(…), s.Broadcast().Emit(…)
//	io.to("a").to("b").except("c").emit(…)    srv.To("a", "b").Except("c").Emit(…)
//	io.timeout(500).emit("q", (err, all) …)   for answer, err := range srv.Timeout(d).EmitAck(ctx, "q") {…}
//	s.volatile, s.compress(false), io.local   s.Volatile(), s.NoCompress(), srv.Local()
//	s.join("a"), s.leave("a"), s.rooms        s.Join("a"), s.Leave("a"), s.Rooms()
//	s.data.user = u                           user.Set(s, u), with user := server.NewKey[User]("user")
//	s.handshake.auth.token                    s.Handshake().Auth.Decode(&auth)
//	s.on("disconnect", (reason) => {…})       s.OnDisconnect(func(reason engineio.Reason, err error) {…})
//	s.disconnect(true), s.recovered           s.Disconnect(true), s.Recovered()
//	await io.in("a").fetchSockets()           srv.To("a").Fetch(ctx)
//	io.in("a").socketsJoin("b")               srv.To("a").Join("b")
//	io.serverSideEmit("reload")               srv.ServerEmit(ctx, "reload"), or EmitServers
//	io.engine.use(helmet())                   Config.Engine.Middleware
//	cors, cookie, pingInterval, transports    Config.Engine: CORS, Cookie, PingInterval, Transports
//	connectionStateRecovery: {…}              Config.Recovery
//	io.close()                                srv.Shutdown(ctx), srv.Close()
//
// Handlers of one socket run one after the other, where those of Node interleave at each await; see the next section.
//
// # Order
//
// What is emitted to one socket by one goroutine arrives in that order, whether it was emitted directly, to a room, to
// all, or as an acknowledgement. In a cluster that holds among what passes the adapter: acknowledgements, questions to
// one socket and, without recovery, what is emitted to one socket do not, and may overtake a broadcast that the adapter
// delivers after [Target.Emit] has returned. Nor does it hold, with recovery, for what a middleware emits to its socket
// and what an OnRoom function sends to a room while that socket joins it: the latter comes first.
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
// that follow in the stream wait as well, up to their deadline. While an answer of that same socket is waited for, its
// inbox takes 16 times as much. What waits to be sent is bounded by Config.Engine.Queue: 1 MiB or 16,384 packets may
// wait for a client for long, and 16 times as much for a second, in which it may catch up with what was emitted in one
// go. Volatile packets are dropped first, then the client that does not read is disconnected with the reason "slow
// consumer". One packet may be of any size when nothing else waits. No emit ever waits for a client. A client that has
// come back and still takes what it has missed has a queue of the latter size for what is new.
//
// Every acknowledgement has a deadline (of the context, Target.Timeout or Config.AckTimeout) and fails at once when its
// socket ends. The context of a socket ends at its disconnect.
//
// How many connections there are, of one address or at all, and how fast they come, is bounded by
// Config.Engine.Connections. It is off by default, as a proxy may do that, or hide the addresses; a server that faces
// the internet should turn it on. Connections of one user are for Config.Engine.AllowRequest and connect middlewares,
// which know users. Those that send no request, or a slow one, are the http.Server's: give yours a ReadHeaderTimeout
// of 10 s, an IdleTimeout of 60 s and MaxHeaderBytes of 16 KiB, but neither ReadTimeout nor WriteTimeout, which would
// cut polls off.
//
// Programs, which send no Origin header, are let in; a middleware may ask them for a token. Some defaults are wide so
// that no official client meets them: 45 s until CONNECT, with the time that middlewares take; 65,536 packets in a POST
// and 262,144 in a queue, for a loop of emits makes as many, and their bytes are bounded. EventRate has none, for only
// the application knows it.
//
// # Bytes
//
// A []byte that is emitted or acknowledged is not copied. It must not be changed any more: it may wait in the queues of
// its receivers, and with recovery it stays in the log. A received one may be kept, but for those of [HandleLent] and
// [OnLent].
//
// # What differs from the reference
//
// No official client has to know any of this. Connections and HTTP have a list of their own in package
// parley/server/engine.
//
// Connecting:
//
//   - While a namespace is being joined, a second CONNECT to it counts as the first, or while middlewares run in its
//     place when it shows other credentials, where the reference makes two sockets; a DISCONNECT ends the joining quietly
//     and an acknowledgement is ignored, where it closes the connection.
//   - An error of a [Server.MatchFunc] function refuses the client at once, as that of a middleware does; the reference
//     asks the next parent and in the end says "Invalid namespace".
//   - Middlewares and handlers added to a [Parent] count for children that exist already.
//   - A connect middleware that forgets next refuses the client ([ErrNextNotCalled]); the reference lets it wait.
//   - The text of an error that is not meant for clients (no [event.Error], no [Refusal]) stays on the server.
//   - What a middleware emits is sent right after the client was let in, and not at all when it is refused; with
//     recovery it is not lost. It is bounded by Limits.Held.
//   - [Socket.Disconnect] in a middleware ends the joining: the client gets a DISCONNECT packet and no CONNECT. The
//     reference ignores the call.
//
// Leaving:
//
//   - Packets that a client sent before it knew that the server had put it out of a namespace are ignored; the
//     reference closes the connection.
//   - Events that arrived before a client left are handled before OnDisconnect.
//   - The reason "forced close" becomes "forced server close" whenever the client polls and no poll is open. In the
//     reference only that of a packet out of place does, not that of one that cannot be decoded or of the application.
//
// Receiving:
//
//   - On, the typed form, acknowledges an event whose sender wants it (clients with retries do), so that nobody waits.
//   - The error of an event middleware is the acknowledgement, {"error":…}, when one is wanted; the reference sends
//     none. OnFault hears of it when none is wanted, or when its code is [event.CodeInternal].
//   - A handler that fails or panics is acknowledged with {"error":…}, too; the reference sends nothing.
//   - OnAny functions get no function that acknowledges (an event middleware has [Event.Ack]). There is no listenersAny.
//
// Sending and asking:
//
//   - Emit returns an error on a socket that has ended, instead of dropping silently, or, with recovery, sending later.
//   - An event with more attachments than receivers take, 10, is an error of Emit; the reference sends it, and its clients
//     close the connection. A received packet that announces 0 attachments is refused at once, as by its later versions.
//   - To without rooms means nobody; in the reference a list of rooms that happens to be empty means everybody.
//   - A question to many is sent when the loop over its answers begins.
//   - Volatile means that the connection can take the packet now; in the reference only the first of one tick passes.
//   - Acknowledgements asked for without a deadline get the configured one, and fail at disconnect; so do those of a
//     broadcast, which yields each answer with its sender and each failure with its cause.
//   - There is no send or write: Emit("message", …). Nor is there a reviver or replacer: values decide how they are
//     written and read, as in encoding/json, and Config.Parser may be another.
//
// Rooms, sets of sockets, other servers:
//
//   - A socket cannot leave the room of its own id.
//   - For a silent server [Target.Fetch] and [Namespace.ServerEmitAck] wait until their deadline, by default
//     Config.AckTimeout, which is 20 s; the reference waits 5 s and fails. The answers of the others come with an
//     [adapter.PartialError].
//   - ServerEmit takes binary arguments, and refuses every name that [event.Reserved] knows beside connection and
//     new_namespace. With a single server it reaches nobody and says nothing about it.
//
// Connections and HTTP:
//
//   - There is no bind or onconnection: a Server is an http.Handler with an engine of its own, [Server.Engine], whose
//     requests and streams can be routed to it by hand. Whatever serves net/http can serve it: HTTP, TLS, HTTP/2
//     (polling; browsers open a connection of their own for WebSocket), HTTP/3 with package webtransport, and the
//     routers that take an http.Handler.
//   - CORS has no delegate that chooses its options for each request: its Allow sees the request and decides about the
//     origin; what more depends on the request is for a middleware.
//   - The engine has no events for single packets, flushes, drains, heartbeats and upgrades: that is what
//     [Socket.OnAny] and [Socket.OnAnyOutgoing], Session.Flush, Session.Transport and OnSlow of package engine are for.
//
// Of the packets in testdata/hostile-inputs.txt four close the connection here and not there: nesting deeper than
// Limits.Depth, a number of attachments that is not digits, an acknowledgement id that a number cannot hold, and a close
// packet over WebSocket. Which of its HTTP requests are answered otherwise the engine's list says.
//
// And with recovery (the reference's connection state recovery):
//
//   - A client that was not recovered is also told where the log stands: its CONNECT has {"sid","pid","offset"}.
//   - A client that has not seen an event yet, or none for longer than the window, is recovered too.
//   - A client that comes back before its loss was noticed takes the half-open socket over; that one ends with
//     "transport close".
//   - A session is consumed by who takes it; a client that is refused at the door may try again.
//   - The log is bounded by age and by bytes. When it does not reach back far enough the client is told that it was not
//     recovered: never with a hole.
//   - What a client has missed is what was meant for the rooms it was in when that was emitted, also when it joined or
//     left some before its loss was noticed; the reference asks for the rooms at the end.
//   - What is emitted to one socket reaches it alone, also when others have joined a room of its name.
//   - An event that cannot be encoded is refused by Emit and not logged.
//   - A volatile event whose last argument is a string gets a position too: clients take any last string for one.
//   - Connect middlewares run for recovered clients, unless Config.RecoverySkipsMiddleware.
//
// What was missed is sent in front of CONNECT, as in the reference. The official JavaScript client keeps it until CONNECT
// comes, even if that is on a later connection: if this one breaks in between, its application sees it twice.
package server
