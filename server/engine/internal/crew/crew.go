// Package crew keeps goroutines for short pieces of work. One that has just
// worked is ready for the next piece, with a stack that has grown already:
// handing work to it costs less than half of starting a goroutine.
package crew

import "sync"

// Task is a piece of work.
type Task interface{ Run() }

// maxIdle is how many goroutines a crew keeps.
const maxIdle = 128

// Crew is a set of goroutines. The zero value is ready and keeps none. All
// methods may be called concurrently.
type Crew struct {
	mu   sync.Mutex
	keep bool
	idle []chan Task // of goroutines that wait for work, the latest last
}

// Go runs t on a goroutine, at once: it does not wait for others to finish.
func (c *Crew) Go(t Task) {
	c.mu.Lock()
	n := len(c.idle)
	if n == 0 {
		c.mu.Unlock()
		go c.work(t)
		return
	}
	hand := c.idle[n-1]
	c.idle = c.idle[:n-1]
	c.mu.Unlock()
	hand <- t
}

// Keep tells whether goroutines that have nothing to do shall wait for more.
func (c *Crew) Keep(keep bool) {
	c.mu.Lock()
	c.keep = keep
	var dismissed []chan Task
	if !keep {
		dismissed, c.idle = c.idle, nil
	}
	c.mu.Unlock()
	for _, hand := range dismissed {
		close(hand)
	}
}

func (c *Crew) work(t Task) {
	hand := make(chan Task, 1)
	for ; t != nil; t = <-hand {
		t.Run()
		c.mu.Lock()
		stay := c.keep && len(c.idle) < maxIdle
		if stay {
			c.idle = append(c.idle, hand)
		}
		c.mu.Unlock()
		if !stay {
			return
		}
	}
}
