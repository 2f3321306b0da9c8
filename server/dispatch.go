package server

import (
	"context"
	"runtime/debug"
	"sync/atomic"

	"parley/server/engine"
	"parley/shared/engineio"
	"parley/shared/event"
)

// Event is one received event on its way through middlewares and handlers.
type Event struct {
	Name string
	Args event.Args

	socket   *Socket
	next     *Event // in the inbox
	id       uint64
	size     int
	kind     eventKind
	wantsAck bool
	apart    bool // the attachments share their memory with nothing
	alone    bool // only one handler has seen it
	acked    atomic.Bool
}

// eventKind tells what an inbox element asks for.
type eventKind uint8

const (
	kindEvent   eventKind = iota // run the handlers
	kindConnect                  // run the OnConnect functions
	kindEnd                      // run the OnDisconnect functions
)

// Socket is who sent the event.
func (e *Event) Socket() *Socket { return e.socket }

// WantsAck reports whether the client waits for an acknowledgement and has not got it yet.
func (e *Event) WantsAck() bool { return e.wantsAck && !e.acked.Load() }

// Ack answers the acknowledgement. It may be called from any goroutine, also long after the handler has returned.
// Only the first call counts whose arguments can be encoded; without a wish for an answer nothing is sent. The error is
// [ErrDisconnected], [engine.ErrSlow] or one of encoding: after that the client still waits. As with [Socket.Emit], a
// []byte must not be changed any more.
func (e *Event) Ack(args ...any) error { return e.ack(args, nil) }

// ack is Ack, and gives up buffers that nothing but args refers to.
func (e *Event) ack(args []any, lent [][]byte) error {
	if !e.wantsAck {
		for _, b := range lent {
			e.socket.srv().engine.Recycle(b)
		}
		return nil
	}
	if e.acked.Load() { // perhaps with some of the buffers
		return nil
	}
	if e.socket.state.Load() == stateClosed {
		return ErrDisconnected
	}
	return e.socket.conn.sendAck(e, args, lent)
}

// claim reports whether an acknowledgement is the one that counts.
func (e *Event) claim() bool { return !e.acked.Swap(true) }

// fail answers with an error reply and reports err.
func (e *Event) fail(err error) {
	if _, panicked := err.(*PanicError); !panicked && event.CodeOf(err) == event.CodeInternal {
		e.fault(err)
	}
	sendErr := e.Ack(event.EncodeReply(false, event.None{}, err)...)
	if sendErr != nil && sendErr != ErrDisconnected && e.WantsAck() { // the error's data cannot be encoded
		e.fault(sendErr)
		told := event.AsError(err)
		sendErr = e.Ack(event.EncodeReply(false, event.None{}, &event.Error{Code: told.Code, Message: told.Message})...)
	}
	if sendErr != nil {
		e.socket.srv().cfg.Logger.Debug("socket.io: error reply not sent", "sid", e.socket.id, "error", sendErr)
	}
}

// fault reports an error in the handling of the event.
func (e *Event) fault(err error) {
	e.socket.srv().fault(Fault{Namespace: e.socket.ns, Socket: e.socket, Event: e.Name, Err: err})
}

// receive queues an event for the handlers. While the inbox is full it waits, and with it the connection's reader: the
// client feels it as TCP back-pressure. The wait ends when the connection does. The task returned is a worker that
// now has to run.
func (s *Socket) receive(e *Event) engine.Task {
	if !s.allow(e) {
		return nil
	}
	limits := &s.srv().cfg.Limits
	s.mu.Lock()
	for s.full(limits, e.size) && s.state.Load() != stateClosed {
		x := s.extra()
		if x.space == nil {
			x.space = make(chan struct{})
		}
		space := x.space
		s.mu.Unlock()
		select {
		case <-space:
		case <-s.conn.session.Done():
			return nil
		}
		s.mu.Lock()
	}
	defer s.mu.Unlock()
	if s.state.Load() == stateClosed {
		return nil
	}
	s.push(e)
	s.queued++
	s.bytes += e.size
	return s.newWorker()
}

// full reports whether an event of that size has to wait for room in the inbox; the caller holds mu. While somebody
// waits for the client to acknowledge something there is 16 times as much room: the acknowledgement may be behind the
// events, and whoever waits for it may be what keeps them here.
func (s *Socket) full(l *Limits, size int) bool {
	queued, bytes := s.queued, s.bytes+size
	if len(s.pending) > 0 {
		queued, bytes = queued/16, bytes/16
	}
	return s.queued > 0 && (queued >= l.Inbox || bytes > l.InboxBytes)
}

// push appends to the inbox; the caller holds mu.
func (s *Socket) push(e *Event) {
	if s.tail == nil {
		s.head = e
	} else {
		s.tail.next = e
	}
	s.tail = e
}

// queueEnd makes the OnDisconnect functions run when everything before them has.
func (s *Socket) queueEnd() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.more.keep {
		s.dropEvents()
	}
	if s.head == nil && s.workers == 0 && !s.hasDisconnect() {
		return
	}
	s.push(&Event{socket: s, kind: kindEnd})
	s.startWorker()
}

// dropEvents empties the inbox but for a pending OnConnect; the caller holds mu.
func (s *Socket) dropEvents() {
	head := s.head
	s.head, s.tail, s.queued, s.bytes = nil, nil, 0, 0
	if head != nil && head.kind == kindConnect {
		head.next = nil
		s.push(head)
	}
}

func (s *Socket) hasDisconnect() bool {
	found := len(s.more.onDisconnect.get()) > 0 || len(s.more.onDisconnecting.get()) > 0
	s.ns.eachHooks(func(h *hooks) {
		found = found || len(h.onDisconnect.get()) > 0 || len(h.onDisconnecting.get()) > 0
	})
	return found
}

// newWorker returns a worker when there is work that none has, or nil; the caller holds mu and sees to it that the
// worker runs. It waits for a socket to be live: then OnConnect is at the head.
func (s *Socket) newWorker() engine.Task {
	if s.head == nil || s.workers > 0 && (s.gated || s.workers >= s.ns.handlersAtOnce()) {
		return nil
	}
	if state := s.state.Load(); state != stateLive && state != stateClosed {
		return nil
	}
	s.workers++
	s.srv().tasks.begin()
	return (*worker)(s)
}

// startWorker starts a worker, if one is needed, on a goroutine of its own; the caller holds mu.
func (s *Socket) startWorker() {
	if w := s.newWorker(); w != nil {
		go w.Run()
	}
}

// worker is a socket as the goroutine sees it that handles what is in the inbox.
type worker Socket

// Run empties the inbox and ends.
func (w *worker) Run() { (*Socket)(w).work(nil, 0) }

// work empties the inbox and ends. It begins with e, unless that is nil, of whose functions so many have been called.
func (s *Socket) work(e *Event, called int) {
	over := false
	defer func() {
		if !over {
			s.exited(e, called)
			return
		}
		s.srv().tasks.done()
	}()
	for {
		if e == nil {
			if e = s.pop(); e == nil {
				over = true
				return
			}
		}
		s.handle(e, &called)
		e, called = nil, 0
	}
}

// exited takes over from a worker whose goroutine a handler has ended with runtime.Goexit, as the functions do that make
// a test fail at once: it reports that, and another goroutine does what is left.
func (s *Socket) exited(e *Event, called int) {
	defer s.srv().tasks.done()
	defer func() {
		s.srv().tasks.begin()
		if e.kind == kindEvent {
			go s.work(nil, 0)
		} else {
			go s.work(e, called)
		}
	}()
	s.srv().fault(Fault{Namespace: s.ns, Socket: s, Event: e.Name, Err: errGoexit, Stack: debug.Stack()})
	if e.WantsAck() {
		_ = e.Ack(event.EncodeReply(false, event.None{}, error(errInternal))...) // an error means that the client has gone
	}
}

// pop takes the next element, or signs the worker off.
func (s *Socket) pop() *Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.head
	if e == nil || s.workers > 1 && (s.gated || e.kind == kindEnd) { // the last worker runs the end
		s.workers--
		return nil
	}
	if s.head = e.next; s.head == nil {
		s.tail = nil
	}
	e.next = nil
	if e.kind == kindEvent {
		s.queued--
		s.bytes -= e.size
		if s.more != nil && s.more.space != nil && s.queued <= s.srv().cfg.Limits.Inbox/2 {
			close(s.more.space)
			s.more.space = nil
		}
	}
	return e
}

// handle carries out one element of the inbox. called counts the functions of OnConnect or OnDisconnect as they are
// called; as many are passed over.
func (s *Socket) handle(e *Event, called *int) {
	switch e.kind {
	case kindConnect:
		s.handleConnect(called)
	case kindEnd:
		s.handleEnd(called)
	default:
		s.handleEvent(e)
	}
}

// counter tells which functions of a sequence have been called already.
type counter struct {
	n      int
	called *int
}

// next reports whether the next function is still to be called, and counts it as called.
func (c *counter) next() bool {
	if c.n++; c.n <= *c.called {
		return false
	}
	*c.called = c.n
	return true
}

func (s *Socket) handleConnect(called *int) {
	count := counter{called: called}
	s.ns.eachHooks(func(h *hooks) {
		for _, fn := range h.onConnect.get() {
			if count.next() {
				_ = s.guard("", func() error { (*fn)(s); return nil })
			}
		}
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gated = false
	for n := s.workers; n < s.ns.handlersAtOnce() && n < s.queued; n++ {
		s.startWorker()
	}
}

func (s *Socket) handleEnd(called *int) {
	s.mu.Lock()
	x := s.more
	reason, cause := x.reason, x.cause
	s.mu.Unlock()
	count := counter{called: called}
	run := func(own []*func(engineio.Reason, error), shared func(*hooks) []*func(*Socket, engineio.Reason, error)) {
		for _, fn := range own {
			if count.next() {
				_ = s.guard("", func() error { (*fn)(reason, cause); return nil })
			}
		}
		s.ns.eachHooks(func(h *hooks) {
			for _, fn := range shared(h) {
				if count.next() {
					_ = s.guard("", func() error { (*fn)(s, reason, cause); return nil })
				}
			}
		})
	}
	run(x.onDisconnecting.get(), func(h *hooks) []*func(*Socket, engineio.Reason, error) { return h.onDisconnecting.get() })
	s.mu.Lock()
	x.left = true
	s.mu.Unlock()
	run(x.onDisconnect.get(), func(h *hooks) []*func(*Socket, engineio.Reason, error) { return h.onDisconnect.get() })
}

func (s *Socket) handleEvent(e *Event) {
	var chain []*func(EventFunc) EventFunc
	s.ns.eachHooks(func(h *hooks) { chain = append(chain, h.events.get()...) })
	x := s.peek()
	if x != nil {
		chain = append(chain, x.use.get()...)
	}
	if len(chain) == 0 {
		e.alone = true
		s.runHandlers(s.Context(), e, x)
		return
	}
	next := EventFunc(func(ctx context.Context, e *Event) error { s.runHandlers(ctx, e, s.peek()); return nil })
	for i := len(chain) - 1; i >= 0; i-- {
		next = (*chain[i])(next)
	}
	if err := s.guard(e.Name, func() error { return next(s.Context(), e) }); err != nil {
		e.dropped(err)
	}
}

// runHandlers calls who listens to the event, the catch-all ones first; each panic stays its own. x is what the socket
// has got by now; who is called may be the first to add to it, and what is added counts for this event.
func (s *Socket) runHandlers(ctx context.Context, e *Event, x *extras) {
	s.ns.eachHooks(func(h *hooks) {
		for _, fn := range h.onAny.get() {
			e.alone = false
			_ = s.guard(e.Name, func() error { (*fn)(s, e.Name, e.Args); return nil })
			x = s.peek()
		}
	})
	if x != nil {
		for _, fn := range x.onAny.get() {
			e.alone = false
			_ = s.guard(e.Name, func() error { (*fn)(e.Name, e.Args); return nil })
		}
	}
	var few [8]*handler
	all := few[:0] // as it is now: handlers come and go while they run
	add := func(h *handler) { all = append(all, h) }
	s.ns.eachHooks(func(h *hooks) { h.table.each(e.Name, add) })
	if x != nil {
		x.table.each(e.Name, add)
	}
	e.alone = e.alone && len(all) == 1
	for _, h := range all {
		s.call(ctx, h, e)
	}
}

// call runs one handler. After a panic in the one that answers, who asked is told.
func (s *Socket) call(ctx context.Context, h *handler, e *Event) {
	if err := s.guard(e.Name, func() error { h.fn(ctx, e); return nil }); err != nil && h.sole {
		e.fail(err)
	}
}
