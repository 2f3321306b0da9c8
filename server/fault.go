package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
)

// Errors that callers branch on.
var (
	// ErrDisconnected says that the socket has gone: nothing was sent, or no acknowledgement will come.
	ErrDisconnected = errors.New("server: socket disconnected")
	// ErrAckTimeout says that an acknowledgement did not come in time.
	ErrAckTimeout error = ackTimeout{}
	// ErrTooManyRooms says that Limits.Rooms is reached.
	ErrTooManyRooms = errors.New("server: too many rooms")
	// ErrRoomName says that a room's name is longer than Limits.RoomBytes or has control characters.
	ErrRoomName = errors.New("server: room name too long or with control characters")
	// ErrHeld says that too much was emitted to a socket that is not connected yet.
	ErrHeld = errors.New("server: too many packets before the socket is connected")
	// ErrReserved says that the event's name belongs to the protocol.
	ErrReserved = errors.New("server: reserved event name")
	// ErrNextNotCalled says that a connect middleware returned nil without having called next, or kept to itself what next
	// returned. The client was refused: nobody had asked the middlewares behind it.
	ErrNextNotCalled = errors.New("server: a connect middleware returned nil and next was not called to the end")
	// ErrNamespace says that a declared event is emitted in another namespace than its own.
	ErrNamespace = errors.New("server: the event is declared for another namespace")
)

// ackTimeout is a deadline that has passed, also for errors.Is(err, context.DeadlineExceeded).
type ackTimeout struct{}

func (ackTimeout) Error() string   { return "server: no acknowledgement in time" }
func (ackTimeout) Timeout() bool   { return true }
func (ackTimeout) Temporary() bool { return true }

func (ackTimeout) Is(target error) bool { return target == context.DeadlineExceeded }

// Fault is an error that had nobody to be returned to.
type Fault struct {
	Namespace *Namespace
	Socket    *Socket // nil when it concerns no single socket
	Event     string  // the event that was being handled, if any
	Err       error
	Client    bool   // it is what the client sent: a packet out of place, too many events, a session that is too old
	Stack     []byte // of the panic, or of the runtime.Goexit; nil for another error
}

// errGoexit is the error of a Fault that was a call of runtime.Goexit, which (*testing.T).FailNow is too, in code of the
// application. It ends the event for whose sake that code ran.
var errGoexit = errors.New("server: a handler has ended its goroutine with runtime.Goexit")

// PanicError is the error of a Fault that was a panic in code of the application.
type PanicError struct{ Value any }

func (e *PanicError) Error() string { return fmt.Sprintf("server: panic in handler: %v", e.Value) }

// Unwrap returns the value of the panic when it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// fault logs f and hands it to the hook.
func (srv *Server) fault(f Fault) {
	level := slog.LevelWarn
	switch {
	case f.Stack != nil:
		level = slog.LevelError
	case f.Client:
		level = slog.LevelInfo
	}
	attrs := []any{"error", f.Err}
	if f.Namespace != nil {
		attrs = append(attrs, "namespace", f.Namespace.name)
	}
	if f.Socket != nil {
		attrs = append(attrs, "sid", f.Socket.id)
	}
	if f.Event != "" {
		attrs = append(attrs, "event", f.Event)
	}
	if f.Stack != nil {
		attrs = append(attrs, "stack", string(f.Stack))
	}
	srv.cfg.Logger.Log(context.Background(), level, "socket.io: fault", attrs...)
	if srv.cfg.OnFault != nil {
		srv.cfg.OnFault(f)
	}
}

// guard calls fn and turns a panic into a *PanicError that has been reported.
func (s *Socket) guard(name string, fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v}
			s.srv().fault(Fault{Namespace: s.ns, Socket: s, Event: name, Err: err, Stack: debug.Stack()})
		}
	}()
	return fn()
}
