package socketio

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"parley/shared/event"
	"parley/shared/internal/jsonscan"
)

// Version is the protocol version.
const Version = 5

// PacketType is the kind of a packet.
type PacketType byte

// The packet types, numbered as on the wire.
const (
	PacketConnect PacketType = iota
	PacketDisconnect
	PacketEvent
	PacketAck
	PacketConnectError
	PacketBinaryEvent
	PacketBinaryAck
)

// String returns the name the protocol gives the type, "CONNECT" to
// "BINARY_ACK", or "UNKNOWN".
func (t PacketType) String() string {
	switch t {
	case PacketConnect:
		return "CONNECT"
	case PacketDisconnect:
		return "DISCONNECT"
	case PacketEvent:
		return "EVENT"
	case PacketAck:
		return "ACK"
	case PacketConnectError:
		return "CONNECT_ERROR"
	case PacketBinaryEvent:
		return "BINARY_EVENT"
	case PacketBinaryAck:
		return "BINARY_ACK"
	}
	return "UNKNOWN"
}

// MaxID is the greatest acknowledgement id, 2^53-1: peers in JavaScript hold ids
// as floating-point numbers and could not answer a greater one.
const MaxID = 1<<53 - 1

// Packet is one Socket.IO packet. What a decoder returns has the type Event or
// Ack also when the wire said binary; the presence of Attachments tells.
type Packet struct {
	Type        PacketType
	Namespace   string // "/" or a name that begins with one; empty counts as "/"
	ID          uint64 // acknowledgement id, at most MaxID; means something if HasID
	HasID       bool
	Data        []byte   // JSON text, or nil; shared with the frame it came from
	Attachments [][]byte // what placeholders in Data refer to

	// A decoder has read the name of an event already: it leaves it here with the
	// offset in Data behind it.
	name string
	rest int

	whole bool // each attachment is a frame of its own
}

// Apart reports whether each attachment has its memory, up to its capacity, for
// itself: it came as a frame of its own, as with the decoder of [JSON]. Another
// decoder that gives the attachments of its packets away makes new packets.
func (p *Packet) Apart() bool { return p.whole }

// Errors of packet constructors and accessors.
var (
	ErrReserved = errors.New("socketio: reserved event name")
	ErrPayload  = errors.New("socketio: invalid payload")
)

// Reserved reports whether name cannot be an event name because it means
// something else to one of the two sides: connect, connect_error, disconnect,
// disconnecting, newListener and removeListener.
func Reserved(name string) bool { return event.Reserved(name) }

// NewEvent makes the packet for an event; args are encoded as
// [event.AppendArgs] says. It returns [ErrReserved] for a reserved name.
func NewEvent(ns, name string, args ...any) (Packet, error) {
	if Reserved(name) {
		return Packet{}, fmt.Errorf("%w: %q", ErrReserved, name)
	}
	head := make([]byte, 0, len(name)+8+event.SizeHint(args...)) // 8: brackets, quotes, comma, some escapes
	head = jsonscan.AppendQuoted(append(head, '['), name)
	if len(args) > 0 {
		head = append(head, ',')
	}
	data, atts, err := event.AppendArgs(head, nil, args...)
	if err != nil {
		return Packet{}, err
	}
	return Packet{Type: PacketEvent, Namespace: ns, Data: append(data, ']'), Attachments: atts}, nil
}

// NewAck makes the packet that answers the event with the given id.
func NewAck(ns string, id uint64, args ...any) (Packet, error) {
	data, atts, err := event.AppendArgs(append(make([]byte, 0, 2+event.SizeHint(args...)), '['), nil, args...)
	if err != nil {
		return Packet{}, err
	}
	return Packet{Type: PacketAck, Namespace: ns, ID: id, HasID: true, Data: append(data, ']'), Attachments: atts}, nil
}

// Event takes an event packet apart. A numeric name is returned as its decimal
// text, as a JavaScript receiver would see it. The arguments share their bytes
// with the packet. The error is [ErrPayload] and cannot happen for a packet that
// a decoder returned as an event.
func (p *Packet) Event() (name string, args event.Args, err error) {
	if p.rest > 0 && p.rest <= len(p.Data) {
		return p.name, event.ParseArgs(p.Data[p.rest:], p.Attachments), nil
	}
	list, ok := p.list()
	if !ok {
		return "", nil, fmt.Errorf("%w: an event is an array", ErrPayload)
	}
	first, next, ok := jsonscan.Next(list, 0)
	if !ok {
		return "", nil, fmt.Errorf("%w: an event has a name", ErrPayload)
	}
	text := first.Of(list)
	switch kind := jsonscan.KindOf(text); {
	case kind == jsonscan.Number:
		name = numericName(text)
	case kind == jsonscan.String && len(text) >= 2:
		name = string(jsonscan.AppendUnquoted(nil, text[1:len(text)-1]))
	default:
		return "", nil, fmt.Errorf("%w: an event name is a string or a number", ErrPayload)
	}
	return name, event.ParseArgs(list[next:], p.Attachments), nil
}

// Args returns the arguments of an acknowledgement, which share their bytes with
// the packet. The error is [ErrPayload], see [Packet.Event].
func (p *Packet) Args() (event.Args, error) {
	list, ok := p.list()
	if !ok {
		return nil, fmt.Errorf("%w: an acknowledgement is an array", ErrPayload)
	}
	return event.ParseArgs(list, p.Attachments), nil
}

// list returns what is behind the opening bracket of Data.
func (p *Packet) list() ([]byte, bool) {
	for i, c := range p.Data {
		switch c {
		case ' ', '\t', '\r', '\n':
		case '[':
			return p.Data[i+1:], true
		default:
			return nil, false
		}
	}
	return nil, false
}

// numericName writes a number the way JavaScript turns it into a property name.
func numericName(text []byte) string {
	f, _ := strconv.ParseFloat(string(text), 64) // out of range: an infinity
	switch {
	case f == 0:
		return "0" // also for -0
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return string(jsonscan.AppendFloat(nil, f))
}
