// Package track counts goroutines, so that whoever closes a server can wait for
// all of them. Unlike a sync.WaitGroup it allows a start while others wait, and
// the wait can be given up.
package track

import (
	"context"
	"sync"
)

// Group is a set of goroutines. The zero value is empty and ready.
type Group struct {
	mu   sync.Mutex
	n    int
	zero chan struct{} // closed when n falls to 0; nil while nobody waits
}

// Go runs f on a goroutine of the group.
func (g *Group) Go(f func()) {
	g.Add()
	go func() {
		defer g.Done()
		f()
	}()
}

// Run counts the calling goroutine as one of the group while f runs.
func (g *Group) Run(f func()) {
	g.Add()
	defer g.Done()
	f()
}

// Add counts one more member, which need not be a goroutine.
func (g *Group) Add() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n++
}

// Done takes back one Add.
func (g *Group) Done() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n--
	if g.n == 0 && g.zero != nil {
		close(g.zero)
		g.zero = nil
	}
}

// Wait blocks until the group is empty, or until ctx is done, whose error it
// then returns.
func (g *Group) Wait(ctx context.Context) error {
	g.mu.Lock()
	if g.n == 0 {
		g.mu.Unlock()
		return nil
	}
	if g.zero == nil {
		g.zero = make(chan struct{})
	}
	zero := g.zero
	g.mu.Unlock()
	select {
	case <-zero:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
