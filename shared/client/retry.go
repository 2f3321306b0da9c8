package client

import (
	"context"
	"errors"
	"slices"
)

// With Config.Retries emits form a queue: one is on its way at a time, and it is
// sent again until it is acknowledged or has used up its tries. Every try sends
// the same bytes with the same acknowledgement id, so that an id inside the
// payload is stable and a late answer to an earlier try counts.

type retryQueue struct {
	items   []*retried // items[0] may be on its way
	running bool
	changed chan struct{} // buffer of one: the namespace was connected, or an item was taken back
}

type retried struct {
	o      *outgoing
	result chan ackResult // buffer of one
	done   bool
}

// retries reports whether emits of this view are retried.
func (s *Socket) retries() bool {
	return s.core.conn.cfg.Retries > 0 && !s.volatile && !s.unbuffered && !s.direct
}

// enqueue appends an event to the queue.
func (k *core) enqueue(o *outgoing) (*retried, error) {
	c := k.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return nil, ErrClosed
	case o.ack != nil && k.final:
		return nil, k.refusal
	case c.buffered >= c.cfg.Buffer.MaxEvents || c.bufferSize+o.size > c.cfg.Buffer.MaxBytes:
		return nil, ErrBufferFull
	}
	if err := c.checkSize(o); err != nil {
		return nil, err
	}
	c.buffered++
	c.bufferSize += o.size
	item := &retried{o: o, result: make(chan ackResult, 1)}
	q := &k.retry
	q.items = append(q.items, item)
	if !q.running {
		q.running = true
		if q.changed == nil {
			q.changed = make(chan struct{}, 1)
		}
		c.wg.Go(k.runRetries)
	}
	return item, nil
}

// runRetries works on the queue until it is empty.
func (k *core) runRetries() {
	for {
		item := k.headOfRetries()
		if item == nil {
			return
		}
		args, err := k.deliver(item)
		k.finish(item, args, err)
	}
}

func (k *core) headOfRetries() *retried {
	k.conn.mu.Lock()
	defer k.conn.mu.Unlock()
	q := &k.retry
	if len(q.items) == 0 {
		q.running = false
		return nil
	}
	return q.items[0]
}

// deliver sends one event until it is acknowledged.
func (k *core) deliver(item *retried) (args []any, err error) {
	tries := k.conn.cfg.Retries + 1
	for n := 0; n < tries; {
		if err := k.awaitOn(item); err != nil {
			return nil, err
		}
		o := *item.o
		o.ack = &waiter{result: make(chan ackResult, 1)}
		view := &Socket{core: k, unbuffered: true}
		if err := view.send(&o); errors.Is(err, ErrNotConnected) {
			continue // it went just now: not a try
		} else if err != nil {
			return nil, err
		}
		n++
		args, err := view.await(k.conn.ctx, &o)
		switch {
		case err == nil:
			return args, nil
		case errors.Is(err, context.Canceled) || errors.Is(err, ErrClosed):
			return nil, ErrClosed
		case n == tries:
			return nil, err
		}
	}
	return nil, ErrAckTimeout
}

// awaitOn returns when the namespace is connected.
func (k *core) awaitOn(item *retried) error {
	for {
		k.conn.mu.Lock()
		on, done := k.phase == phaseOn, item.done
		k.conn.mu.Unlock()
		switch {
		case done:
			return context.Canceled
		case on:
			return nil
		}
		select {
		case <-k.retry.changed:
		case <-k.conn.ctx.Done():
			return ErrClosed
		}
	}
}

// wakeRetries is called with the lock held when the namespace is connected.
func (k *core) wakeRetries() {
	select {
	case k.retry.changed <- struct{}{}:
	default: // also when nothing was ever queued
	}
}

// finish takes an event out of the queue and tells its emitter.
func (k *core) finish(item *retried, args []any, err error) {
	c := k.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if !k.takeOut(item) {
		return
	}
	if err != nil && item.o.ack == nil && !c.closed {
		c.cfg.Logger.Warn("client: event given up", "namespace", k.ns, "tries", c.cfg.Retries+1, "error", err)
	}
	item.result <- ackResult{args, err}
}

func (k *core) takeOut(item *retried) bool {
	i := slices.Index(k.retry.items, item)
	if i < 0 {
		return false
	}
	k.retry.items = slices.Delete(k.retry.items, i, i+1)
	k.unbuffer(item.o)
	item.done = true
	return true
}

// awaitRetried waits for the outcome of a retried event. When ctx ends first the
// event is not sent again.
func (k *core) awaitRetried(ctx context.Context, item *retried) ([]any, error) {
	select {
	case r := <-item.result:
		return r.args, r.err
	case <-ctx.Done():
	}
	k.conn.mu.Lock()
	out := k.takeOut(item)
	k.wakeRetries()
	k.conn.mu.Unlock()
	if out {
		return nil, ctx.Err()
	}
	r := <-item.result
	return r.args, r.err
}
