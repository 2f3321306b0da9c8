package adapter

import (
	"context"
	"sync"
	"time"
	"weak"

	"parley/shared/event"
)

// LocalConfig is the configuration of [NewLocal]. The zero value is an adapter without recovery.
type LocalConfig struct {
	// Recovery is how long after its loss a connection may be taken up again. 0: not at all.
	Recovery time.Duration
	// Unproven is how long a connection can be dead before this server notices: two heartbeats' timeouts and an
	// interval. The log reaches back that much further than Recovery, so that it still has what was sent in that time.
	// Default 65 s.
	Unproven time.Duration
	// LogBytes bounds the memory of the log; when it cuts the log short, clients that would need the lost part
	// are not recovered. Default 64 MiB.
	LogBytes int
}

// Local is the adapter of a single server: everything is in memory. Broadcasts are delivered before Broadcast
// returns. With recovery, the log is appended to and delivered from in one step, so that every member sees
// positions grow; without, broadcasts take no lock beside the index's.
type Local struct {
	index Index
	sink  Sink
	cfg   LocalConfig

	mu       sync.Mutex          // taken before the index's lock
	log      *log                // guarded by mu; nil without recovery
	picked   uint64              // written with mu and the index's lock held: entries up to this one have their receivers
	sessions map[string]*session // guarded by smu
	smu      sync.Mutex          // never held while calling out
	sweep    *time.Timer         // guarded by smu; nil while there is nothing to expire
	sweeping bool                // guarded by smu: sweep will fire
	closed   bool                // guarded by smu
}

// session is a stored session and, while it is connected, its owner.
type session struct {
	Session
	live Member
	past weak.Pointer[Slot] // of the owner that was lost
	old  Member             // who is evicted for somebody that takes the session just now; then nothing else is here
}

// NewLocal returns the adapter of one server's namespace. It starts nothing; a timer runs while there are lost
// sessions or log entries that can expire.
func NewLocal(sink Sink, cfg LocalConfig) *Local {
	if cfg.Unproven <= 0 {
		cfg.Unproven = 65 * time.Second
	}
	if cfg.LogBytes <= 0 {
		cfg.LogBytes = 64 << 20
	}
	l := &Local{sink: sink, cfg: cfg}
	if cfg.Recovery > 0 {
		l.log = newLog(cfg.Recovery+cfg.Unproven, cfg.LogBytes)
		l.sessions = map[string]*session{}
	}
	return l
}

// Index is the membership of this server's sockets.
func (l *Local) Index() *Index { return &l.index }

// Add makes m a member.
func (l *Local) Add(m Member, rooms []event.Room) (position string) {
	position, after := l.add(m, rooms)
	if after != nil {
		after()
	}
	return position
}

func (l *Local) add(m Member, rooms []event.Room) (position string, after func()) {
	if l.log == nil {
		return "", l.index.Add(m, rooms...)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	after, _ = l.index.add(m, newTrack(l.log.tail()), rooms)
	return l.log.position(l.log.tail()), after
}

// Remove ends a membership and returns the rooms m was in.
func (l *Local) Remove(m Member) []event.Room {
	return l.index.remove(m, func(s *Slot) {
		if t, ok := s.Track.(*track); ok {
			t.lost = l.picked
		}
	})
}

// Join adds m to rooms, if it is a member and may be in as many.
func (l *Local) Join(m Member, rooms ...event.Room) error {
	if l.log == nil {
		return l.index.Join(m, rooms...)
	}
	events, err := l.join(m, rooms)
	l.index.notify(events)
	return err
}

// Leave takes m out of rooms.
func (l *Local) Leave(m Member, rooms ...event.Room) {
	if l.log == nil {
		l.index.Leave(m, rooms...)
		return
	}
	l.index.notify(l.leave(m, rooms))
}

func (l *Local) join(m Member, rooms []event.Room) ([]RoomEvent, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.index.tryJoin(m, rooms, l.noting(m, true))
}

func (l *Local) leave(m Member, rooms []event.Room) []RoomEvent {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.index.tryLeave(m, rooms, l.noting(m, false))
}

// noting remembers changes of m's rooms at the present end of the log.
func (l *Local) noting(m Member, joined bool) func(event.Room) {
	return func(r event.Room) {
		if t, ok := m.Slot().Track.(*track); ok {
			t.note(change{at: l.log.tail(), room: r, joined: joined}, l.log.base)
		}
	}
}

// Broadcast logs p, where recovery asks for it, and queues it on every member of the target. It never fails.
func (l *Local) Broadcast(_ context.Context, t Target, p Packet) error {
	var after func()
	if l.log == nil {
		after = l.deliver(t, p)
	} else {
		after = l.logged(t, p)
	}
	if after != nil {
		after()
	}
	return nil
}

func (l *Local) logged(t Target, p Packet) (after func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !t.Volatile:
		p = l.log.append(t, p, time.Now())
		l.arm()
	case endsWithString(p):
		// A client takes any last string for a position. It gets a true one: all it can have missed up to here
		// is queued in front of this packet.
		p = withPosition(p, l.log.position(l.log.tail()))
	}
	return l.deliver(t, p)
}

func (l *Local) deliver(t Target, p Packet) (after func()) {
	list := l.index.borrow()
	if l.log == nil || t.Volatile {
		*list = l.index.Select((*list)[:0], t)
	} else {
		*list = l.receivers((*list)[:0], t, l.log.tail())
	}
	if len(*list) > 0 {
		after = l.sink.Deliver(*list, t.Flags, p)
	}
	l.index.giveBack(list)
	return after
}

// receivers is Select for an entry of the log.
func (l *Local) receivers(dst []Member, t Target, n uint64) []Member {
	x := &l.index
	x.mu.RLock()
	defer x.mu.RUnlock()
	dst = x.pick(dst, t)
	for _, m := range dst {
		if t, ok := m.Slot().Track.(*track); ok {
			t.queue(n)
		}
	}
	l.picked = n
	return dst
}

// Ask queues p on every member of the target and waits for their answers.
func (l *Local) Ask(ctx context.Context, t Target, p Packet, got func(Answer) bool) error {
	members := l.index.Select(nil, t)
	if len(members) == 0 {
		return nil
	}
	answers := make(chan Answer, len(members)) // room for all: answering never blocks
	finish := l.sink.Ask(members, t.Flags, p, func(a Answer) { answers <- a })
	defer finish(context.Canceled)
	done := ctx.Done()
	for range members {
		var a Answer
		select {
		case a = <-answers:
		case <-done:
			finish(context.Cause(ctx))
			done = nil
			a = <-answers
		}
		if !got(a) {
			return nil
		}
	}
	return nil
}

// Fetch describes the members of the target.
func (l *Local) Fetch(_ context.Context, t Target) ([]Info, error) {
	members := l.index.Select(nil, t)
	list := make([]Info, len(members))
	for i, m := range members {
		list[i] = m.Describe()
	}
	return list, nil
}

// Update applies c to the members of the target before it returns.
func (l *Local) Update(_ context.Context, t Target, c Change) error {
	if members := l.index.Select(nil, t); len(members) > 0 {
		l.sink.Apply(members, c)
	}
	return nil
}

// Servers is 1.
func (l *Local) Servers(context.Context) (int, error) { return 1, nil }

// ServerEmit reaches nobody: there is no other server.
func (l *Local) ServerEmit(context.Context, Packet) error { return nil }

// ServerAsk gets no answers: there is no other server.
func (l *Local) ServerAsk(context.Context, Packet, func(Answer) bool) error { return nil }

// Close stops the timer and forgets the sessions.
func (l *Local) Close() error {
	l.smu.Lock()
	defer l.smu.Unlock()
	l.closed = true
	clear(l.sessions)
	if l.sweep != nil {
		l.sweep.Stop()
	}
	return nil
}

var _ Recoverer = (*Local)(nil)
