package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"unicode/utf8"

	"parley/shared/internal/jsonscan"
)

// AppendArgs appends the JSON of the arguments to dst, with a comma between them
// and no brackets, and what they hold of []byte to atts. It returns both.
//
// A []byte that is not nil becomes a placeholder and an attachment wherever it
// is: as an argument, in struct fields, maps, slices, behind pointers and
// interfaces. The bytes are shared, not copied. Everything else is written as
// encoding/json does it, without its HTML escapes: tags, json.Marshaler and
// encoding.TextMarshaler count, [N]byte is a list of numbers, NaN is an error. A
// type that cannot hold []byte goes to encoding/json in one piece.
//
// A [Value], also deep inside an argument, passes as it is: its text is checked,
// not decoded, its placeholders are renumbered, and attachments it does not
// refer to are left out.
//
// Strings that are not UTF-8 are mended as encoding/json does. JSON of the caller's
// own, from a Value, a json.RawMessage or a json.Marshaler, goes as it is, without
// white space around a Value or json.RawMessage, and is an error when it is not
// UTF-8: a text frame that is not makes browsers close the connection.
//
// What is written a receiver with the default limits accepts: together with the
// packet's own list it is at most 512 levels deep, an attachment being one; more
// is an error. The exception is a Value that is an argument itself, not a part of
// one. It goes on as deep as it came, for the parser through which it came has
// decided about that: who raises the limit there (MaxDepth of the decoder, the
// server's Limits.Depth) relays to peers that need the same limit. For Values made
// of other text that decision is the caller's.
//
// Data that only looks like a placeholder is refused ([ErrAttachment]) when
// there are attachments, for a receiver could not tell it from a real one and
// would close the connection. After an error dst and atts are returned as they
// came.
func AppendArgs(dst []byte, atts [][]byte, args ...any) ([]byte, [][]byte, error) {
	e := encoder{dst: dst, atts: atts}
	for i, arg := range args {
		if i > 0 {
			e.dst = append(e.dst, ',')
		}
		start := len(e.dst)
		err := e.any(arg, 1) // in the packet's own list
		if err == nil && e.foreign && !utf8.Valid(e.dst[start:]) {
			err = errNotUTF8
		}
		if err != nil {
			return dst, atts, fmt.Errorf("event: encode argument %d: %w", i, err)
		}
	}
	if len(e.atts) > 0 {
		if err := e.checkPlaceholders(len(dst)); err != nil {
			return dst, atts, err
		}
	}
	return e.dst, e.atts, nil
}

// SizeHint guesses how many bytes [AppendArgs] will append for the arguments:
// with that much room in dst few events grow it.
func SizeHint(args ...any) int {
	n := 0
	for _, arg := range args {
		switch x := arg.(type) {
		case string:
			n += len(x)
		case Value:
			n += len(x.JSON)
		case *Value:
			if x != nil {
				n += len(x.JSON)
			}
		case json.RawMessage:
			n += len(x)
		case int, int64, float64, bool, nil:
		case []byte:
			n += 24 // a placeholder
		default:
			n += 84 // a small object
		}
		n += 12 // quotes, comma, a number
	}
	return n
}

type encoder struct {
	dst    []byte
	atts   [][]byte
	placed int // placeholders written
	hops   int // pointers followed on the way to the current value
	index  jsonscan.Index

	foreign bool // there is text that somebody else has written
}

// maxHops bounds chains of pointers and interfaces, which may be cyclic without
// a container in the cycle.
const maxHops = 2 * jsonscan.DefaultMaxDepth

// relayedRoom is how many levels a Value may have that is an argument itself, and
// room how many there are for text of somebody else's inside depth containers.
const relayedRoom = maxDecodeDepth - 1

func room(depth int) int { return jsonscan.DefaultMaxDepth - depth }

// valueRoom is room for a Value.
func valueRoom(depth int) int {
	if depth == 1 {
		return relayedRoom
	}
	return room(depth)
}

// checkPlaceholders compares what a receiver will find in the text from start on
// with what was put there.
func (e *encoder) checkPlaceholders(start int) error {
	x := &e.index
	found := 0
	for i := start; ; {
		elem, next, ok := jsonscan.Next(e.dst, i)
		if !ok {
			break
		}
		if err := x.Scan(elem.Of(e.dst), jsonscan.Options{MaxDepth: maxDecodeDepth, Placeholders: true}); err != nil {
			return fmt.Errorf("event: encode arguments: %w", err)
		}
		found += len(x.Placeholders)
		i = next
	}
	if found != e.placed {
		return fmt.Errorf("%w: data looks like a placeholder", ErrAttachment)
	}
	return nil
}

func (e *encoder) attachment(data []byte) {
	e.atts = append(e.atts, data)
	e.placeholder(len(e.atts) - 1)
}

func (e *encoder) placeholder(num int) {
	e.placed++
	e.dst = append(e.dst, `{"_placeholder":true,"num":`...)
	e.dst = strconv.AppendInt(e.dst, int64(num), 10)
	e.dst = append(e.dst, '}')
}

// any writes v; depth counts the containers around it, the packet's list with them.
func (e *encoder) any(v any, depth int) error {
	switch x := v.(type) {
	case nil:
		e.dst = append(e.dst, "null"...)
	case string:
		e.dst = jsonscan.AppendQuoted(e.dst, x)
	case bool:
		e.dst = strconv.AppendBool(e.dst, x)
	case int:
		e.dst = strconv.AppendInt(e.dst, int64(x), 10)
	case int64:
		e.dst = strconv.AppendInt(e.dst, x, 10)
	case uint64:
		e.dst = strconv.AppendUint(e.dst, x, 10)
	case float64:
		return e.float(x)
	case []byte:
		if x == nil {
			e.dst = append(e.dst, "null"...)
			return nil
		}
		if room(depth) < 1 { // its placeholder is an object
			return errTooDeep
		}
		e.attachment(x)
	case Value:
		return e.value(x, valueRoom(depth))
	case *Value:
		if x == nil {
			return e.value(Value{}, 0)
		}
		return e.value(*x, valueRoom(depth))
	case json.RawMessage:
		return e.value(Value{JSON: x}, room(depth))
	case []any:
		return e.list(x, depth+1)
	case map[string]any:
		return e.stringMap(x, depth+1)
	default:
		return e.walk(reflect.ValueOf(v), depth)
	}
	return nil
}

func (e *encoder) list(list []any, depth int) error {
	if list == nil {
		e.dst = append(e.dst, "null"...)
		return nil
	}
	if depth > jsonscan.DefaultMaxDepth {
		return errTooDeep
	}
	e.dst = append(e.dst, '[')
	for i, x := range list {
		if i > 0 {
			e.dst = append(e.dst, ',')
		}
		if err := e.any(x, depth); err != nil {
			return err
		}
	}
	e.dst = append(e.dst, ']')
	return nil
}

func (e *encoder) stringMap(m map[string]any, depth int) error {
	if m == nil {
		e.dst = append(e.dst, "null"...)
		return nil
	}
	if depth > jsonscan.DefaultMaxDepth {
		return errTooDeep
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	e.dst = append(e.dst, '{')
	for i, k := range keys {
		if i > 0 {
			e.dst = append(e.dst, ',')
		}
		e.dst = append(jsonscan.AppendQuoted(e.dst, k), ':')
		if err := e.any(m[k], depth); err != nil {
			return err
		}
	}
	e.dst = append(e.dst, '}')
	return nil
}

// value passes a Value on that may have that many levels, without the white space
// around it, so that an argument ends with its last character.
func (e *encoder) value(v Value, levels int) error {
	text := trimSpace(v.text())
	e.foreign = true
	x := &e.index
	err := x.Scan(text, jsonscan.Options{MaxDepth: max(levels, 1), Placeholders: len(v.Attachments) > 0})
	if err != nil {
		return err
	}
	if levels < 1 && x.Kind >= jsonscan.Array {
		return errTooDeep
	}
	var few [16]int
	renumbered := append(few[:0], make([]int, len(v.Attachments))...) // 1 + the new number
	at := 0
	for _, p := range x.Placeholders {
		if p.Num < 0 || p.Num >= len(v.Attachments) {
			return fmt.Errorf("%w: num %d of %d", ErrAttachment, p.Num, len(v.Attachments))
		}
		e.dst = append(e.dst, text[at:p.Start]...)
		at = p.End
		if renumbered[p.Num] > 0 {
			e.placeholder(renumbered[p.Num] - 1)
			continue
		}
		e.attachment(v.Attachments[p.Num])
		renumbered[p.Num] = len(e.atts)
	}
	e.dst = append(e.dst, text[at:]...)
	return nil
}

// trimSpace returns text without JSON's white space around it.
func trimSpace(text []byte) []byte {
	for len(text) > 0 && isSpace(text[0]) {
		text = text[1:]
	}
	for len(text) > 0 && isSpace(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	return text
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

func (e *encoder) float(f float64) error {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return &json.UnsupportedValueError{Value: reflect.ValueOf(f), Str: strconv.FormatFloat(f, 'g', -1, 64)}
	}
	e.dst = jsonscan.AppendFloat(e.dst, f)
	return nil
}

var (
	errTooDeep = fmt.Errorf("nested deeper than %d levels with the packet's own, or cyclic", jsonscan.DefaultMaxDepth)
	errNotUTF8 = errors.New("bytes that are not UTF-8 in JSON of the caller's own")
)
