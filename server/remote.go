package server

import (
	"context"
	"time"

	"parley/server/adapter"
	"parley/shared/event"
)

// RemoteSocket is a socket of this or another server, as it was when it was fetched. What is sent to it goes through
// the adapter to wherever it is.
type RemoteSocket struct {
	ns   *Namespace
	info adapter.Info
}

// ID is the socket's id.
func (r RemoteSocket) ID() string { return r.info.ID }

// Rooms lists the rooms it was in.
func (r RemoteSocket) Rooms() []event.Room { return r.info.Rooms }

// Data is the application data it had under string keys.
func (r RemoteSocket) Data() map[string]any { return r.info.Data }

// Handshake is how it connected.
func (r RemoteSocket) Handshake() adapter.Handshake { return r.info.Handshake }

// Node is the server it is connected to, "" for this one.
func (r RemoteSocket) Node() string { return r.info.Node }

func (r RemoteSocket) target() Target {
	return Target{ns: r.ns, only: event.Room(r.info.ID)}
}

// Emit sends an event to the socket. A socket that has gone is no error: nobody is there to tell.
func (r RemoteSocket) Emit(name string, args ...any) error { return r.target().Emit(name, args...) }

// EmitAck sends an event and waits for the acknowledgement, as [Socket.EmitAck] does.
func (r RemoteSocket) EmitAck(ctx context.Context, name string, args ...any) (event.Args, error) {
	for answer, err := range r.target().EmitAck(ctx, name, args...) {
		return answer.Args, err
	}
	return nil, ErrDisconnected
}

// Timeout is the socket as a target with another deadline for acknowledgements.
func (r RemoteSocket) Timeout(d time.Duration) Target { return r.target().Timeout(d) }

// Join puts the socket into rooms.
func (r RemoteSocket) Join(rooms ...event.Room) error { return r.target().Join(rooms...) }

// Leave takes the socket out of rooms.
func (r RemoteSocket) Leave(rooms ...event.Room) error { return r.target().Leave(rooms...) }

// Disconnect disconnects the socket as [Socket.Disconnect] does.
func (r RemoteSocket) Disconnect(closeConn bool) error { return r.target().Disconnect(closeConn) }
