package engine

import (
	"sync/atomic"

	"parley/server/engine/frame"
	"parley/shared/engineio"
)

// Transport is a connection that carries packets both ways at any time, as
// WebSocket and WebTransport do. Polling is not one of them: it is part of the
// session. All methods but Start may be called concurrently, none may block.
type Transport interface {
	Name() string

	// Start begins to read, on a goroutine or however it likes. packet gets every
	// packet, in order and one at a time; gone is called once, after the last. The
	// task that packet returns, unless nil, is run so that it holds up nothing.
	Start(packet func(engineio.Packet) Task, gone func(engineio.Reason, error))

	// Send queues messages contiguously and writes them, later and together with
	// others if batch says so. The error is ErrSlow or ErrClosed, this one also
	// when until is true in the moment in which they take their place.
	Send(batch, compress bool, until *atomic.Bool, msgs ...*frame.Message) error

	// Queue takes over what has waited for polls, without bounds and without
	// writing: Flush follows. It is called under a lock. The error is ErrClosed,
	// as that of Send.
	Queue(compress bool, until *atomic.Bool, msgs ...*frame.Message) error
	Flush()

	Writable() bool
	Buffered() (messages, bytes int)

	// Flushed is closed when everything sent so far is out, or never will be.
	Flushed() <-chan struct{}

	// Stalled reports that a received message is incomplete but still in time.
	Stalled() bool

	// Close closes after what is queued, within bounds of its own; Abort at once.
	Close(engineio.Reason)
	Abort(error)
}
