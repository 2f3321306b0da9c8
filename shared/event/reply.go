package event

import (
	"encoding/json"
	"errors"
	"fmt"
)

// ErrReply is wrapped by [DecodeReply] when an acknowledgement arrived but does not fit the declaration: the
// two ends disagree about the contract. It is inferred here, the peer reported no error.
var ErrReply = errors.New("reply does not fit the declaration")

// EncodeReply returns the wire arguments of an acknowledgement.
//
//	enveloped, success   {"data": v}        {"data": null} for None
//	enveloped, failure   {"error": {"code", "message", "data"?}}
//	raw, success         v                  as EncodePayload: none for None, several for Args2
//	raw, failure         {"error": {…}}     a raw contract has no place for errors; this is the best there is
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
// method that refuses it. A raw acknowledgement is read as T and never as an error.
func DecodeReply[T any](raw bool, a Args) (T, error) {
	var zero T
	if raw {
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
