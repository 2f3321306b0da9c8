package socketio

import (
	"fmt"
	"strconv"
	"strings"
)

// JSON returns the parser of the protocol: a text frame
//
//	<type>[<attachments>-][<namespace>,][<id>][<JSON>]
//
// and one binary frame behind it for each attachment. Events and
// acknowledgements with attachments get the binary types by themselves. It
// refuses to encode more than [DefaultMaxAttachments] attachments, because
// receivers of the reference close the connection at more; see [JSONWith].
//
// Its decoder refuses what the reference refuses, and more where the reference
// reads what no encoder writes: the number of attachments and the id are plain
// decimal numbers (not 1e1, 0x5 or white space), an id is at most [MaxID], an
// event, acknowledgement or connection error has a payload, which begins right
// behind the header, the num of a placeholder is a whole number, and nesting is
// bounded. Bytes that are not UTF-8 become U+FFFD.
//
// A server or client makes one parser for all its connections: their decoders
// share the strings of names.
func JSON() Parser { return JSONWith(0) }

// JSONWith returns a parser like [JSON] that encodes up to maxAttachments
// attachments a packet (0: the default), for peers that were told to accept
// them.
func JSONWith(maxAttachments int) Parser {
	return &jsonParser{maxAttachments: Limits{MaxAttachments: maxAttachments}.WithDefaults().MaxAttachments}
}

type jsonParser struct {
	maxAttachments int
	names          names
}

func (*jsonParser) Name() string { return "json" }

// Check is what Encode checks.
func (j *jsonParser) Check(p *Packet) error {
	ns, n := p.Namespace, len(p.Attachments)
	switch {
	case n > j.maxAttachments:
		return fmt.Errorf("%w: %d of at most %d", ErrTooManyAttachments, n, j.maxAttachments)
	case p.Type > PacketBinaryAck:
		return fmt.Errorf("%w: %d", ErrUnknownType, p.Type)
	case n > 0 && p.Type != PacketEvent && p.Type != PacketBinaryEvent && p.Type != PacketAck && p.Type != PacketBinaryAck:
		return fmt.Errorf("%w: %v packet with attachments", ErrAttachments, p.Type)
	case p.HasID && p.ID > MaxID:
		return fmt.Errorf("%w: %d", ErrID, p.ID)
	case ns != "" && (ns[0] != '/' || strings.IndexByte(ns, ',') >= 0):
		return fmt.Errorf("%w: %q", ErrNamespace, ns)
	}
	return nil
}

func (j *jsonParser) Encode(dst []Frame, p *Packet) ([]Frame, error) {
	if err := j.Check(p); err != nil {
		return dst, err
	}
	t, n, ns := p.Type, len(p.Attachments), p.Namespace
	switch {
	case t == PacketEvent && n > 0:
		t = PacketBinaryEvent
	case t == PacketAck && n > 0:
		t = PacketBinaryAck
	case t == PacketBinaryEvent && n == 0:
		t = PacketEvent
	case t == PacketBinaryAck && n == 0:
		t = PacketAck
	}
	if ns == "/" {
		ns = ""
	}
	const head = 1 + 20 + 1 + 1 + 20 // type, count, dash, comma, id
	text := spare(dst, head+len(ns)+len(p.Data))
	text = append(text, '0'+byte(t))
	if n > 0 {
		text = append(strconv.AppendInt(text, int64(n), 10), '-')
	}
	if ns != "" {
		text = append(append(text, ns...), ',')
	}
	if p.HasID {
		text = strconv.AppendUint(text, p.ID, 10)
	}
	dst = append(dst, Frame{Data: append(text, p.Data...)})
	for _, a := range p.Attachments {
		dst = append(dst, Frame{Binary: true, Data: a})
	}
	return dst, nil
}

// spare returns room for n bytes: the buffer of the frame that comes next in dst's
// capacity when the caller left one there, else a new one.
func spare(dst []Frame, n int) []byte {
	if len(dst) < cap(dst) {
		if room := dst[:len(dst)+1][len(dst)].Data; cap(room) >= n {
			return room[:0]
		}
	}
	return make([]byte, 0, n)
}

func (j *jsonParser) NewDecoder(l Limits) Decoder {
	return &jsonDecoder{names: &j.names, limits: l.WithDefaults()}
}
