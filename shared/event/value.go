package event

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"parley/shared/internal/jsonscan"
)

// Value is one argument of an event as it is on the wire: JSON text in which a
// placeholder {"_placeholder":true,"num":i} stands for Attachments[i]. Without
// Attachments such an object is ordinary data. The zero Value stands for an
// argument that was not sent and decodes like null.
//
// A Value taken from a received event shares its bytes with it: neither JSON nor
// an attachment may be written to. Several values of one event have the same
// Attachments.
type Value struct {
	JSON        []byte
	Attachments [][]byte
}

// ErrAttachment means that a placeholder does not name an attachment that is
// there, or that text which is not a placeholder would be read as one.
var ErrAttachment = errors.New("event: illegal attachment reference")

// Decode stores the value in what into points to, by the rules of
// encoding/json, and puts attachments where the text has placeholders: into
// []byte anywhere in the target (also as []byte in an any, map[string]any or
// []any) and into a field of type Value, as parts still to be decoded. A []byte
// takes a base64 string too. A type with its own UnmarshalJSON sees base64
// strings in the place of attachments.
//
// The bytes of an attachment are shared, not copied, also when the text refers
// to it twice. Errors are those of encoding/json and [ErrAttachment]; what had
// been stored before the error stays.
func (v Value) Decode(into any) error {
	text := v.text()
	if p, ok := into.(*Value); ok && p != nil {
		*p = Value{JSON: text, Attachments: v.Attachments}
		return nil
	}
	if len(v.Attachments) == 0 {
		return json.Unmarshal(text, into)
	}
	marks, err := v.placeholders()
	if err != nil {
		return err
	}
	if len(marks) == 0 {
		return json.Unmarshal(text, into)
	}
	d := binaryDecoder{text: text, marks: marks, atts: v.Attachments}
	return d.decode(into)
}

// Clone returns a copy that shares no bytes with v, which was lent for a time. When
// nothing in the text refers to an attachment, the copy has none.
func (v Value) Clone() Value {
	c := Value{JSON: append([]byte(nil), v.text()...)}
	if marks, err := v.placeholders(); err == nil && len(marks) == 0 {
		return c
	}
	for _, a := range v.Attachments {
		c.Attachments = append(c.Attachments, bytes.Clone(a))
	}
	return c
}

// IsNull reports whether the value is null or was not sent.
func (v Value) IsNull() bool {
	return jsonscan.KindOf(v.text()) == jsonscan.Null
}

// MarshalJSON returns the text with attachments as base64 strings, so that a
// Value can be logged and stored. [AppendArgs] does not use it: there
// attachments stay what they are.
func (v Value) MarshalJSON() ([]byte, error) {
	if len(v.Attachments) == 0 {
		return v.text(), nil
	}
	marks, err := v.placeholders()
	if err != nil {
		return nil, err
	}
	d := binaryDecoder{text: v.text(), marks: marks, atts: v.Attachments}
	return d.inline(jsonscan.Span{End: len(d.text)})
}

// UnmarshalJSON keeps a copy of the text, undecoded.
func (v *Value) UnmarshalJSON(text []byte) error {
	*v = Value{JSON: append([]byte(nil), text...)}
	return nil
}

// String returns the text of the value, for logs. It may be long and hold what a
// user sent.
func (v Value) String() string { return string(v.text()) }

func (v Value) text() []byte {
	if len(v.JSON) == 0 {
		return nullText
	}
	return v.JSON
}

var nullText = []byte("null")

// placeholders returns the placeholders of the text and checks that each names
// an attachment.
func (v Value) placeholders() ([]jsonscan.Placeholder, error) {
	var x jsonscan.Index
	err := x.Scan(v.text(), jsonscan.Options{MaxDepth: maxDecodeDepth, Placeholders: true})
	if err != nil {
		return nil, fmt.Errorf("event: read value: %w", err)
	}
	for _, p := range x.Placeholders {
		if p.Num < 0 || p.Num >= len(v.Attachments) {
			return nil, fmt.Errorf("%w: num %d of %d", ErrAttachment, p.Num, len(v.Attachments))
		}
	}
	return x.Placeholders, nil
}

// maxDecodeDepth is the limit of encoding/json. What a peer may nest was decided
// by the parser before.
const maxDecodeDepth = 10_000

// inline returns the part of the text with base64 strings for placeholders. One
// attachment may go in once only, or a short text could blow up to gigabytes.
func (d *binaryDecoder) inline(part jsonscan.Span) ([]byte, error) {
	budget := 0
	for _, a := range d.atts {
		budget += len(a)
	}
	var out []byte
	at := part.Start
	for _, p := range d.within(part) {
		a := d.atts[p.Num]
		if budget -= len(a); budget < 0 {
			return nil, fmt.Errorf("%w: used more than once where base64 is needed", ErrAttachment)
		}
		out = append(out, d.text[at:p.Start]...)
		out = append(out, '"')
		out = base64.StdEncoding.AppendEncode(out, a)
		out = append(out, '"')
		at = p.End
	}
	return append(out, d.text[at:part.End]...), nil
}
