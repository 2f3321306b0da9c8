// Package stream is the Engine.IO transport over a stream of bytes, which
// WebTransport uses: each packet has a header that tells its length and kind.
package stream

import (
	"bufio"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"parley/server/engine/frame"
	"parley/server/engine/internal/crew"
	"parley/server/engine/internal/outq"
	"parley/server/engine/internal/track"
	"parley/shared/engineio"
)

var (
	errUTF8   = errors.New("stream: text packet is not UTF-8")
	errExited = errors.New("stream: the reading goroutine was ended with runtime.Goexit")
)

// Options configures a Conn.
type Options struct {
	Name           string        // of the transport
	MaxPayload     int64         // bytes of a received packet
	MessageTimeout time.Duration // from the first to the last byte of a received packet
	Track          *track.Group
	Group          *outq.Group
}

// Conn is one connection. All methods but Start and First may be called
// concurrently.
type Conn struct {
	o      Options
	q      *outq.Conn
	br     *bufio.Reader
	packet func(engineio.Packet) crew.Task
	gone   func(engineio.Reason, error)
}

// New returns a Conn over nc. When nc has a CloseWrite method, it is used to tell
// the peer that nothing more comes.
func New(nc net.Conn, o Options) *Conn {
	c := &Conn{o: o, q: outq.NewStream(nc, o.Group, (*frame.Message).Stream)}
	c.q.SetMessageTimeout(o.MessageTimeout)
	c.br = bufio.NewReaderSize(c.q, 512)
	return c
}

// First reads the first packet within d, before Start.
func (c *Conn) First(d time.Duration) (engineio.Packet, error) {
	c.q.SetMessageTimeout(0) // this deadline is the stricter one
	defer c.q.SetMessageTimeout(c.o.MessageTimeout)
	c.q.SetReadDeadline(time.Now().Add(d)) //nolint:errcheck // then the read fails
	defer c.q.SetReadDeadline(time.Time{}) //nolint:errcheck // same
	return c.read()
}

// Name returns the transport's name.
func (c *Conn) Name() string { return c.o.Name }

// Send queues messages and writes them. Compression is not for streams, and
// batches gather by themselves while a write is on its way.
func (c *Conn) Send(_, _ bool, until *atomic.Bool, msgs ...*frame.Message) error {
	return c.q.Send(false, until, msgs...)
}

// Queue takes over messages that have waited elsewhere, whatever their number,
// and does not write: Flush follows.
func (c *Conn) Queue(_ bool, until *atomic.Bool, msgs ...*frame.Message) error {
	return c.q.Queue(until, msgs...)
}

// Flush writes what is queued. It does not block.
func (c *Conn) Flush() { c.q.Flush() }

// Writable reports whether a message would leave at once, as far as one can tell.
func (c *Conn) Writable() bool { return c.q.Idle() }

// Buffered returns how much is queued.
func (c *Conn) Buffered() (messages, bytes int) { return c.q.Buffered() }

// Flushed returns a channel that is closed when everything sent so far is out,
// or never will be.
func (c *Conn) Flushed() <-chan struct{} { return c.q.Flushed() }

// Stalled reports whether a received packet is incomplete but still in time.
func (c *Conn) Stalled() bool { return c.q.Stalled() }

// Close closes the connection after what is queued. It does not block.
func (c *Conn) Close(engineio.Reason) {
	c.q.End(nil)
	half, ok := c.q.Conn.(interface{ CloseWrite() error })
	if !ok {
		c.q.Close()
		return
	}
	flushed := c.q.Flushed()
	c.o.Track.Go(func() {
		<-flushed
		half.CloseWrite() //nolint:errcheck // it is closed then
	})
}

// Abort closes the connection at once.
func (c *Conn) Abort(err error) { c.q.Abort(err) }

// Start begins to read. packet gets every packet, in order and one at a time; the
// task it returns, unless nil, is run on another goroutine. gone is called once,
// after the last packet.
func (c *Conn) Start(packet func(engineio.Packet) crew.Task, gone func(engineio.Reason, error)) {
	c.packet, c.gone = packet, gone
	c.o.Track.Go(c.loop)
}

func (c *Conn) loop() {
	inside := true
	defer func() {
		if !inside {
			return
		}
		if v := recover(); v != nil {
			panic(v) // ours, and who knows with which locks held
		}
		c.end(errExited)
	}()
	for {
		p, err := c.read()
		if err != nil {
			inside = false
			c.end(err)
			return
		}
		if task := c.packet(p); task != nil {
			c.q.Go(task)
		}
	}
}

func (c *Conn) read() (engineio.Packet, error) {
	h, err := c.header()
	if err != nil {
		return engineio.Packet{}, err
	}
	data, err := readBody(c.br, h.Length)
	if err != nil {
		return engineio.Packet{}, err
	}
	c.q.EndMessage()
	if h.Binary {
		return engineio.ParseBinary(data), nil
	}
	if !utf8.Valid(data) {
		return engineio.Packet{}, errUTF8
	}
	p, err := engineio.ParseText(data)
	if err != nil {
		return engineio.Packet{}, &parseError{err}
	}
	return p, nil
}

// parseError is a frame that is no packet.
type parseError struct{ error }

func (e *parseError) Unwrap() error { return e.error }

func (c *Conn) header() (engineio.FrameHeader, error) {
	for n := 1; ; n++ {
		b, err := c.br.Peek(n)
		if err != nil {
			if len(b) > 0 {
				err = cutShort(err)
			}
			return engineio.FrameHeader{}, err
		}
		c.q.BeginMessage()
		h, err := engineio.ParseFrameHeader(b, int(c.o.MaxPayload))
		if err != nil {
			return engineio.FrameHeader{}, &parseError{err}
		}
		if h.Size > 0 {
			_, err = c.br.Discard(h.Size)
			return h, err
		}
	}
}

// firstPart is how much memory the mere announcement of a long packet gets.
const firstPart = 64 << 10

func readBody(r io.Reader, n int) ([]byte, error) {
	data := make([]byte, min(n, firstPart))
	_, err := io.ReadFull(r, data)
	for err == nil && len(data) < n {
		have := len(data)
		data = append(data, make([]byte, min(have, n-have))...)
		_, err = io.ReadFull(r, data[have:])
	}
	return data, cutShort(err)
}

// cutShort is the error for the end of the stream inside of a packet.
func cutShort(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// end tells why reading ended and closes the connection.
func (c *Conn) end(err error) {
	reason := engineio.ReasonTransportError
	var broken *parseError
	switch own := c.q.Err(); {
	case own == frame.ErrSlow:
		reason, err = engineio.ReasonSlow, own
	case own != nil && own != frame.ErrClosed:
		err = own
	case errors.As(err, &broken):
		reason, err = engineio.ReasonParseError, broken.error
	case errors.Is(err, io.EOF):
		reason, err = engineio.ReasonTransportClose, nil
	}
	c.gone(reason, err)
	c.q.Close()
}
