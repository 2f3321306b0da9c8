package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"unicode/utf8"

	"parley/server/adapter"
	"parley/server/engine"
	"parley/shared/engineio"
	"parley/shared/event"
	"parley/shared/socketio"
)

// connect takes a CONNECT packet (protocol section "Connection to a namespace"). What can be done at once is done
// on the reader; middlewares, namespaces that have to be asked for and recovery get a goroutine.
func (c *conn) connect(p *socketio.Packet) {
	s := &Socket{conn: c, id: newID(), nsName: p.Namespace, auth: p.Data}
	s.slot.MaxRooms = int32(min(c.srv.cfg.Limits.Rooms, math.MaxInt32))
	c.mu.Lock()
	earlier := c.has(p.Namespace)
	switch {
	case c.closed:
		c.mu.Unlock()
		return
	case earlier != nil:
		c.mu.Unlock()
		c.connectAgain(earlier, p)
		return
	case len(c.sockets) >= c.srv.cfg.Limits.Namespaces:
		c.mu.Unlock()
		_ = c.refuse(p.Namespace, event.Errorf(event.CodeTooLarge, "too many namespaces"))
		return
	}
	c.sockets = append(c.sockets, s)
	c.left = slices.DeleteFunc(c.left, func(ns string) bool { return ns == p.Namespace })
	c.mu.Unlock()

	ns, dynamic := c.srv.lookup(p.Namespace)
	if ns == nil && !dynamic {
		c.remove(s, false)
		_ = c.refuse(p.Namespace, errInvalidNamespace)
		return
	}
	s.ns = ns
	if ns == nil || ns.recoverer != nil || !ns.isOpen() || ns.hasMiddleware() {
		if c.admit() {
			c.srv.tasks.run(s.admit)
		} else {
			s.refuse(event.Errorf(event.CodeRateLimited, "too many namespaces at once"))
		}
		return
	}
	s.enter(adapter.Session{})
}

// connectAgain takes a CONNECT packet to a namespace in which the client has a socket. The official client sends one
// when its application connects once more before it was let in: the answer to the first is that to the second, unless
// the client says by now that it is somebody else.
func (c *conn) connectAgain(earlier *Socket, p *socketio.Packet) {
	switch state := earlier.state.Load(); {
	case state == stateLive:
		c.violation(errors.New("server: CONNECT to a namespace that is joined"))
	case state == stateClosed || !bytes.Equal(earlier.auth, p.Data):
		earlier.end(engineio.ReasonClientNamespaceDisconnect, nil, true)
		c.remove(earlier, false)
		c.connect(p)
	}
}

// has returns the socket in that namespace, or nil; the caller holds mu.
func (c *conn) has(ns string) *Socket {
	for _, s := range c.sockets {
		if s.nsName == ns {
			return s
		}
	}
	return nil
}

// isOpen reports whether the namespace has been announced.
func (ns *Namespace) isOpen() bool {
	select {
	case <-ns.announced:
		return true
	default:
		return false
	}
}

func (ns *Namespace) hasMiddleware() bool {
	found := false
	ns.eachHooks(func(h *hooks) { found = found || len(h.middleware.get()) > 0 })
	return found
}

// admit finds the namespace, recovers the session, asks the middlewares and lets the socket in or refuses it.
func (s *Socket) admit() {
	defer s.conn.admitted()
	var session adapter.Session
	over := false
	defer func() {
		if !over { // runtime.Goexit
			s.turnBack(session)
		}
	}()
	s.letIn(&session)
	over = true
}

// turnBack ends a socket whose goroutine has ended before it was let in.
func (s *Socket) turnBack(session adapter.Session) {
	if s.state.Load() == stateJoining { // it is too late for a refusal
		s.srv().fault(Fault{Namespace: s.ns, Socket: s, Err: errGoexit})
		s.conn.session.Close(engineio.ReasonForcedClose)
		return
	}
	s.refuse(errGoexit)
	s.giveBack(session)
}

// letIn is admit. It leaves the session it recovers in session until that is made use of or given back.
func (s *Socket) letIn(taken *adapter.Session) {
	ctx := s.Context()
	if s.ns == nil {
		var ns *Namespace
		err := s.guard("", func() (err error) {
			ns, err = s.srv().resolve(ctx, s.nsName, s.authValue())
			return err
		})
		if err != nil {
			s.refuse(err)
			return
		}
		s.ns = ns
	}
	if !s.ns.isOpen() {
		select {
		case <-s.ns.announced:
		case <-ctx.Done():
			s.refuse(ctx.Err())
			return
		}
	}
	session, recovered := s.takeSession(ctx)
	*taken = session
	if !recovered || !s.srv().cfg.RecoverySkipsMiddleware {
		if err := s.askMiddleware(ctx); err != nil {
			s.refuse(err)
			s.giveBack(session) // after the end, so that its reason is known
			return
		}
	}
	s.enter(session)
}

// admit counts one goroutine more that lets a socket in. It reports false when there are enough: the client has left
// namespaces whose middlewares are still running.
func (c *conn) admit() (ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ok = c.admitting < c.srv.cfg.Limits.Namespaces; ok {
		c.admitting++
	}
	return ok
}

// admitted counts one goroutine less that lets a socket in.
func (c *conn) admitted() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.admitting--
}

// askMiddleware runs the chain; a panic in it is a refusal. Only who reaches the end of the chain is let in.
func (s *Socket) askMiddleware(ctx context.Context) error {
	var accepted atomic.Bool
	accept := func(final context.Context, _ *Socket) error {
		accepted.Store(true)
		if final != ctx {
			s.mu.Lock()
			s.extra().ctx.values = context.WithoutCancel(final)
			s.mu.Unlock()
		}
		return nil
	}
	var chain []*func(ConnectFunc) ConnectFunc
	s.ns.eachHooks(func(h *hooks) { chain = append(chain, h.middleware.get()...) })
	next := ConnectFunc(accept)
	for i := len(chain) - 1; i >= 0; i-- {
		next = (*chain[i])(next)
	}
	err := s.guard("", func() error { return next(ctx, s) })
	if err == nil && !accepted.Load() {
		return ErrNextNotCalled
	}
	return err
}

// refuse answers CONNECT_ERROR and forgets the socket; the connection stays.
func (s *Socket) refuse(err error) {
	s.mu.Lock()
	gone := s.state.Load() == stateClosed
	s.state.Store(stateClosed)
	pending := s.pending
	s.pending = nil
	if s.more != nil {
		s.more.held, s.more.ready = nil, nil
	}
	s.mu.Unlock()
	for _, done := range pending {
		done(nil, ErrDisconnected)
	}
	if s.ns != nil {
		s.srv().release(s.ns)
	}
	if gone {
		return
	}
	s.conn.remove(s, false)
	s.closeContext()
	if _, told := errors.AsType[*Refusal](err); !told {
		if event.CodeOf(err) == event.CodeInternal {
			if _, known := errors.AsType[*PanicError](err); !known {
				s.srv().fault(Fault{Namespace: s.ns, Socket: s, Err: err})
			}
		}
	}
	if err := s.conn.refuse(s.nsName, err); err != nil {
		s.srv().fault(Fault{Namespace: s.ns, Socket: s, Err: err})
	}
}

// refuse answers a CONNECT packet with CONNECT_ERROR. The error is one of data that cannot be encoded, and the answer
// went without them.
func (c *conn) refuse(ns string, err error) error {
	type data struct {
		Code event.Code      `json:"code"`
		Data json.RawMessage `json:"data,omitempty"`
	}
	var answer, bare connectError
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		answer = connectError{refusal.Message, refusal.Data}
		bare = connectError{Message: refusal.Message}
	} else {
		e := event.AsError(err)
		answer = connectError{e.Message, data{e.Code, e.Data}}
		bare = connectError{e.Message, data{Code: e.Code}}
	}
	p, problem := answer.packet(ns)
	if problem != nil {
		p, err = bare.packet(ns)
		if err != nil { // there is nothing in it that could fail
			return err
		}
		problem = fmt.Errorf("server: encode data of a refusal: %w", problem)
	}
	if err := c.send(p); err != nil {
		c.srv.cfg.Logger.Debug("socket.io: refusal not sent", "namespace", ns, "error", err)
	}
	return problem
}

// connectError is what a CONNECT_ERROR packet says.
type connectError struct {
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

// packet is the packet, if it is one that every client can read.
func (e connectError) packet(ns string) (socketio.Packet, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return socketio.Packet{}, err
	}
	if !utf8.Valid(text) { // JSON that the data brought along
		return socketio.Packet{}, errNotUTF8
	}
	p := socketio.Packet{Type: socketio.PacketConnectError, Namespace: ns, Data: text}
	return p, p.Valid(socketio.Limits{})
}

var errNotUTF8 = errors.New("bytes that are not UTF-8")

// enter makes the socket a member, tells the client and starts its dispatch. session is the one being recovered,
// if it has an id.
func (s *Socket) enter(session adapter.Session) {
	s.mu.Lock()
	if s.state.Load() == stateClosed {
		s.mu.Unlock()
		s.giveBack(session)
		s.srv().release(s.ns)
		return
	}
	s.state.Store(stateJoining)
	if s.rec != nil {
		s.rec.entered = true
	}
	var rooms []event.Room
	if s.more != nil {
		rooms = slices.Clone(s.more.rooms)
	}
	s.mu.Unlock()

	s.conn.joined() // it may take long to send what was missed
	err := s.join(session, rooms)
	joined := err == nil
	if joined {
		s.settle()
	}
	if joined && s.Recovered() { // what follows finds room behind the last portion
		err = s.conn.session.Flush(s.Context())
	}
	if err == nil {
		err = s.welcome()
	}
	if err != nil {
		s.srv().cfg.Logger.Debug("socket.io: not let in", "namespace", s.nsName, "sid", s.id, "error", err)
		s.conn.session.Close(engineio.ReasonTransportError)
		s.end(engineio.ReasonTransportError, err, false)
		if !joined {
			s.logHeld() // before anybody can take the session
			s.undone(session, err)
		}
		s.finish(false)
		return
	}
	if !s.goLive() { // it was told that it is in, and so is the application
		s.finish(true)
		if s.peek().reason == engineio.ReasonServerNamespaceDisconnect {
			s.sayGoodbye()
			s.conn.goodbyes(-1)
		}
		return
	}
	s.srv().cfg.Logger.Debug("socket.io: connected", "namespace", s.nsName, "sid", s.id, "recovered", s.Recovered())
}

// welcome queues the CONNECT packet.
func (s *Socket) welcome() error {
	text := append(make([]byte, 0, 64), `{"sid":"`...)
	text = append(text, s.id...)
	if s.rec != nil {
		text = append(text, `","pid":"`...)
		text = append(text, s.rec.pid...)
		if !s.rec.recovered { // what a position of this log looks like; clients of the reference do not look
			text = append(text, `","offset":"`...)
			text = append(text, s.rec.start...)
		}
	}
	text = append(text, `"}`...)
	return s.conn.send(socketio.Packet{Type: socketio.PacketConnect, Namespace: s.nsName, Data: text})
}

// goLive sends what was held back and starts dispatch. It reports false when the socket has ended meanwhile.
func (s *Socket) goLive() bool {
	s.mu.Lock()
	for s.state.Load() != stateClosed && s.more != nil && len(s.more.ready) > 0 {
		list := s.more.ready
		s.more.ready = nil
		s.mu.Unlock()
		for _, send := range list {
			send()
		}
		s.mu.Lock()
	}
	defer s.mu.Unlock()
	alive := s.state.Load() != stateClosed
	if alive {
		s.state.Store(stateLive)
	}
	if s.ns.hasConnect() {
		first := &Event{socket: s, kind: kindConnect, next: s.head}
		s.head = first
		if s.tail == nil {
			s.tail = first
		}
		s.gated = true
	}
	if alive {
		s.startWorker()
	}
	return alive
}

func (ns *Namespace) hasConnect() bool {
	found := false
	ns.eachHooks(func(h *hooks) { found = found || len(h.onConnect.get()) > 0 })
	return found
}

// maxJoining bounds what may be sent to a socket in the moment in which it is let in. Nothing of it can be dropped: it
// is a member already.
const maxJoining = 1 << 14

// held is something that was emitted before the socket was let in.
type held struct {
	kind heldKind
	send func()
}

type heldKind uint8

const (
	heldDirect    heldKind = iota // for this socket alone
	heldForLog                    // the same with recovery: it gets its place in the log when it is sent
	heldDelivered                 // by the adapter: it has its place in the log, if there is one
)

// settle gives what was held for the log its place there, and all the rest the place behind it.
func (s *Socket) settle() {
	s.mu.Lock() // without defer: a listener of the application may end the goroutine while it is not held
	for s.state.Load() != stateClosed && s.more != nil && len(s.more.held) > 0 {
		list := s.more.held
		s.more.held, s.more.settling = nil, true
		s.mu.Unlock()
		for _, h := range list {
			if h.kind == heldForLog { // and it is delivered, or will be replayed
				h.send()
				continue
			}
			s.mu.Lock()
			if s.state.Load() != stateClosed {
				s.more.ready = append(s.more.ready, h.send)
			}
			s.mu.Unlock()
		}
		s.mu.Lock()
	}
	if s.more != nil {
		s.more.settling = false
	}
	s.mu.Unlock()
}

// logHeld logs what was held for the log of a socket that has ended and can be recovered: Emit has promised to keep it.
func (s *Socket) logHeld() {
	s.mu.Lock()
	var list []held
	if s.more.reason.Recoverable() {
		list = s.more.held
	}
	s.more.held = nil
	s.mu.Unlock()
	for _, h := range list {
		if h.kind == heldForLog {
			h.send()
		}
	}
}

// hold keeps send back until the socket is live. It reports false when the caller shall go on by itself: the socket is
// live, or what is for the log need not wait.
func (s *Socket) hold(kind heldKind, send func()) (wait bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.extra()
	unsettled := len(x.held) > 0 || x.settling
	switch s.state.Load() {
	case stateLive:
		return false, nil
	case stateClosed:
		return true, ErrDisconnected
	case stateConnecting:
		if len(x.held)+len(x.ready) >= s.srv().cfg.Limits.Held {
			return true, ErrHeld
		}
	case stateJoining:
		if kind == heldForLog && !unsettled && s.member {
			return false, nil
		}
		if len(x.held)+len(x.ready) >= maxJoining {
			s.conn.session.Close(engineio.ReasonSlow)
			return true, engine.ErrSlow
		}
	}
	if kind == heldForLog || kind == heldDirect && unsettled {
		x.held = append(x.held, held{kind, send})
	} else {
		x.ready = append(x.ready, send)
	}
	return true, nil
}

// authValue is what the client sent with CONNECT.
func (s *Socket) authValue() event.Value { return event.Value{JSON: s.auth} }
