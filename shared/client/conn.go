package client

import (
	"context"
	"errors"
	"net/url"
	"runtime/debug"
	"slices"
	"sync"

	"parley/shared/client/engine"
	"parley/shared/engineio"
	"parley/shared/event"
)

// A Conn is a connection to one server, which it keeps up and makes again when it
// is lost, and which the Sockets of all namespaces share (the Manager of the
// reference). Its methods may be called by several goroutines at once.
type Conn struct {
	cfg     Config
	address string // as it was given
	server  *url.URL
	mainNS  event.Namespace
	release func() // frees what Native.prepare made

	ctx    context.Context // ends at Close
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup // every goroutine but those of sessions
	lane   *lane          // calls of OnState listeners
	kick   chan struct{}  // wakes the loop; buffer of one
	gone   chan struct{}  // closed when Close has finished

	onState listeners[func(State)]

	mu         sync.Mutex // guards everything below and the same in each core
	state      State
	running    bool // the loop was started
	wanted     bool // the loop should be connected or trying
	hurry      bool // the loop should not wait for the back-off
	closed     bool
	live       *link // nil unless Open
	cores      map[string]*core
	order      []*core // in the order of Of
	reconnect  Reconnect
	maxPayload int    // of the last handshake, 0 before it
	remembered string // transport that the last session was upgraded to
	buffered   int    // events and bytes that all cores buffer
	bufferSize int
	first      chan error // gets the outcome of the first attempt; for Dial
}

// New checks the address and the configuration and returns a Conn that does
// nothing until Connect is called or a Socket connects. The path of the address
// names the namespace of Conn.Main, not the path of the server, which is
// Config.Path. Without a scheme it means https, in a browser the page's scheme. It
// never blocks.
func New(address string, cfg Config) (*Conn, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	server, ns, err := parseAddress(address, pageAddress())
	if err != nil {
		return nil, err
	}
	c := &Conn{
		cfg: cfg, address: address, server: server, mainNS: ns, release: func() {},
		kick: make(chan struct{}, 1), gone: make(chan struct{}),
		cores: map[string]*core{}, reconnect: cfg.Reconnect,
	}
	if len(cfg.Transports) == 0 {
		c.cfg.Native, c.release = cfg.Native.prepare(cfg.WithCredentials)
		c.cfg.Transports = c.cfg.defaultTransports()
	}
	if c.cfg.Network == nil {
		c.cfg.Network = defaultNetwork(server)
	}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	c.lane = c.newLane()
	return c, nil
}

// Dial is New and Connect, and returns when the first attempt has opened the
// connection or failed. ctx bounds that attempt, not the connection. On error
// everything is closed; use New and Connect for a client that goes on trying.
//
// Events that the server sends right after a namespace is connected are not lost
// if their handlers are registered within a second of Of. OnConnect and
// OnConnectError may be registered at any time: they tell what holds already.
func Dial(ctx context.Context, address string, cfg Config) (*Conn, error) {
	c, err := New(address, cfg)
	if err != nil {
		return nil, err
	}
	first := make(chan error, 1)
	c.first = first
	c.Connect()
	select {
	case err = <-first:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// Connect starts connecting in the background and returns at once. The Conn
// keeps the connection up from then on, until Close, or until its last Socket
// has left. Calling it again is harmless; after ErrGaveUp it begins anew.
func (c *Conn) Connect() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.want()
}

// want makes the loop connect. The lock is held.
func (c *Conn) want() {
	if c.closed {
		return
	}
	c.wanted = true
	if !c.running {
		c.running = true
		stop, stopUnload := c.cfg.Network(c.networkChanged), func() {}
		if c.cfg.CloseOnUnload {
			stopUnload = onUnload(func() { go func() { _ = c.Close() }() })
		}
		c.wg.Go(func() {
			defer stop()
			defer stopUnload()
			c.loop()
		})
	}
	c.wake()
}

func (c *Conn) wake() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// Retry makes a waiting Conn try at once, and makes an open one find out whether
// its connection still works: if the server does not answer within a few
// seconds, the connection is dropped and made again. It never blocks.
func (c *Conn) Retry() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retry()
}

func (c *Conn) retry() {
	if c.live != nil {
		if !c.live.leaving {
			c.probe()
		}
		return
	}
	c.hurry = true
	c.wake()
}

// SetReconnect changes the policy from the next failure on.
func (c *Conn) SetReconnect(r Reconnect) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reconnect = r.withDefaults()
}

// Of returns the Socket of a namespace, always the same one. The first call makes
// it and connects it as soon as the connection is open; if Connect was not called
// yet, that leaves time to register handlers before anything can arrive. It never
// blocks.
func (c *Conn) Of(ns event.Namespace) *Socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := ns.Name()
	if name == "" {
		name = "/"
	}
	k := c.cores[name]
	if k == nil {
		k = c.newCore(name)
		c.cores[name] = k
		c.order = append(c.order, k)
		k.activate(false)
	}
	return k.socket
}

// Main returns the Socket of the namespace in the path of the address, "/" when
// it has none.
func (c *Conn) Main() *Socket { return c.Of(c.mainNS) }

// Engine returns the present Engine.IO session, nil when not Open.
func (c *Conn) Engine() *engine.Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live == nil {
		return nil
	}
	return c.live.session
}

// Close leaves every namespace, closes the connection after what was emitted on
// it has been sent, and returns when every goroutine of the Conn has ended and
// every handler has returned. It takes at most a few seconds besides that.
// Whatever waits fails with ErrClosed. Handlers, hooks and auth functions must not
// call it, since it would wait for them; they may call it with go. The error is always nil; a second call
// waits for the first.
func (c *Conn) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		<-c.gone
		return nil
	}
	c.closed, c.wanted = true, false
	live := c.live
	for _, k := range c.order {
		k.leave()
		k.failBuffered(ErrClosed)
	}
	c.mu.Unlock()

	if live != nil {
		_ = live.session.Close(context.Background())
	}
	c.cancel(ErrClosed)

	c.mu.Lock()
	lanes := []*lane{c.lane}
	c.setState(State{Phase: Closed, Err: ErrClosed})
	for _, k := range c.order {
		lanes = append(lanes, k.lane)
	}
	for _, l := range lanes {
		l.close()
	}
	c.mu.Unlock()
	c.wg.Wait()
	c.release()
	close(c.gone)
	return nil
}

func (c *Conn) newLane() *lane { return &lane{wg: &c.wg, guard: c.guard} }

// guard calls f and keeps a panic of the program's code from the connection.
func (c *Conn) guard(f func()) {
	defer func() {
		if v := recover(); v != nil {
			stack := debug.Stack()
			if c.cfg.OnPanic != nil {
				c.cfg.OnPanic(v, stack)
			}
			c.cfg.Logger.Error("client: handler panicked", "panic", v, "stack", string(stack))
		}
	}()
	f()
}

// idleIfDeserted lets go of the connection when no Socket wants it any more. The
// lock is held.
func (c *Conn) idleIfDeserted() {
	if len(c.order) == 0 || slices.ContainsFunc(c.order, func(k *core) bool { return k.active }) {
		return
	}
	c.wanted = false
	if c.live != nil {
		// A Connect that follows gets a connection of its own: the reference server
		// looks at a CONNECT before it has carried out the DISCONNECT in front of
		// it, and takes that for a violation of the protocol.
		c.live.leaving = true
	}
	c.wake()
}

// usable returns the connection that a namespace can be connected on, or nil.
func (c *Conn) usable() *link {
	if c.live == nil || c.live.leaving {
		return nil
	}
	return c.live
}

// dropped is what the loop learns about a session that ended.
type dropped struct {
	reason engineio.Reason
	err    error
	left   bool // the last Socket has left it
}

var errAttemptCanceled = errors.New("client: attempt canceled")
