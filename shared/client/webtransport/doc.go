// Package webtransport carries Engine.IO packets on one bidirectional stream of a
// WebTransport session, over HTTP/3 (Engine.IO v4, section "WebTransport").
//
//	conn, err := client.Dial(ctx, "https://chat.example", client.Config{
//		Transports: []engine.Transport{&websocket.Transport{}, &webtransport.Transport{}},
//	})
//
// A program has it only if it imports this package: natively it brings a QUIC
// implementation along (github.com/quic-go/webtransport-go), in a browser it uses
// the browser's WebTransport through syscall/js. It is meant as an upgrade from
// another transport, since many networks let no UDP pass.
//
// The package knows engineio frames and WebTransport. It must not know Socket.IO
// or reconnection.
package webtransport
