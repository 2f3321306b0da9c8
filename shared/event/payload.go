package event

import "errors"

// None is the payload of an event without arguments, and the result of a call that only confirms.
type None = struct{}

// Args2 is a payload that is spread over two wire arguments: emit(name, a, b).
type Args2[A, B any] struct {
	A A
	B B
}

// Args3 is a payload that is spread over three wire arguments: emit(name, a, b, c).
type Args3[A, B, C any] struct {
	A A
	B B
	C C
}

func (p Args2[A, B]) spread() []any    { return []any{p.A, p.B} }
func (p Args3[A, B, C]) spread() []any { return []any{p.A, p.B, p.C} }

func (p *Args2[A, B]) fields() []any    { return []any{&p.A, &p.B} }
func (p *Args3[A, B, C]) fields() []any { return []any{&p.A, &p.B, &p.C} }

// EncodePayload returns the wire arguments of a payload: none for [None], two or three for [Args2] and
// [Args3], the list itself for [Args], and otherwise v as the only one (a [Value] as a pointer to it).
func EncodePayload[T any](v T) []any {
	if relayed, ok := any(v).(Value); ok { // one allocation for it and the list
		values, args := makeArgs(1)
		values[0] = relayed
		args[0] = &values[0]
		return args
	}
	payload := any(v)
	switch p := payload.(type) {
	case None:
		return nil
	case Args:
		return p
	case interface{ spread() []any }:
		return p.spread()
	}
	return []any{payload}
}

// DecodePayload is the inverse of [EncodePayload] for received arguments. Arguments beyond those that T asks
// for are ignored, as the reference does; missing ones are an error. Then it calls Validate() error of every
// argument whose type, or pointer to it, has that method. Any failure is an *[Error]; its code is invalid unless
// Validate chose another.
func DecodePayload[T any](a Args) (T, error) {
	var zero T
	if _, ok := any(zero).(Value); ok && len(a) > 0 { // what is relayed costs nothing
		first := a.Value(0)
		return any(Value{JSON: first.text(), Attachments: first.Attachments}).(T), nil
	}
	v, err := decodePayload[T](a)
	if err != nil {
		return zero, asInvalid(err)
	}
	return v, nil
}

func decodePayload[T any](a Args) (v T, err error) {
	targets := []any{&v}
	switch p := any(&v).(type) {
	case *None:
		return v, nil
	case *Args:
		*p = a
		return v, nil
	case interface{ fields() []any }:
		targets = p.fields()
	}
	if len(a) < len(targets) {
		return v, Errorf(CodeInvalid, "argument %d is missing", len(a)+1)
	}
	for i, target := range targets {
		if err := a.Value(i).Decode(target); err != nil {
			return v, Errorf(CodeInvalid, "argument %d: %w", i+1, err)
		}
		if err := validate(target); err != nil {
			return v, err
		}
	}
	return v, nil
}

// validate calls the Validate method of what target points to. A pointer's method set includes the value's,
// so one assertion serves both.
func validate(target any) error {
	if v, ok := target.(interface{ Validate() error }); ok {
		return v.Validate()
	}
	return nil
}

func asInvalid(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: CodeInvalid, Message: err.Error(), cause: err}
}
