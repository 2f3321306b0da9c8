package socketio

import "errors"

// Frame is one message of the connection below.
type Frame struct {
	Binary bool
	Data   []byte
}

// Parser turns packets into frames and back. The one that every Socket.IO
// implementation speaks is [JSON]; another may be used when both peers agree on
// it beforehand. A Parser is safe for use by many goroutines at once.
type Parser interface {
	// Name is a short name for logs and configuration, such as "json".
	Name() string

	// Encode appends the frames of p to dst; they must be sent in this order with
	// nothing in between. Frames may share bytes with p. It neither changes p nor
	// keeps it. Frames in dst's spare capacity lend the bytes of their Data: whoever
	// passes dst[:0] again has no more use for what it held.
	Encode(dst []Frame, p *Packet) ([]Frame, error)

	// NewDecoder returns a decoder for the frames of one connection.
	NewDecoder(Limits) Decoder
}

// Checker is a [Parser] that can tell cheaply whether Encode would fail. With other parsers those who have to know
// encode once more.
type Checker interface {
	// Check returns the error with which Encode would fail for p, nil if it would not.
	Check(p *Packet) error
}

// Decoder puts the packets of one connection together. It is used by one
// goroutine at a time.
type Decoder interface {
	// Add takes the next frame and, with the last frame of a packet, returns that
	// packet and true. The decoder owns f.Data from then on, for packets share
	// bytes with it. An error means that the peer broke the protocol or a limit:
	// the connection must be closed, and the decoder not used again.
	Add(f Frame) (p Packet, complete bool, err error)

	// Pending reports whether a packet waits for attachments. How long a peer may
	// take for them is for the caller to bound.
	Pending() bool
}

// Limits bound what a decoder accepts for one packet. The zero value means the
// defaults.
type Limits struct {
	MaxAttachments int // 0: DefaultMaxAttachments
	MaxDepth       int // levels of arrays and objects; 0: DefaultMaxDepth, at most 10,000
	MaxBytes       int // of all frames of the packet together; 0: DefaultMaxBytes, negative: no bound
}

// The limits that hold unless others are set.
const (
	// DefaultMaxAttachments is what the reference's decoder accepts.
	DefaultMaxAttachments = 10
	// DefaultMaxDepth keeps a peer from sending text that makes receivers recurse
	// without end; a reference server dies of a few thousand levels.
	DefaultMaxDepth = 512
	// DefaultMaxBytes is what 11 messages of the default payload limit, 1 MB, can
	// hold, so that it only bites when one of the other limits was raised.
	DefaultMaxBytes = 11_000_000
)

// WithDefaults returns l with the defaults in the place of zero fields; a negative
// MaxAttachments or MaxDepth counts as zero.
func (l Limits) WithDefaults() Limits {
	if l.MaxAttachments <= 0 {
		l.MaxAttachments = DefaultMaxAttachments
	}
	if l.MaxDepth <= 0 {
		l.MaxDepth = DefaultMaxDepth
	}
	if l.MaxBytes == 0 {
		l.MaxBytes = DefaultMaxBytes
	}
	return l
}

// What a decoder can object to. Errors wrap one of these; further text says
// where.
var (
	ErrEmptyFrame         = errors.New("socketio: empty packet")
	ErrUnknownType        = errors.New("socketio: unknown packet type")
	ErrNamespace          = errors.New("socketio: invalid namespace")
	ErrID                 = errors.New("socketio: invalid acknowledgement id")
	ErrAttachments        = errors.New("socketio: illegal attachments")
	ErrTooManyAttachments = errors.New("socketio: too many attachments")
	ErrUnexpectedText     = errors.New("socketio: text frame out of place")
	ErrUnexpectedBinary   = errors.New("socketio: binary frame out of place")
	ErrPacketTooLarge     = errors.New("socketio: packet too large")
)
