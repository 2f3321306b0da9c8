package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime/debug"
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
		c.turnAway(p.Namespace, event.Errorf(event.CodeTooLarge, "too many namespaces"))
		return
	}
	c.sockets = append(c.sockets, s)
	c.left = slices.DeleteFunc(c.left, func(ns string) bool { return ns == p.Namespace })
	c.mu.Unlock()

	ns, dynamic := c.srv.lookup(p.Namespace)
	if ns == nil && !dynamic {
		c.remove(s, false)
		c.turnAway(p.Namespace, errInvalidNamespace)
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
// when its application connects once more before it was let in: the answer to the first is that to the second. If the
// client says by now that it is somebody else, it is asked once more whether that one may come in, as long as the first
// was not let in; then it is too late.
func (c *conn) connectAgain(earlier *Socket, p *socketio.Packet) {
	same := sameAuth(earlier.auth, p.Data)
	earlier.mu.Lock()
	switch state := earlier.state.Load(); {
	case state == stateClosed:
		earlier.mu.Unlock()
	case state == stateConnecting && !same: // with a reason after which its successor may take up what it has left
		earlier.endLocked(engineio.ReasonTransportClose, errReplaced, true)
	default:
		earlier.mu.Unlock()
		if !same || state > stateJoining {
			c.violation(errors.New("server: CONNECT to a namespace that is joined"))
		}
		return
	}
	c.remove(earlier, false)
	c.connect(p)
}

// sameAuth reports whether two CONNECT packets say the same, apart from how far the client has come: that changes while
// it gets what it had missed.
func sameAuth(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y map[string]json.RawMessage
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil || x["pid"] == nil {
		return false
	}
	delete(x, "offset")
	delete(y, "offset")
	return maps.EqualFunc(x, y, func(v, w json.RawMessage) bool { return bytes.Equal(v, w) })
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
	session, err := adapter.Session{}, errGoexit
	defer func() {
		if err != nil {
			s.refuse(err)
			s.giveBack(session) // after the end, so that its reason is known
		}
	}()
	if err = s.mayEnter(&session); err == nil {
		s.enter(session)
	}
}

// mayEnter is the first half of admit. It leaves the session that is recovered in taken.
func (s *Socket) mayEnter(taken *adapter.Session) error {
	ctx := s.Context()
	if s.ns == nil {
		var ns *Namespace
		err := s.guard("", func() (err error) {
			ns, err = s.srv().resolve(ctx, s.nsName, s.authValue())
			return err
		})
		if err != nil {
			return err
		}
		s.ns = ns
	}
	if !s.ns.isOpen() {
		select {
		case <-s.ns.announced:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	session, recovered := s.takeSession(ctx)
	*taken = session
	if recovered && s.srv().cfg.RecoverySkipsMiddleware {
		return nil
	}
	return s.askMiddleware(ctx)
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
	answer, problem := refusal(s.nsName, err)
	var sent error
	s.mu.Lock()
	gone := s.state.Load() == stateClosed
	if !gone {
		sent = s.conn.send(answer) // first: the answer to a successor comes behind
		s.state.Store(stateClosed)
		if s.more != nil {
			s.more.held, s.more.ready, s.more.size = nil, nil, 0
		}
	}
	pending := s.pending
	s.pending = nil
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
	if problem != nil {
		s.srv().fault(Fault{Namespace: s.ns, Socket: s, Err: problem})
	}
	if sent != nil {
		s.srv().cfg.Logger.Debug("socket.io: refusal not sent", "namespace", s.nsName, "error", sent)
	}
}

// turnAway refuses a client that gets no socket.
func (c *conn) turnAway(ns string, err error) {
	answer, _ := refusal(ns, err)
	_ = c.send(answer) // an error means that the connection is gone
}

// refusal is the CONNECT_ERROR packet for err. The second error is one of data that cannot be encoded, and the packet
// is without them.
func refusal(ns string, err error) (socketio.Packet, error) {
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
		p, _ = bare.packet(ns) // there is nothing in it that could fail
		problem = fmt.Errorf("server: encode data of a refusal: %w", problem)
	}
	return p, problem
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
	joined, err := false, errGoexit
	defer func() { s.entered(session, joined, err) }()
	err = s.letIn(session, rooms, &joined)
}

// letIn makes the socket a member and queues what the client had missed and the CONNECT packet.
func (s *Socket) letIn(session adapter.Session, rooms []event.Room, joined *bool) error {
	if err := s.join(session, rooms); err != nil {
		return err
	}
	*joined = true
	s.settle()
	if s.Recovered() { // what follows finds room behind the last portion
		if err := s.conn.session.Flush(s.Context()); err != nil {
			return err
		}
	}
	return s.welcome()
}

// entered is the rest of enter, also when a listener has ended the goroutine.
func (s *Socket) entered(session adapter.Session, joined bool, err error) {
	if err != nil {
		defer s.outAgain()
		reason := engineio.ReasonTransportError
		if err == errGoexit {
			s.srv().fault(Fault{Namespace: s.ns, Socket: s, Err: err, Stack: debug.Stack()})
			reason = engineio.ReasonForcedClose
		}
		s.srv().cfg.Logger.Debug("socket.io: not let in", "namespace", s.nsName, "sid", s.id, "error", err)
		if s.end(reason, err, false) { // else it has ended for another reason, and the connection may go on
			s.conn.session.Close(reason)
		}
		if !joined {
			defer s.undone(session, err)
			s.ns.adapter.Remove(s) // a listener may have ended the goroutine when it was a member already
		}
		return
	}
	s.live()
}

// outAgain finishes a socket that was not let in.
func (s *Socket) outAgain() {
	if s.peek().reason != engineio.ReasonServerNamespaceDisconnect {
		s.finish(false)
		return
	} // else the client was told that it was in, and so is the application
	s.live()
}

// live begins to serve a socket that was let in, or finishes it if it has ended meanwhile.
func (s *Socket) live() {
	if !s.goLive() {
		s.finish(true)
		return
	}
	s.srv().cfg.Logger.Debug("socket.io: connected", "namespace", s.nsName, "sid", s.id, "recovered", s.Recovered())
}

// welcome queues the CONNECT packet, unless the socket has ended: its client may have come again, and have its answer.
func (s *Socket) welcome() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Load() == stateClosed {
		return ErrDisconnected
	}
	err := s.greet()
	if err == nil {
		s.state.Store(stateGreeted)
	}
	return err
}

// greet queues the CONNECT packet; the caller holds mu.
func (s *Socket) greet() error {
	text := append(make([]byte, 0, 64), `{"sid":"`...)
	text = append(text, s.id...)
	if s.rec != nil {
		text = append(text, `","pid":"`...)
		text = append(text, s.rec.pid...)
		if s.rec.start != "" && !s.rec.recovered { // what a position of this log looks like; clients of the reference do not look
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
		s.more.ready, s.more.size = nil, 0
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

// held is something that was emitted before the socket was let in.
type held struct {
	kind heldKind
	size int // in bytes
	send func()
}

type heldKind uint8

const (
	heldDirect    heldKind = iota // for this socket alone
	heldForLog                    // the same with recovery: it gets its place in the log when it is settled
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
				s.mu.Lock()
				s.more.size -= h.size
				s.mu.Unlock()
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
// live, or what is for the log need not wait. Of a member nothing can be dropped: what is held for it is bounded as what
// a client may have waiting for a moment, in packets and in bytes, which size is. What is volatile has to go now.
func (s *Socket) hold(kind heldKind, volatile bool, size int, send func()) (wait bool, err error) {
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
	case stateJoining, stateGreeted:
		if kind == heldForLog && !unsettled && s.member {
			return false, nil
		}
		q, n := &s.srv().queue, len(x.held)+len(x.ready)
		if volatile && (n >= s.srv().cfg.Limits.Held || x.size > 0 && x.size+size > q.Bytes || !s.conn.session.Writable()) {
			return true, engine.ErrNotWritable
		}
		if n >= q.BurstMessages || x.size > 0 && x.size+size > q.BurstBytes {
			s.conn.session.Close(engineio.ReasonSlow)
			return true, engine.ErrSlow
		}
	}
	x.size += size
	if kind == heldForLog || kind == heldDirect && unsettled {
		x.held = append(x.held, held{kind, size, send})
	} else {
		x.ready = append(x.ready, send)
	}
	return true, nil
}

// authValue is what the client sent with CONNECT.
func (s *Socket) authValue() event.Value { return event.Value{JSON: s.auth} }
