package event

import (
	"encoding"
	"encoding/json"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strconv"

	"parley/shared/internal/jsonscan"
)

// binaryDecoder decodes a text that has placeholders. It walks only the
// containers that lie on the way to one; every part without is given to
// encoding/json as it is.
type binaryDecoder struct {
	text  []byte
	marks []jsonscan.Placeholder // in the order of the text, none inside another, all in range
	atts  [][]byte
}

func (d *binaryDecoder) decode(into any) error {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return &json.InvalidUnmarshalError{Type: reflect.TypeOf(into)}
	}
	start := 0
	for start < len(d.text) && d.text[start] <= ' ' {
		start++
	}
	return d.value(jsonscan.Span{Start: start, End: jsonscan.Skip(d.text, start)}, v.Elem())
}

// within returns the placeholders inside the part.
func (d *binaryDecoder) within(part jsonscan.Span) []jsonscan.Placeholder {
	byStart := func(p jsonscan.Placeholder, at int) int { return p.Start - at }
	from, _ := slices.BinarySearchFunc(d.marks, part.Start, byStart)
	to, _ := slices.BinarySearchFunc(d.marks, part.End, byStart)
	return d.marks[from:to]
}

func (d *binaryDecoder) value(part jsonscan.Span, v reflect.Value) error {
	marks := d.within(part)
	if len(marks) == 0 {
		return json.Unmarshal(part.Of(d.text), v.Addr().Interface())
	}
	for {
		if v.Type() == typeValue {
			v.Set(reflect.ValueOf(Value{JSON: part.Of(d.text), Attachments: d.atts}))
			return nil
		}
		if hasUnmarshaler(v.Type()) {
			text, err := d.inline(part)
			if err != nil {
				return err
			}
			return json.Unmarshal(text, v.Addr().Interface())
		}
		switch v.Kind() {
		case reflect.Pointer:
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
			continue
		case reflect.Interface:
			if e := v.Elem(); e.Kind() == reflect.Pointer && !e.IsNil() {
				v = e.Elem()
				continue
			}
			if v.NumMethod() > 0 {
				return d.mismatch(part, v.Type())
			}
			x, err := d.any(part)
			if err == nil {
				v.Set(reflect.ValueOf(x))
			}
			return err
		}
		break
	}
	if marks[0].Start == part.Start {
		if !isBytes(v.Type()) {
			return d.mismatch(part, v.Type())
		}
		v.SetBytes(d.atts[marks[0].Num])
		return nil
	}
	if d.text[part.Start] == '[' {
		return d.array(part, v)
	}
	return d.object(part, v)
}

func (d *binaryDecoder) mismatch(part jsonscan.Span, t reflect.Type) error {
	what := "object with attachments"
	switch {
	case d.within(part)[0].Start == part.Start:
		what = "attachment"
	case d.text[part.Start] == '[':
		what = "array with attachments"
	}
	return &json.UnmarshalTypeError{Value: what, Type: t, Offset: int64(part.Start)}
}

func (d *binaryDecoder) array(part jsonscan.Span, v reflect.Value) error {
	switch v.Kind() {
	case reflect.Slice:
		v.SetZero()
	case reflect.Array:
		v.SetZero()
	default:
		return d.mismatch(part, v.Type())
	}
	n := 0
	for elem := range d.elements(part) {
		if v.Kind() == reflect.Slice {
			v.Grow(1)
			v.SetLen(n + 1)
		} else if n == v.Len() {
			return nil // like encoding/json, which drops what does not fit
		}
		if err := d.value(elem, v.Index(n)); err != nil {
			return err
		}
		n++
	}
	return nil
}

func (d *binaryDecoder) object(part jsonscan.Span, v reflect.Value) error {
	switch v.Kind() {
	case reflect.Struct:
		fields := fieldsOf(v.Type())
		for key, elem := range d.members(part) {
			f := fields.find(key)
			if f == nil {
				continue
			}
			fv, err := settableField(v, f.index)
			if err != nil {
				return err
			}
			if f.quoted && jsonscan.KindOf(elem.Of(d.text)) == jsonscan.String {
				text := jsonscan.AppendUnquoted(nil, d.text[elem.Start+1:elem.End-1])
				err = json.Unmarshal(text, fv.Addr().Interface())
			} else {
				err = d.value(elem, fv)
			}
			if err != nil {
				return err
			}
		}
		return nil
	case reflect.Map:
		t := v.Type()
		if v.IsNil() {
			v.Set(reflect.MakeMap(t))
		}
		for key, elem := range d.members(part) {
			k, err := mapKey(t.Key(), key)
			if err != nil {
				return err
			}
			x := reflect.New(t.Elem()).Elem()
			if err := d.value(elem, x); err != nil {
				return err
			}
			v.SetMapIndex(k, x)
		}
		return nil
	}
	return d.mismatch(part, v.Type())
}

// any builds what encoding/json would for an any target, with []byte for
// attachments.
func (d *binaryDecoder) any(part jsonscan.Span) (any, error) {
	marks := d.within(part)
	switch {
	case len(marks) == 0:
		var x any
		err := json.Unmarshal(part.Of(d.text), &x)
		return x, err
	case marks[0].Start == part.Start:
		return d.atts[marks[0].Num], nil
	case d.text[part.Start] == '[':
		list := []any{}
		for elem := range d.elements(part) {
			x, err := d.any(elem)
			if err != nil {
				return nil, err
			}
			list = append(list, x)
		}
		return list, nil
	}
	m := map[string]any{}
	for key, elem := range d.members(part) {
		x, err := d.any(elem)
		if err != nil {
			return nil, err
		}
		m[key] = x
	}
	return m, nil
}

func (d *binaryDecoder) elements(part jsonscan.Span) iter.Seq[jsonscan.Span] {
	return func(yield func(jsonscan.Span) bool) {
		for i := part.Start + 1; ; {
			elem, next, ok := jsonscan.Next(d.text, i)
			if !ok || !yield(elem) {
				return
			}
			i = next
		}
	}
}

func (d *binaryDecoder) members(part jsonscan.Span) iter.Seq2[string, jsonscan.Span] {
	return func(yield func(string, jsonscan.Span) bool) {
		for i := part.Start + 1; ; {
			key, elem, next, ok := jsonscan.Member(d.text, i)
			if !ok || !yield(string(jsonscan.AppendUnquoted(nil, key.Of(d.text))), elem) {
				return
			}
			i = next
		}
	}
}

// settableField follows index from v and makes the embedded pointers on the way.
func settableField(v reflect.Value, index []int) (reflect.Value, error) {
	for n, i := range index {
		if n > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				if !v.CanSet() {
					return v, fmt.Errorf("event: decode: cannot set embedded pointer to unexported struct %v", v.Type().Elem())
				}
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, nil
}

// mapKey makes a map key of type t out of a member name.
func mapKey(t reflect.Type, name string) (reflect.Value, error) {
	k := reflect.New(t)
	if u, ok := k.Interface().(encoding.TextUnmarshaler); ok {
		err := u.UnmarshalText([]byte(name))
		return k.Elem(), err
	}
	switch k = k.Elem(); {
	case t.Kind() == reflect.String:
		k.SetString(name)
		return k, nil
	case k.CanInt():
		if n, err := strconv.ParseInt(name, 10, t.Bits()); err == nil {
			k.SetInt(n)
			return k, nil
		}
	case k.CanUint():
		if n, err := strconv.ParseUint(name, 10, t.Bits()); err == nil {
			k.SetUint(n)
			return k, nil
		}
	}
	return k, &json.UnmarshalTypeError{Value: "object key " + strconv.Quote(name), Type: t}
}
