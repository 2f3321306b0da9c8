package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"parley/shared/internal/jsonscan"
)

// ErrReply is wrapped by [DecodeReply] when an acknowledgement arrived but does not fit the declaration: the
// two ends disagree about the contract. It is inferred here, the peer reported no error.
var ErrReply = errors.New("reply does not fit the declaration")

// EncodeReply returns the wire arguments of an acknowledgement.
//
//	enveloped, success   {"data": v}        {"data": null} for None
//	enveloped, failure   {"error": {"code", "message", "data"?}}
//	raw, success         v                  as EncodePayload: none for None, several for Args2
//	raw, failure         {"error": {…}}     the same; [DecodeReply] knows it from a value by its form
//
// An err that is no *[Error] crosses as [AsError] tells, without its text.
func EncodeReply[T any](raw bool, v T, err error) []any {
	switch {
	case err != nil:
		return []any{struct {
			Error *Error `json:"error"`
		}{AsError(err)}}
	case raw:
		return EncodePayload(v)
	}
	if _, none := any(v).(None); none {
		return []any{struct {
			Data *None `json:"data"`
		}{}}
	}
	return []any{struct {
		Data T `json:"data"`
	}{v}}
}

// DecodeReply is the inverse of [EncodeReply]. It returns the peer's own *[Error] when the envelope holds one,
// and an error that wraps [ErrReply] when the acknowledgement cannot be read as T, which includes a Validate
// method that refuses it.
//
// A raw acknowledgement is read as T, whatever T is, unless its only argument has exactly the form in which
// EncodeReply writes an error: an object whose only member is "error", an object that has a "code" and a
// "message" (strings, the code not empty), perhaps "data", and nothing else. That is the peer's *[Error].
func DecodeReply[T any](raw bool, a Args) (T, error) {
	var zero T
	if raw {
		if e := rawError(a); e != nil {
			return zero, e
		}
		v, err := decodePayload[T](a)
		if err != nil {
			return zero, fmt.Errorf("%w: %w", ErrReply, err)
		}
		return v, nil
	}
	if len(a) == 0 {
		return zero, fmt.Errorf("%w: it is empty", ErrReply)
	}
	var reply struct {
		Data  *T     `json:"data"`
		Error *Error `json:"error"`
	}
	if err := a.Value(0).Decode(&reply); err != nil {
		return zero, fmt.Errorf("%w: %w", ErrReply, err)
	}
	switch {
	case reply.Error != nil:
		return zero, reply.Error
	case reply.Data == nil:
		return zero, nullData(a.Value(0))
	}
	if err := validate(reply.Data); err != nil {
		return zero, fmt.Errorf("%w: %w", ErrReply, err)
	}
	return *reply.Data, nil
}

// rawError is the error that a raw acknowledgement is, or nil.
func rawError(a Args) *Error {
	if len(a) != 1 {
		return nil
	}
	v := a.Value(0)
	text := v.text()
	if jsonscan.KindOf(text) != jsonscan.Object {
		return nil
	}
	inside := bytes.IndexByte(text, '{') + 1
	if key, _, ok := jsonscan.Next(text, inside); !ok || string(key.Of(text)) != `"error"` {
		return nil // without a look at the rest, which may be long
	}
	_, failure, next, ok := jsonscan.Member(text, inside)
	if _, _, more := jsonscan.Next(text, next); !ok || more || !isError(failure.Of(text)) {
		return nil
	}
	var reply struct {
		Error *Error `json:"error"`
	}
	if v.Decode(&reply) != nil || reply.Error == nil || reply.Error.Code == "" {
		return nil
	}
	return reply.Error
}

// isError reports whether a JSON value has the members of an Error and no others.
func isError(text []byte) bool {
	if jsonscan.KindOf(text) != jsonscan.Object {
		return false
	}
	code, message := false, false
	for i := 1; ; {
		key, value, next, ok := jsonscan.Member(text, i)
		if !ok {
			return code && message
		}
		isString := jsonscan.KindOf(value.Of(text)) == jsonscan.String
		switch string(key.Of(text)) {
		case "code":
			code = isString
		case "message":
			message = isString
		case "data":
		default:
			return false
		}
		i = next
	}
}

// nullData tells {"data":null}, which is a good answer, from an object that is no envelope at all.
func nullData(v Value) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(v.JSON, &members); err == nil {
		if _, ok := members["data"]; ok {
			return nil
		}
	}
	return fmt.Errorf(`%w: it has neither "data" nor "error"`, ErrReply)
}
