package msgpack

import (
	"errors"
	"fmt"
	"math"

	"parley/shared/socketio"
)

// DefaultMaxAttachments is what [socketio.Limits].MaxAttachments means here when
// it is zero. Binary data lies inside the one frame of a packet, so the
// reference knows no such bound; this one is against packets of a million empty
// parts.
const DefaultMaxAttachments = 1000

// mostDepth is as deep as encoding/json goes.
const mostDepth = 10_000

// ErrSyntax means that a frame is not what a MessagePack packet looks like.
// Faults of a packet that could be read are reported with the errors of
// [socketio].
var ErrSyntax = errors.New("msgpack: malformed frame")

// New returns the parser. Packets are checked as strictly as in JSON, which is
// stricter than the reference: event names too, namespaces begin with a slash,
// ids run from 0 to [socketio.MaxID], only events and acknowledgements carry
// binary data.
//
// Values cross as follows. Whole numbers become integers and back; what JSON
// cannot say (NaN, infinities) becomes null. Binary data stays binary. Of the
// extensions of notepack, with which the reference encodes, undefined becomes
// null in a list and no member in an object, a Date becomes its ISO text, and an
// ArrayBuffer binary data; so does the standard timestamp. Any other extension is
// the pair [type, data], as the reference decodes it.
func New() socketio.Parser { return parser{} }

type parser struct{}

func (parser) Name() string { return "msgpack" }

// Check reads the whole packet, as Encode does before it writes.
func (parser) Check(p *socketio.Packet) error {
	q := normal(p)
	return q.Valid(socketio.Limits{MaxAttachments: math.MaxInt, MaxDepth: math.MaxInt})
}

// normal is p as it is written.
func normal(p *socketio.Packet) socketio.Packet {
	q := *p
	switch q.Type {
	case socketio.PacketBinaryEvent:
		q.Type = socketio.PacketEvent
	case socketio.PacketBinaryAck:
		q.Type = socketio.PacketAck
	}
	if q.Namespace == "" {
		q.Namespace = "/"
	}
	return q
}

// Encode writes p as one binary frame.
func (parser) Encode(dst []socketio.Frame, p *socketio.Packet) ([]socketio.Frame, error) {
	q := normal(p)
	if err := q.Valid(socketio.Limits{MaxAttachments: math.MaxInt, MaxDepth: math.MaxInt}); err != nil {
		return dst, err
	}
	data, err := appendPacket(make([]byte, 0, len(q.Namespace)+len(q.Data)+32), &q)
	if err != nil {
		return dst, err
	}
	return append(dst, socketio.Frame{Binary: true, Data: data}), nil
}

// NewDecoder returns a decoder for one connection. It never has a packet
// pending. Packets share the bytes of attachments, but not those of text, with
// their frame.
func (parser) NewDecoder(l socketio.Limits) socketio.Decoder {
	if l.MaxAttachments <= 0 {
		l.MaxAttachments = DefaultMaxAttachments
	}
	l.MaxDepth = min(l.MaxDepth, mostDepth)
	return decoder{l.WithDefaults()}
}

type decoder struct{ limits socketio.Limits }

func (decoder) Pending() bool { return false }

func (d decoder) Add(f socketio.Frame) (socketio.Packet, bool, error) {
	if !f.Binary {
		return socketio.Packet{}, false, fmt.Errorf("%w (does the peer use another parser?)", socketio.ErrUnexpectedText)
	}
	if d.limits.MaxBytes > 0 && len(f.Data) > d.limits.MaxBytes {
		return socketio.Packet{}, false, fmt.Errorf("%w: more than %d bytes", socketio.ErrPacketTooLarge, d.limits.MaxBytes)
	}
	r := reader{frame: f.Data, rest: f.Data, limits: d.limits}
	p, err := r.packet()
	if err == nil {
		err = p.Valid(d.limits)
	}
	if err != nil {
		return socketio.Packet{}, false, err
	}
	return p, true, nil
}
