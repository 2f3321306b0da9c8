package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"parley/server/adapter"
	"parley/shared/engineio"
	"parley/shared/event"
)

// recovery is what a socket has when the namespace keeps sessions.
type recovery struct {
	pid       string
	start     string // the position at the first connect
	track     any    // of the session taken over
	recovered bool
	taken     adapter.Session // what it took over
	entered   bool            // it has been let in, or is being let in
	served    bool            // what the client had missed is queued
	gone      chan struct{}   // closed when the session of an ended socket that had entered is stored
	storing   sync.Mutex      // so that no change is kept after the end is; taken before all others
	stored    bool            // guarded by storing: gone is closed, or about to be
}

// Recovered reports whether the socket took up an earlier connection: its id, rooms and data are those it had, and
// the client has every event it missed.
func (s *Socket) Recovered() bool { return s.rec != nil && s.rec.recovered }

// takeSession takes the session that the client names, if the log still has all that it missed. The socket has its
// id, rooms and data from then on, so that middlewares see whom they let in.
func (s *Socket) takeSession(ctx context.Context) (session adapter.Session, ok bool) {
	r := s.ns.recoverer
	if r == nil {
		return adapter.Session{}, false
	}
	s.rec = &recovery{pid: newID(), gone: make(chan struct{})}
	var ask struct {
		PID    any `json:"pid"`
		Offset any `json:"offset"`
	}
	if s.authValue().Decode(&ask) != nil {
		return adapter.Session{}, false
	}
	pid, _ := ask.PID.(string)
	offset, isString := ask.Offset.(string)
	if pid == "" || !isString && ask.Offset != nil {
		return adapter.Session{}, false
	}
	session, err := r.Take(ctx, pid, offset)
	if err != nil {
		if !errors.Is(err, adapter.ErrNoSession) {
			s.srv().fault(Fault{Namespace: s.ns, Socket: s, Err: err, Client: errors.Is(err, adapter.ErrGap)})
		}
		return adapter.Session{}, false
	}
	s.adopt(session)
	r.Keep(s) // while middlewares run and the replay is sent, the client may come once more
	return session, true
}

// adopt makes the socket the one of a session.
func (s *Socket) adopt(session adapter.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.id = session.SID
	s.rec.pid, s.rec.start, s.rec.track, s.rec.recovered = session.PID, session.Start, session.Track, true
	s.rec.taken = session
	x := s.extra()
	x.rooms, x.data = slices.Clone(session.Rooms), maps.Clone(session.Data)
}

// evict ends a socket whose client has come back on another connection, and returns what it leaves behind; ok is
// false when it had said goodbye. The old connection is dead or abandoned: it is closed as well, unless the socket had
// left it before, which the client may have done to come again on it.
func (s *Socket) evict() (session adapter.Session, ok bool) {
	if s.end(engineio.ReasonTransportClose, errReplaced, true) {
		s.conn.session.Close(engineio.ReasonTransportClose)
	}
	s.mu.Lock()
	entered, reason := s.rec.entered, s.more.reason
	s.mu.Unlock()
	ok = reason == "" || reason.Recoverable() // it has none when it was refused
	if !entered {                             // and never will
		return s.rec.taken, ok
	}
	<-s.rec.gone
	s.mu.Lock()
	served := s.rec.served
	s.mu.Unlock()
	if !served {
		return s.rec.taken, ok
	}
	return s.Session(), ok
}

var errReplaced = errors.New("server: the client came once more")

// join makes the socket a member, after what it has missed was queued. The error is a replay that could not be
// finished: the client must come again, as a new socket.
func (s *Socket) join(session adapter.Session, rooms []event.Room) error {
	r := s.ns.recoverer
	if r == nil {
		s.ns.adapter.Add(s, rooms)
		s.becomeMember(rooms)
		return nil
	}
	if !s.rec.recovered {
		start := r.Add(s, rooms)
		s.mu.Lock()
		s.rec.start, s.rec.served = start, true
		s.mu.Unlock()
		s.becomeMember(rooms)
		r.Keep(s)
		return nil
	}
	// A middleware may have joined and left rooms.
	if err := r.Replay(s.Context(), s, session, rooms, s.conn.session.Flush); err != nil {
		return fmt.Errorf("server: replay: %w", err)
	}
	s.mu.Lock()
	s.rec.served, s.rec.taken = true, adapter.Session{}
	s.mu.Unlock()
	s.becomeMember(rooms)
	r.Keep(s)
	return nil
}

// undone decides about the session of a socket whose replay failed with err, after its end.
func (s *Socket) undone(session adapter.Session, err error) {
	if errors.Is(err, adapter.ErrGap) { // it would be met again
		s.srv().fault(Fault{Namespace: s.ns, Socket: s, Err: err, Client: true})
		s.ns.recoverer.Drop(s)
		return
	}
	s.giveBack(session) // the connection broke again: the client may come once more
}

// giveBack returns the session that an ended socket had taken and has not made use of, unless its client has said
// goodbye meanwhile.
func (s *Socket) giveBack(session adapter.Session) {
	if session.PID == "" {
		return
	}
	s.mu.Lock()
	reason := s.extra().reason
	s.mu.Unlock()
	s.logHeld()                               // before anybody can take the session
	if reason == "" || reason.Recoverable() { // it has none when it was refused
		s.ns.recoverer.Return(s, session)
	} else {
		s.ns.recoverer.Drop(s)
	}
}

// Session is what would be found again if the connection broke now. It is for adapters.
func (s *Socket) Session() adapter.Session {
	rooms, _ := s.allRooms()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rec == nil {
		return adapter.Session{SID: s.id}
	}
	session := adapter.Session{PID: s.rec.pid, SID: s.id, Start: s.rec.start, Track: s.rec.track}
	session.Rooms = slices.DeleteFunc(rooms, func(r event.Room) bool { return string(r) == s.id })
	if s.more != nil {
		session.Data = maps.Clone(s.more.data)
	}
	return session
}

// keepSession says that rooms or data have changed.
func (s *Socket) keepSession() {
	if s.rec == nil {
		return
	}
	s.rec.storing.Lock()
	defer s.rec.storing.Unlock()
	s.mu.Lock()
	member, ended, reason := s.member, s.state.Load() == stateClosed, engineio.Reason("")
	if s.more != nil {
		reason = s.more.reason
	}
	s.mu.Unlock()
	switch {
	case !ended && member:
		s.ns.recoverer.Keep(s)
	case ended && s.rec.stored && reason.Recoverable(): // a handler that was at work when the connection broke
		s.ns.recoverer.Suspend(s)
	}
}

// storeSession stores or drops the session of a socket that has ended.
func (s *Socket) storeSession(keep bool) {
	if s.rec == nil {
		return
	}
	defer close(s.rec.gone)
	s.rec.storing.Lock()
	defer s.rec.storing.Unlock()
	s.rec.stored = true
	if keep {
		s.ns.recoverer.Suspend(s)
	} else {
		s.ns.recoverer.Drop(s)
	}
}
