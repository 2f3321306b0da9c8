// Package frame holds outgoing Engine.IO packets, encoded once for all
// receivers: as a WebSocket frame, and on demand as the text that polling
// carries or as a compressed frame. Of what comes in it knows the header of a
// WebSocket frame, and the mask.
//
// It knows bytes only: no connections, no sessions.
package frame

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"sync"
	"sync/atomic"

	"parley/shared/engineio"
)

// Frame bits and opcodes of RFC 6455, section 5.2.
const (
	fin      = 0x80
	rsv1     = 0x40
	opText   = 0x1
	opBinary = 0x2
	opClose  = 0x8 // and the bit that all control frames have
	opPing   = 0x9
	opPong   = 0xa
)

// CopyLimit is the size in bytes up to which a payload is copied behind its
// frame header, so that it goes out as one buffer. What is longer stays where it
// is and is written by reference.
const CopyLimit = 4 << 10

// What sending a message may answer, on every transport.
var (
	ErrClosed = errors.New("engine: session closed")
	ErrSlow   = errors.New("engine: the peer reads too slowly")
)

// Message is one packet on its way out. It is immutable: any number of sessions
// may hold it, and all of its methods may be called concurrently.
type Message struct {
	head []byte // frame header, and the packet when it is short
	body []byte // packet when it is long
	text int    // where the packet begins in head
	kind engineio.PacketType
	bin  bool
	raw  bool // a frame as it stands, of no packet

	buffers *Buffers // gets body back after writing, unless nil

	deflated atomic.Pointer[Message]
	deflate  sync.Mutex // one goroutine compresses, the others wait
}

// New returns a message packet. It copies data that is shorter than [CopyLimit]
// and takes over what is longer: the caller must not change that afterwards.
func New(isBinary bool, data []byte) *Message {
	return build(engineio.PacketMessage, isBinary, data, 0)
}

// Control returns a packet of any type but a binary message. It takes over data.
func Control(kind engineio.PacketType, data []byte) *Message {
	return build(kind, false, data, 0)
}

// Raw returns a WebSocket frame as it stands, header included. It takes over b.
func Raw(b []byte) *Message {
	return &Message{head: b, raw: true}
}

// Close returns a WebSocket close frame (RFC 6455, section 5.5.1). A reason
// longer than 123 bytes is cut.
func Close(code int, reason string) *Message {
	reason = reason[:min(len(reason), 123)]
	b := append(make([]byte, 0, 4+len(reason)), fin|opClose, byte(2+len(reason)))
	b = binary.BigEndian.AppendUint16(b, uint16(code))
	return Raw(append(b, reason...))
}

// Pong returns the WebSocket frame that answers a ping with that payload, which
// is at most 125 bytes long.
func Pong(payload []byte) *Message {
	b := append(make([]byte, 0, 2+len(payload)), fin|opPong, byte(len(payload)))
	return Raw(append(b, payload...))
}

func build(kind engineio.PacketType, isBinary bool, data []byte, bits byte) *Message {
	m := &Message{kind: kind, bin: isBinary}
	n, op := len(data), byte(opBinary)
	if !isBinary {
		n, op = n+1, opText
	}
	room := 11
	if n <= CopyLimit {
		room += len(data)
	}
	m.head = appendHeader(make([]byte, 0, room), fin|bits|op, n)
	m.text = len(m.head)
	if !isBinary {
		m.head = append(m.head, '0'+byte(kind))
	}
	if n <= CopyLimit {
		m.head = append(m.head, data...)
	} else {
		m.body = data
	}
	return m
}

// appendHeader appends the header of an unmasked frame.
func appendHeader(dst []byte, first byte, n int) []byte {
	switch {
	case n < 126:
		return append(dst, first, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, first, 126), uint16(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, first, 127), uint64(n))
	}
}

// WebSocket returns the frame as one or two buffers to be written one after the
// other. They must not be changed.
func (m *Message) WebSocket() (head, body []byte) { return m.head, m.body }

// Stream returns the packet with the header it has on a byte stream
// (WebTransport), as one or two buffers to be written one after the other. A
// frame of no packet is nothing there.
func (m *Message) Stream() (head, body []byte) {
	if m.raw {
		return nil, nil
	}
	packet := m.head[m.text:]
	if m.bin && len(packet)+len(m.body) == 0 {
		return append(engineio.AppendFrameHeader(nil, false, 1), 'b'), nil // as engineio.AppendFrame
	}
	head = make([]byte, 0, engineio.MaxFrameHeader+len(packet))
	head = engineio.AppendFrameHeader(head, m.bin, len(packet)+len(m.body))
	return append(head, packet...), m.body
}

// Size returns the size of the WebSocket frame in bytes, the measure of all
// queue bounds.
func (m *Message) Size() int { return len(m.head) + len(m.body) }

// IsClose reports whether it is a WebSocket close frame.
func (m *Message) IsClose() bool { return m.raw && len(m.head) > 0 && m.head[0]&0xf == opClose }

// Binary reports whether it is a binary message.
func (m *Message) Binary() bool { return m.bin }

// Type returns the packet type.
func (m *Message) Type() engineio.PacketType { return m.kind }

// Data returns the payload of the packet. It must not be changed.
func (m *Message) Data() []byte {
	if m.body != nil {
		return m.body
	}
	if m.bin {
		return m.head[m.text:]
	}
	return m.head[m.text+1:]
}

// AppendText appends the packet as a polling payload carries it: the digit of
// the type and the data, or 'b' and base64.
func (m *Message) AppendText(dst []byte) []byte {
	if m.bin {
		return base64.StdEncoding.AppendEncode(append(dst, 'b'), m.Data())
	}
	return append(append(dst, '0'+byte(m.kind)), m.Data()...)
}

// TextSize returns the number of bytes [Message.AppendText] appends.
func (m *Message) TextSize() int {
	if m.bin {
		return 1 + base64.StdEncoding.EncodedLen(len(m.Data()))
	}
	return 1 + len(m.Data())
}
