package outq

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"parley/server/engine/frame"
)

// Limits bounds what waits for one connection. All fields but Start must be set.
type Limits struct {
	Bytes         int           // frames in bytes that may wait for long, beside what the peer is taking
	Messages      int           // the same in frames
	Burst         time.Duration // for so long more may wait
	BurstBytes    int           // but not more than this
	BurstMessages int           // nor this
	Age           time.Duration // within this the peer takes 64 KiB, or all that waits if that is less
	Close         time.Duration // how long the rest may take after [Conn.End]
	Linger        time.Duration // how long the peer may take to close after we did
	Start         time.Time     // what the moments of an [Excess] are counted from; default: when the group is made
}

// inlineBytes is the size from which a sender does not leave batched messages to
// the flusher but writes them himself, so that a long burst cannot exceed the
// bounds of a healthy receiver.
const inlineBytes = 64 << 10

type writeState uint8

const (
	idle    writeState = iota
	writing            // a goroutine is in a write that does not block
	blocked            // the goroutine of drain owns the socket
)

// Conn is a connection with an output queue. As a net.Conn it is what the
// WebSocket library reads from and writes control frames to.
//
// All methods but Start, Finish and those of the reading goroutine (Read, Await,
// Park, BeginMessage, EndMessage, ReadErr) may be called concurrently.
type Conn struct {
	net.Conn
	sock  sock // writes without blocking, if this connection can
	group *Group
	form  func(*frame.Message) (head, body []byte) // nil: a WebSocket frame

	next, prev *Conn // guarded by group.mu

	mu      sync.Mutex
	state   writeState
	dirty   bool // in the flusher's list
	ending  bool // nothing may be queued any more
	shut    bool // close the socket as soon as nobody writes and nothing waits
	lingers bool // the read deadline belongs to the close
	stalled bool // the rest of a message is awaited
	err     error
	pend    *list  // not yet being written; nil when empty
	count   int    // messages in pend and rest
	bytes   int    // bytes in pend and rest
	sent    uint64 // bytes written since the start
	queued  uint64 // bytes taken on since the start
	lone    uint64 // queued when the last was taken on for which nothing waited
	flushes []flushWait
	rest    [][]byte  // what drain has to write first
	since   time.Time // begin of drain's present round, or since when it ends
	front   int       // bytes left of the message at the head of rest
	excess  Excess    // beyond the bounds

	in reader
}

type flushWait struct {
	until uint64
	done  chan struct{}
}

// New returns a Conn over nc that belongs to g.
func New(nc net.Conn, g *Group) *Conn {
	c := &Conn{Conn: nc, group: g}
	c.sock = sockOf(nc)
	c.in.init(c)
	c.in.state.Store(reading)
	g.add(c)
	return c
}

// NewStream is New for a connection that does not speak WebSocket: form tells
// what a message looks like on it. It is never written to without a goroutine.
func NewStream(nc net.Conn, g *Group, form func(*frame.Message) (head, body []byte)) *Conn {
	c := &Conn{Conn: nc, group: g, form: form}
	c.in.state.Store(reading)
	g.add(c)
	return c
}

// Send queues messages, contiguously and behind everything queued before. With
// batch they wait for the flusher, else they are written before Send returns if
// the socket takes them. It never blocks. The error is [frame.ErrClosed], or
// [frame.ErrSlow] when the bounds do not allow the messages, none of which is
// queued then. It is ErrClosed also when until, unless nil, is true: what is sent
// after it was set comes behind all that was queued with it.
func (c *Conn) Send(batch bool, until *atomic.Bool, msgs ...*frame.Message) error {
	size := 0
	for _, m := range msgs {
		size += m.Size()
	}
	c.mu.Lock()
	if c.ending || c.err != nil || until != nil && until.Load() {
		c.mu.Unlock()
		return frame.ErrClosed
	}
	if !c.admits(len(msgs), size) {
		c.mu.Unlock()
		return frame.ErrSlow
	}
	c.queued += uint64(size)
	if !batch && len(msgs) == 1 && c.state == idle && c.pend == nil && c.sock.ok() {
		c.state = writing
		c.mu.Unlock()
		c.writeOne(msgs[0], size)
		return nil
	}
	c.push(size, msgs)
	switch {
	case c.state != idle: // whoever writes takes them along
		c.mu.Unlock()
	case batch && c.bytes < inlineBytes:
		mark := !c.dirty
		c.dirty = true
		c.mu.Unlock()
		if mark {
			c.group.mark(c)
		}
	default:
		c.state = writing
		c.mu.Unlock()
		c.run(nil)
	}
	return nil
}

// Queue takes over messages whatever waits, within bounds kept elsewhere, and does
// not write: the caller, who may hold a lock, calls [Conn.Flush]
// afterwards. The error is [frame.ErrClosed], as that of Send.
func (c *Conn) Queue(until *atomic.Bool, msgs ...*frame.Message) error {
	size := 0
	for _, m := range msgs {
		size += m.Size()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending || c.err != nil || until != nil && until.Load() {
		return frame.ErrClosed
	}
	c.excess.Look(&c.group.limits, c.count, c.behind())
	c.queued += uint64(size)
	c.push(size, msgs)
	return nil
}

// Flush writes what is queued, as far as the socket takes it.
func (c *Conn) Flush() {
	c.mu.Lock()
	if c.state != idle || c.pend == nil {
		c.mu.Unlock()
		return
	}
	c.state = writing
	c.mu.Unlock()
	c.run(nil)
}

// push appends messages, whose bytes c.queued counts already.
func (c *Conn) push(size int, msgs []*frame.Message) {
	if c.sent+uint64(size) == c.queued {
		c.lone = c.queued
	}
	if c.pend == nil {
		c.pend = c.group.list()
	}
	c.pend.m = append(c.pend.m, msgs...)
	c.count += len(msgs)
	c.bytes += size
}

// admits reports whether the bounds allow n more messages of size bytes. They do
// when nothing waits.
func (c *Conn) admits(n, size int) bool {
	l := &c.group.limits
	return c.bytes == 0 || l.contain(c.count+n, c.bytes+size) || c.excess.Admits(l, c.count, c.behind(), n, size)
}

// behind returns how many bytes wait beside those that the peer is taking: what is
// left of the message at the head, or of those that were sent with it if nothing
// waited then. However long that is, it does not make the peer slow.
func (c *Conn) behind() int {
	switch {
	case c.lone > c.sent:
		return int(c.queued - c.lone)
	case c.front > 0 || c.pend == nil:
		return c.bytes - c.front
	}
	return c.bytes - c.pend.m[0].Size()
}

// Write is Control for the library.
func (c *Conn) Write(b []byte) (int, error) {
	if err := c.Control(frame.Raw(append([]byte(nil), b...))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Control queues a control frame. It does not block. A close frame is the last
// that is written; what comes after it is dropped. Who does not take the frame
// loses the connection.
func (c *Conn) Control(m *frame.Message) error {
	if m.IsClose() {
		c.End(m)
		return nil
	}
	err := c.Send(false, nil, m)
	if err == frame.ErrClosed && c.Err() == nil {
		err = nil
	}
	if err == frame.ErrSlow {
		if c.squeeze(m) {
			return nil
		}
		c.fail(err, false)
	}
	return err
}

// squeeze queues a control frame although the bytes that wait leave no room, as
// long as it is few messages that they belong to: one may be long, and the peer is
// taking it.
func (c *Conn) squeeze(m *frame.Message) bool {
	c.mu.Lock()
	room := c.count < min(few, c.group.limits.Messages)
	c.mu.Unlock()
	if room {
		c.Queue(nil, m) //nolint:errcheck // then it need not be sent any more
		c.Flush()
	}
	return room
}

const few = 64

// Idle reports whether nothing waits that the socket has refused.
func (c *Conn) Idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending || c.err != nil {
		return false
	}
	if c.state == blocked {
		return !c.sock.ok() && c.pend == nil
	}
	return c.bytes < inlineBytes
}

// Buffered returns how much waits.
func (c *Conn) Buffered() (messages, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count, c.bytes
}

// Err returns why the connection is closed: what ended it first, nil while it is
// open.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Flushed writes what was batched and returns a channel that is closed when
// everything queued so far has been handed to the socket, or will never be.
func (c *Conn) Flushed() <-chan struct{} {
	done := make(chan struct{})
	c.mu.Lock()
	if c.err != nil || c.sent == c.queued {
		c.mu.Unlock()
		close(done)
		return done
	}
	c.flushes = append(c.flushes, flushWait{c.queued, done})
	run := c.state == idle && c.pend != nil
	if run {
		c.state = writing
	}
	c.mu.Unlock()
	if run {
		c.run(nil)
	}
	return done
}

// wrote accounts for n messages and size bytes; c.mu is held.
func (c *Conn) wrote(size int) {
	c.sent += uint64(size)
	for len(c.flushes) > 0 && (c.flushes[0].until <= c.sent || c.err != nil) {
		close(c.flushes[0].done)
		c.flushes = c.flushes[1:]
	}
	if len(c.flushes) == 0 {
		c.flushes = nil
	}
}

// End queues last, refuses everything after it, and lets the peer close the
// connection: when all is written, the peer has [Limits].Linger to do so before
// reads time out. The time for the writing itself is bounded by [Limits].Close.
func (c *Conn) End(last *frame.Message) {
	c.mu.Lock()
	if c.ending || c.err != nil {
		c.mu.Unlock()
		return
	}
	c.ending = true
	c.since = time.Now()
	if last != nil {
		c.queued += uint64(last.Size())
		c.push(last.Size(), []*frame.Message{last})
	}
	run := c.state == idle
	switch {
	case run:
		c.state = writing
	case c.state == blocked:
		c.renew()
	}
	c.mu.Unlock()
	if run {
		c.run(nil)
	}
}

// Close closes the connection and drops what waits, except after [Conn.End]: then
// what waits is still written, within [Limits].Close. It does not block.
func (c *Conn) Close() error {
	c.mu.Lock()
	if c.ending && c.err == nil && c.state != idle {
		c.shut = true
		c.mu.Unlock()
		return nil
	}
	c.mu.Unlock()
	c.fail(frame.ErrClosed, true)
	return nil
}

// Abort is Close without the system's own attempts to deliver what it has taken
// over: the peer gets a reset.
func (c *Conn) Abort(err error) {
	c.reset()
	c.fail(err, false)
}

// reset makes the socket's close a reset.
func (c *Conn) reset() {
	nc := c.Conn
	if over, ok := nc.(layer); ok {
		nc = over.NetConn()
	}
	if t, ok := nc.(interface{ SetLinger(int) error }); ok {
		t.SetLinger(0) // an error means that it is closed already
	}
}

// fail closes the connection, with a goodbye if one is wanted and nothing is cut off.
func (c *Conn) fail(err error, goodbye bool) {
	c.mu.Lock()
	goodbye = goodbye && c.err == nil && c.state == idle && c.pend == nil
	c.drop(err)
	if c.state == writing {
		c.shut = true // the writer closes
		c.mu.Unlock()
		return
	}
	c.mu.Unlock()
	c.closeSocket(goodbye)
}

// failWriting is fail for the goroutine that owns the socket.
func (c *Conn) failWriting(err error) {
	c.mu.Lock()
	c.drop(err)
	c.state, c.shut = idle, false
	c.mu.Unlock()
	c.closeSocket(false)
}

func (c *Conn) drop(err error) {
	if c.err == nil {
		c.err = err
	}
	c.ending = true
	c.pend, c.rest = nil, nil
	if err != frame.ErrSlow { // else somebody wants to know how much it was
		c.count, c.bytes = 0, 0
	}
	c.wrote(0)
}

// layer is a connection over another one, as that of TLS is.
type layer interface{ NetConn() net.Conn }

// closeSocket closes the connection without blocking. TLS has a last word for the
// peer, which takes 5 s when that does not read: so it has a goroutine for it, or,
// without a goodbye, nothing left to write it to.
func (c *Conn) closeSocket(goodbye bool) {
	c.rouse(ended)
	over, layered := c.Conn.(layer)
	switch {
	case layered && goodbye:
		c.group.track.Go(func() {
			c.Conn.Close()    // an error means that it is closed already
			c.group.remove(c) // not before, so that it can be cut
		})
		return
	case layered:
		over.NetConn().Close() // same
	}
	c.Conn.Close() // same
	c.group.remove(c)
}
