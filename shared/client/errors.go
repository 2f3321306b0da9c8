package client

import (
	"context"
	"encoding/json"
	"errors"

	"parley/shared/client/engine"
	"parley/shared/event"
)

var (
	// ErrClosed means that the Conn was closed by this program.
	ErrClosed = errors.New("client: connection closed")
	// ErrNotConnected means that the namespace is not connected at the moment and
	// the emit was not to be buffered. Nothing was sent.
	ErrNotConnected = errors.New("client: not connected")
	// ErrDisconnected means that the connection ended before the acknowledgement
	// arrived. Whether the peer handled the event is unknown.
	ErrDisconnected = errors.New("client: disconnected before the acknowledgement")
	// ErrAckTimeout means that no acknowledgement arrived in time. Whether the
	// peer handled the event is unknown. errors.Is(err, context.DeadlineExceeded)
	// holds for it as well.
	ErrAckTimeout error = timeoutError{}
	// ErrTooLarge means that a message exceeds what the server accepts in one
	// (maxPayload of its handshake). Nothing was sent: the server would have
	// closed the connection.
	ErrTooLarge = errors.New("client: message larger than the server accepts")
	// ErrBufferFull means that the bound on what waits to be sent is reached.
	// Nothing was sent or buffered.
	ErrBufferFull = errors.New("client: send buffer full")
	// ErrStreamOverflow ends a Stream whose loop was slower than the events came.
	ErrStreamOverflow = errors.New("client: stream fell behind, events were lost")
	// ErrNamespace means that an event is declared for another namespace than the
	// one of the Socket. See Socket.As for dynamic namespaces.
	ErrNamespace = errors.New("client: event belongs to another namespace")
	// ErrGaveUp means that the configured number of attempts was made in vain.
	ErrGaveUp = errors.New("client: gave up reconnecting")
)

// errNetworkDown goes with the close when Config.Network says that there is none.
var errNetworkDown = errors.New("client: network connection lost")

type timeoutError struct{}

func (timeoutError) Error() string { return "client: no acknowledgement in time" }

func (timeoutError) Timeout() bool { return true }

func (timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// ConnectError says why a namespace could not be connected. With Err nil it is
// the server's own refusal (a CONNECT_ERROR packet), and the Socket stays
// disconnected until its Connect is called. With Err set the cause was found on
// this side (no transport could be opened, the auth function or the hook failed,
// the answer was unreadable).
type ConnectError struct {
	Namespace string
	Message   string          // the server's words
	Data      json.RawMessage // what the server attached, or nil
	// Retryable says whether the same attempt may succeed later. For a refusal by
	// the server it is read from Data: a member "retryable", or else a member
	// "code" whose event.Code is retryable. A refusal that says nothing is not.
	Retryable bool
	Err       error
}

// Error is "connect namespace: cause".
func (e *ConnectError) Error() string {
	s := "client: connect " + e.Namespace
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause on this side, or the server's refusal as an
// *event.Error when its data has the form of one.
func (e *ConnectError) Unwrap() error {
	if e.Err != nil {
		return e.Err
	}
	if code := refusalCode(e.Data); code != "" {
		return &event.Error{Code: code, Message: e.Message, Data: e.Data}
	}
	return nil
}

// Refused reports whether the server itself refused.
func (e *ConnectError) Refused() bool { return e.Err == nil }

func refusalCode(data json.RawMessage) event.Code {
	var d struct {
		Code event.Code `json:"code"`
	}
	if json.Unmarshal(data, &d) != nil {
		return ""
	}
	return d.Code
}

// newRefusal reads the data of a CONNECT_ERROR packet.
func newRefusal(ns string, data []byte) *ConnectError {
	var d struct {
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	}
	if json.Unmarshal(data, &d) != nil || d.Message == "" {
		d.Message = string(data)
	}
	e := &ConnectError{Namespace: ns, Message: d.Message, Data: d.Data}
	var hint struct {
		Retryable *bool `json:"retryable"`
	}
	if json.Unmarshal(d.Data, &hint) == nil && hint.Retryable != nil {
		e.Retryable = *hint.Retryable
	} else {
		e.Retryable = refusalCode(d.Data).Retryable()
	}
	return e
}

// newFailure is a ConnectError whose cause was found on this side.
func newFailure(ns string, err error) *ConnectError {
	e := &ConnectError{Namespace: ns, Err: err, Retryable: engine.Retryable(err)}
	if coded, ok := errors.AsType[*event.Error](err); ok {
		e.Retryable = coded.Code.Retryable()
	}
	return e
}
