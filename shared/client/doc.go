// Package client is a Socket.IO v5 client, the same natively and in a browser.
//
//	conn, err := client.Dial(ctx, "https://chat.example", client.Config{})
//	if err != nil {
//		return err
//	}
//	defer conn.Close()
//	sock := conn.Of(chat.NS)
//	stop := client.On(sock, chat.IsTyping, func(p chat.Presence) { … })
//	history, err := client.Call(ctx, sock, chat.Join, chat.JoinRequest{Room: room})
//	for m, err := range client.Stream(ctx, sock, chat.Posted) { … }
//
// A [Conn] is the connection to one server, made again whenever it is lost. A
// [Socket] is one namespace on it. The typed functions take declarations of
// parley/shared/event; the untyped methods of Socket speak to any peer.
//
// The package knows packets, namespaces, acknowledgements and reconnection. It
// must not know how bytes travel (the transports below it do), nor anything of a
// server or an application.
//
// # Order and goroutines
//
// Emits of one goroutine arrive in their order, over text and binary and across
// an upgrade. Handlers of one Socket run one at a time in the order of arrival.
// An acknowledgement does not wait for handlers, so that a handler may wait for
// one: Call may therefore return before the handlers of events that arrived
// earlier have run. Close waits for every goroutine and handler.
//
// # What waits, and what happens when it is too much
//
//   - An emit while not connected waits in memory, bounded by Config.Buffer, and
//     the emit that finds no room fails with ErrBufferFull.
//   - An emit on a connection slower than the program waits too, bounded by
//     Config.MaxQueued, with the same error.
//   - Received events wait for slow handlers, bounded by Config.MaxPending; more
//     of them drop the connection with reason "slow consumer".
//   - A Stream holds Config.StreamBuffer events and then ends with
//     ErrStreamOverflow.
//   - Every acknowledgement is bounded by Config.AckTimeout and fails when the
//     connection ends, and when the namespace is refused for good.
//
// # Reconnection
//
// A lost connection is tried again after a pause that grows, with jitter, as
// [Reconnect] says. Pauses are cut short by the events a browser has about its
// network (online, pageshow, resume, a page that becomes visible), by
// Config.Network natively, by Conn.Retry, and by a wall clock that has run ahead
// of the timers, which is what waking up looks like. On an open connection the
// same occasions make the client ask the server for a sign of life. The browser's
// event offline closes the connection at once. After a refusal by the server, or
// its disconnect, a Socket waits for its Connect; [ConnectError] says whether
// that may help.
//
// # Recovery
//
// A server with connection state recovery appends an offset to every event it has
// stored; the client takes it off before handlers see the event, and reports the
// last one when it reconnects. Only a stored event moves the offset. Since a
// volatile event has none and the wire does not tell which is which, the last
// string of an event counts as an offset only if it has the form of the server's
// offsets: this project's server names its first one in CONNECT; from others the
// forms of the known adapters are recognised (see Config.Offset). [Recovery]
// survives a restart if the program stores it. A replay longer than
// Config.MaxPending is given up and the Socket connects as one that was not
// recovered.
//
// # Where it differs from the reference client on purpose
//
//   - WebSocket is tried first and polling second, in one attempt; the reference
//     begins with polling and tries no other (Config.Transports, FirstOnly).
//   - Jitter is kept at the cap of the back-off.
//   - Any packet counts as a sign of life, not only a ping.
//   - "online" and its kin cut the back-off short.
//   - A volatile emit is really dropped whenever it cannot be sent at once.
//   - OnConnect on a connected Socket is called for the present connection too.
//   - OnDisconnect is called only after an OnConnect.
//   - A disconnect fails every pending acknowledgement, and every one has a
//     deadline.
//   - The buffer is bounded, can be looked at and cleared, and a hook runs before
//     it is flushed.
//   - A message beyond the server's maxPayload fails on this side, where the
//     reference sends it and loses the connection.
//   - Retries need a deadline, keep the acknowledgement id over all tries, and so
//     take a late answer to an earlier try.
//   - Nothing of a Socket is a flag that a later emit could inherit: Volatile,
//     Timeout and Unbuffered return views.
//   - The last namespace to leave closes its connection for good, and explicit
//     goodbyes forget the recovery state.
//   - A polling request whose answer was lost is not repeated (natively; net/http
//     would), because packets could be lost without a trace.
//
// What only makes sense in JavaScript is left out: native timers, autoUnref,
// binaryType, and a per-message compress flag (permessage-deflate is a setting of
// the WebSocket transport). A server that speaks protocol v4 or older is reported
// as such.
//
// The same cases run against this project's server and the official one, natively
// and in Chromium, in parley/server/interop, and so do the tests with a network
// that fails.
package client
