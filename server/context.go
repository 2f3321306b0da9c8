package server

import (
	"context"
	"time"
)

// socketContext is a socket as a context: it ends when the socket does, and has the values that the connect
// middleware handed on. It costs nothing until somebody waits for it.
type socketContext Socket

// contextState is what a context needs once it is waited for, guarded by the socket's mu.
type contextState struct {
	values context.Context // of the middleware; nil: none
	done   chan struct{}
	after  map[*func()]struct{}
	over   bool
}

// Context ends when the socket disconnects. Handlers are given it, or a child. A handler that must finish its
// work for a client that has left uses [context.WithoutCancel].
func (s *Socket) Context() context.Context { return (*socketContext)(s) }

// Deadline is none.
func (c *socketContext) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done is closed at the disconnect.
func (c *socketContext) Done() <-chan struct{} {
	s := (*Socket)(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.extra()
	if x.ctx.done == nil {
		x.ctx.done = make(chan struct{})
		if x.ctx.over {
			close(x.ctx.done)
		}
	}
	return x.ctx.done
}

// Err is context.Canceled after the disconnect.
func (c *socketContext) Err() error {
	s := (*Socket)(c)
	if s.state.Load() != stateClosed {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.extra().ctx.over {
		return nil
	}
	return context.Canceled
}

// Value returns a value of the connect middleware's context.
func (c *socketContext) Value(key any) any {
	s := (*Socket)(c)
	s.mu.Lock()
	var values context.Context
	if s.more != nil {
		values = s.more.ctx.values
	}
	s.mu.Unlock()
	if values == nil {
		return nil
	}
	return values.Value(key)
}

// AfterFunc lets package context derive children without a goroutine for each.
func (c *socketContext) AfterFunc(fn func()) (stop func() bool) {
	s := (*Socket)(c)
	s.mu.Lock()
	x := s.extra()
	if x.ctx.over {
		s.mu.Unlock()
		go fn()
		return func() bool { return false }
	}
	if x.ctx.after == nil {
		x.ctx.after = map[*func()]struct{}{}
	}
	key := &fn
	x.ctx.after[key] = struct{}{}
	s.mu.Unlock()
	return func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		_, waiting := s.more.ctx.after[key]
		delete(s.more.ctx.after, key)
		return waiting
	}
}

// closeContext ends the context, once.
func (s *Socket) closeContext() {
	s.mu.Lock()
	c := &s.extra().ctx
	if c.over {
		s.mu.Unlock()
		return
	}
	c.over = true
	if c.done != nil {
		close(c.done)
	}
	waiting := c.after
	c.after = nil
	s.mu.Unlock()
	for fn := range waiting {
		go (*fn)()
	}
}
