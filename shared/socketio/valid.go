package socketio

import (
	"bytes"
	"fmt"
	"strings"

	"parley/shared/internal/jsonscan"
)

// Valid checks a packet as a decoder must before it returns it: the namespace,
// the id, the shape of the data for the type and that every placeholder names an
// attachment. Custom parsers call it; those of this module have done so. Errors
// wrap those of this package.
func (p *Packet) Valid(l Limits) error {
	l = l.WithDefaults()
	switch {
	case p.Type > PacketConnectError:
		return fmt.Errorf("%w: %d", ErrUnknownType, p.Type)
	case !strings.HasPrefix(p.Namespace, "/") || strings.IndexByte(p.Namespace, ',') >= 0:
		return fmt.Errorf("%w: %q", ErrNamespace, p.Namespace)
	case p.HasID && p.ID > MaxID:
		return fmt.Errorf("%w: above %d", ErrID, uint64(MaxID))
	case len(p.Attachments) > l.MaxAttachments:
		return fmt.Errorf("%w: %d of at most %d", ErrTooManyAttachments, len(p.Attachments), l.MaxAttachments)
	case len(p.Attachments) > 0 && p.Type != PacketEvent && p.Type != PacketAck:
		return fmt.Errorf("%w: %v packet with attachments", ErrAttachments, p.Type)
	case p.Data == nil:
		return p.checkAbsent()
	}
	var x jsonscan.Index
	err := x.Scan(p.Data, jsonscan.Options{MaxDepth: l.MaxDepth, Placeholders: len(p.Attachments) > 0})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPayload, err)
	}
	return p.check(&x, len(p.Attachments))
}

// checkAbsent says whether a packet of this type may come without data.
func (p *Packet) checkAbsent() error {
	if p.Type == PacketConnect || p.Type == PacketDisconnect {
		return nil
	}
	return fmt.Errorf("%w: %v packet without data", ErrPayload, p.Type)
}

// check compares the outline of the data with the type, and the placeholders
// with the number of attachments.
func (p *Packet) check(x *jsonscan.Index, attachments int) error {
	if problem := p.shapeProblem(x); problem != "" {
		return fmt.Errorf("%w: %s", ErrPayload, problem)
	}
	for _, m := range x.Placeholders {
		if m.Num < 0 || m.Num >= attachments {
			return fmt.Errorf("%w: placeholder at offset %d of the payload", ErrAttachments, m.Start)
		}
	}
	return nil
}

func (p *Packet) shapeProblem(x *jsonscan.Index) string {
	switch p.Type {
	case PacketConnect:
		if x.Kind != jsonscan.Object {
			return "CONNECT takes an object"
		}
	case PacketDisconnect:
		return "DISCONNECT takes no data"
	case PacketConnectError:
		if x.Kind != jsonscan.Object && x.Kind != jsonscan.String {
			return "CONNECT_ERROR takes an object or a string"
		}
	case PacketAck:
		if x.Kind != jsonscan.Array {
			return "ACK takes an array"
		}
	default:
		switch {
		case x.Kind != jsonscan.Array || x.Len == 0:
			return "EVENT takes a non-empty array"
		case x.FirstKind == jsonscan.Number:
		case x.FirstKind != jsonscan.String:
			return "event name is neither string nor number"
		default:
			name := x.First.Of(p.Data)
			if reservedText(name[1 : len(name)-1]) {
				return "reserved event name"
			}
		}
	}
	return ""
}

// reservedText is [Reserved] for the text between the quotes of a JSON string.
func reservedText(text []byte) bool {
	const longest = len("removeListener")
	if bytes.IndexByte(text, '\\') < 0 {
		return len(text) <= longest && Reserved(string(text))
	}
	return len(text) <= 6*longest && Reserved(string(jsonscan.AppendUnquoted(nil, text)))
}
