package websocket

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"parley/server/engine/frame"
	"parley/server/engine/internal/crew"
	"parley/server/engine/internal/outq"
	"parley/shared/engineio"
)

// ErrTooLarge means that the peer sent a message above the limit.
var ErrTooLarge = websocket.ErrMessageTooBig

var (
	errUTF8   = errors.New("websocket: text message is not UTF-8")
	errExited = errors.New("websocket: the reading goroutine was ended with runtime.Goexit")
	errStall  = errors.New("websocket: message did not arrive in time")
)

// Options configures an [Acceptor].
type Options struct {
	MaxPayload     int64          // bytes of a received message, after decompression
	MessageTimeout time.Duration  // from the first to the last byte of a received message
	Deflate        int            // compress messages from this size in bytes on; 0: never
	Buffers        *frame.Buffers // where long binary messages are read to, if one is free
}

// Acceptor turns HTTP requests into connections.
type Acceptor struct {
	o     Options
	small sync.Pool // of *[]byte, smallMessage
}

// smallMessage is the size of the pooled buffers that messages are read into.
// Longer messages get a buffer of their own.
const smallMessage = 4 << 10

// NewAcceptor returns an Acceptor.
func NewAcceptor(o Options) *Acceptor {
	a := &Acceptor{o: o}
	a.small.New = func() any { b := make([]byte, smallMessage); return &b }
	return a
}

// Conn is one WebSocket connection. All methods but Start may be called
// concurrently.
type Conn struct {
	a       *Acceptor
	q       *outq.Conn
	br      *bufio.Reader // what ws reads through; between two messages anybody may
	ws      *websocket.Conn
	deflate bool
	partial bool // the message before may have fragments left behind its compressed data: ws knows
	packet  func(engineio.Packet) crew.Task
	gone    func(engineio.Reason, error)
}

// Accept answers the opening handshake. When it returns an error, the request
// has been answered; else the answer leaves with what is sent first, or with
// [Conn.Flush]. It does not look at the Origin header, and agrees to the first
// subprotocol that is offered unless w says one already. The HTTP server's goroutine
// is free afterwards: nothing is read before [Conn.Start].
func (a *Acceptor) Accept(w http.ResponseWriter, r *http.Request, g *outq.Group) (*Conn, error) {
	mode := websocket.CompressionDisabled
	if a.o.Deflate > 0 {
		mode = websocket.CompressionNoContextTakeover
	}
	ow := &outq.ResponseWriter{ResponseWriter: w, Group: g}
	ws, err := websocket.Accept(ow, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, CompressionMode: mode, Subprotocols: subprotocol(w.Header(), r.Header),
	})
	if err != nil {
		return nil, err
	}
	ws.SetReadLimit(a.o.MaxPayload)
	ow.Conn.SetMessageTimeout(a.o.MessageTimeout)
	deflate := strings.HasPrefix(w.Header().Get("Sec-Websocket-Extensions"), "permessage-deflate")
	return &Conn{a: a, q: ow.Conn, br: ow.Reader, ws: ws, deflate: deflate}, nil
}

// subprotocol returns what to agree to. A browser that has offered something fails
// the connection when the answer has nothing of it.
func subprotocol(answer, request http.Header) []string {
	offer := request["Sec-Websocket-Protocol"]
	if len(offer) == 0 || answer["Sec-Websocket-Protocol"] != nil {
		return nil
	}
	first, _, _ := strings.Cut(offer[0], ",")
	if first = strings.TrimSpace(first); !isToken(first) {
		return nil
	}
	return []string{first}
}

// isToken reports whether s is a token as RFC 9110 section 5.6.2 has it.
func isToken(s string) bool {
	for _, c := range []byte(s) {
		alphanumeric := c-'0' < 10 || c|0x20-'a' < 26
		if !alphanumeric && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

// Name returns "websocket".
func (c *Conn) Name() string { return "websocket" }

// Send queues messages, contiguously. With batch they are only queued and leave
// with the next flush of the connection's group. It never blocks. The error is
// [frame.ErrClosed] or [frame.ErrSlow].
func (c *Conn) Send(batch, compress bool, until *atomic.Bool, msgs ...*frame.Message) error {
	if c.deflate && compress {
		return c.q.Send(batch, until, c.deflated(msgs)...)
	}
	return c.q.Send(batch, until, msgs...)
}

// Queue takes over messages that have waited elsewhere, whatever their number,
// and does not write: [Conn.Flush] follows.
func (c *Conn) Queue(compress bool, until *atomic.Bool, msgs ...*frame.Message) error {
	if c.deflate && compress {
		msgs = c.deflated(msgs)
	}
	return c.q.Queue(until, msgs...)
}

// Flush writes what is queued, as far as the system takes it. It does not block.
func (c *Conn) Flush() { c.q.Flush() }

func (c *Conn) deflated(msgs []*frame.Message) []*frame.Message {
	small := make([]*frame.Message, len(msgs))
	for i, m := range msgs {
		small[i] = m.Deflated(c.a.o.Deflate)
	}
	return small
}

// Writable reports whether a message would leave at once, as far as one can tell.
func (c *Conn) Writable() bool { return c.q.Idle() }

// Buffered returns how much is queued.
func (c *Conn) Buffered() (messages, bytes int) { return c.q.Buffered() }

// Flushed returns a channel that is closed when everything sent so far has been
// handed to the system, or never will be.
func (c *Conn) Flushed() <-chan struct{} { return c.q.Flushed() }

// Stalled reports whether a received message is incomplete and may still be
// completed in time.
func (c *Conn) Stalled() bool { return c.q.Stalled() }

// Close closes the connection after what is queued, with a close frame. It does
// not block.
func (c *Conn) Close(reason engineio.Reason) {
	code, text := websocket.StatusNormalClosure, ""
	switch reason {
	case engineio.ReasonServerShuttingDown:
		code, text = websocket.StatusGoingAway, string(reason)
	case engineio.ReasonParseError, engineio.ReasonPingTimeout:
		code, text = websocket.StatusPolicyViolation, string(reason)
	}
	if reason == engineio.ReasonPingTimeout { // nobody is there to answer
		if !c.q.Idle() {
			c.q.Abort(frame.ErrClosed)
			return
		}
		defer c.q.Close()
	}
	c.q.End(frame.Close(int(code), text))
}

// Abort closes the connection at once. What is queued is lost, and the system
// does not try to deliver what it has taken over.
func (c *Conn) Abort(err error) { c.q.Abort(err) }

// Start begins to read. packet gets every packet, in order and one at a time; the
// task it returns, unless nil, is run when the connection can be read by others,
// so that it may take its time. gone is called once, after the last packet.
func (c *Conn) Start(packet func(engineio.Packet) crew.Task, gone func(engineio.Reason, error)) {
	c.packet, c.gone = packet, gone
	c.q.Start((*reader)(c))
}

// reader is a Conn as the goroutine that reads sees it.
type reader Conn

// Run takes messages until the connection ends, or until it is parked: then it is
// called again.
func (r *reader) Run() {
	c := (*Conn)(r)
	inside := false
	defer func() {
		if !inside {
			return
		}
		if v := recover(); v != nil {
			panic(v) // ours, and who knows with which locks held
		}
		c.end(errExited)
		c.q.Finish()
	}()
	for c.q.Await() {
		inside = true
		task, err := c.next()
		inside = false
		switch {
		case err != nil:
			c.end(err)
			c.q.Finish()
			return
		case task == nil:
		case c.q.Park():
			task.Run()
			return
		default:
			c.q.Go(task)
		}
	}
}

// next reads one message and hands its packet on, or reads a ping or a pong.
func (c *Conn) next() (crew.Task, error) {
	h, known, err := c.header()
	if err != nil {
		return nil, err
	}
	if known && (h.Ping() || h.Pong()) {
		return nil, c.beat(&h)
	}
	data, text, err := c.message(&h, known)
	if err != nil {
		return nil, err
	}
	if !text {
		return c.packet(engineio.ParseBinary(data)), nil
	}
	if !utf8.Valid(data) {
		return nil, errUTF8
	}
	p, err := engineio.ParseText(data)
	if err != nil {
		return nil, &parseError{err}
	}
	return c.packet(p), nil
}

// parseError is a message that is no packet.
type parseError struct{ error }

func (e *parseError) Unwrap() error { return e.error }

// end tells why reading ended, gives the peer a chance to read our close frame,
// and closes the connection.
func (c *Conn) end(err error) {
	reason, code, err := c.explain(err)
	c.gone(reason, err)
	if code != 0 && c.q.Err() == nil {
		c.q.End(frame.Close(int(code), string(reason)))
		c.discard()
	}
	c.ws.CloseNow() //nolint:errcheck // it is closed either way
}

// explain turns an error of reading into a reason, and into the code of the
// close frame we owe the peer (0: none).
func (c *Conn) explain(err error) (engineio.Reason, websocket.StatusCode, error) {
	switch own := c.q.Err(); own {
	case nil, frame.ErrClosed: // the latter also when the library closes
	case frame.ErrSlow:
		return engineio.ReasonSlow, 0, own
	default: // a write failed first
		return engineio.ReasonTransportError, 0, own
	}
	var broken *parseError
	var ce websocket.CloseError
	var ne net.Error
	switch {
	case errors.As(err, &broken):
		return engineio.ReasonParseError, websocket.StatusPolicyViolation, broken.error
	case errors.Is(err, errUTF8):
		return engineio.ReasonTransportError, websocket.StatusInvalidFramePayloadData, err
	case errors.Is(err, errExited):
		return engineio.ReasonTransportError, websocket.StatusInternalError, err
	case errors.Is(err, websocket.ErrMessageTooBig):
		return engineio.ReasonTransportError, websocket.StatusMessageTooBig, err
	case errors.As(err, &ce):
		switch ce.Code {
		case websocket.StatusNormalClosure, websocket.StatusGoingAway, websocket.StatusNoStatusRcvd: // nothing is wrong
			return engineio.ReasonTransportClose, 0, nil
		}
		return engineio.ReasonTransportClose, 0, ce
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrClosedPipe):
		return engineio.ReasonTransportClose, 0, nil
	case errors.As(err, &ne) && ne.Timeout():
		return engineio.ReasonTransportError, websocket.StatusPolicyViolation, errStall
	case errors.As(err, &ne):
		return engineio.ReasonTransportError, 0, err
	}
	return engineio.ReasonTransportError, websocket.StatusProtocolError, err
}

// maxDiscard is how many bytes a peer may still send after we refused it.
const maxDiscard = 4 << 20

// discard reads on until the peer closes, so that our close frame is not lost in
// the reset that unread data would cause. The queue bounds the time.
func (c *Conn) discard() {
	if half, ok := c.q.Conn.(interface{ CloseWrite() error }); ok {
		<-c.q.Flushed()
		half.CloseWrite() //nolint:errcheck // it is closed then
	}
	buf := make([]byte, 2*smallMessage)
	for left := maxDiscard; left > 0; {
		n, err := c.q.Read(buf)
		if left -= n; err != nil {
			return
		}
	}
}
