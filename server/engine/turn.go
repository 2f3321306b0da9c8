package engine

import (
	"sync"
	"sync/atomic"
)

// turn is held by whoever calls the receiver. It is a lock that a waiting
// goroutine does not spin on, that takes no memory while nobody waits, and whose
// waiters count as idle in a synctest bubble.
type turn struct {
	state atomic.Int32 // free, held, or contended
	wait  *sync.Cond   // made by the first who waits; guarded by the session's lock
}

const (
	free      = iota
	held      // nobody waits
	contended // somebody may wait
)

func (t *turn) busy() bool { return t.state.Load() != free }

// lock waits for the turn; mu is the session's lock.
func (t *turn) lock(mu *sync.Mutex) {
	if t.state.CompareAndSwap(free, held) {
		return
	}
	mu.Lock()
	defer mu.Unlock()
	if t.wait == nil {
		t.wait = sync.NewCond(mu)
	}
	for t.state.Swap(contended) != free {
		t.wait.Wait()
	}
}

func (t *turn) unlock(mu *sync.Mutex) {
	if t.state.Swap(free) == contended {
		mu.Lock()
		t.wait.Broadcast()
		mu.Unlock()
	}
}
