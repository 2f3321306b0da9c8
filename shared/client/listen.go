package client

import (
	"sync"
	"time"

	"parley/shared/event"
)

// handler gets an event; ack is nil when the server asked for none.
type handler func(args event.Args, ack *answer)

// registry holds the handlers by event name.
type registry struct {
	mu     sync.Mutex // guards byName
	byName map[string]*listeners[handler]
}

func (r *registry) of(name string, create bool) *listeners[handler] {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.byName[name]
	if l == nil && create {
		if r.byName == nil {
			r.byName = map[string]*listeners[handler]{}
		}
		l = &listeners[handler]{}
		r.byName[name] = l
	}
	return l
}

// On calls fn for every event of that name. Several handlers of one name are
// called in the order of their registration. After stop has returned no call
// begins. If the server asked for an acknowledgement, none is sent; see OnAck.
func (s *Socket) On(name string, fn func(args event.Args)) (stop func()) {
	return s.core.on(name, func(args event.Args, _ *answer) { fn(args) })
}

// Once is On for the next event only.
func (s *Socket) Once(name string, fn func(args event.Args)) (stop func()) {
	var once sync.Once
	stop = s.core.on(name, func(args event.Args, _ *answer) {
		once.Do(func() {
			stop()
			fn(args)
		})
	})
	return stop
}

// OnAck is On for events that the server wants acknowledged: ack sends the
// acknowledgement. It may be called later, from any goroutine, and works once
// and only while the connection stands that the event came on. For an event
// that wants none it does nothing.
func (s *Socket) OnAck(name string, fn func(args event.Args, ack func(args ...any))) (stop func()) {
	return s.core.on(name, func(args event.Args, a *answer) {
		if a == nil {
			fn(args, func(...any) {})
			return
		}
		fn(args, a.send)
	})
}

// OnAny calls fn for every event that arrives, before its handlers.
func (s *Socket) OnAny(fn func(name string, args event.Args)) (stop func()) {
	return s.core.onAny.add(fn)
}

// OnAnyOutgoing calls fn for every event that is sent, also for a buffered one,
// at the moment it is handed to the connection. An acknowledgement is no event.
func (s *Socket) OnAnyOutgoing(fn func(name string, args event.Args)) (stop func()) {
	return s.core.onAnySent.add(fn)
}

// A program has this long after Of to register its handlers: events that nobody
// listens to are kept until then, up to heldMax, and given to the first handler
// of their name. That makes Dial, Of, On free of races without a further call.
const (
	heldFor = time.Second
	heldMax = 256
)

type held struct {
	name   string
	handle func()
}

func (k *core) on(name string, fn handler) (stop func()) {
	stop = k.handlers.of(name, true).add(fn)
	if k.conn.cfg.now().Sub(k.made) < heldFor {
		k.lane.pushFront(func() { k.unhold(name) })
	}
	return stop
}

// handle calls the handlers of an event. It runs on the lane.
func (k *core) handle(name string, args event.Args, ack *answer) {
	k.onAny.each(func(fn func(string, event.Args)) { k.conn.guard(func() { fn(name, args) }) })
	l := k.handlers.of(name, false)
	if l == nil || l.empty() {
		k.hold(name, args, ack)
		return
	}
	l.each(func(fn handler) { k.conn.guard(func() { fn(args, ack) }) })
}

func (k *core) hold(name string, args event.Args, ack *answer) {
	if k.conn.cfg.now().Sub(k.made) >= heldFor || len(k.held) >= heldMax {
		k.held = nil
		return
	}
	k.held = append(k.held, held{name, func() {
		k.handlers.of(name, true).each(func(fn handler) { k.conn.guard(func() { fn(args, ack) }) })
	}})
}

// unhold hands over what was kept for a name. It runs on the lane.
func (k *core) unhold(name string) {
	kept := k.held[:0]
	for _, h := range k.held {
		if h.name == name {
			h.handle()
		} else {
			kept = append(kept, h)
		}
	}
	k.held = kept
}
