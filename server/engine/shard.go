package engine

import (
	"container/heap"
	"sync"
	"time"

	"parley/server/engine/internal/outq"
)

// instant is a time of the server's clock: nanoseconds since the server was
// made, never 0 for a set time.
type instant int64

func (srv *Server) now() instant { return instant(time.Since(srv.start)) + 1 }

// shard is a part of a server's sessions: their ids, their timers, and the
// output queues of their connections.
type shard struct {
	srv *Server
	out *outq.Group

	mu       sync.Mutex
	sessions map[string]*Session
	timers   timers
	wake     *time.Timer // fires for the first of timers; nil before the first session
	wakeAt   instant     // what wake is set to, 0 when it is not
	stopped  bool
}

// timer is a session's place among the timers of its shard.
type timer struct {
	at    instant // 0: none
	index int
}

// timers is a heap of sessions by the time at which something is due.
type timers []*Session

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].timer.at < t[j].timer.at }
func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].timer.index, t[j].timer.index = i, j
}
func (t *timers) Push(x any) {
	s := x.(*Session)
	s.timer.index = len(*t)
	*t = append(*t, s)
}
func (t *timers) Pop() any {
	old := *t
	s := old[len(old)-1]
	old[len(old)-1] = nil
	*t = old[:len(old)-1]
	return s
}

// due returns when the session next wants to be woken, or 0; s.mu is held.
func (s *Session) due() instant {
	first := instant(0)
	consider := func(at instant) {
		if at != 0 && (first == 0 || at < first) {
			first = at
		}
	}
	consider(s.pingAt)
	consider(s.pongAt)
	consider(s.closeAt)
	if s.upgrade != nil {
		consider(s.upgrade.until)
	}
	if p := s.polling; p != nil {
		if p.get != nil {
			consider(p.get.noopAt)
		}
		if p.post != nil {
			consider(p.post.until)
		}
	}
	return first
}

// schedule makes sure that the session is woken when something is due. A timer
// that is set too early stays: it is cheaper to be woken once too often than to
// move it with every pong. s.mu is held.
func (s *Session) schedule() {
	at := s.due()
	sh := s.shard
	sh.mu.Lock()
	defer sh.mu.Unlock()
	switch t := &s.timer; {
	case at == 0:
		if t.at != 0 {
			heap.Remove(&sh.timers, t.index)
			t.at = 0
		}
		return
	case t.at == 0:
		t.at = at
		heap.Push(&sh.timers, s)
	case at < t.at:
		t.at = at
		heap.Fix(&sh.timers, t.index)
	default:
		return
	}
	sh.arm()
}

// arm sets the wake-up for the first timer; sh.mu is held.
func (sh *shard) arm() {
	if len(sh.timers) == 0 || sh.stopped {
		return
	}
	first := sh.timers[0].timer.at
	if sh.wakeAt != 0 && sh.wakeAt <= first {
		return
	}
	sh.wakeAt = first
	wait := time.Duration(first - sh.srv.now())
	if sh.wake == nil {
		sh.wake = time.AfterFunc(wait, func() { sh.srv.track.Run(sh.run) })
	} else {
		sh.wake.Reset(wait)
	}
}

// run wakes every session that is due.
func (sh *shard) run() {
	now := sh.srv.now()
	var ready []*Session
	sh.mu.Lock()
	sh.wakeAt = 0
	for len(sh.timers) > 0 && sh.timers[0].timer.at <= now {
		s := heap.Pop(&sh.timers).(*Session)
		s.timer.at = 0
		ready = append(ready, s)
	}
	sh.arm()
	sh.mu.Unlock()
	for _, s := range ready {
		s.step(func(do *after) { s.tick(do, now) })
	}
}

// stop ends all timers.
func (sh *shard) stop() {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.stopped = true
	if sh.wake != nil {
		sh.wake.Stop()
	}
}

// tick does what is due at the time now; s.mu is held.
func (s *Session) tick(do *after, now instant) {
	if s.closeAt != 0 && now >= s.closeAt {
		s.finish(do, ending{reason: s.reason})
		return
	}
	if u := s.upgrade; u != nil && now >= u.until {
		s.dropCandidate(do)
	}
	if s.polling != nil {
		s.polling.tick(now)
	}
	s.beat(do, now)
}
