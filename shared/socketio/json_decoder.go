package socketio

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"parley/shared/internal/jsonscan"
)

// jsonDecoder reads what [JSON] describes.
type jsonDecoder struct {
	names   *names
	limits  Limits
	waiting *Packet // for attachments; nil if none does, which keeps an idle connection small
	due     int     // attachments still to come
	bytes   int     // of the waiting packet so far
}

func (d *jsonDecoder) Pending() bool { return d.due > 0 }

func (d *jsonDecoder) Add(f Frame) (Packet, bool, error) {
	if d.limits.MaxBytes > 0 && len(f.Data) > d.limits.MaxBytes-d.bytes {
		return Packet{}, false, fmt.Errorf("%w: more than %d bytes", ErrPacketTooLarge, d.limits.MaxBytes)
	}
	switch {
	case f.Binary && d.due == 0:
		return Packet{}, false, fmt.Errorf("%w (does the peer use another parser?)", ErrUnexpectedBinary)
	case f.Binary:
		d.waiting.Attachments = append(d.waiting.Attachments, f.Data)
		d.bytes += len(f.Data)
		if d.due--; d.due > 0 {
			return Packet{}, false, nil
		}
		p := *d.waiting
		d.waiting, d.bytes = nil, 0
		return p, true, nil
	case d.due > 0:
		return Packet{}, false, ErrUnexpectedText
	}
	p, due, err := d.text(f.Data)
	if err != nil {
		return Packet{}, false, err
	}
	if due == 0 {
		return p, true, nil
	}
	waiting := p // a copy, so that only packets with attachments go to the heap
	waiting.Attachments = make([][]byte, 0, due)
	waiting.whole = true
	d.waiting, d.due, d.bytes = &waiting, due, len(f.Data)
	return Packet{}, false, nil
}

// text reads a text frame and returns how many attachments follow it.
func (d *jsonDecoder) text(text []byte) (p Packet, due int, err error) {
	if len(text) == 0 {
		return p, 0, ErrEmptyFrame
	}
	if text[0] < '0' || text[0] > '0'+byte(PacketBinaryAck) {
		return p, 0, fmt.Errorf("%w: %q", ErrUnknownType, text[0])
	}
	if !utf8.Valid(text) {
		// Relayed, such bytes would make strict receivers close. The reference
		// replaces them when it reads.
		text = bytes.ToValidUTF8(text, []byte("\ufffd"))
	}
	p.Type = PacketType(text[0] - '0')
	i := 1
	if p.Type == PacketBinaryEvent || p.Type == PacketBinaryAck {
		if due, i, err = d.count(text, i); err != nil {
			return p, 0, err
		}
		p.Type -= PacketBinaryEvent - PacketEvent
	}
	p.Namespace = "/"
	if i < len(text) && text[i] == '/' {
		p.Namespace, i = d.namespace(text, i)
	}
	start := i
	for ; i < len(text) && '0' <= text[i] && text[i] <= '9'; i++ {
		if p.ID = p.ID*10 + uint64(text[i]-'0'); p.ID > MaxID {
			return p, 0, fmt.Errorf("%w: above %d", ErrID, uint64(MaxID))
		}
	}
	p.HasID = i > start
	if i < len(text) {
		p.Data = text[i:]
	}
	return p, due, d.payload(&p, due, i)
}

// count reads the number of attachments and the dash behind it.
func (d *jsonDecoder) count(text []byte, i int) (n, next int, err error) {
	start := i
	for ; i < len(text) && '0' <= text[i] && text[i] <= '9'; i++ {
		n = min(n*10+int(text[i]-'0'), 1_000_000)
	}
	switch {
	case i == start || i == len(text) || text[i] != '-' || n == 0:
		return 0, i, fmt.Errorf("%w: no count at offset %d", ErrAttachments, start)
	case n > d.limits.MaxAttachments:
		return 0, i, fmt.Errorf("%w: %d of at most %d", ErrTooManyAttachments, n, d.limits.MaxAttachments)
	}
	return n, i + 1, nil
}

// namespace reads up to a comma or the end of the text.
func (d *jsonDecoder) namespace(text []byte, i int) (ns string, next int) {
	name := text[i:]
	next = len(text)
	if n := bytes.IndexByte(name, ','); n >= 0 {
		name, next = name[:n], i+n+1
	}
	return d.names.of(name), next
}

// payload checks the data of p, which begin at offset at of the frame.
func (d *jsonDecoder) payload(p *Packet, due, at int) error {
	if p.Data == nil {
		return p.checkAbsent()
	}
	if c := p.Data[0]; c == ' ' || c == '\t' || c == '\r' || c == '\n' {
		return fmt.Errorf("%w: white space at offset %d", ErrPayload, at)
	}
	var x jsonscan.Index
	if err := x.Scan(p.Data, jsonscan.Options{MaxDepth: d.limits.MaxDepth, Placeholders: due > 0}); err != nil {
		return fmt.Errorf("%w: from offset %d: %w", ErrPayload, at, err)
	}
	if err := p.check(&x, due); err != nil {
		return err
	}
	if p.Type == PacketEvent {
		p.name, p.rest = d.eventName(p.Data, &x), x.First.End
	}
	return nil
}

func (d *jsonDecoder) eventName(data []byte, x *jsonscan.Index) string {
	text := x.First.Of(data)
	if x.FirstKind == jsonscan.Number {
		return numericName(text)
	}
	text = text[1 : len(text)-1]
	if bytes.IndexByte(text, '\\') < 0 {
		return d.names.of(text)
	}
	return string(jsonscan.AppendUnquoted(nil, text))
}
