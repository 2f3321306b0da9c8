package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"parley/shared/client/engine"
	"parley/shared/engineio"
	"parley/shared/event"
	"parley/shared/socketio"
)

// outgoing is an event on its way: encoded once, whatever becomes of it.
type outgoing struct {
	packets []engineio.Packet
	size    int
	id      uint64
	ack     *waiter // nil when none is asked for
	name    string
	args    event.Args
}

// waiter waits for one acknowledgement.
type waiter struct {
	result chan ackResult // buffer of one; gets one value at most
}

type ackResult struct {
	args event.Args
	err  error
}

// settle is called by whoever took the waiter out of pending or buffer, so once.
func (w *waiter) settle(args event.Args, err error) { w.result <- ackResult{args, err} }

// Emit sends an event and returns without waiting for anything; several emits
// arrive in the order of their calls. While the namespace is not connected the
// event is buffered as Config.Buffer says. nil means that it was sent or
// buffered, not that it arrived: what is on its way when a connection breaks is
// lost. Errors: ErrClosed, ErrNotConnected, ErrBufferFull, ErrTooLarge, and what
// encoding the arguments yields. []byte anywhere in the arguments travels as
// binary; it is copied.
//
// With Config.Retries the event joins a queue instead, bounded by Config.Buffer,
// and is sent again until it is acknowledged; every try sends the same bytes, so
// an id in the payload lets the receiver tell a repetition. An event whose tries
// are used up is logged.
func (s *Socket) Emit(name string, args ...any) error {
	retries := s.retries()
	o, err := s.core.prepare(name, args, retries)
	if err != nil {
		return err
	}
	if retries {
		_, err = s.core.enqueue(o)
		return err
	}
	return s.send(o)
}

// Send is Emit of the event "message".
func (s *Socket) Send(args ...any) error { return s.Emit("message", args...) }

// EmitAck is Emit and waits for the acknowledgement, whose arguments it returns.
// The wait ends with ctx, with the AckTimeout (ErrAckTimeout), with the
// connection (ErrDisconnected) and with the Conn (ErrClosed); the time in the
// buffer counts, and an event that is still there then is not sent any more. It
// ends with the *ConnectError as well when the namespace is refused, or was, and
// only the program's Connect would try again: after the OnConnectError functions
// have run, so that one of them can. An OnConnectError function must therefore not
// wait for an acknowledgement.
//
// With Config.Retries the AckTimeout bounds each try instead, and the error is
// that of the last one.
func (s *Socket) EmitAck(ctx context.Context, name string, args ...any) (event.Args, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	o, err := s.core.prepare(name, args, true)
	if err != nil {
		return nil, err
	}
	o.ack = &waiter{result: make(chan ackResult, 1)}
	if s.retries() {
		item, err := s.core.enqueue(o)
		if err != nil {
			return nil, err
		}
		return s.core.awaitRetried(ctx, item)
	}
	if err := s.send(o); err != nil {
		return nil, err
	}
	return s.await(ctx, o)
}

func (s *Socket) await(ctx context.Context, o *outgoing) (event.Args, error) {
	var expired <-chan time.Time
	timeout := s.timeout
	if timeout == 0 {
		timeout = s.core.conn.cfg.AckTimeout
	}
	if timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		expired = timer.C
	}
	var err error
	select {
	case r := <-o.ack.result:
		return r.args, r.err
	case <-ctx.Done():
		err = ctx.Err()
	case <-expired:
		err = ErrAckTimeout
	}
	if s.core.takeBack(o) {
		return nil, err
	}
	r := <-o.ack.result // it came in this moment
	return r.args, r.err
}

// takeBack removes an event that asks for an acknowledgement and reports
// whether it was still open.
func (k *core) takeBack(o *outgoing) bool {
	k.conn.mu.Lock()
	defer k.conn.mu.Unlock()
	if k.pending[o.id] == o.ack {
		delete(k.pending, o.id)
		return true
	}
	if i := slices.Index(k.buffer, o); i >= 0 {
		k.unbuffer(o)
		k.buffer = slices.Delete(k.buffer, i, i+1)
		return true
	}
	return false
}

// prepare encodes an event.
func (k *core) prepare(name string, args []any, withAck bool) (*outgoing, error) {
	p, err := socketio.NewEvent(k.ns, name, args...)
	if err != nil {
		return nil, err
	}
	o := &outgoing{}
	if withAck {
		k.conn.mu.Lock()
		o.id = k.ids
		k.ids++
		k.conn.mu.Unlock()
		p.ID, p.HasID = o.id, true
	}
	for i, a := range p.Attachments {
		p.Attachments[i] = slices.Clone(a)
	}
	if o.packets, err = k.conn.encode(&p); err != nil {
		return nil, err
	}
	for _, q := range o.packets {
		o.size += len(q.Data)
	}
	if !k.onAnySent.empty() {
		if o.name, o.args, err = p.Event(); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// send sends or buffers an event, or does what the view says instead.
func (s *Socket) send(o *outgoing) error {
	k, c := s.core, s.core.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	if err := c.checkSize(o); err != nil {
		return err
	}
	if l := c.live; l != nil && (k.phase == phaseOn || s.direct && k.phase == phaseOpening) && !l.session.Expired() {
		send := l.session.Send
		if s.volatile {
			send = l.session.SendVolatile
		}
		err := send(o.packets...)
		switch {
		case err == nil:
			k.sent(o)
			return nil
		case errors.Is(err, engine.ErrQueueFull):
			return ErrBufferFull
		case errors.Is(err, engine.ErrNotWritable):
			return notSent(o)
		}
		// The session has just ended: as if not connected.
	}
	switch {
	case s.volatile:
		return notSent(o)
	case s.unbuffered || s.direct || c.cfg.Buffer.None:
		return ErrNotConnected
	case o.ack != nil && k.final:
		return k.refusal
	case c.buffered >= c.cfg.Buffer.MaxEvents || c.bufferSize+o.size > c.cfg.Buffer.MaxBytes:
		return ErrBufferFull
	}
	k.buffer = append(k.buffer, o)
	c.buffered++
	c.bufferSize += o.size
	return nil
}

// notSent is the outcome of a volatile emit that could not be sent.
func notSent(o *outgoing) error {
	if o.ack != nil {
		return ErrNotConnected
	}
	return nil
}

// sent notes that an event is in the hands of the session.
func (k *core) sent(o *outgoing) {
	if o.ack != nil {
		k.pending[o.id] = o.ack
	}
	if o.name != "" {
		k.lane.push(func() {
			k.onAnySent.each(func(fn func(string, event.Args)) { k.conn.guard(func() { fn(o.name, o.args) }) })
		})
	}
}

// checkSize compares with what the server said it accepts. Binary data travels
// as base64 over polling.
func (c *Conn) checkSize(o *outgoing) error {
	if c.maxPayload <= 0 {
		return nil
	}
	polling := c.live != nil && c.live.session.Transport() == "polling"
	for _, p := range o.packets {
		n := len(p.Data)
		switch {
		case !p.Binary:
			n++
		case polling:
			n = 1 + (n+2)/3*4
		}
		if n > c.maxPayload {
			return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, n, c.maxPayload)
		}
	}
	return nil
}

// flush sends what is buffered.
func (k *core) flush(l *link) {
	waiting := k.buffer
	k.buffer = nil
	for i, o := range waiting {
		err := k.conn.checkSize(o)
		if err == nil {
			if l.session.Flush(o.packets...) != nil { // it has just ended
				k.buffer = waiting[i:]
				return
			}
			k.unbuffer(o)
			k.sent(o)
			continue
		}
		k.unbuffer(o)
		if o.ack != nil {
			o.ack.settle(nil, err)
		} else {
			k.conn.cfg.Logger.Error("client: buffered event not sent", "namespace", k.ns, "error", err)
		}
	}
}

func (k *core) unbuffer(o *outgoing) {
	k.conn.buffered--
	k.conn.bufferSize -= o.size
}

// failQuestions ends the wait for acknowledgements of what was not sent, when there
// is no telling whether it ever will be. The lock is held.
func (k *core) failQuestions(err error) {
	var events []*outgoing
	for _, o := range k.buffer {
		if o.ack == nil {
			events = append(events, o)
			continue
		}
		k.unbuffer(o)
		o.ack.settle(nil, err)
	}
	k.buffer = events
	for i := len(k.retry.items) - 1; i >= 0; i-- {
		if item := k.retry.items[i]; item.o.ack != nil && k.takeOut(item) {
			item.result <- ackResult{nil, err}
		}
	}
	k.wakeRetries()
}

func (k *core) failBuffered(err error) {
	for _, o := range k.buffer {
		k.unbuffer(o)
		if o.ack != nil {
			o.ack.settle(nil, err)
		}
	}
	k.buffer = nil
}

// answer is the acknowledgement that the server waits for.
type answer struct {
	core   *core
	link   *link
	joined context.Context // of the connection of the namespace that the question came on
	id     uint64
	done   bool // guarded by Conn.mu
}

// send sends it, once, and only on the connection that the question came on: in a
// namespace that was left meanwhile it would break the protocol.
func (a *answer) send(args ...any) {
	p, err := socketio.NewAck(a.core.ns, a.id, args...)
	if err != nil {
		a.core.conn.cfg.Logger.Error("client: acknowledgement not sent", "namespace", a.core.ns, "error", err)
		return
	}
	for i, b := range p.Attachments {
		p.Attachments[i] = slices.Clone(b)
	}
	c := a.core.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if a.done || c.live != a.link || a.joined == nil || a.joined.Err() != nil {
		return
	}
	a.done = true
	packets, err := c.encode(&p)
	if err == nil {
		err = c.checkSize(&outgoing{packets: packets})
	}
	if err != nil {
		c.cfg.Logger.Error("client: acknowledgement not sent", "namespace", a.core.ns, "error", err)
		return
	}
	_ = a.link.session.Flush(packets...) // fails only when the connection is gone
}
