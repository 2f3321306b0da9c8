package websocket

import (
	"context"

	"parley/shared/client/engine"
	"parley/shared/engineio"
)

// MaxMessage is the default of Transport.MaxMessage: 32 MiB.
const MaxMessage = 32 << 20

// A Transport opens WebSocket links. The zero value is ready to use.
type Transport struct {
	// Protocols are the subprotocols to offer. Default none, as the reference.
	Protocols []string
	// MaxMessage bounds one received message in bytes; a longer one ends the
	// link. Default [MaxMessage]; negative means no bound. In a browser the
	// message is in memory before it can be refused.
	MaxMessage int
	// Base64 sends binary messages as base64 text, for the sake of networks that
	// break binary frames.
	Base64 bool
	// Native holds what only programs outside a browser can set.
	Native
}

// Name returns "websocket".
func (t *Transport) Name() string { return "websocket" }

// Dial opens a link; see [engine.Transport]. It may be called by several
// goroutines at once.
func (t *Transport) Dial(ctx context.Context, r engine.Request) (engine.Link, error) {
	return t.dial(ctx, r)
}

func (t *Transport) maxMessage() int {
	if t.MaxMessage == 0 {
		return MaxMessage
	}
	return t.MaxMessage
}

func closedError(code int, reason string, cause error) error {
	return &engine.Error{
		Transport: "websocket", Op: engine.OpClosed,
		CloseCode: code, CloseReason: reason, Err: cause,
	}
}

func failed(op string, cause error) error {
	return &engine.Error{Transport: "websocket", Op: op, Err: cause}
}

// isBinary reports whether a packet travels in a binary frame.
func (t *Transport) isBinary(p engineio.Packet) bool {
	return p.Binary && p.Type == engineio.PacketMessage && !t.Base64
}
