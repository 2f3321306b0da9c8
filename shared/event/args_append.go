package event

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

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
		if err := e.any(arg, 0); err != nil {
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
}

// maxHops bounds chains of pointers and interfaces, which may be cyclic without
// a container in the cycle.
const maxHops = 2 * jsonscan.DefaultMaxDepth

// checkPlaceholders compares what a receiver will find in the text from start on
// with what was put there.
func (e *encoder) checkPlaceholders(start int) error {
	var x jsonscan.Index
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

// any writes v; depth counts the containers around it.
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
		e.attachment(x)
	case Value:
		return e.value(x)
	case *Value:
		if x == nil {
			return e.value(Value{})
		}
		return e.value(*x)
	case json.RawMessage:
		return e.value(Value{JSON: x})
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

// value passes a Value on.
func (e *encoder) value(v Value) error {
	text := v.text()
	var x jsonscan.Index
	err := x.Scan(text, jsonscan.Options{MaxDepth: maxDecodeDepth, Placeholders: len(v.Attachments) > 0})
	if err != nil {
		return err
	}
	var renumbered map[int]int
	at := 0
	for _, p := range x.Placeholders {
		if p.Num < 0 || p.Num >= len(v.Attachments) {
			return fmt.Errorf("%w: num %d of %d", ErrAttachment, p.Num, len(v.Attachments))
		}
		e.dst = append(e.dst, text[at:p.Start]...)
		at = p.End
		if num, ok := renumbered[p.Num]; ok {
			e.placeholder(num)
			continue
		}
		if renumbered == nil {
			renumbered = make(map[int]int, len(x.Placeholders))
		}
		renumbered[p.Num] = len(e.atts)
		e.attachment(v.Attachments[p.Num])
	}
	e.dst = append(e.dst, text[at:]...)
	return nil
}

// walk writes a value of any type. Containers that can hold []byte are taken
// apart here, the rest is encoding/json's.
func (e *encoder) walk(v reflect.Value, depth int) error {
	if !v.IsValid() {
		e.dst = append(e.dst, "null"...)
		return nil
	}
	t := v.Type()
	if !holdsBinary(t) || v.CanAddr() && t != typeValue && hasMarshaler(reflect.PointerTo(t)) {
		return e.leaf(v)
	}
	if t == typeValue {
		return e.value(v.Interface().(Value))
	}
	if t.Kind() == reflect.Interface || t.Kind() == reflect.Pointer {
		if v.IsNil() {
			e.dst = append(e.dst, "null"...)
			return nil
		}
		if e.hops++; e.hops > maxHops {
			return errTooDeep
		}
		err := e.walk(v.Elem(), depth)
		e.hops--
		return err
	}
	if depth++; depth > jsonscan.DefaultMaxDepth {
		return errTooDeep
	}
	switch t.Kind() {
	case reflect.Struct:
		return e.structure(v, depth)
	case reflect.Map:
		return e.mapping(v, depth)
	case reflect.Slice:
		if v.IsNil() {
			e.dst = append(e.dst, "null"...)
			return nil
		}
		if isBytes(t) {
			e.attachment(v.Bytes())
			return nil
		}
	}
	e.dst = append(e.dst, '[')
	for i := range v.Len() {
		if i > 0 {
			e.dst = append(e.dst, ',')
		}
		if err := e.walk(v.Index(i), depth); err != nil {
			return err
		}
	}
	e.dst = append(e.dst, ']')
	return nil
}

func (e *encoder) structure(v reflect.Value, depth int) error {
	open := byte('{')
	fields := fieldsOf(v.Type())
fields:
	for i := range fields.list {
		f := &fields.list[i]
		fv := v
		for n, k := range f.index {
			if n > 0 && fv.Kind() == reflect.Pointer {
				if fv.IsNil() {
					continue fields
				}
				fv = fv.Elem()
			}
			fv = fv.Field(k)
		}
		if f.omitEmpty && isEmpty(fv) || f.omitZero && isZero(fv) {
			continue
		}
		e.dst = append(append(e.dst, open), f.key...)
		open = ','
		if err := e.member(f, fv, depth); err != nil {
			return err
		}
	}
	if open == '{' {
		e.dst = append(e.dst, '{')
	}
	e.dst = append(e.dst, '}')
	return nil
}

func (e *encoder) member(f *field, v reflect.Value, depth int) error {
	if !f.quoted {
		return e.walk(v, depth)
	}
	start := len(e.dst)
	if err := e.leaf(v); err != nil {
		return err
	}
	if string(e.dst[start:]) == "null" {
		return nil
	}
	text := string(e.dst[start:])
	e.dst = jsonscan.AppendQuoted(e.dst[:start], text)
	return nil
}

func (e *encoder) mapping(v reflect.Value, depth int) error {
	if v.IsNil() {
		e.dst = append(e.dst, "null"...)
		return nil
	}
	type entry struct {
		key   string
		value reflect.Value
	}
	entries := make([]entry, 0, v.Len())
	for it := v.MapRange(); it.Next(); {
		key, err := keyText(it.Key())
		if err != nil {
			return err
		}
		entries = append(entries, entry{key, it.Value()})
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	e.dst = append(e.dst, '{')
	for i, x := range entries {
		if i > 0 {
			e.dst = append(e.dst, ',')
		}
		e.dst = append(jsonscan.AppendQuoted(e.dst, x.key), ':')
		if err := e.walk(x.value, depth); err != nil {
			return err
		}
	}
	e.dst = append(e.dst, '}')
	return nil
}

// keyText returns the member name of a map key.
func keyText(k reflect.Value) (string, error) {
	if k.Kind() == reflect.String {
		return k.String(), nil
	}
	if m, ok := k.Interface().(encoding.TextMarshaler); ok {
		if k.Kind() == reflect.Pointer && k.IsNil() {
			return "", nil
		}
		text, err := m.MarshalText()
		return string(text), err
	}
	switch {
	case k.CanInt():
		return strconv.FormatInt(k.Int(), 10), nil
	case k.CanUint():
		return strconv.FormatUint(k.Uint(), 10), nil
	}
	return "", &json.UnsupportedTypeError{Type: k.Type()}
}

// leaf gives a value to encoding/json, by its address where it has one, so that
// methods with pointer receivers count as they would inside a larger value.
func (e *encoder) leaf(v reflect.Value) error {
	var x any
	if v.CanAddr() {
		x = v.Addr().Interface()
	} else {
		x = v.Interface()
	}
	w := leafWriters.Get().(*leafWriter)
	defer leafWriters.Put(w)
	w.dst = e.dst
	err := w.json.Encode(x)
	if err == nil {
		e.dst = w.dst[:len(w.dst)-1] // without the newline Encode ends with
	}
	w.dst = nil
	return err
}

// leafWriter lets encoding/json append to a slice. Its encoders are pooled, for
// each costs an allocation to make.
type leafWriter struct {
	dst  []byte
	json *json.Encoder
}

func (w *leafWriter) Write(p []byte) (int, error) {
	w.dst = append(w.dst, p...)
	return len(p), nil
}

var leafWriters = sync.Pool{New: func() any {
	w := new(leafWriter)
	w.json = json.NewEncoder(w)
	w.json.SetEscapeHTML(false)
	return w
}}

func (e *encoder) float(f float64) error {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return &json.UnsupportedValueError{Value: reflect.ValueOf(f), Str: strconv.FormatFloat(f, 'g', -1, 64)}
	}
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		e.dst = strconv.AppendFloat(e.dst, f, 'e', -1, 64)
		if n := len(e.dst); n >= 4 && e.dst[n-4] == 'e' && e.dst[n-3] == '-' && e.dst[n-2] == '0' {
			e.dst = append(e.dst[:n-2], e.dst[n-1]) // e-09 is e-9
		}
		return nil
	}
	e.dst = strconv.AppendFloat(e.dst, f, 'f', -1, 64)
	return nil
}

func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

func isZero(v reflect.Value) bool {
	type zeroer interface{ IsZero() bool }
	if (v.Kind() != reflect.Pointer && v.Kind() != reflect.Interface || !v.IsNil()) && v.CanInterface() {
		if z, ok := v.Interface().(zeroer); ok {
			return z.IsZero()
		}
		if v.CanAddr() {
			if z, ok := v.Addr().Interface().(zeroer); ok {
				return z.IsZero()
			}
		}
	}
	return v.IsZero()
}

var errTooDeep = fmt.Errorf("nested deeper than %d levels, or cyclic", jsonscan.DefaultMaxDepth)
