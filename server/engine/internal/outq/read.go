package outq

import (
	"bufio"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"parley/server/engine/internal/crew"
)

// readSize is the size of the pooled buffer that a connection holds while it has
// unread data, and only then.
const readSize = 4 << 10

// fewReads is how often a socket is read for one message before that has a deadline
// although the socket was never found empty: most messages need none.
const fewReads = 16

// reader is the reading half of a Conn, used by one goroutine.
type reader struct {
	raw    syscall.RawConn            // nil: read straight from the connection
	fill   func(fd uintptr) (ok bool) // made once, not for each read
	into   []byte                     // where fill reads to, nil for a pooled buffer
	n      int
	err    error
	failed error   // what Read returned last, if an error
	early  error   // what ended the connection when Await looked
	buf    *[]byte // pooled, with unread data, or nil
	begin  int
	end    int

	message bool  // a message is under way
	armed   bool  // its deadline is set
	reads   uint8 // of the socket since it began, up to fewReads
	timeout time.Duration

	library *bufio.Reader // the library's own, with a frame header at most; nil before the handshake
	peek    bool          // fill shall not wait
	drained bool          // the last read took all there was

	state atomic.Uint32 // see park.go
	task  crew.Task     // what reads; set by Start
	place place         // in the group's lot
}

func (r *reader) init(c *Conn) {
	t, ok := c.Conn.(*net.TCPConn)
	if !ok || !c.sock.ok() {
		return
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return
	}
	r.raw = raw
	r.fill = func(uintptr) bool { return c.readReady() || c.in.peek }
}

// SetMessageTimeout bounds the time from the first to the last byte of a
// message. Zero means no bound. It must be called before reading starts.
func (c *Conn) SetMessageTimeout(d time.Duration) { c.in.timeout = d }

// BeginMessage tells that the bytes read from now on are parts of one message.
// Called by the reading goroutine.
func (c *Conn) BeginMessage() { c.in.message, c.in.reads = true, 0 }

// EndMessage tells that the message is complete.
func (c *Conn) EndMessage() {
	c.in.message = false
	if c.in.armed {
		c.in.armed = false
		c.setReadDeadline(time.Time{})
	}
}

// Stalled reports whether the reader waits for the rest of a message and its
// time is not over.
func (c *Conn) Stalled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stalled
}

// arm sets the deadline of a message whose next bytes are not there yet.
func (c *Conn) arm() {
	if c.in.message && !c.in.armed && c.in.timeout > 0 {
		c.in.armed = true
		c.setReadDeadline(time.Now().Add(c.in.timeout))
	}
}

// setReadDeadline leaves the deadline alone once it belongs to the close.
func (c *Conn) setReadDeadline(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stalled = !t.IsZero()
	if !c.lingers {
		c.Conn.SetReadDeadline(t) // an error means that it is closed; the read tells
	}
}

// unread puts back bytes that were read before the Conn existed.
func (c *Conn) unread(b []byte) {
	b = append([]byte(nil), b...)
	c.in.buf, c.in.begin, c.in.end = &b, 0, len(b)
}

// ReadErr returns the error that ended reading, nil so far. The library takes
// the end of the connection for the end of a message when nothing of the
// message's next part has arrived; this tells them apart. Called by the reading
// goroutine.
func (c *Conn) ReadErr() error { return c.in.failed }

// Read waits for data without holding a buffer.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.read(p)
	if err != nil {
		c.in.failed = err
	}
	return n, err
}

func (c *Conn) read(p []byte) (int, error) {
	r := &c.in
	if r.buf == nil {
		if r.raw == nil {
			c.arm()
			return c.Conn.Read(p)
		}
		if r.early != nil {
			return 0, r.early
		}
		if r.message && !r.armed {
			if r.reads++; r.reads > fewReads {
				c.arm()
			}
		}
		r.into, r.n, r.err = nil, 0, nil
		if len(p) >= readSize {
			r.into = p
		}
		err := r.raw.Read(r.fill)
		r.into = nil // an idle connection must not keep it
		if err != nil {
			return 0, err
		}
		if r.err != nil || r.n > 0 {
			return r.n, r.err
		}
	}
	n := copy(p, (*r.buf)[r.begin:r.end])
	if r.begin += n; r.begin == r.end {
		if len(*r.buf) == readSize {
			c.group.reads.Put(r.buf)
		}
		r.buf = nil
	}
	return n, nil
}

// readReady tries to read; false makes the runtime wait for data.
func (c *Conn) readReady() bool {
	r := &c.in
	pooled := c.group.reads.Get().(*[]byte)
	var n int
	var err error
	c.reads()
	if r.into == nil {
		n, err = c.sock.read(*pooled)
	} else { // and see whether more is there
		n, err = c.sock.read2(r.into, *pooled)
	}
	r.drained = n < len(r.into)+len(*pooled)
	if r.n = min(n, len(r.into)); n > r.n {
		r.buf, r.begin, r.end = pooled, 0, n-r.n
		return true
	}
	c.group.reads.Put(pooled)
	if n > 0 {
		return true
	}
	if n < 0 {
		c.arm()
		return false
	}
	if r.err = err; err == nil {
		r.err = io.EOF
	}
	return true
}
