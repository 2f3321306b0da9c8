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
	mu     sync.Mutex
	keep   bool
	queue  []Task // from next on, the longest waiting first
	next   int
	called bool
	idle   []chan struct{} // of goroutines that wait for a call, the latest last
}

// Go runs t on a goroutine, at once: it does not wait for others to finish.
func (c *Crew) Go(t Task) {
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
	n := len(c.idle)
	if n == 0 {
		go c.work()
		return
	}
	hand := c.idle[n-1]
	c.idle = c.idle[:n-1]
	hand <- struct{}{} // there is room
}

// Keep tells whether goroutines that have nothing to do shall wait for more.
func (c *Crew) Keep(keep bool) {
	c.mu.Lock()
	c.keep = keep
	var dismissed []chan struct{}
	if !keep {
		dismissed, c.idle = c.idle, nil
	}
	c.mu.Unlock()
	for _, hand := range dismissed {
		close(hand)
	}
}

// work is a goroutine that has been called.
func (c *Crew) work() {
	var hand chan struct{}
	c.mu.Lock()
	for {
		c.called = false
		for t := c.take(); t != nil; t = c.take() {
			c.mu.Unlock()
			t.Run()
			c.mu.Lock()
		}
		if !c.keep || len(c.idle) == maxIdle {
			c.mu.Unlock()
			return
		}
		if hand == nil {
			hand = make(chan struct{}, 1)
		}
		c.idle = append(c.idle, hand)
		c.mu.Unlock()
		if _, called := <-hand; !called {
			return
		}
		c.mu.Lock()
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
