// Package websocket is the Engine.IO transport over WebSocket connections.
//
// coder/websocket does the handshake, reads fragmented and compressed messages
// with all that comes between their parts, and answers the close frame. A message
// that is one plain frame, as nearly all are, is read past it into a buffer of its
// size, and so are pings and pongs between messages: with those the library would
// keep the goroutine until the next message. What is sent goes past it through a
// queue of its own, see package outq. The package adds what the library leaves to
// its user: it refuses text that is not UTF-8 (close code 1007), messages that
// announce more than the limit, and those that take for ever to arrive.
//
// It knows packets but not what they mean: sessions, heartbeats and upgrades are
// the business of package engine.
package websocket
