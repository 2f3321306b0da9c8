// Package event is the contract language of Parley: what both ends of a connection import to agree
// on namespaces, event names, payloads and acknowledgements.
//
// A contract is a handful of declarations. Direction, payload and acknowledgement are types, so the
// wrong one does not compile:
//
//	var NS = event.NewNamespace("/chat")
//
//	var (
//		Send   = event.NewCall[Draft, Message](NS, "message:send") // the client asks, the ack answers
//		Typing = event.NewToServer[TypingState](NS, "typing")
//		Posted = event.NewToClient[Message](NS, "message:posted")
//	)
//
// Declarations hold no code and open nothing. parley/server binds them to handlers, parley/shared/client
// calls them, and a peer in another language sees plain Socket.IO events with JSON arguments.
//
// The untyped side is here too: [Args] are the arguments of a received event, each one a [Value] that is
// decoded only when somebody asks for it, and [AppendArgs] writes outgoing ones, splitting off binary.
//
// The package knows JSON and the shapes of the Socket.IO v5 protocol that a contract touches (namespace
// names, reserved event names, binary attachments). It must not know connections, clocks, goroutines or
// transports, and it builds for js/wasm.
package event
