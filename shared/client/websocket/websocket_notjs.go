//go:build !js

package websocket

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"

	"github.com/coder/websocket"

	"parley/shared/client/engine"
	"parley/shared/engineio"
)

// Native is what only programs outside a browser can set.
type Native struct {
	// HTTPClient opens the connection; its Transport decides about TLS, proxies
	// and dialling, its Jar about cookies. Default http.DefaultClient.
	HTTPClient *http.Client
	// Compress offers permessage-deflate. Messages shorter than
	// CompressThreshold bytes (default 1024) are sent as they are. It costs some
	// memory for every connection and is used only if the server agrees.
	Compress          bool
	CompressThreshold int
}

func (t *Transport) dial(ctx context.Context, r engine.Request) (*link, error) {
	opts := &websocket.DialOptions{
		HTTPClient: t.HTTPClient, HTTPHeader: http.Header(r.Header).Clone(), Subprotocols: t.Protocols,
	}
	if host := opts.HTTPHeader.Get("Host"); host != "" {
		opts.Host = host
		opts.HTTPHeader.Del("Host")
	}
	if t.Compress {
		opts.CompressionMode = websocket.CompressionContextTakeover
		opts.CompressionThreshold = max(t.CompressThreshold, 0)
		if t.CompressThreshold == 0 {
			opts.CompressionThreshold = 1024
		}
	}
	c, resp, err := websocket.Dial(ctx, r.Address("ws"), opts)
	if err != nil {
		return nil, refused(resp, err)
	}
	c.SetReadLimit(int64(t.maxMessage()))
	return &link{t: t, c: c}, nil
}

// refused says what the server answered to a dial that failed.
func refused(resp *http.Response, err error) error {
	e := &engine.Error{Transport: "websocket", Op: engine.OpDial, Err: err}
	if resp == nil {
		return e
	}
	e.Status = resp.StatusCode
	if body, err := io.ReadAll(io.LimitReader(resp.Body, 1024)); err == nil {
		if refusal, ok := engineio.ParseError(body); ok {
			e.Refusal = refusal
		}
	}
	return e
}

type link struct {
	t     *Transport
	c     *websocket.Conn
	batch [1]engineio.Packet // what Read returns
	frame []byte             // scratch of Write

	close sync.Once
	mu    sync.Mutex         // guards cancel
	abort context.CancelFunc // cuts the Read that is running short
}

func (l *link) Read(ctx context.Context) ([]engineio.Packet, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l.mu.Lock()
	l.abort = cancel
	l.mu.Unlock()

	kind, data, err := l.c.Read(ctx)
	if err != nil {
		return nil, readError(err)
	}
	if kind == websocket.MessageBinary {
		l.batch[0] = engineio.ParseBinary(data)
	} else if l.batch[0], err = engineio.ParseText(data); err != nil {
		return nil, failed(engine.OpRead, err)
	}
	return l.batch[:], nil
}

// closeAbnormal is the code for a connection that broke without a close frame
// (RFC 6455, section 7.1.5).
const closeAbnormal = 1006

func readError(err error) error {
	if e, ok := errors.AsType[websocket.CloseError](err); ok {
		return closedError(int(e.Code), e.Reason, nil)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrUnexpectedEOF) {
		return closedError(closeAbnormal, "", err)
	}
	return failed(engine.OpRead, err)
}

func (l *link) Write(ctx context.Context, packets []engineio.Packet) error {
	for _, p := range packets {
		var err error
		if l.t.isBinary(p) {
			err = l.c.Write(ctx, websocket.MessageBinary, p.Data)
		} else {
			l.frame = p.AppendText(l.frame[:0])
			err = l.c.Write(ctx, websocket.MessageText, l.frame)
		}
		if err != nil {
			return failed(engine.OpWrite, err)
		}
	}
	if cap(l.frame) > 64<<10 {
		l.frame = nil // a large message must not be held by every connection
	}
	return nil
}

// Close performs the closing handshake. The library's own Close may take ten
// seconds; a context that ends earlier breaks the connection under it.
func (l *link) Close(ctx context.Context) error {
	var err error
	l.close.Do(func() {
		if ctx.Err() != nil {
			err = l.c.CloseNow()
			return
		}
		closed := make(chan error, 1)
		go func() { closed <- l.c.Close(websocket.StatusNormalClosure, "") }()
		select {
		case err = <-closed:
		case <-ctx.Done():
			l.mu.Lock()
			if l.abort != nil {
				l.abort()
			}
			l.mu.Unlock()
			err = <-closed
		}
	})
	return err
}
