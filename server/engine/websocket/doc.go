// Package websocket is the Engine.IO transport over WebSocket connections.
//
// coder/websocket does the handshake, reads, and answers control frames; what is
// sent goes past it through a queue of its own, see package outq. The package
// adds what the library leaves to its user: it refuses text that is not UTF-8
// (close code 1007) and messages that take for ever to arrive.
//
// It knows packets but not what they mean: sessions, heartbeats and upgrades are
// the business of package engine.
package websocket
