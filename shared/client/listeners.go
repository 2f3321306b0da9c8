package client

import (
	"iter"
	"slices"
	"sync"
	"sync/atomic"
)

// listeners is an ordered set of subscriptions. The zero value is empty.
type listeners[F any] struct {
	mu   sync.Mutex // guards list, whose array is never changed
	list []*listener[F]
}

type listener[F any] struct {
	fn      F
	stopped atomic.Bool
}

// add subscribes fn. Once stop has returned, no call of fn begins.
func (l *listeners[F]) add(fn F) (stop func()) {
	e := &listener[F]{fn: fn}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(slices.Clip(l.list), e)
	return func() {
		e.stopped.Store(true)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.list = slices.DeleteFunc(slices.Clone(l.list), func(o *listener[F]) bool { return o == e })
	}
}

// each yields the functions subscribed now, passing over those that are stopped
// meanwhile.
func (l *listeners[F]) each() iter.Seq[F] {
	l.mu.Lock()
	list := l.list
	l.mu.Unlock()
	return func(yield func(F) bool) {
		for _, e := range list {
			if !e.stopped.Load() && !yield(e.fn) {
				return
			}
		}
	}
}

func (l *listeners[F]) empty() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.list) == 0
}
