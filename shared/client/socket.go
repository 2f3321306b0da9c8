package client

import (
	"context"
	"time"

	"parley/shared/engineio"
	"parley/shared/event"
)

// A Socket is this client's end of one namespace. Conn.Of returns it, always the
// same one for a namespace, and it lives as long as its Conn, over all
// reconnections. Volatile, Timeout, Unbuffered and As return another view of the
// same Socket whose emits are treated differently. Its methods may be called by
// several goroutines at once.
//
// Handlers of one Socket run one at a time, in the order of arrival, on a
// goroutine that belongs to the Socket. They may wait, also for an
// acknowledgement: acknowledgements do not pass through that goroutine.
type Socket struct {
	core       *core
	volatile   bool
	unbuffered bool
	direct     bool   // passes the hook
	declared   string // another namespace whose declarations it takes, or ""
	timeout    time.Duration
}

type phase byte

const (
	phaseOff     phase = iota // not connected
	phaseAsking               // auth is being made, or CONNECT was sent
	phaseOpening              // CONNECT was answered, the hook runs
	phaseOn                   // connected
)

// core is what all views of a Socket share.
type core struct {
	conn   *Conn
	ns     string
	socket *Socket
	lane   *lane
	made   time.Time // handlers may be late for this long; see heldFor

	handlers     registry
	onAny        listeners[func(string, event.Args)]
	onAnySent    listeners[func(string, event.Args)]
	onConnect    listeners[func()]
	onDisconnect listeners[func(engineio.Reason, error)]
	onError      listeners[func(error)]

	// Guarded by Conn.mu.
	active    bool // wants to be connected
	phase     phase
	asked     bool          // CONNECT was sent and is not answered
	barred    bool          // CONNECT must wait for the answer to a probe
	announced bool          // OnConnect was called for this connection
	outcomes  uint64        // counts connects and refusals, which last; see listeners.tell
	refusal   *ConnectError // why it is not active, until Connect
	final     bool          // OnConnectError was told of refusal and did not Connect
	id        string
	recovered bool
	session   recovery
	shown     Recovery // what the handlers have seen of session
	auth      func(context.Context) (any, error)
	before    func(context.Context, *Socket) error
	joinCtx   context.Context // ends with this connection of the namespace
	joinEnd   context.CancelCauseFunc
	failures  int // CONNECTs in a row that failed on this side
	ids       uint64
	pending   map[uint64]*waiter
	buffer    []*outgoing
	early     []func() // events that arrived before OnConnect may be called
	earlyFrom recovery // session as it was before the first of early
	retry     retryQueue
	held      []held // events nobody listened to yet; used on the lane only
}

func (c *Conn) newCore(ns string) *core {
	k := &core{
		conn: c, ns: ns, lane: c.newLane(), made: c.cfg.now(),
		auth: c.cfg.Auth, pending: map[uint64]*waiter{},
	}
	k.socket = &Socket{core: k}
	if c.closed {
		k.lane.close()
	}
	return k
}

// Namespace is the name of the namespace, with its leading slash.
func (s *Socket) Namespace() string { return s.core.ns }

// Conn is the connection the Socket belongs to.
func (s *Socket) Conn() *Conn { return s.core.conn }

// Connected reports whether the server has accepted this client in the namespace
// and emits are sent at once.
func (s *Socket) Connected() bool {
	s.lock()
	defer s.unlock()
	return s.core.phase == phaseOn
}

// Active reports whether the Socket is connected or will be as soon as the
// connection allows: false before Connect after a refusal by the server, after
// Disconnect, and after the server disconnected it.
func (s *Socket) Active() bool {
	s.lock()
	defer s.unlock()
	return s.core.active
}

// ID is the server's id of this connection of the namespace, "" while it is not
// connected. It changes at every reconnection that was not recovered.
func (s *Socket) ID() string {
	s.lock()
	defer s.unlock()
	return s.core.id
}

// Recovered reports whether the last connect took over the state of the
// connection before: same id, same rooms, and missed events were replayed.
func (s *Socket) Recovered() bool {
	s.lock()
	defer s.unlock()
	return s.core.recovered
}

// SetAuth overrides Config.Auth for this namespace from the next CONNECT on.
func (s *Socket) SetAuth(auth func(ctx context.Context) (any, error)) {
	s.lock()
	defer s.unlock()
	s.core.auth = auth
}

// BeforeFlush sets a hook that is called after every CONNECT that the server has
// accepted and before anything buffered is sent, any event is handled and any
// OnConnect function is called. Emits of the Socket it gets are sent at once;
// those made elsewhere wait until the hook has returned. It runs on a goroutine
// of its own; ctx ends with the connection of the namespace. If it fails, the
// namespace is left again and OnConnectError gets the error; it is tried again
// as after a lost connection, or not, if the error is an *event.Error whose code
// is not retryable.
func (s *Socket) BeforeFlush(hook func(ctx context.Context, s *Socket) error) {
	s.lock()
	defer s.unlock()
	s.core.before = hook
}

// Connect connects the namespace, and the connection if it is idle. It has only
// to be called after Disconnect, a refusal, or a disconnect by the server. It
// never blocks.
func (s *Socket) Connect() {
	s.lock()
	defer s.unlock()
	if !s.core.active {
		s.core.activate(true)
	}
}

// Disconnect leaves the namespace after what was emitted has been sent, with
// reason "io client disconnect", and stays away until Connect. Acknowledgements
// that are due fail; what is buffered stays; the state on the server is given up.
// The connection is closed when its last Socket leaves. It never blocks.
func (s *Socket) Disconnect() {
	s.lock()
	defer s.unlock()
	s.core.leave()
	s.core.conn.idleIfDeserted()
}

// OnConnect calls fn at every connect and reconnect, after the hook and after
// replayed events have been handled. On a Socket that is connected already it
// calls fn for the present connection too, soon and once, so that it does not
// matter whether a program registers before or after the server's answer: what
// is to be done at reconnects only has to tell the first call from the others.
// (The reference calls a late listener at the next connect only.) Handlers of
// events belong elsewhere, else they are registered once more at every reconnect.
func (s *Socket) OnConnect(fn func()) (stop func()) {
	k := s.core
	stop = k.onConnect.add(fn)
	s.lock()
	defer s.unlock()
	if k.announced {
		k.tellConnected()
	}
	return stop
}

// OnDisconnect calls fn whenever a connection that OnConnect was told of ends.
// reason.Reconnects() says whether the client comes back by itself; err says more
// about the cause and may be nil.
func (s *Socket) OnDisconnect(fn func(reason engineio.Reason, err error)) (stop func()) {
	return s.core.onDisconnect.add(fn)
}

// OnConnectError calls fn whenever connecting failed, with a *ConnectError:
// because the server refused (Active is false then, and only Connect tries
// again), or for a cause on the way (the client goes on trying). On a Socket that
// waits for its Connect after a failure it calls fn with that one too, as
// OnConnect does with a connection.
func (s *Socket) OnConnectError(fn func(err error)) (stop func()) {
	k := s.core
	stop = k.onError.add(fn)
	s.lock()
	defer s.unlock()
	if k.refusal != nil {
		k.tellRefused()
	}
	return stop
}

// Volatile returns a view whose emits are dropped, without an error, when they
// cannot be sent at once: while not connected, and while earlier ones wait in
// the connection. An EmitAck fails with ErrNotConnected instead.
func (s *Socket) Volatile() *Socket {
	v := *s
	v.volatile = true
	return &v
}

// Unbuffered returns a view whose emits fail with ErrNotConnected when the
// namespace is not connected, instead of being buffered.
func (s *Socket) Unbuffered() *Socket {
	v := *s
	v.unbuffered = true
	return &v
}

// Timeout returns a view with another bound on the wait for acknowledgements
// than Config.AckTimeout; negative means no bound.
func (s *Socket) Timeout(d time.Duration) *Socket {
	v := *s
	v.timeout = d
	return &v
}

// As returns a view that takes, in the typed functions, what is declared for
// another namespace besides what is declared for its own: the contract of dynamic
// namespaces, which the server makes when they are asked for (its Match), is
// declared once, for a name that stands for all of them. As the server's side of
// the same rule, it does not compare the names.
//
//	var Game = event.NewNamespace("/game") // stands for /game-1, /game-2, …
//	var Move = event.NewCall[Step, Board](Game, "move")
//
//	server.Handle(srv.Match(regexp.MustCompile(`^/game-\d+$`)), Move, …)
//	board, err := client.Call(ctx, conn.Of(ns).As(Game), Move, step)
func (s *Socket) As(declared event.Namespace) *Socket {
	v := *s
	v.declared = declared.Name()
	return &v
}

// Buffered reports how many emits wait for a connect.
func (s *Socket) Buffered() int {
	s.lock()
	defer s.unlock()
	return len(s.core.buffer)
}

// ClearBuffer drops the emits that wait for a connect and returns how many there
// were. Those with an acknowledgement fail with ErrNotConnected.
func (s *Socket) ClearBuffer() int {
	s.lock()
	defer s.unlock()
	n := len(s.core.buffer)
	s.core.failBuffered(ErrNotConnected)
	return n
}

func (s *Socket) lock()   { s.core.conn.mu.Lock() }
func (s *Socket) unlock() { s.core.conn.mu.Unlock() }
