package adapter

import (
	"context"
	"errors"
	"slices"
	"time"
	"weak"

	"parley/shared/event"
)

// A replay is queued in portions of this size, or one larger packet, and the next waits until they have left.
const (
	portionPackets = 64
	portionBytes   = 128 << 10
)

// Keep stores the session of a connected socket. Changes need no note: Suspend and Take ask for the last state.
func (l *Local) Keep(m Member) {
	if l.log == nil {
		return
	}
	s := m.Session()
	l.smu.Lock()
	defer l.smu.Unlock()
	if kept := l.sessions[s.PID]; l.closed || kept != nil && (kept.live == m || kept.old == m) {
		return
	}
	l.sessions[s.PID] = &session{Session: s, live: m}
}

// Suspend starts the expiry of m's session, unless another socket owns it by now.
func (l *Local) Suspend(m Member) {
	last, past := m.Session(), weak.Make(m.Slot())
	l.smu.Lock()
	defer l.smu.Unlock()
	kept, ok := l.sessions[last.PID]
	switch {
	case !ok:
	case kept.live == m:
		s := kept.Session
		s.Rooms, s.Data, s.Track = last.Rooms, last.Data, l.trackOf(m, s)
		s.Expires = time.Now().Add(l.cfg.Recovery)
		*kept = session{Session: s, past: past}
		l.armLocked()
	case kept.live == nil && kept.past == past:
		kept.Data = last.Data
	}
}

// trackOf is what is known of m, who has ended, or of the session that it had taken if it was never let in.
func (l *Local) trackOf(m Member, taken Session) any {
	l.index.mu.RLock()
	defer l.index.mu.RUnlock()
	if t := m.Slot().Track; t != nil {
		return t
	}
	return taken.Track
}

// Drop forgets the session of m.
func (l *Local) Drop(m Member) {
	pid := m.Session().PID
	l.smu.Lock()
	defer l.smu.Unlock()
	if kept, ok := l.sessions[pid]; ok && kept.live == m {
		delete(l.sessions, pid)
	}
}

// Take removes a session, evicts who is still connected under it, and returns it.
func (l *Local) Take(_ context.Context, pid, offset string) (Session, error) {
	now := time.Now()
	s, live, ok := l.remove(pid, now)
	if !ok {
		return Session{}, ErrNoSession
	}
	if live != nil {
		last, ok := l.sink.Evict(live)
		if !ok {
			l.forget(pid, live)
			return Session{}, ErrNoSession
		}
		s.Rooms, s.Data, s.Track = last.Rooms, last.Data, l.trackOf(live, s)
	}
	s, err := l.begin(s, offset, now)
	if err != nil {
		l.forget(pid, live)
	}
	return s, err
}

// remove takes a session out and leaves a note in the place of one that is connected, so that live, who has to be
// evicted, does not store it again until its new owner keeps it.
func (l *Local) remove(pid string, now time.Time) (s Session, live Member, ok bool) {
	l.smu.Lock()
	defer l.smu.Unlock()
	kept, ok := l.sessions[pid]
	if !ok || kept.old != nil {
		return Session{}, nil, false
	}
	if kept.live == nil {
		delete(l.sessions, pid)
		return kept.Session, nil, !now.After(kept.Expires)
	}
	s = kept.Session
	s.Expires = now.Add(l.cfg.Recovery)
	l.sessions[pid] = &session{old: kept.live, Session: Session{Expires: s.Expires}}
	l.armLocked()
	return s, kept.live, true
}

// forget takes the note about old away.
func (l *Local) forget(pid string, old Member) {
	l.smu.Lock()
	defer l.smu.Unlock()
	if kept := l.sessions[pid]; kept != nil && kept.old != nil && kept.old == old {
		delete(l.sessions, pid)
	}
}

// begin makes a session ready for Replay.
func (l *Local) begin(s Session, offset string, now time.Time) (Session, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from, err := l.from(s, offset, now)
	if err != nil {
		return Session{}, err
	}
	s.From = l.log.position(from)
	return s, nil
}

// from finds the number after which the client has missed something.
func (l *Local) from(s Session, offset string, now time.Time) (uint64, error) {
	start, foreign, ok := l.log.parse(s.Start)
	if !ok || foreign {
		return 0, ErrGap
	}
	seen := start
	if offset != "" {
		n, foreign, ok := l.log.parse(offset)
		if !ok {
			return 0, ErrGap
		}
		// A position of another log, or one before the session began, is left over from an earlier session of
		// this client: it has seen no event since.
		if !foreign && n > start {
			seen = n
		}
	}
	l.log.trim(now)
	t := trackIn(s)
	from := t.from(seen)
	if from < l.log.base || from < t.known {
		return 0, ErrGap
	}
	return from, nil
}

func trackIn(s Session) *track {
	if t, ok := s.Track.(*track); ok {
		return t
	}
	return &track{}
}

// Return gives a session back.
func (l *Local) Return(m Member, s Session) {
	l.smu.Lock()
	defer l.smu.Unlock()
	kept := l.sessions[s.PID]
	if l.closed || kept == nil || kept.live != m { // nil: somebody is taking it just now
		return
	}
	l.sessions[s.PID] = &session{Session: s}
	l.armLocked()
}

// Replay queues on m what it has missed, and makes it a member.
func (l *Local) Replay(
	ctx context.Context, m Member, s Session, rooms []event.Room, flush func(context.Context) error,
) error {
	if l.log == nil {
		return ErrNoSession
	}
	l.mu.Lock()
	at, foreign, ok := l.log.parse(s.From)
	l.mu.Unlock()
	if !ok || foreign {
		return ErrGap
	}
	t := trackIn(s)
	r := &replay{
		m: m, was: s.Rooms, rooms: rooms, at: at,
		view:  t.viewer(s.SID, s.Rooms, at),
		track: &track{start: at, changes: slices.Clone(t.changes), known: t.known},
	}
	for {
		added, err := l.portion(r)
		if err != nil {
			return err
		}
		if added != nil {
			added()
			return nil
		}
		if err = flush(ctx); err != nil {
			return err
		}
	}
}

// replay is one in progress.
type replay struct {
	m          Member
	was, rooms []event.Room // of the session, and from now on
	view       *viewer
	at         uint64 // how far it has come
	track      *track // of m, once it is a member
}

var errTaken = errors.New("adapter: another member has the id of the session")

// portion queues the next part of the replay; with the last one the member is one, and added is what has to be called
// without a lock.
func (l *Local) portion(r *replay) (added func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	missed, numbers, upTo, ok := l.log.after(r.at, r.view, portionPackets, portionBytes)
	if !ok {
		return nil, ErrGap
	}
	if len(missed) > 0 {
		if err := l.sink.Replay(r.m, missed); err != nil {
			return nil, err
		}
		for _, n := range numbers {
			r.track.queue(n)
		}
	}
	if r.at = upTo; upTo < l.log.tail() {
		return nil, nil
	}
	for _, name := range r.was {
		if !slices.Contains(r.rooms, name) {
			r.track.note(change{at: upTo, room: name}, l.log.base)
		}
	}
	for _, name := range r.rooms {
		if !slices.Contains(r.was, name) {
			r.track.note(change{at: upTo, room: name, joined: true}, l.log.base)
		}
	}
	added, ok = l.index.add(r.m, r.track, r.rooms)
	switch {
	case !ok:
		return nil, errTaken
	case added == nil:
		added = func() {}
	}
	return added, nil
}

// arm starts the sweep when something was logged.
func (l *Local) arm() {
	l.smu.Lock()
	defer l.smu.Unlock()
	l.armLocked()
}

func (l *Local) armLocked() {
	if l.closed || l.sweeping {
		return
	}
	l.sweeping = true
	if l.sweep == nil {
		l.sweep = time.AfterFunc(l.every(), l.expire)
		return
	}
	l.sweep.Reset(l.every())
}

// every is the pause between two sweeps.
func (l *Local) every() time.Duration { return max(l.cfg.Recovery/4, time.Second) }

// expire drops what is too old and stops the timer when nothing is left.
func (l *Local) expire() {
	l.smu.Lock()
	l.sweeping = false // first: whoever logs something from here on starts the timer anew
	l.smu.Unlock()

	now := time.Now()
	l.mu.Lock()
	l.log.trim(now)
	more := l.log.tail() > l.log.base
	l.mu.Unlock()

	l.smu.Lock()
	defer l.smu.Unlock()
	for pid, s := range l.sessions {
		if s.live == nil {
			if now.After(s.Expires) {
				delete(l.sessions, pid)
			} else {
				more = true
			}
		}
	}
	if more {
		l.armLocked()
	}
}

// Stats tells what recovery holds in memory.
type Stats struct {
	Sessions int           // stored sessions, connected and lost
	Packets  int           // packets in the log
	Bytes    int           // their size
	Window   time.Duration // how far back the log reaches; less than asked for when LogBytes cuts it
}

// Stats is a snapshot for metrics.
func (l *Local) Stats() (s Stats) {
	l.smu.Lock()
	s.Sessions = len(l.sessions)
	l.smu.Unlock()
	if l.log == nil {
		return s
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s.Packets, s.Bytes = len(l.log.entries)-l.log.head, l.log.bytes
	if s.Packets > 0 {
		s.Window = time.Since(l.log.entries[l.log.head].at)
	}
	return s
}
