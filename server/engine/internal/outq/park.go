package outq

import "parley/server/engine/internal/crew"

// A connection over a bare socket has no goroutine while nothing has come: its
// group's lot starts the reader again. These bits of reader.state say where it is
// and what it has to know.
const (
	reading uint32 = 1 << iota // somebody reads, or nobody does yet
	arrived                    // something may have come since the last read
	ended                      // for ever: do not park any more; mostly because the peer or we have closed
)

// Start lets t read: it is run on a goroutine whenever something has come, and
// returns when [Conn.Await] or [Conn.Park] has parked the connection, or after
// [Conn.Finish].
func (c *Conn) Start(t crew.Task) {
	c.in.task = t
	c.group.track.Add()
	c.group.crew.Go(t)
}

// Finish tells that reading has ended for good.
func (c *Conn) Finish() { c.group.track.Done() }

// Go runs a task on another goroutine.
func (c *Conn) Go(t crew.Task) { c.group.crew.Go(t) }

// Await tells the goroutine that reads whether to go on, at a point where no
// message is under way. True: there is something to read, or Read should wait
// for it itself. False: the connection is parked, that is, waits without a
// goroutine and without buffers; the caller must return at once, and the task is
// run again when there is something to read, or when the connection ends.
func (c *Conn) Await() bool {
	r := &c.in
	for {
		if c.Park() {
			return false
		}
		if r.raw == nil || r.early != nil || c.unparsed() {
			return true
		}
		r.into, r.n, r.err = nil, 0, nil
		r.peek = true
		err := r.raw.Read(r.fill)
		r.peek = false
		switch {
		case err != nil || r.buf != nil:
			return true
		case r.err != nil:
			r.early = r.err
			return true
		case r.state.Load()&ended != 0:
			return true
		case r.place.none() && !c.enter():
			return true
		}
	}
}

// Park is Await without a look at the socket: true means that the connection is
// parked, false that there may be something to read.
func (c *Conn) Park() bool {
	r := &c.in
	return r.drained && !r.place.none() && !c.unparsed() && r.state.CompareAndSwap(reading, 0)
}

// unparsed reports whether bytes have been read that are not parsed yet.
func (c *Conn) unparsed() bool {
	return c.in.buf != nil || c.in.library != nil && c.in.library.Buffered() > 0
}

// reads takes note that what has arrived is about to be read.
func (c *Conn) reads() {
	if s := &c.in.state; s.Load()&arrived != 0 {
		s.And(^arrived)
	}
}

// rouse gives the connection its reader, if it has none, and tells it why.
func (c *Conn) rouse(why uint32) {
	if c.in.state.Or(why|reading)&reading == 0 {
		c.group.crew.Queue(c.in.task)
	}
}

// enter makes the group's lot watch the connection; false means that it cannot
// be parked.
func (c *Conn) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending || c.err != nil {
		return false
	}
	l := c.group.parking() // c is open, and so will the lot be until c.mu is released
	return l != nil && l.enter(c)
}

// parking returns the group's lot, or nil if there can be none.
func (g *Group) parking() *lot {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.lot == nil {
		g.lot = newLot(g)
	}
	return g.lot
}
