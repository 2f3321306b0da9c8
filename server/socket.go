package server

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"parley/server/adapter"
	"parley/server/engine"
	"parley/shared/engineio"
	"parley/shared/event"
	"parley/shared/socketio"
)

// Socket is one client in one [Namespace]. All methods are safe for concurrent use and never wait for the
// network, but for [Socket.EmitAck].
type Socket struct {
	slot   adapter.Slot
	ns     *Namespace // set once the namespace is resolved, before any application code sees the socket
	conn   *conn
	id     string
	nsName string
	auth   []byte
	rec    *recovery // nil without recovery
	state  atomic.Uint32
	over   atomic.Bool // nothing but a goodbye may be queued any more: see [engine.SendOptions].Until

	mu      sync.Mutex
	head    *Event // guarded by mu: the inbox, a queue of what its handlers have to do
	tail    *Event
	queued  int                                // guarded by mu: events in the inbox
	bytes   int                                // guarded by mu: their size
	workers int                                // guarded by mu: goroutines that empty the inbox
	gated   bool                               // guarded by mu: only one worker, the OnConnect handlers are running
	member  bool                               // guarded by mu: the adapter has been given it with its rooms
	pending map[uint64]func(event.Args, error) // guarded by mu: acknowledgements waited for
	more    *extras                            // guarded by mu; nil while not needed
}

// The states of a socket, in their only order.
const (
	stateConnecting uint32 = iota // middlewares run
	stateJoining                  // a member, or about to be; CONNECT is not queued yet, so events are held
	stateGreeted                  // CONNECT is queued, and what was held follows
	stateLive
	stateClosed
)

// extras is what few sockets need.
type extras struct {
	held     []held        // emitted before it was let in; has to wait for settle
	ready    []func()      // to be sent once live
	size     int           // of both, in bytes
	rooms    []event.Room  // until it is a member: to be joined then; after the end: what OnDisconnecting sees
	data     map[any]any   // Socket.Set
	space    chan struct{} // closed when a full inbox has room again
	rate     *allowance
	reason   engineio.Reason // how it ended
	cause    error
	settling bool // settle is at work
	keep     bool // events in the inbox are still handled after the end
	left     bool // OnDisconnecting is over
	ctx      contextState

	table           table
	onAny           list[func(string, event.Args)]
	onOutgoing      list[func(string, event.Args)]
	onDisconnect    list[func(engineio.Reason, error)]
	onDisconnecting list[func(engineio.Reason, error)]
	use             list[func(EventFunc) EventFunc]
}

// extra returns the rarely needed part; the caller holds mu.
func (s *Socket) extra() *extras {
	if s.more == nil {
		s.more = &extras{}
	}
	return s.more
}

// lists is extra for a caller that does not hold mu. The lists in it are safe without it.
func (s *Socket) lists() *extras {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.extra()
}

// peek is the rarely needed part, or nil.
func (s *Socket) peek() *extras {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.more
}

func (s *Socket) srv() *Server { return s.conn.srv }

// ID is the socket's public id: 20 characters, new at each connection unless it was recovered. It is the name of
// the socket's own room, and tells nothing about the user or the connection's secret id.
func (s *Socket) ID() string { return s.id }

// Namespace is where the socket is.
func (s *Socket) Namespace() *Namespace { return s.ns }

// Conn is the connection that carries the socket and perhaps others: transport, buffered amount, secret id.
func (s *Socket) Conn() *engine.Session { return s.conn.session }

// Connected reports whether the socket can send: true from OnConnect to OnDisconnect, unless it ended in between.
func (s *Socket) Connected() bool {
	state := s.state.Load()
	return state != stateConnecting && state != stateClosed
}

// Slot is for adapters.
func (s *Socket) Slot() *adapter.Slot { return &s.slot }

// Join adds the socket to rooms. Joining a room twice does nothing. In a connect middleware it takes effect when
// the socket is let in. It returns ErrDisconnected, ErrTooManyRooms or ErrRoomName, and then has joined none.
func (s *Socket) Join(rooms ...event.Room) error {
	limits := &s.srv().cfg.Limits
	for _, r := range rooms {
		if len(r) > limits.RoomBytes || !utf8.ValidString(string(r)) || containsControl(string(r)) {
			return ErrRoomName
		}
	}
	if noted, err := s.noteJoin(rooms); noted {
		return err
	}
	switch err := s.ns.adapter.Join(s, rooms...); {
	case errors.Is(err, adapter.ErrNotMember):
		return ErrDisconnected
	case errors.Is(err, adapter.ErrTooManyRooms):
		return ErrTooManyRooms
	case err != nil:
		return err
	}
	s.keepSession()
	return nil
}

// noteJoin is Join as long as the adapter does not know the socket. It reports false when it does.
func (s *Socket) noteJoin(rooms []event.Room) (noted bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Load() == stateClosed {
		return true, ErrDisconnected
	}
	if s.member {
		return false, nil
	}
	x := s.extra()
	wanted := slices.Clip(x.rooms)
	for _, r := range rooms {
		if string(r) != s.id && !slices.Contains(wanted, r) {
			wanted = append(wanted, r)
		}
	}
	if len(wanted) > len(x.rooms) && len(wanted) > s.srv().cfg.Limits.Rooms {
		return true, ErrTooManyRooms
	}
	x.rooms = wanted
	return true, nil
}

// becomeMember makes up for the changes of rooms that were noted since the adapter was given the socket with rooms.
// From then on they go to the adapter.
func (s *Socket) becomeMember(rooms []event.Room) {
	s.mu.Lock() // without defer, see settle
	for s.more != nil && !slices.Equal(s.more.rooms, rooms) {
		had, wanted := rooms, slices.Clone(s.more.rooms)
		s.mu.Unlock()
		s.ns.adapter.Leave(s, without(had, wanted)...)
		_ = s.ns.adapter.Join(s, without(wanted, had)...) // noteJoin kept the limit; it may be over
		rooms = wanted
		s.mu.Lock()
	}
	s.member = true
	if s.more != nil {
		s.more.rooms = nil
	}
	s.mu.Unlock()
}

// without is the part of list that is not in other.
func without(list, other []event.Room) (rest []event.Room) {
	for _, r := range list {
		if !slices.Contains(other, r) {
			rest = append(rest, r)
		}
	}
	return rest
}

// Leave takes the socket out of rooms; those it is not in are passed over, and its own room cannot be left.
func (s *Socket) Leave(rooms ...event.Room) {
	if s.noteLeave(rooms) {
		return
	}
	s.ns.adapter.Leave(s, rooms...)
	s.keepSession()
}

// noteLeave is Leave as long as the adapter does not know the socket. It reports false when it does.
func (s *Socket) noteLeave(rooms []event.Room) (noted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.member || s.state.Load() == stateClosed {
		return s.state.Load() == stateClosed
	}
	x := s.extra()
	x.rooms = without(x.rooms, rooms)
	return true
}

// Rooms lists the rooms the socket is in, its own first. OnDisconnecting still sees them, OnDisconnect sees none.
func (s *Socket) Rooms() []event.Room {
	rooms, left := s.allRooms()
	if left {
		return nil
	}
	return rooms
}

// allRooms is Rooms, and after the end what they were; left says that OnDisconnecting is over.
func (s *Socket) allRooms() (rooms []event.Room, left bool) {
	s.mu.Lock()
	state := s.state.Load()
	if s.member && state != stateClosed {
		s.mu.Unlock()
		return s.ns.adapter.Index().RoomsOf(s), false
	}
	defer s.mu.Unlock()
	if state == stateJoining {
		rooms = append(rooms, event.Room(s.id))
	}
	if s.more != nil {
		rooms, left = append(rooms, s.more.rooms...), s.more.left
	}
	return rooms, left
}

// In reports whether the socket is in the room.
func (s *Socket) In(room event.Room) bool { return slices.Contains(s.Rooms(), room) }

// Set keeps application data with the socket. With recovery it is found again by the recovered socket; what has
// a string key and can be written as JSON also on another server, and in [RemoteSocket.Data].
func (s *Socket) Set(key, value any) {
	s.mu.Lock()
	x := s.extra()
	if x.data == nil {
		x.data = map[any]any{}
	}
	x.data[key] = value
	s.mu.Unlock()
	s.keepSession()
}

// Get returns what Set kept under key, or nil.
func (s *Socket) Get(key any) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.more == nil {
		return nil
	}
	return s.more.data[key]
}

// Disconnect takes the client out of the namespace with the reason "server namespace disconnect"; the client does
// not come back by itself. With closeConn it is taken out of every namespace and the connection is closed. Events
// that wait for their handlers are dropped. For a socket that has ended neither does anything; [Socket.Conn] closes the
// connection in any case.
func (s *Socket) Disconnect(closeConn bool) {
	if s.state.Load() == stateClosed {
		return
	}
	if !closeConn {
		s.end(engineio.ReasonServerNamespaceDisconnect, nil, false)
		return
	}
	defer s.conn.session.Close(engineio.ReasonForcedServerClose)
	endAll(s.conn.all(), engineio.ReasonServerNamespaceDisconnect, nil, false)
}

// sayGoodbye queues the DISCONNECT packet, and the CONNECT packet before it if the client still waits for that as a
// member, which was is about; the caller holds mu. A failure to send means that the connection is gone.
func (s *Socket) sayGoodbye(was uint32) {
	if was == stateJoining {
		_ = s.greet()
	}
	_ = s.conn.send(socketio.Packet{Type: socketio.PacketDisconnect, Namespace: s.nsName})
}

// end ends the socket, once; it reports false when it has ended already. keep says whether events that wait are still
// handled.
func (s *Socket) end(reason engineio.Reason, cause error, keep bool) bool {
	s.mu.Lock()
	if s.state.Load() == stateClosed {
		s.mu.Unlock()
		return false
	}
	s.endLocked(reason, cause, keep)
	return true
}

// endLocked is end for a socket that has not ended; it releases mu. The last packet that the client gets from the socket
// is queued before the connection forgets it, so that those of its successor come behind. And the reason is set before
// anybody sees that packet: a client that closes the connection as soon as it is told cannot be first.
func (s *Socket) endLocked(reason engineio.Reason, cause error, keep bool) {
	defer s.closeContext() // also when a listener ends the goroutine
	was := s.state.Swap(stateClosed)
	s.over.Store(true) // so that nothing comes behind the goodbye, whoever is just about to queue something
	if reason == engineio.ReasonServerNamespaceDisconnect {
		s.sayGoodbye(was)
	}
	x := s.extra()
	x.reason, x.cause, x.keep = reason, cause, keep
	x.ready = nil
	if x.space != nil { // who waits for room in the inbox waits for nothing now, and others on the connection with it
		close(x.space)
		x.space = nil
	}
	pending := s.pending
	s.pending = nil
	s.mu.Unlock()

	s.conn.remove(s, reason == engineio.ReasonServerNamespaceDisconnect)
	for _, done := range pending {
		done(nil, ErrDisconnected)
	}
	if was == stateLive { // else whoever lets it in finds it closed and cleans up
		s.finish(true)
	}
}

// finish takes an ended socket out of its namespace. announced says whether the application knows the socket.
func (s *Socket) finish(announced bool) {
	known := false
	defer func() { s.finished(announced, known) }()
	rooms := s.ns.adapter.Remove(s)
	s.mu.Lock()
	s.more.rooms = rooms
	s.mu.Unlock()
	known = true
}

// finished is the rest of finish. known is false when a listener has ended the goroutine and the rooms are lost with it.
func (s *Socket) finished(announced, known bool) {
	s.mu.Lock()
	reason := s.more.reason
	s.mu.Unlock()
	s.logHeld()
	s.storeSession(known && reason.Recoverable())
	if announced {
		s.srv().cfg.Logger.Debug("socket.io: disconnected", "namespace", s.nsName, "sid", s.id, "reason", reason)
		s.queueEnd()
	}
	s.srv().release(s.ns)
}

// newID returns 120 random bits as 20 characters.
func newID() string {
	var b [15]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func containsControl(s string) bool {
	for _, r := range s {
		if unicode.IsControl(r) {
			return true
		}
	}
	return false
}
