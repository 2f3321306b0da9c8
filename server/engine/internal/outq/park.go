package outq

import "time"

// A connection is quiet, and may be parked, until fewSoon messages have come
// with less than soon between one and the next; and again after the first longer
// silence. Parking costs two system calls, which a busy connection saves by
// keeping its goroutine.
const (
	soon    = time.Second
	fewSoon = 4
)

// Await tells the goroutine that reads whether to go on, at a point where no
// message is under way. True: there is something to read, or Read should wait
// for it itself. False: the connection is parked, that is, waits without a
// goroutine and without buffers; the caller must return at once, and resume will
// be called on a goroutine of its own when there is something to read, or when
// the connection ends.
func (c *Conn) Await(resume func()) bool {
	r := &c.in
	if r.raw == nil || r.buf != nil || r.library != nil && r.library.Buffered() > 0 || !c.quiet() {
		return true
	}
	r.into, r.n, r.err = nil, 0, nil
	r.peek = true
	err := r.raw.Read(r.fill)
	r.peek = false
	if err != nil || r.buf != nil {
		return true
	}
	if r.err != nil {
		r.early = r.err
		return true
	}
	return !c.park(resume)
}

// quiet counts what came soon after what was before it.
func (c *Conn) quiet() bool {
	r := &c.in
	now := time.Since(c.group.start)
	if now-r.last > soon {
		r.soon = 0
	} else if r.soon < fewSoon {
		r.soon++
	}
	r.last = now
	return r.soon < fewSoon
}

func (c *Conn) park(resume func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending || c.err != nil {
		return false
	}
	l := c.group.parking(true) // c is open, and so will the lot be until c.mu is released
	return l != nil && l.park(c, resume)
}

// unpark gives the connection its goroutine back, if it is parked, before the
// socket is closed or gets a deadline.
func (c *Conn) unpark() {
	if l := c.group.parking(false); l != nil {
		l.wakeConn(c)
	}
}

// parking returns the group's lot; without create nil if there is none.
func (g *Group) parking(create bool) *lot {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.lot == nil && create {
		g.lot = newLot(g)
	}
	return g.lot
}
