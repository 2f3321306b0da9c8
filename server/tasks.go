package server

import (
	"context"
	"sync/atomic"
)

// tasks counts the goroutines that a server has running, so that it can wait for them. Unlike a WaitGroup it may
// be waited for while new ones start.
type tasks struct {
	running atomic.Int64
	idle    atomic.Pointer[chan struct{}] // made by the first who waits; has a token when running fell to zero
}

// run calls fn on a goroutine of its own.
func (t *tasks) run(fn func()) {
	t.begin()
	go func() {
		defer t.done()
		fn()
	}()
}

// begin counts something that is about to run; done takes it back.
func (t *tasks) begin() { t.running.Add(1) }

func (t *tasks) done() {
	if t.running.Add(-1) == 0 {
		t.wake()
	}
}

func (t *tasks) wake() {
	if idle := t.idle.Load(); idle != nil {
		select {
		case *idle <- struct{}{}:
		default:
		}
	}
}

// wait returns when nothing is running, or with ctx's error.
func (t *tasks) wait(ctx context.Context) error {
	idle := make(chan struct{}, 1)
	if !t.idle.CompareAndSwap(nil, &idle) {
		idle = *t.idle.Load()
	}
	for t.running.Load() > 0 {
		select {
		case <-idle:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	t.wake() // pass it on to whoever waits too
	return nil
}
