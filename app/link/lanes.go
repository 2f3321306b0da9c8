package link

import "sync"

// lanes runs functions one after the other per key, and keys beside each other.
// So commands about one room or about storage keep their order and do not wait
// for other rooms. A lane that is empty has no goroutine.
type lanes struct {
	running sync.WaitGroup

	mu     sync.Mutex
	queued map[string][]func() // guarded by mu; a key is present while its goroutine runs
	closed bool                // guarded by mu
}

func newLanes() *lanes { return &lanes{queued: make(map[string][]func())} }

// do runs fn after everything given to the same lane before. After close it does
// nothing.
func (l *lanes) do(key string, fn func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	waiting, busy := l.queued[key]
	l.queued[key] = append(waiting, fn)
	if !busy {
		l.running.Go(func() { l.run(key) })
	}
}

func (l *lanes) run(key string) {
	for {
		l.mu.Lock()
		waiting := l.queued[key]
		if len(waiting) == 0 {
			delete(l.queued, key)
			l.mu.Unlock()
			return
		}
		l.queued[key] = waiting[1:]
		l.mu.Unlock()
		waiting[0]()
	}
}

// close forgets what has not begun and waits for what has.
func (l *lanes) close() {
	l.mu.Lock()
	l.closed = true
	for key := range l.queued {
		l.queued[key] = nil
	}
	l.mu.Unlock()
	l.running.Wait()
}
