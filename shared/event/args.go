package event

import (
	"fmt"

	"parley/shared/internal/jsonscan"
)

// Args are the arguments of an event or of an acknowledgement. In what was
// received every element is a *[Value]; Emit(name, args...) therefore relays
// them without decoding. Elements of other types are taken as the values they
// would become on the wire.
type Args []any

// ParseArgs is the inverse of [AppendArgs]: it splits `a,b,c` into undecoded
// arguments, which share their bytes with list and attachments. It does not
// check: list must be what AppendArgs wrote or what a parser has validated.
func ParseArgs(list []byte, attachments [][]byte) Args {
	var few [8]jsonscan.Span
	found := few[:0]
	for i := 0; ; {
		elem, next, ok := jsonscan.Next(list, i)
		if !ok {
			break
		}
		found = append(found, elem)
		i = next
	}
	values, args := makeArgs(len(found))
	for i, elem := range found {
		values[i] = Value{JSON: list[elem.Start:elem.End:elem.End], Attachments: attachments}
		args[i] = &values[i]
	}
	return args
}

// makeArgs makes room for n arguments; the usual small numbers take one
// allocation.
func makeArgs(n int) ([]Value, Args) {
	switch n {
	case 0:
		return nil, nil
	case 1:
		room := new(struct {
			values [1]Value
			args   [1]any
		})
		return room.values[:], room.args[:]
	case 2:
		room := new(struct {
			values [2]Value
			args   [2]any
		})
		return room.values[:], room.args[:]
	case 3:
		room := new(struct {
			values [3]Value
			args   [3]any
		})
		return room.values[:], room.args[:]
	}
	return make([]Value, n), make(Args, n)
}

// Value returns argument i as it is on the wire, or the zero Value when there is
// no such argument or it cannot be encoded.
func (a Args) Value(i int) Value {
	if i < 0 || i >= len(a) {
		return Value{}
	}
	switch v := a[i].(type) {
	case Value:
		return v
	case *Value:
		if v != nil {
			return *v
		}
		return Value{}
	}
	text, atts, err := AppendArgs(nil, nil, a[i])
	if err != nil {
		return Value{}
	}
	return Value{JSON: text, Attachments: atts}
}

// Decode stores the arguments in what the pointers point to, in order, as
// [Value.Decode] does. A nil pointer passes over one. Arguments that were not
// sent leave their target as it is; those without a target are ignored.
func (a Args) Decode(into ...any) error {
	for i, p := range into[:min(len(into), len(a))] {
		if p == nil {
			continue
		}
		if err := a.Value(i).Decode(p); err != nil {
			return fmt.Errorf("event: decode argument %d: %w", i, err)
		}
	}
	return nil
}

// String returns argument i if it is a JSON string, else "".
func (a Args) String(i int) string {
	text := a.Value(i).JSON
	if jsonscan.KindOf(text) != jsonscan.String {
		return ""
	}
	s, _, ok := jsonscan.Next(text, 0)
	if !ok || s.End-s.Start < 2 {
		return ""
	}
	text = text[s.Start+1 : s.End-1]
	return string(jsonscan.AppendUnquoted(nil, text))
}

// Bytes returns argument i if it is an attachment or a base64 string, else nil.
// An attachment is shared, not copied.
func (a Args) Bytes(i int) []byte {
	var b []byte
	if a.Value(i).Decode(&b) != nil {
		return nil
	}
	return b
}
