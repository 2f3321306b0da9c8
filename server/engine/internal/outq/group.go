package outq

import (
	"runtime"
	"sync"
	"time"

	"parley/server/engine/frame"
	"parley/server/engine/internal/crew"
	"parley/server/engine/internal/track"
)

// Group is a set of connections that share a flusher, buffers and limits. A
// server has one for each processor.
type Group struct {
	limits Limits
	track  *track.Group

	mu      sync.Mutex
	dirty   []*Conn // have batched messages
	spare   []*Conn // the next dirty
	running bool    // there is a flusher
	first   *Conn   // all open connections, linked
	lot     *lot    // where those wait that have no goroutine; nil before the first

	crew      crew.Crew // for readers, held while there are connections
	flusher   *scratch
	scratches sync.Pool // of *scratch
	buffers   sync.Pool // of *[]byte, pieceSize, for drain
	reads     sync.Pool // of *[]byte, readSize
	lists     sync.Pool // of *list

	between func(*Conn) // for tests: called after each write of run
}

// list holds messages only while they are being written; an idle connection has
// none.
type list struct{ m []*frame.Message }

// maxPooledList is the capacity from which a list is not kept.
const maxPooledList = 1024

// pieceSize is the most that drain writes at a time.
const pieceSize = 32 << 10

// NewGroup returns a Group whose goroutines are counted in tr. It starts none.
func NewGroup(l Limits, tr *track.Group) *Group {
	if l.Start.IsZero() {
		l.Start = time.Now()
	}
	g := &Group{limits: l, track: tr, flusher: newScratch()}
	g.scratches.New = func() any { return newScratch() }
	g.buffers.New = func() any { b := make([]byte, pieceSize); return &b }
	g.reads.New = func() any { b := make([]byte, readSize); return &b }
	g.lists.New = func() any { return &list{m: make([]*frame.Message, 0, 16)} }
	return g
}

func (g *Group) list() *list { return g.lists.Get().(*list) }

func (g *Group) free(l *list) {
	if cap(l.m) <= maxPooledList {
		clear(l.m)
		l.m = l.m[:0]
		g.lists.Put(l)
	}
}

// Go runs a task on a goroutine.
func (g *Group) Go(t crew.Task) { g.crew.Go(t) }

// Hold keeps goroutines for [Group.Go] also while there are no connections, until
// [Group.Release] is called as often.
func (g *Group) Hold() { g.crew.Hold() }

// Release takes back one Hold.
func (g *Group) Release() { g.crew.Release() }

// add enters c among the open connections.
func (g *Group) add(c *Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.next = g.first; c.next != nil {
		c.next.prev = c
	} else {
		g.crew.Hold()
	}
	g.first = c
}

// remove takes c out of the open connections; again is harmless.
func (g *Group) remove(c *Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case c.prev != nil:
		c.prev.next = c.next
	case g.first == c:
		g.first = c.next
	default:
		return
	}
	if c.next != nil {
		c.next.prev = c.prev
	}
	c.next, c.prev = nil, nil
	if g.lot != nil {
		g.lot.leave(c.in.place)
	}
	if g.first == nil {
		g.crew.Release()
		if g.lot != nil {
			g.lot.close()
			g.lot = nil
		}
	}
}

// Cut closes every connection at once; what is still queued is lost.
func (g *Group) Cut() {
	g.mu.Lock()
	var all []*Conn
	for c := g.first; c != nil; c = c.next {
		all = append(all, c)
	}
	g.mu.Unlock()
	for _, c := range all {
		c.fail(frame.ErrClosed, false)
	}
}

// mark asks the flusher to write c's batch. The flusher is a goroutine that
// exists while there is something to flush.
func (g *Group) mark(c *Conn) {
	g.mu.Lock()
	g.dirty = append(g.dirty, c)
	start := !g.running
	g.running = true
	g.mu.Unlock()
	if start {
		g.track.Go(g.flush)
	}
}

func (g *Group) flush() {
	for {
		g.letOthersSend()
		g.mu.Lock()
		batch := g.dirty
		if len(batch) == 0 {
			g.running = false
			g.mu.Unlock()
			return
		}
		g.dirty = g.spare
		g.mu.Unlock()
		for _, c := range batch {
			c.flushBatch(g.flusher)
		}
		clear(batch)
		g.spare = batch[:0] // only the flusher touches it
	}
}

// letOthersSend lets everybody run who is about to, also for what has only just
// arrived: the more is queued, the more goes out with each write.
func (g *Group) letOthersSend() {
	g.mu.Lock()
	l := g.lot
	g.mu.Unlock()
	if l != nil {
		l.look()
	}
	runtime.Gosched()
}

func (c *Conn) flushBatch(sc *scratch) {
	c.mu.Lock()
	c.dirty = false
	if c.state != idle || c.pend == nil {
		c.mu.Unlock()
		return
	}
	c.state = writing
	c.mu.Unlock()
	c.run(sc)
}
