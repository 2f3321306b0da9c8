package engineio

import (
	"bytes"
	"encoding/base64"
	"errors"
)

// Version is the protocol version, the EIO query parameter.
const Version = 4

// PacketType is the kind of a packet. On the wire it is one ASCII digit.
type PacketType byte

// The packet types, numbered as on the wire.
const (
	PacketOpen PacketType = iota
	PacketClose
	PacketPing
	PacketPong
	PacketMessage
	PacketUpgrade
	PacketNoop
)

// String returns the name the protocol gives the type, "open" to "noop", or
// "unknown".
func (t PacketType) String() string {
	switch t {
	case PacketOpen:
		return "open"
	case PacketClose:
		return "close"
	case PacketPing:
		return "ping"
	case PacketPong:
		return "pong"
	case PacketMessage:
		return "message"
	case PacketUpgrade:
		return "upgrade"
	case PacketNoop:
		return "noop"
	}
	return "unknown"
}

// Packet is one Engine.IO packet. Only a message may be binary.
type Packet struct {
	Type   PacketType
	Binary bool
	Data   []byte // after decoding it aliases the input, except for base64
}

// Errors of the parsers. All of them mean that the peer broke the protocol
// ([ReasonParseError]).
var (
	ErrEmptyPacket    = errors.New("engineio: empty packet")
	ErrUnknownType    = errors.New("engineio: unknown packet type")
	ErrBase64         = errors.New("engineio: invalid base64")
	ErrTooManyPackets = errors.New("engineio: too many packets in one payload")
)

// AppendText appends the text form of p: the digit of the type and the data, or
// 'b' and base64 for a binary message. A transport that can carry binary frames
// sends p.Data of a binary message as it is instead.
func (p Packet) AppendText(dst []byte) []byte {
	if p.Binary {
		dst = append(dst, 'b')
		return base64.StdEncoding.AppendEncode(dst, p.Data)
	}
	dst = append(dst, '0'+byte(p.Type))
	return append(dst, p.Data...)
}

// ParseText reads a text frame, or one packet of a payload. Data is nil when
// nothing follows the type. A frame that begins with 'b' is a binary message in
// base64 on every transport; the standard and the URL alphabet are read, padded
// or not. The reference drops characters outside both, this function answers
// [ErrBase64].
func ParseText(frame []byte) (Packet, error) {
	if len(frame) == 0 {
		return Packet{}, ErrEmptyPacket
	}
	var data []byte
	if len(frame) > 1 {
		data = frame[1:]
	}
	c := frame[0]
	if c == 'b' {
		data, err := decodeBase64(data)
		if err != nil {
			return Packet{}, err
		}
		return Packet{Type: PacketMessage, Binary: true, Data: data}, nil
	}
	if c < '0' || c > '0'+byte(PacketNoop) {
		return Packet{}, ErrUnknownType
	}
	return Packet{Type: PacketType(c - '0'), Data: data}, nil
}

// ParseBinary reads a binary frame: it is a message as it stands.
func ParseBinary(frame []byte) Packet {
	return Packet{Type: PacketMessage, Binary: true, Data: frame}
}

func decodeBase64(text []byte) ([]byte, error) {
	text = bytes.TrimRight(text, "=")
	enc := base64.RawStdEncoding
	if bytes.ContainsAny(text, "-_") {
		enc = base64.RawURLEncoding
	}
	data := make([]byte, enc.DecodedLen(len(text)))
	n, err := enc.Decode(data, text)
	if err != nil {
		return nil, ErrBase64
	}
	return data[:n], nil
}
