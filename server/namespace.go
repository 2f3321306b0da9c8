package server

import (
	"context"
	"iter"
	"sync/atomic"
	"time"

	"parley/server/adapter"
	"parley/shared/event"
)

// Namespace is one channel that clients connect to: its sockets, their rooms, its handlers. Get one from
// [Server.Of]. All methods are safe for concurrent use.
type Namespace struct {
	hooks
	srv         *Server
	name        string
	parent      *Parent // nil for most
	adapter     adapter.Adapter
	recoverer   adapter.Recoverer // the adapter when recovery is on, else nil
	acks        atomic.Uint64     // the last acknowledgement id
	concurrency atomic.Int32
	outgoing    atomic.Bool // a socket has had a listener for outgoing events

	announced chan struct{} // closed when the functions of OnNamespace have returned

	onServer list[func(name string, args event.Args, reply func(args ...any))]

	static bool        // guarded by srv.mu: made by Of, never cleaned up
	users  int         // guarded by srv.mu: sockets connecting or connected
	idle   *time.Timer // guarded by srv.mu: removes the namespace when nobody can be recovered any more
}

// newNamespace makes a namespace; the caller holds srv.mu.
func newNamespace(srv *Server, name string, parent *Parent) *Namespace {
	ns := &Namespace{srv: srv, name: name, parent: parent, announced: make(chan struct{})}
	ns.adapter = srv.cfg.Adapter(sink{ns})
	ns.recoverer = srv.recoverer(ns)
	return ns
}

// Name is the namespace's name on the wire, with its leading "/".
func (ns *Namespace) Name() string { return ns.name }

// Adapter is what connects the namespace to other servers, for metrics.
func (ns *Namespace) Adapter() adapter.Adapter { return ns.adapter }

// Concurrency lets up to n handlers of one socket run at once. The default is 1: one at a time, in arrival order.
// With more, events of one socket are started in order and may overtake one another; OnConnect still comes first
// and OnDisconnect last.
func (ns *Namespace) Concurrency(n int) { ns.concurrency.Store(int32(max(n, 1))) }

// handlersAtOnce is how many goroutines one socket may have.
func (ns *Namespace) handlersAtOnce() int {
	n := ns.concurrency.Load()
	if n == 0 && ns.parent != nil {
		n = ns.parent.concurrency.Load()
	}
	return int(max(n, 1))
}

// Len is the number of sockets connected to this server's part of the namespace.
func (ns *Namespace) Len() int { return ns.adapter.Index().Len() }

// Socket returns the connected socket with that id on this server.
func (ns *Namespace) Socket(id string) (*Socket, bool) {
	m, ok := ns.adapter.Index().Lookup(id)
	if !ok {
		return nil, false
	}
	return m.(*Socket), true
}

// Sockets walks the sockets connected to this server, as they are when the walk begins, in no order. For those of
// every server see [Target.Fetch].
func (ns *Namespace) Sockets() iter.Seq[*Socket] { return ns.all().Sockets() }

// Rooms lists the rooms that have a socket on this server, their own ones included.
func (ns *Namespace) Rooms() []event.Room { return ns.adapter.Index().Rooms() }

// RoomLen is the number of sockets of this server in a room.
func (ns *Namespace) RoomLen(room event.Room) int { return ns.adapter.Index().RoomLen(room) }

// OnRoom calls fn whenever a room of this server is created, joined, left or deleted, on the goroutine that changed it,
// which must not wait long; see [adapter.Index.Watch]. stop ends it.
func (ns *Namespace) OnRoom(fn func(adapter.RoomEvent)) (stop func()) {
	return ns.adapter.Index().Watch(func(e adapter.RoomEvent) { ns.guard("", func() { fn(e) }) })
}

// all is the target of everybody.
func (ns *Namespace) all() Target { return Target{ns: ns} }

// Emit sends an event to every socket of the namespace, on every server. See [Target.Emit].
func (ns *Namespace) Emit(name string, args ...any) error { return ns.all().Emit(name, args...) }

// EmitAck asks every socket of the namespace, see [Target.EmitAck].
func (ns *Namespace) EmitAck(ctx context.Context, name string, args ...any) iter.Seq2[Answer, error] {
	return ns.all().EmitAck(ctx, name, args...)
}

// To addresses the sockets that are in any of the rooms.
func (ns *Namespace) To(rooms ...event.Room) Target { return ns.all().To(rooms...) }

// Except addresses everybody but the sockets in these rooms.
func (ns *Namespace) Except(rooms ...event.Room) Target { return ns.all().Except(rooms...) }

// Local addresses the sockets of this server only.
func (ns *Namespace) Local() Target { return ns.all().Local() }

// Volatile addresses everybody with packets that may be dropped, see [Target.Volatile].
func (ns *Namespace) Volatile() Target { return ns.all().Volatile() }

// NoCompress addresses everybody with packets that are not compressed.
func (ns *Namespace) NoCompress() Target { return ns.all().NoCompress() }

// Timeout addresses everybody with another deadline for acknowledgements.
func (ns *Namespace) Timeout(d time.Duration) Target { return ns.all().Timeout(d) }

// Fetch describes every socket of the namespace, see [Target.Fetch].
func (ns *Namespace) Fetch(ctx context.Context) ([]RemoteSocket, error) { return ns.all().Fetch(ctx) }

// Join puts every socket of the namespace into rooms, see [Target.Join].
func (ns *Namespace) Join(rooms ...event.Room) error { return ns.all().Join(rooms...) }

// Leave takes every socket of the namespace out of rooms.
func (ns *Namespace) Leave(rooms ...event.Room) error { return ns.all().Leave(rooms...) }

// Disconnect disconnects every socket of the namespace, see [Target.Disconnect].
func (ns *Namespace) Disconnect(closeConn bool) error { return ns.all().Disconnect(closeConn) }

func (ns *Namespace) target() Target { return ns.all() }

// eachHooks calls fn with the hooks that count for the namespace: its parent's, then its own.
func (ns *Namespace) eachHooks(fn func(*hooks)) {
	if ns.parent != nil {
		fn(&ns.parent.hooks)
	}
	fn(&ns.hooks)
}

// nextAck is a new acknowledgement id.
func (ns *Namespace) nextAck() uint64 { return ns.acks.Add(1) - 1 }
