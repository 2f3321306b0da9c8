package server

import (
	"context"
	"slices"
	"sync/atomic"
)

// list is a list of functions that is read often and changed seldom: every change makes a new slice, so that who
// walks one is not disturbed. The zero value is empty.
type list[T any] struct{ v atomic.Pointer[[]*T] }

// add appends fn, or puts it first, and returns what takes it out again.
func (l *list[T]) add(fn T, first bool) (stop func()) {
	entry := &fn
	l.edit(func(all []*T) []*T {
		if first {
			return slices.Insert(all, 0, entry)
		}
		return append(all, entry)
	})
	return func() {
		l.edit(func(all []*T) []*T {
			return slices.DeleteFunc(all, func(e *T) bool { return e == entry })
		})
	}
}

func (l *list[T]) edit(change func([]*T) []*T) {
	for {
		old := l.v.Load()
		var all []*T
		if old != nil {
			all = slices.Clone(*old)
		}
		all = change(all)
		if l.v.CompareAndSwap(old, &all) {
			return
		}
	}
}

// get is the list as it is now; it must not be changed.
func (l *list[T]) get() []*T {
	if v := l.v.Load(); v != nil {
		return *v
	}
	return nil
}

// handler is called for an event of one name.
type handler struct {
	name string
	fn   func(ctx context.Context, e *Event)
	sole bool // it answers the acknowledgement; there can be one for a name
}

// table finds the handlers of an event.
type table struct{ v atomic.Pointer[handlers] }

type handlers struct {
	all    []*handler
	byName map[string][]*handler // made when the list is long
}

// longTable is the number of handlers above which a map is faster than a walk.
const longTable = 8

func (t *table) add(h *handler) (stop func()) {
	t.edit(func(all []*handler) []*handler { return append(all, h) })
	return func() {
		t.edit(func(all []*handler) []*handler {
			return slices.DeleteFunc(all, func(e *handler) bool { return e == h })
		})
	}
}

func (t *table) edit(change func([]*handler) []*handler) {
	for {
		old := t.v.Load()
		next := &handlers{}
		if old != nil {
			next.all = slices.Clone(old.all)
		}
		next.all = change(next.all)
		if len(next.all) > longTable {
			next.byName = make(map[string][]*handler, len(next.all))
			for _, h := range next.all {
				next.byName[h.name] = append(next.byName[h.name], h)
			}
		}
		if t.v.CompareAndSwap(old, next) {
			return
		}
	}
}

// each calls fn for the handlers of name, in the order in which they were added.
func (t *table) each(name string, fn func(*handler)) {
	v := t.v.Load()
	if v == nil {
		return
	}
	if v.byName != nil {
		for _, h := range v.byName[name] {
			fn(h)
		}
		return
	}
	for _, h := range v.all {
		if h.name == name {
			fn(h)
		}
	}
}

// hasSole reports whether a handler answers name already.
func (t *table) hasSole(name string) bool {
	found := false
	t.each(name, func(h *handler) { found = found || h.sole })
	return found
}
