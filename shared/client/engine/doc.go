// Package engine is the client's half of Engine.IO: one session from its
// handshake to its close, over one transport at a time.
//
//	s, err := engine.Dial(ctx, engine.Config{
//		URL:        u, // http://127.0.0.1:3000/engine.io/
//		Transports: []engine.Transport{&websocket.Transport{}},
//	})
//	s.Start(handler) // handler.Receive gets the messages, handler.Closed the end
//	err = s.Send(engineio.Packet{Type: engineio.PacketMessage, Data: []byte("hello")})
//
// It knows the packets of parley/shared/engineio, the heartbeat, the upgrade
// from one transport to another and the order of frames. How bytes travel is the
// business of a [Transport]: parley/shared/client/websocket, polling and
// webtransport satisfy it, and so may others. It must not know Socket.IO,
// reconnection or the DOM; parley/shared/client builds those on top.
//
// A Session that ended stays ended: a new connection is a new Session.
//
// Beyond the reference: every packet that arrives, not only a ping, pushes the
// heartbeat deadline; the deadline is also checked against the wall clock, which
// goes on while a machine sleeps; the send queue is bounded.
package engine
