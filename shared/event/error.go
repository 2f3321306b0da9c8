package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Code classifies an [Error] for programs. A contract may add its own beside these; a peer that does not
// know a code treats it as not retryable.
type Code string

// Codes with a meaning in every contract.
const (
	CodeInvalid         Code = "invalid"         // the request is malformed or breaks a rule; sending it again cannot help
	CodeNotFound        Code = "not_found"       // what it names does not exist
	CodeConflict        Code = "conflict"        // it contradicts what is already there
	CodeUnauthenticated Code = "unauthenticated" // nobody is known to have sent it: log in first
	CodeForbidden       Code = "forbidden"       // the sender is known and may not do it
	CodeTooLarge        Code = "too_large"       // it exceeds a size limit
	CodeRateLimited     Code = "rate_limited"    // too many at once; wait, then send it again
	CodeUnavailable     Code = "unavailable"     // a dependency is down (disk full, database gone); send it again later
	CodeTimeout         Code = "timeout"         // it was not finished in time; whether it took effect is unknown
	CodeInternal        Code = "internal"        // a fault in the program that answered; its log says more
)

// Retryable reports whether the same request, sent again unchanged after a pause, may succeed: true for
// rate_limited, unavailable and timeout. An outbox keeps such an item and gives up on every other.
func (c Code) Retryable() bool {
	return c == CodeRateLimited || c == CodeUnavailable || c == CodeTimeout
}

// Error is the failure that crosses the wire: in an acknowledgement as {"error":{"code","message","data"}}
// and as the data of a refused connection. Message is one line for people, Data is optional JSON for programs.
//
// It may also wrap a local cause, which [Errorf] records for %w. The cause serves errors.Is and logs on the
// side that made the error; it never crosses the wire.
type Error struct {
	Code    Code            `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data,omitempty"`

	cause error
}

// Errorf makes an Error. The format's text is what the peer reads. A %w operand becomes the local cause and
// its text is part of the message, as with fmt.Errorf; use [Error.Because] for a cause the peer must not read.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), cause: errors.Unwrap(err)}
}

// Because returns a copy of e with a local cause that is not part of the message.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// Error is "code: message".
func (e *Error) Error() string {
	if e.Message == "" {
		return string(e.Code)
	}
	return string(e.Code) + ": " + e.Message
}

// Unwrap returns the local cause, nil for an Error that came over the wire.
func (e *Error) Unwrap() error { return e.cause }

// AsError returns what a peer may learn about err: the *Error in its chain when there is one, code timeout
// for a passed deadline, and otherwise code internal with a message that says nothing, so that paths and
// queries stay here. The cause of what it makes is err. AsError(nil) is nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &Error{Code: CodeTimeout, Message: "not finished in time", cause: err}
	}
	return &Error{Code: CodeInternal, Message: "internal error", cause: err}
}

// CodeOf is the code a peer would read for err: "" for nil, else that of [AsError].
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	return AsError(err).Code
}
