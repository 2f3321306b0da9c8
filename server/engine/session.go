package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"parley/server/engine/websocket"
	"parley/shared/engineio"
)

// Session is one client's connection, whatever transport it uses at the moment.
// All methods are safe for concurrent use.
type Session struct {
	srv   *Server
	shard *shard
	id    string
	info  *handshake

	receiver Receiver // set by open, under recv
	recv     turn     // held while a method of receiver runs

	// ws is the session's transport while it is an open WebSocket, else nil. It
	// lets Send and received packets pass without the lock: what happens to an
	// established WebSocket session needs no state machine until it ends.
	ws    atomic.Pointer[websocket.Conn]
	alive atomic.Bool // something was received since the last ping
	ended atomic.Bool // no further Receive; set under mu

	timer timer   // guarded by shard.mu
	place *caller // in the server's gate, given back when all is over; set by open

	mu        sync.Mutex
	state     state
	transport Transport  // nil while polling
	polling   *pollState // nil once upgraded
	upgrade   *upgrade   // nil unless one is under way
	pingAt    instant    // when the next ping is due, or 0
	pongAt    instant    // when the client must have answered, or 0
	closeAt   instant    // when to give up closing, or 0
	done      chan struct{}
	reason    Reason // why it ended
}

type state uint8

const (
	open    state = iota
	closing       // ended for everybody but a last poll that fetches the rest
	closed
)

// after is what a step has decided to do once the lock is released.
type after []func()

func (do *after) run() {
	for _, f := range *do {
		f()
	}
}

// step runs f under the lock and then what it decided.
func (s *Session) step(f func(do *after)) {
	var do after
	s.mu.Lock()
	f(&do)
	s.schedule()
	s.mu.Unlock()
	do.run()
}

func (do *after) add(f func()) { *do = append(*do, f) }

// ID returns the session id. It is a secret between the server and this client.
func (s *Session) ID() string { return s.id }

// Transport returns the name of the present transport.
func (s *Session) Transport() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.transportName()
}

func (s *Session) transportName() string {
	if s.transport == nil {
		return transportPolling
	}
	return s.transport.Name()
}

// Handshake returns what the client's first request said. It is put together at
// each call: keep it.
func (s *Session) Handshake() *HandshakeInfo { return s.info.expand() }

// Done returns a channel that is closed when the session begins to end, before
// [Receiver].Closed is called.
func (s *Session) Done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done == nil {
		s.done = make(chan struct{})
		if s.state != open {
			close(s.done)
		}
	}
	return s.done
}

// Send queues messages so that they stay together, and writes them as soon as
// the transport takes them. It never blocks and never calls the receiver. The
// error is [ErrClosed], [ErrSlow] or [ErrNotWritable]; nothing was queued then.
func (s *Session) Send(o SendOptions, group ...*Message) error {
	ws := s.ws.Load()
	if ws == nil {
		return s.sendSlowly(o, append([]*Message(nil), group...)) // a copy, so that the usual way allocates nothing
	}
	if o.Volatile && !ws.Writable() {
		return ErrNotWritable
	}
	if o.Unbounded {
		return sendUnbounded(ws, o, append([]*Message(nil), group...))
	}
	err := ws.Send(o.Batch, !o.NoCompress, o.Until, group...)
	if err == ErrSlow {
		s.evict()
	}
	return err
}

func sendUnbounded(t Transport, o SendOptions, group []*Message) error {
	err := t.Queue(!o.NoCompress, o.Until, group...)
	if err == nil {
		t.Flush()
	}
	return err
}

// sendSlowly is Send for a session that polls, upgrades, has ended, or uses a
// transport other than WebSocket.
func (s *Session) sendSlowly(o SendOptions, group []*Message) (err error) {
	s.mu.Lock()
	if s.ws.Load() != nil { // just upgraded
		s.mu.Unlock()
		return s.Send(o, group...)
	}
	t := s.transport
	switch {
	case s.state != open || o.Until != nil && o.Until.Load():
		err = ErrClosed
	case o.Volatile && !s.writable():
		err = ErrNotWritable
	case t == nil && o.Unbounded:
		s.polling.add(!o.NoCompress, group...)
	case t == nil:
		err = s.polling.push(&s.srv.limits, !o.NoCompress, group...)
	}
	s.mu.Unlock()
	switch {
	case err != nil || t == nil:
	case o.Unbounded:
		err = sendUnbounded(t, o, group)
	default:
		err = t.Send(o.Batch, !o.NoCompress, o.Until, group...)
	}
	if err == ErrSlow {
		s.evict()
	}
	return err
}

// Writable reports whether a message would leave at once: nothing is jammed, and
// over polling a poll is waiting.
func (s *Session) Writable() bool {
	if ws := s.ws.Load(); ws != nil {
		return ws.Writable()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == open && s.writable()
}

func (s *Session) writable() bool {
	if s.transport == nil {
		return s.polling.get != nil
	}
	return s.transport.Writable()
}

// Buffered returns how much waits for the transport to take it.
func (s *Session) Buffered() (messages, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buffered()
}

func (s *Session) buffered() (messages, bytes int) {
	if s.transport == nil {
		return len(s.polling.queue), s.polling.bytes
	}
	return s.transport.Buffered()
}

// Flush waits until everything sent so far has been handed to the system, or
// over polling to a poll. The error is [ErrClosed] or that of ctx.
func (s *Session) Flush(ctx context.Context) error {
	for {
		s.mu.Lock()
		upgraded := s.transport != nil
		var out <-chan struct{}
		switch {
		case s.state == closed:
			s.mu.Unlock()
			return ErrClosed
		case upgraded:
			t := s.transport
			s.mu.Unlock()
			out = t.Flushed()
		case len(s.polling.queue) == 0:
			s.mu.Unlock()
			return nil
		default:
			if s.polling.taken == nil {
				s.polling.taken = make(chan struct{})
			}
			out = s.polling.taken
			s.mu.Unlock()
		}
		select {
		case <-out:
		case <-ctx.Done():
			return ctx.Err()
		}
		if upgraded {
			if s.ended.Load() {
				return ErrClosed
			}
			return nil
		}
	}
}

// Close ends the session. What has been sent before is delivered first, within
// CloseTimeout. It does not block: [Receiver].Closed follows on another
// goroutine, with the given reason. ReasonForcedClose becomes
// ReasonForcedServerClose when the rest has to wait for a poll, whatever it is
// for; the reference does so for packets out of place. Only the first call has an
// effect.
func (s *Session) Close(reason Reason) {
	s.step(func(do *after) { s.finish(do, ending{reason: reason, graceful: true}) })
}

// Abort ends the session and drops what has been sent and still waits. The
// connection is cut without a word; a poll that waits is answered with the end.
// Like Close it does not block; after Close it gives up delivering the rest.
func (s *Session) Abort(reason Reason) {
	s.step(func(do *after) {
		if t := s.transport; t != nil && s.state == closed { // it may still be closing in order
			do.add(func() { t.Abort(ErrClosed) })
		}
		s.finish(do, ending{reason: reason, abort: true})
	})
}

// evict ends the session of a client that reads too slowly.
func (s *Session) evict() {
	s.step(func(do *after) { s.finish(do, slow) })
}

// receive hands a message on and returns what is to be done without recv, which
// is held.
func (s *Session) receive(p engineio.Packet) Task {
	if s.ended.Load() {
		return nil
	}
	returned := false
	defer s.contain(&returned)
	task := s.receiver.Receive(p.Binary, p.Data)
	returned = true
	return task
}

// contain turns a panic of the receiver, or a call that never returns, into the end
// of its session.
func (s *Session) contain(returned *bool) {
	v := recover()
	if v == nil {
		if *returned {
			return
		}
		v = errExited
	}
	err := panicError(v)
	s.srv.log.Error("receiver panicked", "error", err, "stack", stack())
	s.step(func(do *after) { s.finish(do, ending{reason: engineio.ReasonForcedClose, err: err, graceful: true}) })
}

// errExited is the panic that runtime.Goexit is as good as: a receiver has ended the
// goroutine that it was called on, as (*testing.T).FailNow does.
var errExited = errors.New("its goroutine was ended with runtime.Goexit")
