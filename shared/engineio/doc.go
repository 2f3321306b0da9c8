// Package engineio holds the words of the Engine.IO protocol, version 4, that
// client and server share: packets and their text and payload forms, the
// handshake, WebTransport framing, close reasons and error codes.
//
//	p, err := engineio.ParseText([]byte("4hello"))
//	// p.Type == engineio.PacketMessage, p.Data is "hello"
//
// It consists of functions from bytes to values. It must not know time, sockets,
// HTTP or goroutines, and nothing about Socket.IO: what a message packet carries
// is opaque here.
package engineio
