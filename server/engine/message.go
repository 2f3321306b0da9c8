package engine

import (
	"errors"
	"sync/atomic"

	"parley/server/engine/frame"
	"parley/server/engine/websocket"
	"parley/shared/engineio"
)

// Message is one message on its way out, encoded once and shared by all its
// receivers. It is immutable.
type Message = frame.Message

// Reason says why a session ended.
type Reason = engineio.Reason

// CopyLimit is the size in bytes below which [NewMessage] copies.
const CopyLimit = frame.CopyLimit

// NewMessage returns a message. It copies data that is shorter than [CopyLimit]
// and takes over what is longer: the caller must not change that afterwards.
func NewMessage(binary bool, data []byte) *Message { return frame.New(binary, data) }

// Recycle gives up the data of a binary message that a [Receiver] has got: nobody
// refers to them any more, up to their capacity, but perhaps messages made of them
// that are still to be sent, each to one session. Their memory is then used for
// another message, which makes long messages cheaper: it is neither made anew nor
// cleared, and in the processor's cache. A message that takes them along as a
// whole gives them back when a WebSocket without TLS has taken it at once; else
// they are left to the garbage collector.
func (srv *Server) Recycle(data []byte, in ...*Message) { srv.buffers.Recycle(data, in...) }

// SendOptions says how messages are sent. The zero value sends them reliably,
// compressed if that is configured, and at once.
type SendOptions struct {
	Volatile   bool // drop the messages when the session is not writable
	NoCompress bool // do not compress them
	Batch      bool // only queue them; they leave soon, together with others
	Unbounded  bool // queue them whatever waits already; the caller sees to it with Flush that not much does

	// Until, unless nil, is looked at in the moment in which the messages take
	// their place in the queue: once it is true they are refused with ErrClosed.
	// Who sets it and then sends knows that nothing sent with it comes behind.
	Until *atomic.Bool
}

// Errors of [Session.Send], and causes given to [Receiver].Closed.
var (
	ErrClosed      = frame.ErrClosed                                               // the session has ended
	ErrSlow        = frame.ErrSlow                                                 // the queue is full and the session ends
	ErrNotWritable = errors.New("engine: session not writable")                    // a volatile message was dropped
	ErrTooLarge    = websocket.ErrTooLarge                                         // the client sent more than MaxPayload
	ErrHeartbeat   = errors.New("engine: the client sent a ping")                  // in version 4 the server pings
	ErrOverlap     = errors.New("engine: two polls or two posts at once")          // of one session
	ErrAborted     = errors.New("engine: the client gave up a poll or a post")     // connection closed early
	ErrContentType = errors.New("engine: binary content type of a post")           // that was version 3
	ErrStalled     = errors.New("engine: the body of a post did not come in time") // MessageTimeout
)

// Packets without data, shared by all sessions.
var (
	pingPacket  = frame.Control(engineio.PacketPing, nil)
	closePacket = frame.Control(engineio.PacketClose, nil)
	noopPacket  = frame.Control(engineio.PacketNoop, nil)
	probeAnswer = frame.Control(engineio.PacketPong, []byte("probe"))
)
