package frame

import (
	"crypto/subtle"
	"encoding/binary"
	"math"
	"slices"
)

// maxControl is the length in bytes of the longest payload of a control frame.
const maxControl = 125

// Header is the header of a frame from a client (RFC 6455, section 5.2).
type Header struct {
	Size   int // of the header, in bytes
	Length uint64
	Key    [4]byte
	first  byte
}

// HeaderSize returns how many bytes a client's header has whose second byte is
// this one, or 0 when that is no header of a masked frame.
func HeaderSize(second byte) int {
	switch second {
	case 0x80 | 126:
		return 8
	case 0x80 | 127:
		return 14
	}
	if second < 0x80 {
		return 0
	}
	return 6
}

// ParseHeader reads a header of [HeaderSize] bytes. ok is false when the length
// is not written in the shortest way, or has its highest bit set.
func ParseHeader(b []byte) (h Header, ok bool) {
	h = Header{Size: len(b), first: b[0]}
	switch h.Size {
	case 8:
		h.Length = uint64(binary.BigEndian.Uint16(b[2:]))
		ok = h.Length > 125
	case 14:
		h.Length = binary.BigEndian.Uint64(b[2:])
		ok = h.Length > math.MaxUint16 && h.Length < 1<<63
	default:
		h.Length = uint64(b[1] & 0x7f)
		ok = true
	}
	copy(h.Key[:], b[h.Size-4:])
	return h, ok
}

// Plain reports whether the frame is a whole message, not compressed.
func (h *Header) Plain() bool { return h.first == fin|opText || h.first == fin|opBinary }

// Ping reports whether the frame is a ping, and a correct one (RFC 6455, section
// 5.5).
func (h *Header) Ping() bool { return h.first == fin|opPing && h.Length <= maxControl }

// Pong reports whether the frame is a pong, and a correct one.
func (h *Header) Pong() bool { return h.first == fin|opPong && h.Length <= maxControl }

// Control reports whether the frame is a control frame, good or bad.
func (h *Header) Control() bool { return h.first&opClose != 0 }

// Compressed reports whether the length says nothing about the message.
func (h *Header) Compressed() bool { return h.first&rsv1 != 0 }

// Last reports whether the frame is the last of its message.
func (h *Header) Last() bool { return h.first&fin != 0 }

// Text reports whether a plain frame is a text message.
func (h *Header) Text() bool { return h.first == fin|opText }

// keyRun is how many bytes are unmasked at once.
const keyRun = 512

// Unmask takes the key off a whole payload, in place.
func Unmask(key [4]byte, payload []byte) {
	if len(payload) < 64 {
		for i := range payload {
			payload[i] ^= key[i&3]
		}
		return
	}
	var run [keyRun]byte
	keys := append(run[:0], key[:]...)
	for n := min(keyRun, len(payload)); len(keys) < n; {
		keys = append(keys, keys...)
	}
	for part := range slices.Chunk(payload, keyRun) {
		subtle.XORBytes(part, part, keys)
	}
}
