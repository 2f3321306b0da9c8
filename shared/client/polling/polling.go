package polling

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"parley/shared/client/engine"
	"parley/shared/engineio"
)

// MaxBody is the default of Transport.MaxBody: 32 MiB.
const MaxBody = 32 << 20

// A Transport opens polling links. The zero value is ready to use.
type Transport struct {
	// MaxBody bounds one response in bytes; a longer one ends the link. Default
	// [MaxBody]; negative means no bound.
	MaxBody int
	// RequestTimeout bounds one request. Default none: the heartbeat ends a
	// session whose server is silent. It must be longer than the server's
	// pingInterval, which is how long a GET usually waits.
	RequestTimeout time.Duration
	// NoTimestamp leaves out the parameter t, which makes every address unique
	// for the sake of caches that ignore Cache-Control.
	NoTimestamp bool
	// Native holds what only programs outside a browser can set.
	Native

	stamp atomic.Uint64
}

// Name returns "polling".
func (t *Transport) Name() string { return "polling" }

// Dial makes a link; see [engine.Transport]. It sends nothing yet: the first Read
// is the handshake. It may be called by several goroutines at once.
func (t *Transport) Dial(_ context.Context, r engine.Request) (engine.Link, error) {
	l := &link{t: t, request: r}
	l.ctx, l.cancel = context.WithCancelCause(context.Background())
	return l, nil
}

func (t *Transport) maxBody() int {
	if t.MaxBody == 0 {
		return MaxBody
	}
	return t.MaxBody
}

// errTooLarge is the cause when a response exceeds MaxBody.
var errTooLarge = errors.New("response larger than allowed")

type link struct {
	t      *Transport
	ctx    context.Context // ends with Close
	cancel context.CancelCauseFunc
	close  sync.Once

	mu      sync.Mutex     // guards request, which the handshake completes
	request engine.Request // with sid and maxPayload as soon as they are known
}

// address is the link's address, made unique, and its request.
func (l *link) address() (string, engine.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	address := l.request.Address("")
	if !l.t.NoTimestamp {
		address += "&t=" + strconv.FormatInt(time.Now().UnixMilli(), 36) + "." + strconv.FormatUint(l.t.stamp.Add(1), 36)
	}
	return address, l.request
}

// bounded is ctx that also ends with the link and the request timeout.
func (l *link) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(l.ctx, func() { cancel(context.Cause(l.ctx)) })
	if cause := context.Cause(l.ctx); cause != nil {
		cancel(cause) // AfterFunc does so on another goroutine, some time
	}
	release := func() {
		stop()
		cancel(nil)
	}
	if l.t.RequestTimeout > 0 {
		limited, free := context.WithTimeoutCause(ctx, l.t.RequestTimeout, errRequestTimeout)
		return limited, func() {
			free()
			release()
		}
	}
	return ctx, release
}

var errRequestTimeout = errors.New("no answer within the request timeout")

func (l *link) Read(ctx context.Context) ([]engineio.Packet, error) {
	ctx, release := l.bounded(ctx)
	defer release()
	address, r := l.address()
	op := engine.OpRead
	if r.SID() == "" {
		op = engine.OpDial
	}
	status, body, err := l.t.do(ctx, call{method: "GET", address: address, request: r})
	if err := l.check(ctx, op, status, body, err); err != nil {
		return nil, err
	}
	packets, err := l.parse(op, body)
	if err != nil {
		return nil, err
	}
	if op == engine.OpDial {
		if err := l.opened(packets[0]); err != nil {
			return nil, failed(op, err)
		}
	}
	return packets, nil
}

// parse takes the packets out of a body. What comes before a broken one, or
// before a close, is delivered; the link ends behind it.
func (l *link) parse(op string, body []byte) (packets []engineio.Packet, err error) {
	for p, err := range engineio.Payload(body, 0) {
		if err != nil {
			l.cancel(failed(engine.OpRead, err))
			if len(packets) == 0 {
				return nil, failed(op, err)
			}
			break
		}
		packets = append(packets, p)
		if p.Type == engineio.PacketClose {
			l.cancel(&engine.Error{Transport: "polling", Op: engine.OpClosed})
		}
	}
	return packets, nil
}

// opened takes the session id from the handshake.
func (l *link) opened(p engineio.Packet) error {
	if p.Type != engineio.PacketOpen {
		return fmt.Errorf("expected an open packet, got %s", p.Type)
	}
	h, err := engineio.ParseHandshake(p.Data)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.request.Query.Set("sid", h.SID)
	l.request.MaxPayload = h.MaxPayload
	return nil
}

// Write sends the packets in as few requests as the server's maxPayload allows,
// one after the other. One packet that exceeds it alone is sent as it is.
func (l *link) Write(ctx context.Context, packets []engineio.Packet) error {
	l.mu.Lock()
	limit := l.request.MaxPayload
	l.mu.Unlock()
	var body []byte
	for _, p := range packets {
		start := len(body)
		if start > 0 {
			body = append(body, engineio.Separator)
		}
		body = p.AppendText(body)
		if limit > 0 && start > 0 && len(body) > limit {
			if err := l.post(ctx, body[:start]); err != nil {
				return err
			}
			body = append(body[:0:0], body[start+1:]...)
		}
	}
	return l.post(ctx, body)
}

func (l *link) post(ctx context.Context, body []byte) error {
	ctx, release := l.bounded(ctx)
	defer release()
	return l.send(ctx, body, false)
}

func (l *link) send(ctx context.Context, body []byte, last bool) error {
	address, r := l.address()
	status, answer, err := l.t.do(ctx, call{method: "POST", address: address, request: r, body: body, last: last})
	return l.check(ctx, engine.OpWrite, status, answer, err)
}

// check turns what a request brought into an error.
func (l *link) check(ctx context.Context, op string, status int, body []byte, err error) error {
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		if _, ok := errors.AsType[*engine.Error](err); ok {
			return err // the link has ended, and why is known
		}
		return failed(op, err)
	}
	if status == 200 {
		return nil
	}
	e := &engine.Error{Transport: "polling", Op: op, Status: status}
	if refusal, ok := engineio.ParseError(body); ok {
		e.Refusal = refusal
	}
	return e
}

func failed(op string, cause error) error {
	return &engine.Error{Transport: "polling", Op: op, Err: cause}
}

// Close sends a close packet, unless ctx is done, and breaks off what runs.
func (l *link) Close(ctx context.Context) error {
	var err error
	l.close.Do(func() {
		l.mu.Lock()
		open := l.request.SID() != ""
		l.mu.Unlock()
		if open && ctx.Err() == nil {
			err = l.send(ctx, engineio.Packet{Type: engineio.PacketClose}.AppendText(nil), true)
		}
		l.cancel(engine.ErrClosed)
	})
	return err
}

// call is one HTTP request.
type call struct {
	method  string
	address string
	request engine.Request
	body    []byte // of a POST
	last    bool   // should reach the server even if the page goes away
}

const contentType = "text/plain;charset=UTF-8"
