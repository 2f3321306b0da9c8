package client

import (
	"slices"
	"sync"
	"sync/atomic"
)

// listeners is an ordered set of subscriptions. The zero value is empty. All but
// the type is in subscribers, of which a program has one and not one for each F.
type listeners[F any] struct{ subscribers }

// add subscribes fn. Once stop has returned, no call of fn begins.
func (l *listeners[F]) add(fn F) (stop func()) { return l.subscribe(fn) }

// each calls call with the functions subscribed now, passing over those that are
// stopped meanwhile.
func (l *listeners[F]) each(call func(F)) {
	for _, e := range l.now() {
		if !e.stopped.Load() {
			call(e.fn.(F))
		}
	}
}

// tell is each for the outcome of that number, of which nobody is told twice. The
// calls of tell of one set follow one another.
func (l *listeners[F]) tell(outcome uint64, call func(F)) {
	for _, e := range l.now() {
		if e.told < outcome && !e.stopped.Load() {
			e.told = outcome
			call(e.fn.(F))
		}
	}
}

type subscribers struct {
	mu   sync.Mutex // guards list, whose array is never changed
	list []*subscriber
}

type subscriber struct {
	fn      any
	told    uint64 // the last outcome; see tell
	stopped atomic.Bool
}

func (l *subscribers) subscribe(fn any) (stop func()) {
	e := &subscriber{fn: fn}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(slices.Clip(l.list), e)
	return func() {
		e.stopped.Store(true)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.list = slices.DeleteFunc(slices.Clone(l.list), func(o *subscriber) bool { return o == e })
	}
}

func (l *subscribers) now() []*subscriber {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.list
}

func (l *subscribers) empty() bool { return len(l.now()) == 0 }
