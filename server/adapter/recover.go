package adapter

import (
	"context"
	"time"

	"parley/shared/event"
)

// A replay is queued in portions of this size, so that it fits the queue of one connection.
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
	kept := &session{Session: s, live: m}
	if member, _ := l.index.Lookup(s.SID); member == m {
		kept.since = time.Now()
	} // else Replay tells since when
	if s.Seen.IsZero() {
		kept.Seen = kept.since
	}
	l.sessions[s.PID] = kept
}

// lose turns the session of a connected socket into one that expires. What was sent in the last moments of the
// connection may not have arrived; if it did not even live that long, what was replayed at its start may not have.
func (l *Local) lose(kept *session, now time.Time) Session {
	s := kept.Session
	if proven := now.Add(-l.cfg.Unproven); !kept.since.IsZero() && proven.After(kept.since) {
		s.Seen = proven
	}
	s.Expires = now.Add(l.cfg.Recovery)
	return s
}

// Suspend starts the expiry of m's session, unless another socket owns it by now.
func (l *Local) Suspend(m Member) {
	last := m.Session()
	l.smu.Lock()
	defer l.smu.Unlock()
	kept, ok := l.sessions[last.PID]
	if !ok || kept.live != m {
		return
	}
	s := l.lose(kept, time.Now())
	s.Rooms, s.Data = last.Rooms, last.Data
	*kept = session{Session: s}
	l.armLocked()
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
		s.Rooms, s.Data = last.Rooms, last.Data
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
	l.sessions[pid] = &session{old: kept.live, Session: Session{Expires: now.Add(l.cfg.Recovery)}}
	l.armLocked()
	return l.lose(kept, now), kept.live, true
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
	from := start
	if offset != "" {
		n, foreign, ok := l.log.parse(offset)
		if !ok {
			return 0, ErrGap
		}
		// A position of another log, or one before the session began, is left over from an earlier session of
		// this client: it has seen no event since.
		if !foreign && n > start {
			from = n
		}
	}
	l.log.trim(now)
	if !l.log.covers(from, s.Seen) {
		return 0, ErrGap
	}
	return max(from, l.log.base), nil
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
func (l *Local) Replay(ctx context.Context, m Member, s Session, flush func(context.Context) error) error {
	if l.log == nil {
		return ErrNoSession
	}
	rooms := make(map[event.Room]bool, 1+len(s.Rooms))
	rooms[event.Room(s.SID)] = true
	for _, r := range s.Rooms {
		rooms[r] = true
	}
	l.mu.Lock()
	at, foreign, ok := l.log.parse(s.From)
	l.mu.Unlock()
	if !ok || foreign {
		return ErrGap
	}
	for {
		upTo, added, err := l.portion(m, s, rooms, at)
		if err != nil {
			return err
		}
		if added != nil {
			l.served(m, s.PID)
			added()
			return nil
		}
		if err = flush(ctx); err != nil {
			return err
		}
		at = upTo
	}
}

// portion queues the next part of the replay; with the last one m becomes a member, and added is what has to be called
// without a lock.
func (l *Local) portion(
	m Member, s Session, rooms map[event.Room]bool, at uint64,
) (upTo uint64, added func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	missed, upTo, ok := l.log.after(at, rooms, portionPackets, portionBytes)
	if !ok {
		return 0, nil, ErrGap
	}
	if len(missed) > 0 {
		l.sink.Replay(m, missed)
	}
	if upTo < l.log.tail() {
		return upTo, nil, nil
	}
	if added = l.index.Add(m, s.Rooms...); added == nil {
		added = func() {}
	}
	return upTo, added, nil
}

// served notes since when the owner of a session is told everything.
func (l *Local) served(m Member, pid string) {
	l.smu.Lock()
	defer l.smu.Unlock()
	if kept := l.sessions[pid]; kept != nil && kept.live == m {
		kept.since = time.Now()
	}
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
	now := time.Now()
	l.mu.Lock()
	l.log.trim(now)
	more := l.log.tail() > l.log.base
	l.mu.Unlock()

	l.smu.Lock()
	defer l.smu.Unlock()
	l.sweeping = false
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
