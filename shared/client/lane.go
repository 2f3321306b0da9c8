package client

import (
	"slices"
	"sync"
)

// lane runs functions one at a time in the order they were pushed, on a
// goroutine that exists only while there is something to run.
type lane struct {
	wg    *sync.WaitGroup
	guard func(func()) // calls its argument and survives a panic

	mu      sync.Mutex // guards the fields below
	queue   []func()
	head    int
	running bool
	closed  bool
}

// push adds f and reports how many wait. A closed lane drops it.
func (l *lane) push(f func()) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0
	}
	l.queue = append(l.queue, f)
	l.start()
	return len(l.queue) - l.head
}

// waiting is how many functions have been pushed and not begun.
func (l *lane) waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue) - l.head
}

// pushFront adds f before everything that waits.
func (l *lane) pushFront(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	if l.head > 0 {
		l.head--
		l.queue[l.head] = f
	} else {
		l.queue = slices.Insert(l.queue, 0, f)
	}
	l.start()
}

func (l *lane) start() {
	if !l.running {
		l.running = true
		l.wg.Go(l.run)
	}
}

func (l *lane) run() {
	for {
		f := l.next()
		if f == nil {
			return
		}
		l.guard(f)
	}
}

func (l *lane) next() func() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.head == len(l.queue) {
		l.head, l.running = 0, false
		if cap(l.queue) > 1024 {
			l.queue = nil
		}
		l.queue = l.queue[:0]
		return nil
	}
	f := l.queue[l.head]
	l.queue[l.head] = nil
	l.head++
	if l.head > 1024 && l.head > len(l.queue)/2 {
		n := copy(l.queue, l.queue[l.head:])
		clear(l.queue[n:])
		l.queue, l.head = l.queue[:n], 0
	}
	return f
}

// close lets what was pushed run and takes nothing more.
func (l *lane) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
}
