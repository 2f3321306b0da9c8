package server

import (
	"context"
	"fmt"
	"time"

	"parley/server/adapter"
	"parley/server/engine"
	"parley/shared/event"
	"parley/shared/socketio"
)

// check reports why an event cannot be sent. Whoever hands one to the adapter asks before: there would be nobody to
// tell, and what is in the log has to go out some day.
func (ns *Namespace) check(p adapter.Packet) error {
	packet := socketio.Packet{Type: socketio.PacketEvent, Namespace: ns.name, Data: p.Data, Attachments: p.Attachments}
	var err error
	if parser, ok := ns.srv.cfg.Parser.(socketio.Checker); ok {
		err = parser.Check(&packet)
	} else {
		_, err = ns.srv.cfg.Parser.Encode(nil, &packet)
	}
	if err != nil {
		return fmt.Errorf("server: encode packet: %w", err)
	}
	return nil
}

// encodeEvent writes an event in canonical form.
func encodeEvent(name string, args []any) (adapter.Packet, error) {
	if event.Reserved(name) {
		return adapter.Packet{}, fmt.Errorf("%w: %q", ErrReserved, name)
	}
	p, err := socketio.NewEvent("", name, args...)
	if err != nil {
		return adapter.Packet{}, fmt.Errorf("server: encode event %q: %w", name, err)
	}
	return adapter.Packet{Data: p.Data, Attachments: p.Attachments}, nil
}

// Emit sends an event to this client. Arguments are anything that encoding/json writes, []byte anywhere in them
// becomes a binary attachment, which is not copied: it must not be changed any more. It does not wait for the network.
// No error means that the event is queued, and with recovery also that it is kept for the client should the connection
// break; an error means that it is not sent:
//
//   - [ErrDisconnected]: the socket has ended
//   - [engine.ErrSlow]: the client reads too slowly and is disconnected for it; with recovery there is no such error,
//     because the client gets the event when it comes back
//   - [engine.ErrNotWritable]: the event is volatile and the connection cannot take it at the moment
//   - [ErrHeld]: too much was emitted before the client was told that it is connected
//   - [ErrReserved], or an encoding error
func (s *Socket) Emit(name string, args ...any) error { return s.direct().Emit(name, args...) }

// direct is the target of this socket alone.
func (s *Socket) direct() Target { return Target{ns: s.ns, self: s, direct: true} }

// To addresses the sockets that are in any of the rooms, but not this one.
func (s *Socket) To(rooms ...event.Room) Target { return s.direct().To(rooms...) }

// Broadcast addresses every socket of the namespace but this one.
func (s *Socket) Broadcast() Target { return s.direct().Broadcast() }

// Except addresses every socket of the namespace but this one and those in the rooms.
func (s *Socket) Except(rooms ...event.Room) Target { return s.direct().Except(rooms...) }

// Local addresses every other socket of the namespace on this server.
func (s *Socket) Local() Target { return s.direct().Local() }

// Volatile addresses this client with packets that may be dropped, see [Target.Volatile].
func (s *Socket) Volatile() Target { return s.direct().Volatile() }

// NoCompress addresses this client with packets that are not compressed.
func (s *Socket) NoCompress() Target { return s.direct().NoCompress() }

// Timeout addresses this client with another deadline for acknowledgements.
func (s *Socket) Timeout(d time.Duration) Target { return s.direct().Timeout(d) }

func (s *Socket) target() Target { return s.direct() }

// emit sends an event to this socket alone, through the log when there is one.
func (s *Socket) emit(ctx context.Context, f adapter.Flags, p adapter.Packet) error {
	state := s.state.Load()
	switch {
	case state == stateClosed:
		return ErrDisconnected
	case s.ns.recoverer == nil:
		return s.sendEvent(f, p, 0, false)
	}
	if err := s.ns.check(p); err != nil {
		return err
	}
	if state != stateLive {
		held, err := s.hold(heldForLog, f.Volatile, p.Size(), func() {
			if err := s.log(context.Background(), f, p); err != nil && err != engine.ErrNotWritable {
				s.srv().fault(Fault{Namespace: s.ns, Socket: s, Err: err})
			}
		})
		if held {
			return err
		}
	}
	return s.log(ctx, f, p)
}

// log emits to this socket by way of the log.
func (s *Socket) log(ctx context.Context, f adapter.Flags, p adapter.Packet) error {
	if f.Volatile && !s.conn.session.Writable() {
		return engine.ErrNotWritable
	}
	t := s.direct()
	t.flags = f
	return s.ns.adapter.Broadcast(ctx, t.address(), p)
}

// sendEvent queues an event on this socket.
func (s *Socket) sendEvent(f adapter.Flags, p adapter.Packet, id uint64, hasID bool) error {
	group, err := s.ns.encode(p, id, hasID)
	if err != nil {
		return err
	}
	if s.ns.watchesOutgoing() {
		s.noticeOutgoing(outgoing(p))
	}
	return s.queue(heldDirect, engine.SendOptions{Volatile: f.Volatile, NoCompress: f.NoCompress}, group)
}

// encode turns a canonical event into messages.
func (ns *Namespace) encode(p adapter.Packet, id uint64, hasID bool) ([]*engine.Message, error) {
	return ns.srv.encode(socketio.Packet{
		Type: socketio.PacketEvent, Namespace: ns.name, ID: id, HasID: hasID, Data: p.Data, Attachments: p.Attachments,
	})
}

// queue hands messages to the connection, or holds them until the client was told that it is connected.
func (s *Socket) queue(kind heldKind, o engine.SendOptions, group []*engine.Message) error {
	o.Until = &s.over
	if s.state.Load() != stateLive {
		if held, err := s.holdMessages(kind, o, group); held {
			return err
		}
	}
	return s.conn.push(o, group)
}

func (s *Socket) holdMessages(kind heldKind, o engine.SendOptions, group []*engine.Message) (held bool, err error) {
	size := 0
	for _, m := range group {
		size += m.Size()
	}
	return s.hold(kind, o.Volatile, size, func() {
		// A failure to send ends the connection, which ends the socket as well.
		_ = s.conn.session.Send(o, group...)
	})
}

// noticeOutgoing calls the catch-all listeners for outgoing events.
func (s *Socket) noticeOutgoing(name string, args event.Args) {
	s.ns.eachHooks(func(h *hooks) {
		for _, fn := range h.onOutgoing.get() {
			_ = s.guard(name, func() error { (*fn)(s, name, args); return nil })
		}
	})
	if x := s.peek(); x != nil {
		for _, fn := range x.onOutgoing.get() {
			_ = s.guard(name, func() error { (*fn)(name, args); return nil })
		}
	}
}

// watchesOutgoing reports whether anybody listens to what is sent.
func (ns *Namespace) watchesOutgoing() bool {
	return ns.outgoing.Load() || len(ns.hooks.onOutgoing.get()) > 0 || ns.parent != nil && len(ns.parent.onOutgoing.get()) > 0
}

// outgoing takes a packet apart for listeners.
func outgoing(p adapter.Packet) (name string, args event.Args) {
	name, args, _ = p.Event() // written by this program: it cannot fail
	return name, args
}

// Emitter is what [Emit] and [Ask] send to: a [Socket], a [Target], a [Namespace], a [Server] or a [RemoteSocket].
type Emitter interface{ target() Target }

// Emit sends a declared event. It returns [ErrNamespace] when the event belongs to another namespace than the
// emitter, unless that is a child of a [Parent]. See [Target.Emit] for the other errors and what they mean.
func Emit[T any](ctx context.Context, to Emitter, ev event.ToClient[T], payload T) error {
	t := to.target()
	if err := t.belongs(ev.Namespace()); err != nil {
		return fmt.Errorf("emit %q: %w", ev.Name(), err)
	}
	return t.emit(ctx, ev.Name(), event.EncodePayload(payload))
}

// belongs checks that a declaration is used in its namespace.
func (t Target) belongs(declared event.Namespace) error {
	if declared.Name() != t.ns.name && t.ns.parent == nil {
		return fmt.Errorf("%w: %s instead of %s", ErrNamespace, t.ns.name, declared.Name())
	}
	return nil
}
