// Package engine serves Engine.IO sessions.
package engine

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coder/websocket"

	"parley/server/engine/frame"
	"parley/shared/engineio"
)

type Message = frame.Message

func NewMessage(binary bool, data []byte) *Message { return frame.New(binary, data) }

type Receiver interface {
	Receive(binary bool, data []byte)
	Closed(reason engineio.Reason, err error)
}

type Config struct {
	Open                                      func(*Session) Receiver
	Path                                      string
	PingInterval, PingTimeout, UpgradeTimeout time.Duration
	MaxPayload                                int64
	Logger                                    *slog.Logger
}

type SendOptions struct{ Volatile, NoCompress, Batch bool }

var (
	ErrClosed      = errors.New("engine: session closed")
	ErrSlow        = errors.New("engine: slow consumer")
	ErrNotWritable = errors.New("engine: not writable")
)

type HandshakeInfo struct {
	Header     http.Header
	URL        *url.URL
	Query      url.Values
	RemoteAddr string
	Secure     bool
	Time       time.Time
}

type Server struct {
	cfg Config
	wg  sync.WaitGroup
	mu  sync.Mutex
	all map[*Session]struct{}
	off bool
}

func New(cfg Config) *Server {
	if cfg.Path == "" {
		cfg.Path = "/socket.io/"
	}
	if cfg.PingInterval <= 0 {
		cfg.PingInterval = 25 * time.Second
	}
	if cfg.PingTimeout <= 0 {
		cfg.PingTimeout = 20 * time.Second
	}
	if cfg.MaxPayload <= 0 {
		cfg.MaxPayload = 1_000_000
	}
	return &Server{cfg: cfg, all: map[*Session]struct{}{}}
}

func (s *Server) CORS(http.ResponseWriter, *http.Request) bool { return false }
func (s *Server) Count() int                                   { s.mu.Lock(); defer s.mu.Unlock(); return len(s.all) }
func (s *Server) Close() error {
	s.mu.Lock()
	s.off = true
	for x := range s.all {
		x.Close(engineio.ReasonServerShuttingDown)
	}
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}
func (s *Server) Shutdown(context.Context) error { return s.Close() }

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("transport") != "websocket" {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(400)
		w.Write([]byte(`{"code":0,"message":"Transport unknown"}`))
		return
	}
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return
	}
	c.SetReadLimit(s.cfg.MaxPayload)
	id := make([]byte, 15)
	rand.Read(id)
	x := &Session{srv: s, c: c, id: base64.RawURLEncoding.EncodeToString(id), done: make(chan struct{}), wake: make(chan struct{}, 1),
		info: HandshakeInfo{Header: r.Header, URL: r.URL, Query: q, RemoteAddr: r.RemoteAddr, Secure: r.TLS != nil, Time: time.Now()}}
	s.mu.Lock()
	if s.off {
		s.mu.Unlock()
		c.CloseNow()
		return
	}
	s.all[x] = struct{}{}
	s.wg.Add(1)
	s.mu.Unlock()
	defer s.wg.Done()
	x.run()
	s.mu.Lock()
	delete(s.all, x)
	s.mu.Unlock()
}

type Session struct {
	srv    *Server
	c      *websocket.Conn
	id     string
	info   HandshakeInfo
	mu     sync.Mutex
	queue  []*Message
	busy   bool
	closed bool
	reason engineio.Reason
	err    error
	done   chan struct{}
	wake   chan struct{}
}

func (x *Session) ID() string                { return x.id }
func (x *Session) Transport() string         { return "websocket" }
func (x *Session) Handshake() *HandshakeInfo { return &x.info }
func (x *Session) Done() <-chan struct{}     { return x.done }
func (x *Session) Writable() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return !x.busy && len(x.queue) == 0 && !x.closed
}
func (x *Session) Buffered() (int, int) { x.mu.Lock(); defer x.mu.Unlock(); return len(x.queue), 0 }
func (x *Session) Flush(ctx context.Context) error {
	for {
		x.mu.Lock()
		idle, closed := !x.busy && len(x.queue) == 0, x.closed
		x.mu.Unlock()
		if closed {
			return ErrClosed
		}
		if idle {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}

func (x *Session) Send(o SendOptions, group ...*Message) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return ErrClosed
	}
	if o.Volatile && (x.busy || len(x.queue) > 0) {
		return ErrNotWritable
	}
	x.queue = append(x.queue, group...)
	x.signal()
	return nil
}

func (x *Session) signal() {
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

func (x *Session) Close(reason engineio.Reason) { x.end(reason, nil) }
func (x *Session) end(reason engineio.Reason, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.closed {
		x.closed, x.reason, x.err = true, reason, err
		close(x.done)
		x.signal()
	}
}

func (x *Session) run() {
	h := engineio.Handshake{SID: x.id, Upgrades: []string{}, PingInterval: int(x.srv.cfg.PingInterval.Milliseconds()),
		PingTimeout: int(x.srv.cfg.PingTimeout.Milliseconds()), MaxPayload: int(x.srv.cfg.MaxPayload)}
	x.queue = append(x.queue, frame.Control(engineio.PacketOpen, h.Append(nil)))
	rc := x.srv.cfg.Open(x)
	alive := make(chan struct{}, 1)
	var wg sync.WaitGroup
	wg.Go(func() { x.write(alive) })
	x.signal()
	for {
		t, b, err := x.c.Read(context.Background())
		if err != nil {
			reason := engineio.ReasonTransportClose
			if websocket.CloseStatus(err) == -1 {
				err = nil
			}
			x.end(reason, err)
			break
		}
		select {
		case alive <- struct{}{}:
		default:
		}
		if t == websocket.MessageBinary {
			rc.Receive(true, b)
			continue
		}
		p, err := engineio.ParseText(b)
		if err != nil {
			x.end(engineio.ReasonParseError, err)
			break
		}
		switch p.Type {
		case engineio.PacketMessage:
			rc.Receive(p.Binary, p.Data)
		case engineio.PacketPing:
			x.end(engineio.ReasonTransportError, errors.New("invalid heartbeat direction"))
		case engineio.PacketClose:
			x.end(engineio.ReasonTransportClose, nil)
		}
	}
	wg.Wait()
	x.c.CloseNow()
	rc.Closed(x.reason, x.err)
}

func (x *Session) write(alive chan struct{}) {
	cfg := x.srv.cfg
	t := time.NewTimer(cfg.PingInterval)
	defer t.Stop()
	waiting := false
	for {
		x.mu.Lock()
		batch, closed := x.queue, x.closed
		x.queue, x.busy = nil, len(batch) > 0
		x.mu.Unlock()
		for _, m := range batch {
			typ := websocket.MessageText
			data := m.Data()
			if m.Binary() {
				typ = websocket.MessageBinary
			} else {
				data = m.AppendText(nil)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			err := x.c.Write(ctx, typ, data)
			cancel()
			if err != nil {
				x.end(engineio.ReasonTransportError, err)
				return
			}
		}
		x.mu.Lock()
		x.busy = false
		more := len(x.queue) > 0
		x.mu.Unlock()
		if more {
			continue
		}
		if closed {
			x.c.Close(websocket.StatusNormalClosure, "")
			return
		}
		select {
		case <-x.wake:
		case <-alive:
			waiting = false
			t.Reset(cfg.PingInterval)
		case <-t.C:
			if waiting {
				x.end(engineio.ReasonPingTimeout, nil)
				x.c.CloseNow()
				return
			}
			waiting = true
			x.Send(SendOptions{}, frame.Control(engineio.PacketPing, nil))
			t.Reset(cfg.PingTimeout)
		}
	}
}
