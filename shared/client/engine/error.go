package engine

import (
	"errors"
	"fmt"
	"strconv"

	"parley/shared/engineio"
)

var (
	// ErrClosed means that the session has ended or is ending: nothing was sent.
	ErrClosed = errors.New("engine: session closed")
	// ErrNotWritable means that the link was busy, so that a packet which may be
	// dropped was dropped.
	ErrNotWritable = errors.New("engine: not writable")
	// ErrQueueFull means that the peer takes packets more slowly than they are
	// sent and the bound of the queue is reached: nothing was sent.
	ErrQueueFull = errors.New("engine: send queue full")
	// ErrHeartbeat means that the server was silent for longer than its own
	// handshake allows.
	ErrHeartbeat = errors.New("engine: no sign of life from the server in time")
)

// What a transport was doing when it failed.
const (
	OpDial   = "dial"   // opening the link; the peer may have refused it
	OpRead   = "read"   // the link broke, or the peer sent what is no packet
	OpWrite  = "write"  // the link broke
	OpClosed = "closed" // the peer closed the link
)

// Error is a failure of a transport with what it learned about the cause, as
// far as its platform tells: browsers hide the HTTP status of a refused
// WebSocket.
type Error struct {
	Transport   string          // name of the transport
	Op          string          // one of the Op constants
	Status      int             // HTTP status of the answer; 0 when there was none
	Refusal     *engineio.Error // the server's own words in the body, nil when there were none
	CloseCode   int             // WebSocket or WebTransport close code of the peer; 0 when there was none
	CloseReason string          // the peer's text that goes with CloseCode
	Err         error           // cause on this side, may be nil
}

// Error is "transport op: what is known".
func (e *Error) Error() string {
	s := e.Transport + " " + e.Op
	if e.Status != 0 {
		s += ": HTTP status " + strconv.Itoa(e.Status)
	}
	if e.Refusal != nil {
		s += ": " + e.Refusal.Error()
	}
	if e.CloseCode != 0 {
		s += fmt.Sprintf(": close code %d", e.CloseCode)
		if e.CloseReason != "" {
			s += " (" + e.CloseReason + ")"
		}
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives errors.Is the cause and the server's own words.
func (e *Error) Unwrap() []error {
	var all []error
	if e.Err != nil {
		all = append(all, e.Err)
	}
	if e.Refusal != nil {
		all = append(all, e.Refusal)
	}
	return all
}

// TooLarge reports whether the peer refused a message for its size: close code
// 1009 of a WebSocket, HTTP status 413 of a polling request.
func (e *Error) TooLarge() bool { return e.CloseCode == 1009 || e.Status == 413 }

// Retryable reports whether the same attempt may succeed later. It may not when
// the server answered and said no: it forbids the client (code 4, or HTTP status
// 401, 403 and 451), speaks another version (code 5) or does not serve the
// transport (code 0).
func (e *Error) Retryable() bool {
	if e.Refusal != nil {
		switch e.Refusal.Code {
		case engineio.UnknownTransport, engineio.Forbidden, engineio.UnsupportedVersion:
			return false
		}
		return true
	}
	switch e.Status {
	case 401, 403, 407, 410, 451:
		return false
	}
	return true
}

// Retryable reports whether an attempt that failed with err may succeed when it
// is made again unchanged: what the *Error in its chain says, else true.
func Retryable(err error) bool {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Retryable()
	}
	return true
}
