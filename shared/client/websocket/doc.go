// Package websocket carries Engine.IO packets in WebSocket frames, one packet in
// each: text for typed packets, binary for binary messages (Engine.IO v4,
// section "WebSocket").
//
//	conn, err := client.Dial(ctx, url, client.Config{
//		Transports: []engine.Transport{&websocket.Transport{}},
//	})
//
// Natively it uses github.com/coder/websocket. In a browser, page or worker, it
// talks to the browser's own WebSocket through syscall/js instead, because the
// js build of that library, at v1.8.15 and measured in Chromium, cannot be made
// to behave like its native one from outside:
//
//   - a close code and reason of the server do not reach the caller;
//   - messages that arrived just before a close are lost when the reader is
//     slower than the network, as data and close race in a select;
//   - CloseNow does nothing, since browsers refuse its code 1001;
//   - Close waits without bound for a peer that says nothing;
//   - reading a backlog costs quadratic time.
//
// Here both platforms deliver everything that arrived before a close, then the
// close with its code and reason; Close is bounded by its context; a backlog is
// read in batches. In the browser frames are gathered in an array on the
// JavaScript side by a bound Array.prototype.push, so that Go is entered once
// for many frames and no script text has to be evaluated, which a strict
// Content-Security-Policy would forbid.
//
// What a browser does not allow cannot be hidden: extra headers and the HTTP
// status of a refused connection are not available there.
//
// The package knows engineio packets and WebSocket. It must not know Socket.IO
// or reconnection.
package websocket
