package server

import (
	"sync"

	"parley/server/adapter"
	"parley/server/engine"
	"parley/shared/event"
	"parley/shared/socketio"
)

// sink is a namespace as its adapter sees it.
type sink struct{ ns *Namespace }

// Namespace is the name on the wire.
func (k sink) Namespace() string { return k.ns.name }

// Deliver encodes p once and queues it on every member.
func (k sink) Deliver(members []adapter.Member, f adapter.Flags, p adapter.Packet) (after func()) {
	group, err := k.ns.encode(p, 0, false)
	if err != nil {
		return func() { k.Fault(err) } // its listener belongs to the application as well
	}
	o := k.options(members, f)
	for _, m := range members {
		_ = m.(*Socket).queue(heldDelivered, o, group) // an error ends that socket and concerns nobody else
	}
	if !k.ns.watchesOutgoing() {
		return nil
	}
	receivers := append([]adapter.Member(nil), members...)
	return func() {
		name, args := outgoing(p)
		for _, m := range receivers {
			m.(*Socket).noticeOutgoing(name, args)
		}
	}
}

// options decides who writes: a shard's flusher for many receivers, and always when the adapter's lock may be held;
// otherwise the caller.
func (k sink) options(members []adapter.Member, f adapter.Flags) engine.SendOptions {
	return engine.SendOptions{
		Volatile:   f.Volatile,
		NoCompress: f.NoCompress,
		Batch:      len(members) > 1 || k.ns.recoverer != nil,
	}
}

// Replay queues packets in front of everything that is held for m.
func (k sink) Replay(m adapter.Member, ps []adapter.Packet) error {
	s := m.(*Socket)
	for _, p := range ps {
		group, err := k.ns.encode(p, 0, false)
		if err != nil { // it came from another server, and those that were connected did not get it either
			k.ns.srv.tasks.run(func() { k.Fault(err) }) // the adapter's lock may be held, and the listener may want it
			continue
		}
		// Its successor may be in already: then this one gets no more.
		if err := s.conn.push(engine.SendOptions{Batch: true, Unbounded: true, Until: &s.over}, group); err != nil {
			return err
		}
	}
	return nil
}

// Ask queues p with an acknowledgement wanted on every member.
func (k sink) Ask(members []adapter.Member, f adapter.Flags, p adapter.Packet, answer func(adapter.Answer)) (finish func(error)) {
	id := k.ns.nextAck()
	group, err := k.ns.encode(p, id, true)
	o := k.options(members, f)
	for _, m := range members {
		s := m.(*Socket)
		reply := func(args event.Args, err error) {
			answer(adapter.Answer{Socket: s.id, Args: args, Err: err})
		}
		if err != nil {
			reply(nil, err)
			continue
		}
		if !s.expect(id, reply) {
			reply(nil, ErrDisconnected)
			continue
		}
		if k.ns.watchesOutgoing() {
			s.noticeOutgoing(outgoing(p))
		}
		if sendErr := s.queue(heldDirect, o, group); sendErr != nil {
			s.giveUp(id, sendErr)
		}
	}
	return func(err error) {
		for _, m := range members {
			m.(*Socket).giveUp(id, err)
		}
	}
}

// Apply carries out a change on members of this server.
func (k sink) Apply(members []adapter.Member, c adapter.Change) {
	for _, m := range members {
		s := m.(*Socket)
		if len(c.Leave) > 0 {
			s.Leave(c.Leave...)
		}
		if len(c.Join) > 0 {
			if err := s.Join(c.Join...); err != nil && err != ErrDisconnected {
				k.ns.srv.fault(Fault{Namespace: k.ns, Socket: s, Err: err})
			}
		}
		if c.Disconnect {
			s.Disconnect(c.Close)
		}
	}
}

// Evict ends a socket whose client has come back elsewhere.
func (k sink) Evict(m adapter.Member) (adapter.Session, bool) { return m.(*Socket).evict() }

// ServerEvent calls the listeners for events between servers.
func (k sink) ServerEvent(p adapter.Packet, reply func(adapter.Packet)) {
	name, args, err := p.Event()
	if err != nil {
		k.Fault(err)
		return
	}
	var once sync.Once
	answer := func(args ...any) {
		if reply == nil {
			return
		}
		once.Do(func() {
			p, err := socketio.NewAck("", 0, args...)
			if err != nil {
				k.Fault(err)
				return
			}
			reply(adapter.Packet{Data: p.Data, Attachments: p.Attachments})
		})
	}
	for _, fn := range k.ns.onServer.get() {
		k.ns.guard(name, func() { (*fn)(name, args, answer) })
	}
}

// Fault reports an error of the adapter.
func (k sink) Fault(err error) { k.ns.srv.fault(Fault{Namespace: k.ns, Err: err}) }
