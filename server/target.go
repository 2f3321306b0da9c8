package server

import (
	"context"
	"iter"
	"slices"
	"time"

	"parley/server/adapter"
	"parley/shared/event"
)

// Target says who receives what is emitted, and how. It is an immutable value: every method returns a new one, so
// that a stored target can be used again and by several goroutines. Get one from a [Namespace] or a [Socket].
type Target struct {
	ns      *Namespace
	self    *Socket    // the sender, who is not meant
	direct  bool       // only self is meant
	only    event.Room // the id of the only socket that is meant, wherever it is; or ""
	named   bool       // To was called: without rooms nobody is meant
	rooms   []event.Room
	except  []event.Room
	flags   adapter.Flags
	timeout time.Duration
}

func (t Target) target() Target { return t }

// Namespace is the namespace the target is in.
func (t Target) Namespace() *Namespace { return t.ns }

// To adds the sockets that are in any of the rooms; several calls make the union, and a socket is meant once. A
// socket's id is the name of its own room. From a socket, the sender is never meant. Without rooms nobody is added: a
// list that happens to be empty does not mean everybody.
func (t Target) To(rooms ...event.Room) Target {
	t = t.Broadcast()
	t.named = true
	t.rooms = append(slices.Clip(t.rooms), rooms...)
	return t
}

// Except takes out the sockets that are in any of the rooms.
func (t Target) Except(rooms ...event.Room) Target {
	t = t.Broadcast()
	t.except = append(slices.Clip(t.except), rooms...)
	return t
}

// Broadcast means everybody, of a single socket's target everybody else.
func (t Target) Broadcast() Target {
	if t.only != "" {
		t.except, t.only = append(slices.Clip(t.except), t.only), ""
	}
	t.direct = false
	return t
}

// Local means only sockets of this server, of a single socket's target the others.
func (t Target) Local() Target {
	t = t.Broadcast()
	t.flags.Local = true
	return t
}

// Volatile makes packets that are dropped for each receiver whose connection cannot take them at that moment, and
// that are never kept for recovery: typing notices, positions, ticks. Only an emit to a single socket tells that its
// packet was dropped, with [engine.ErrNotWritable].
func (t Target) Volatile() Target { t.flags.Volatile = true; return t }

// NoCompress makes packets that are sent uncompressed where the connection would compress.
func (t Target) NoCompress() Target { t.flags.NoCompress = true; return t }

// Timeout sets the deadline of acknowledgements, in the place of Config.AckTimeout. That of the context holds too.
func (t Target) Timeout(d time.Duration) Target { t.timeout = d; return t }

// address is the target as adapters know it.
func (t Target) address() adapter.Target {
	a := adapter.Target{Rooms: t.rooms, Except: t.except, Flags: t.flags}
	switch {
	case t.direct:
		a.Rooms, a.Direct = []event.Room{event.Room(t.self.id)}, true
	case t.only != "":
		a.Rooms, a.Direct = []event.Room{t.only}, true
	case t.self != nil:
		a.Except = append(slices.Clip(t.except), event.Room(t.self.id))
	}
	return a
}

// nobody reports whether the target has no socket, whoever is there.
func (t Target) nobody() bool { return t.named && len(t.rooms) == 0 }

// Emit sends an event to every socket of the target, encoded once. It queues and does not wait for the network; a
// receiver that reads too slowly is disconnected and does not hold up the others. Packets emitted by one goroutine
// reach each receiver in that order. The error is one of encoding, or says that other servers may not have got it; for
// a target that is a single socket see [Socket.Emit].
func (t Target) Emit(name string, args ...any) error {
	return t.emit(context.Background(), name, args)
}

func (t Target) emit(ctx context.Context, name string, args []any) error {
	p, err := encodeEvent(name, args)
	if err != nil {
		return err
	}
	if t.direct {
		return t.self.emit(ctx, t.flags, p)
	}
	if err := t.ns.check(p); err != nil || t.nobody() {
		return err
	}
	return t.ns.adapter.Broadcast(ctx, t.address(), p)
}

// Answer is what one client acknowledged.
type Answer struct {
	Socket string // the client's socket id; "" for one on a server that does not tell
	Args   event.Args
}

// EmitAck sends an event to every socket of the target and yields their acknowledgements as they arrive, one for
// each: with ErrAckTimeout or ErrDisconnected for a client that did not answer. When other servers stay silent
// the last element is an [adapter.PartialError]. Ending the loop early forgets the rest. The typed form is [Ask].
//
// The event is sent when the loop begins: without one nothing is sent, and a second loop asks once more.
func (t Target) EmitAck(ctx context.Context, name string, args ...any) iter.Seq2[Answer, error] {
	return func(yield func(Answer, error) bool) {
		if t.direct {
			answer, err := t.self.emitAck(ctx, t.flags, t.timeout, name, args)
			yield(Answer{Socket: t.self.id, Args: answer}, err)
			return
		}
		p, err := encodeEvent(name, args)
		if err == nil {
			err = t.ns.check(p)
		}
		if err != nil {
			yield(Answer{}, err)
			return
		}
		if t.nobody() {
			return
		}
		ctx, cancel := t.ns.srv.withDeadline(ctx, t.timeout)
		defer cancel()
		ended := false
		err = t.ns.adapter.Ask(ctx, t.address(), p, func(a adapter.Answer) bool {
			ended = !yield(Answer{Socket: a.Socket, Args: a.Args}, a.Err)
			return !ended
		})
		if err != nil && !ended {
			yield(Answer{}, err)
		}
	}
}

// Reply is the typed [Answer].
type Reply[T any] struct {
	Socket string
	Value  T
}

// Ask sends a declared question to every socket of the target and yields the replies as they arrive: the value, or
// the client's own *event.Error, or one of the errors of [Target.EmitAck]. As there, the loop is what sends.
func Ask[Req, Res any](ctx context.Context, to Emitter, ask event.Ask[Req, Res], req Req) iter.Seq2[Reply[Res], error] {
	return func(yield func(Reply[Res], error) bool) {
		t := to.target()
		if err := t.belongs(ask.Namespace()); err != nil {
			yield(Reply[Res]{}, err)
			return
		}
		for answer, err := range t.EmitAck(ctx, ask.Name(), event.EncodePayload(req)...) {
			reply := Reply[Res]{Socket: answer.Socket}
			if err == nil {
				reply.Value, err = event.DecodeReply[Res](ask.Raw(), answer.Args)
			}
			if !yield(reply, err) {
				return
			}
		}
	}
}

// AskOne is [Ask] for a single client, usually a *Socket: its reply, or [ErrDisconnected] when nobody is there.
func AskOne[Req, Res any](ctx context.Context, to Emitter, ask event.Ask[Req, Res], req Req) (Res, error) {
	for reply, err := range Ask(ctx, to, ask, req) {
		return reply.Value, err
	}
	var none Res
	return none, ErrDisconnected
}

// Sockets walks the target's sockets on this server, as they are when the walk begins.
func (t Target) Sockets() iter.Seq[*Socket] {
	return func(yield func(*Socket) bool) {
		if t.nobody() {
			return
		}
		for _, m := range t.ns.adapter.Index().Select(nil, t.address()) {
			if !yield(m.(*Socket)) {
				return
			}
		}
	}
}

// Join puts every socket of the target into rooms, on every server; it does not wait for other servers. A socket
// that has too many rooms is reported as a [Fault].
func (t Target) Join(rooms ...event.Room) error {
	return t.update(adapter.Change{Join: rooms})
}

// Leave takes every socket of the target out of rooms.
func (t Target) Leave(rooms ...event.Room) error {
	return t.update(adapter.Change{Leave: rooms})
}

// Disconnect disconnects every socket of the target as [Socket.Disconnect] does. One that is just being let in leaves in
// a moment.
func (t Target) Disconnect(closeConn bool) error {
	return t.update(adapter.Change{Disconnect: true, Close: closeConn})
}

func (t Target) update(c adapter.Change) error {
	if t.nobody() {
		return nil
	}
	return t.ns.adapter.Update(context.Background(), t.address(), c)
}

// Fetch describes every socket of the target, on every server. When servers stay silent until ctx ends (or
// Config.AckTimeout), those that answered come with an [adapter.PartialError].
func (t Target) Fetch(ctx context.Context) ([]RemoteSocket, error) {
	if t.nobody() {
		return nil, nil
	}
	ctx, cancel := t.ns.srv.withDeadline(ctx, t.timeout)
	defer cancel()
	infos, err := t.ns.adapter.Fetch(ctx, t.address())
	list := make([]RemoteSocket, len(infos))
	for i, info := range infos {
		list[i] = RemoteSocket{ns: t.ns, info: info}
	}
	return list, err
}
