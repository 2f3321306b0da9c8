package outq

import (
	"net"
	"time"

	"parley/server/engine/frame"
)

// A writer goes on with what others have queued meanwhile for so many rounds, or
// until it has written that many bytes more than it began with. Then the flusher has
// its turn: who sends is not to write for the others of a busy connection, and the
// flusher has other connections.
const (
	moreRounds = 2
	moreBytes  = 256 << 10
)

// run writes what is pending until nothing is left or the socket is full, or for
// long enough. The caller has set the state to writing. sc may be nil.
func (c *Conn) run(sc *scratch) {
	own := sc == nil
	for rounds, more := 0, 0; ; rounds++ {
		c.mu.Lock()
		if c.pend == nil {
			c.settle()
			break
		}
		if !c.sock.ok() {
			c.block()
			break
		}
		if rounds > 0 {
			more += c.bytes
		}
		if (rounds > moreRounds || more > moreBytes) && !c.ending {
			c.handOn()
			break
		}
		batch, size := c.pend, c.bytes
		c.pend = nil
		c.count, c.bytes = 0, 0
		c.mu.Unlock()

		if sc == nil {
			sc = c.group.scratches.Get().(*scratch)
		}
		rest, err := sc.write(c.sock, batch.m)
		c.group.free(batch)
		if f := c.group.between; f != nil {
			f(c)
		}
		if !c.written(rest, err, size) {
			break
		}
	}
	if own && sc != nil {
		c.group.scratches.Put(sc)
	}
}

// handOn leaves what is pending to the flusher, behind the other connections that
// it has to do; it releases c.mu. Before that anybody may take it up who sends. A
// connection that is ending is not handed on: to be idle there means that all is
// written.
func (c *Conn) handOn() {
	c.state = idle
	mark := !c.dirty
	c.dirty = true
	c.mu.Unlock()
	if mark {
		c.group.mark(c)
	}
}

// writeOne is run for one message that was never queued.
func (c *Conn) writeOne(m *frame.Message, size int) {
	head, body := m.WebSocket()
	var (
		n   int
		err error
	)
	if body == nil {
		n, err = c.sock.write(head)
	} else {
		n, err = c.sock.writev(head, body)
	}
	var rest [][]byte
	if err == nil && n == size {
		m.Written()
	}
	if err == nil && n < size {
		if n < len(head) {
			rest = append(rest, head[n:])
			n = len(head)
		}
		if body != nil {
			rest = append(rest, body[n-len(head):])
		}
	}
	if c.written(rest, err, size) {
		c.run(nil)
	}
}

// written books the outcome of a write of size bytes that did not block. It
// reports whether the caller is still the writer.
func (c *Conn) written(rest [][]byte, err error, size int) bool {
	if err != nil {
		c.failWriting(err)
		return false
	}
	c.mu.Lock()
	left := 0
	for _, b := range rest {
		left += len(b)
	}
	c.wrote(size - left)
	switch {
	case left > 0 && c.err == nil:
		c.rest, c.front = rest, frontOf(rest)
		c.bytes += left
		c.count += len(rest)
		c.block()
		return false
	case c.pend == nil:
		c.settle()
		return false
	}
	c.mu.Unlock()
	return true
}

// settle ends writing; it releases c.mu.
func (c *Conn) settle() {
	c.state = idle
	shut := c.shut
	linger := c.ending && !shut
	goodbye := c.err == nil
	if c.shut = false; shut && goodbye {
		c.err = frame.ErrClosed
	}
	c.lingers = linger
	if linger { // under the lock, so that EndMessage cannot undo it
		c.SetReadDeadline(time.Now().Add(c.group.limits.Linger)) //nolint:errcheck // it is closed then
	}
	c.mu.Unlock()
	if linger {
		c.rouse(ended)
	}
	if shut {
		c.closeSocket(goodbye)
	}
}

// block leaves the writing to a goroutine; it releases c.mu.
func (c *Conn) block() {
	c.state = blocked
	c.begin()
	c.mu.Unlock()
	c.group.track.Go(c.drain)
}

// drain writes with blocking writes until nothing waits.
func (c *Conn) drain() {
	buf := c.group.buffers.Get().(*[]byte)
	defer c.group.buffers.Put(buf)
	for {
		c.mu.Lock()
		if c.err != nil {
			c.state = idle
			c.mu.Unlock()
			return
		}
		if len(c.rest) == 0 && c.pend == nil {
			c.settle()
			return
		}
		if len(c.rest) == 0 {
			for _, m := range c.pend.m {
				head, body := c.shape(m)
				if c.rest = append(c.rest, head); body != nil {
					c.rest = append(c.rest, body)
				}
			}
			c.group.free(c.pend)
			c.pend = nil
			c.count, c.front = len(c.rest), frontOf(c.rest)
		}
		rest := c.rest
		c.begin()
		c.renew()
		c.mu.Unlock()
		if err := c.drainRound(rest, *buf); err != nil {
			if timedOut(err) {
				err = frame.ErrSlow
				c.reset()
			}
			c.failWriting(err)
			return
		}
	}
}

// begin notes that a round begins; c.mu is held.
func (c *Conn) begin() {
	if !c.ending {
		c.since = time.Now()
	}
}

// renew gives the peer time for what is written next, but not beyond the end;
// c.mu is held.
func (c *Conn) renew() {
	until := time.Now().Add(c.group.limits.Age)
	if c.ending {
		if last := c.since.Add(c.group.limits.Close); last.Before(until) {
			until = last
		}
	}
	c.SetWriteDeadline(until) //nolint:errcheck // the write fails then
}

// lastTry writes what is left of a piece whose time is over, if that is possible
// at once. The system tells of room only when a good part of its buffer is free,
// which with a slow peer may be rather more than that peer has to take in time.
func (c *Conn) lastTry(piece []byte, late error) error {
	c.mu.Lock()
	over := c.ending && time.Since(c.since) >= c.group.limits.Close
	if !over {
		c.SetWriteDeadline(time.Now().Add(aMoment)) //nolint:errcheck // the write fails then
	}
	c.mu.Unlock()
	if over {
		return late
	}
	_, err := c.Conn.Write(piece)
	return err
}

// aMoment is long enough to ask the system once.
const aMoment = 10 * time.Millisecond

func timedOut(err error) bool {
	ne, ok := err.(net.Error)
	return ok && ne.Timeout()
}

// drainRound writes rest in pieces of at most pieceSize, the size of buf, so that the
// bounds see progress. Short buffers are gathered, long ones go out as they are.
// Whenever the peer has taken more than a piece it gets new time: so one who
// takes two in time is never late, and one who takes less than one always is.
func (c *Conn) drainRound(rest [][]byte, buf []byte) error {
	taken := 0 // since the deadline was set
	for len(rest) > 0 {
		piece, done := buf[:0], 0
		if len(rest[0]) > len(buf)/2 {
			piece = rest[0][:min(len(rest[0]), len(buf))]
			if rest[0] = rest[0][len(piece):]; len(rest[0]) == 0 {
				rest, done = rest[1:], 1
			}
		} else {
			for done < len(rest) && len(piece)+len(rest[done]) <= len(buf) {
				piece = append(piece, rest[done]...)
				done++
			}
			rest = rest[done:]
		}
		n, err := c.Conn.Write(piece)
		if timedOut(err) && c.sock.ok() {
			err = c.lastTry(piece[n:], err)
		}
		if err != nil {
			return err
		}
		taken += len(piece)
		c.mu.Lock()
		if taken > pieceSize {
			taken = 0
			c.renew()
		}
		if c.err == nil {
			c.rest, c.front = rest, frontOf(rest)
			c.count -= done
			c.bytes -= len(piece)
			c.wrote(len(piece))
		}
		c.mu.Unlock()
	}
	return nil
}

// longestHeader is how long what precedes a long payload may be.
const longestHeader = 11

// frontOf returns how many bytes the first message in rest has: that is one
// buffer, or a header and a long payload.
func frontOf(rest [][]byte) (n int) {
	if len(rest) > 0 {
		n = len(rest[0])
	}
	if n <= longestHeader && len(rest) > 1 {
		n += len(rest[1])
	}
	return n
}

// shape returns what a message looks like on this connection, and corrects the
// books, which are kept in sizes of WebSocket frames, when that differs.
func (c *Conn) shape(m *frame.Message) (head, body []byte) {
	if c.form == nil {
		return m.WebSocket()
	}
	head, body = c.form(m)
	more := len(head) + len(body) - m.Size()
	c.bytes += more
	c.queued += uint64(more)
	if c.lone > c.sent {
		c.lone += uint64(more)
	}
	for i := range c.flushes {
		c.flushes[i].until += uint64(more)
	}
	return head, body
}
