package engineio

import (
	"encoding/json"
	"strconv"
)

// ErrorCode is the machine-readable cause in the JSON body of a refused HTTP
// request.
type ErrorCode int

// The error codes, numbered as on the wire.
const (
	UnknownTransport ErrorCode = iota
	UnknownSID
	BadHandshakeMethod
	BadRequest
	Forbidden
	UnsupportedVersion
)

// Message returns the text that goes with the code on the wire.
func (c ErrorCode) Message() string {
	switch c {
	case UnknownTransport:
		return "Transport unknown"
	case UnknownSID:
		return "Session ID unknown"
	case BadHandshakeMethod:
		return "Bad handshake method"
	case BadRequest:
		return "Bad request"
	case Forbidden:
		return "Forbidden"
	case UnsupportedVersion:
		return "Unsupported protocol version"
	}
	return "Unknown error " + strconv.Itoa(int(c))
}

// Status returns the HTTP status that carries the code: 403 for [Forbidden],
// else 400.
func (c ErrorCode) Status() int {
	if c == Forbidden {
		return 403
	}
	return 400
}

// Error is a refusal of an HTTP request, as the server sends it and the client
// reads it: always reported by the peer when a client has it in hand.
type Error struct {
	Code    ErrorCode `json:"code"`
	Message string    `json:"message"` // empty: the message of the code
}

func (e *Error) Error() string {
	return "engineio: request refused: " + e.text() + " (code " + strconv.Itoa(int(e.Code)) + ")"
}

func (e *Error) text() string {
	if e.Message != "" {
		return e.Message
	}
	return e.Code.Message()
}

// Append appends the JSON body: {"code":1,"message":"Session ID unknown"}.
func (e *Error) Append(dst []byte) []byte {
	text, err := json.Marshal(Error{Code: e.Code, Message: e.text()})
	if err != nil { // an integer and a string always encode
		panic(err)
	}
	return append(dst, text...)
}

// ParseError reads the body of a refused request. ok is false when the body is
// not such an object, as when a proxy answered.
func ParseError(body []byte) (e *Error, ok bool) {
	var wire struct {
		Code    *ErrorCode `json:"code"`
		Message string     `json:"message"`
	}
	if json.Unmarshal(body, &wire) != nil || wire.Code == nil {
		return nil, false
	}
	return &Error{Code: *wire.Code, Message: wire.Message}, true
}
