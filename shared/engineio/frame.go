package engineio

import (
	"encoding/binary"
	"errors"
	"math"
)

// ErrFrameLength means that a frame on a byte stream is empty or longer than the
// receiver allows.
var ErrFrameLength = errors.New("engineio: frame length out of bounds")

// MaxFrameHeader is the size of the longest frame header in bytes.
const MaxFrameHeader = 9

// AppendFrameHeader appends the header that goes before n bytes of packet on a
// byte stream (WebTransport): one byte, three from 126 bytes on, nine from
// 65,536 on. The highest bit of the first says binary, the other seven hold the
// length or the escapes 126 and 127 for a 16- or 64-bit length that follows.
func AppendFrameHeader(dst []byte, isBinary bool, n int) []byte {
	var mark byte
	if isBinary {
		mark = 0x80
	}
	switch {
	case n < 126:
		return append(dst, mark|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, mark|126), uint16(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, mark|127), uint64(n))
	}
}

// AppendFrame appends p with its header, as it goes on a byte stream. Binary
// messages are not put into base64 here, except for an empty one: a frame of
// length zero is an error to every receiver, and "b" is the same message.
func AppendFrame(dst []byte, p Packet) []byte {
	if p.Binary && len(p.Data) == 0 {
		return append(AppendFrameHeader(dst, false, 1), 'b')
	}
	if p.Binary {
		return append(AppendFrameHeader(dst, true, len(p.Data)), p.Data...)
	}
	return p.AppendText(AppendFrameHeader(dst, false, len(p.Data)+1))
}

// FrameHeader is the header of one frame on a byte stream.
type FrameHeader struct {
	Binary bool
	Length int // bytes of packet that follow the header
	Size   int // bytes of the header itself: 1, 3 or 9
}

// ParseFrameHeader reads the header at the start of b. It returns a zero header
// (Size 0) when b does not hold all of it yet, and [ErrFrameLength] when the
// length is zero or above maxPayload (0: only what fits 53 bits).
func ParseFrameHeader(b []byte, maxPayload int) (FrameHeader, error) {
	if len(b) == 0 {
		return FrameHeader{}, nil
	}
	h := FrameHeader{Binary: b[0]&0x80 != 0, Size: 1}
	length := uint64(b[0] & 0x7f)
	switch length {
	case 126:
		if len(b) < 3 {
			return FrameHeader{}, nil
		}
		length, h.Size = uint64(binary.BigEndian.Uint16(b[1:])), 3
	case 127:
		if len(b) < MaxFrameHeader {
			return FrameHeader{}, nil
		}
		length, h.Size = binary.BigEndian.Uint64(b[1:]), MaxFrameHeader
	}
	const maxSafeInteger = 1<<53 - 1 // a JavaScript peer cannot mean more
	limit := uint64(min(maxSafeInteger, math.MaxInt))
	if maxPayload > 0 {
		limit = min(limit, uint64(maxPayload))
	}
	if length == 0 || length > limit {
		return FrameHeader{}, ErrFrameLength
	}
	h.Length = int(length)
	return h, nil
}
