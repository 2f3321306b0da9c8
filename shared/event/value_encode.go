package event

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"parley/shared/internal/jsonscan"
)

// walk writes a value of any type. Containers that can hold []byte are taken
// apart here, the rest is encoding/json's.
func (e *encoder) walk(v reflect.Value, depth int) error {
	if !v.IsValid() {
		e.dst = append(e.dst, "null"...)
		return nil
	}
	t := v.Type()
	shape := shapeOf(t)
	if !shape.binary || v.CanAddr() && t != typeValue && hasMarshaler(reflect.PointerTo(t)) {
		return e.leaf(v, shape, depth)
	}
	if t == typeValue {
		return e.value(v.Interface().(Value), valueRoom(depth))
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
	for _, f := range fields.list {
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
	if err := e.leaf(v, shapeOf(f.typ), depth); err != nil {
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
func (e *encoder) leaf(v reflect.Value, shape shape, depth int) error {
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
		start := len(e.dst)
		e.dst = w.dst[:len(w.dst)-1] // without the newline Encode ends with
		e.foreign = e.foreign || shape.levels == boundless
		if shape.levels > room(depth) {
			err = checkDepth(e.dst[start:], room(depth))
		}
	}
	w.dst = nil
	return err
}

// checkDepth says whether a text that encoding/json has written has more than that
// many levels. Most texts are too short for it, or have too few brackets.
func checkDepth(text []byte, levels int) error {
	if len(text) < 2*(levels+1) || bytes.Count(text, openList)+bytes.Count(text, openObject) <= levels {
		return nil
	}
	kind, err := jsonscan.Check(text, max(levels, 1))
	if err != nil || levels < 1 && kind >= jsonscan.Array {
		return errTooDeep
	}
	return nil
}

var openList, openObject = []byte{'['}, []byte{'{'}

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
