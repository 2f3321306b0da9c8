// Package crew keeps goroutines for short pieces of work. One that has just
// worked takes the next piece, with a stack that has grown already: that costs a
// small part of starting a goroutine, or of waking one.
package crew

import "sync"

// Task is a piece of work.
type Task interface{ Run() }

const (
	maxIdle   = 128  // goroutines that a crew keeps
	longQueue = 1024 // tasks; the memory of a longer queue is not kept
)

// Crew is a set of goroutines. The zero value is ready and keeps none. All
// methods may be called concurrently.
//
// While tasks wait, one goroutine is called: on its way to them, not yet there.
// So nearly always whoever has finished a task takes the next one, yet a task
// that blocks, or takes long, holds up no other.
type Crew struct {
	mu      sync.Mutex
	holders int
	queue   []Task // from next on, the longest waiting first
	next    int
	called  bool
	idle    []chan Task // of goroutines that wait for a task, or a call (nil), the latest last
}

// Go runs t on a goroutine, at once: it does not wait for others to finish. On a
// busy machine it is the next that runs when the caller stops, while the processor
// still has in its cache what both need.
func (c *Crew) Go(t Task) {
	c.mu.Lock()
	hand := c.pick()
	c.mu.Unlock()
	if hand == nil {
		go c.work(t)
		return
	}
	hand <- t
}

// Queue is Go for a task that has nothing to do with the caller, most of all for
// one of many: it costs less.
func (c *Crew) Queue(t Task) {
	c.mu.Lock()
	if len(c.queue) == cap(c.queue) && c.next > len(c.queue)/2 { // make room at the end
		n := copy(c.queue, c.queue[c.next:])
		clear(c.queue[n:])
		c.queue, c.next = c.queue[:n], 0
	}
	c.queue = append(c.queue, t)
	c.call()
	c.mu.Unlock()
}

// call sees to it that a goroutine is called; c.mu is held.
func (c *Crew) call() {
	if c.called {
		return
	}
	c.called = true
	hand := c.pick()
	if hand == nil {
		go c.work(nil)
		return
	}
	hand <- nil // there is room
}

// pick takes a goroutine that waits, nil if none does; c.mu is held.
func (c *Crew) pick() chan Task {
	n := len(c.idle)
	if n == 0 {
		return nil
	}
	hand := c.idle[n-1]
	c.idle = c.idle[:n-1]
	return hand
}

// Hold makes goroutines that have nothing to do wait for more, until as many calls
// of [Crew.Release] have followed.
func (c *Crew) Hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holders++
}

// Release takes back one Hold. After the last one all goroutines that wait end.
func (c *Crew) Release() {
	c.mu.Lock()
	var dismissed []chan Task
	if c.holders--; c.holders == 0 {
		dismissed, c.idle = c.idle, nil
	}
	c.mu.Unlock()
	for _, hand := range dismissed {
		close(hand)
	}
}

// work is a goroutine that begins with t, or has been called if that is nil.
func (c *Crew) work(t Task) {
	var hand chan Task
	for {
		if t != nil {
			t.Run()
			c.mu.Lock()
		} else {
			c.mu.Lock()
			c.called = false
		}
		for t = c.take(); t != nil; t = c.take() {
			c.mu.Unlock()
			t.Run()
			c.mu.Lock()
		}
		if c.holders == 0 || len(c.idle) == maxIdle {
			c.mu.Unlock()
			return
		}
		if hand == nil {
			hand = make(chan Task, 1)
		}
		c.idle = append(c.idle, hand)
		c.mu.Unlock()
		var kept bool
		if t, kept = <-hand; !kept {
			return
		}
	}
}

// take takes the first task, or nil, and has a goroutine called for those behind
// it; c.mu is held.
func (c *Crew) take() Task {
	if c.next == len(c.queue) {
		return nil
	}
	t := c.queue[c.next]
	c.queue[c.next] = nil
	if c.next++; c.next < len(c.queue) {
		c.call()
		return t
	}
	c.next = 0
	if c.queue = c.queue[:0]; cap(c.queue) > longQueue {
		c.queue = nil
	}
	return t
}
