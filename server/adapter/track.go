package adapter

import (
	"slices"

	"parley/shared/event"
)

// track is what [Local] knows of a member, or of a lost one's session, beside what the server says: what has been
// queued on it, and who it was when. It changes with the log's and the index's lock held, and not any more once the
// member is removed.
type track struct {
	start   uint64    // the client has shown that it had missed nothing up to this entry
	sent    [8]uint64 // the last entries queued on it since, in a ring
	count   uint64    // of all entries queued on it
	lost    uint64    // all entries up to this one that concerned it have been queued on it; set at the end
	changes []change  // of its rooms, oldest first
	known   uint64    // changes after this entry, and later ones, are all there
}

// change is one of the rooms of a member.
type change struct {
	at     uint64 // the last entry before it
	room   event.Room
	joined bool
}

// maxChanges bounds what is remembered of one member.
const maxChanges = 256

// newTrack is that of a member for which nothing up to entry start was.
func newTrack(start uint64) *track {
	return &track{start: start, known: start}
}

// queue notes that entry n was queued on the member.
func (t *track) queue(n uint64) {
	t.sent[t.count%uint64(len(t.sent))] = n
	t.count++
}

// note remembers a change. What happened before oldest, the log's first entry, matters to nobody.
func (t *track) note(c change, oldest uint64) {
	for i := len(t.changes) - 1; i >= 0 && t.changes[i].at == c.at; i-- {
		if t.changes[i].room == c.room { // back to where it was, with no entry in between
			t.changes = slices.Delete(t.changes, i, i+1)
			return
		}
	}
	if len(t.changes) >= 16 && len(t.changes) == cap(t.changes) {
		past := 0
		for past < len(t.changes) && t.changes[past].at < oldest {
			past++
		}
		t.forget(past)
		if len(t.changes) >= maxChanges {
			t.forget(len(t.changes) / 2)
		}
	}
	t.changes = append(t.changes, c)
}

func (t *track) forget(n int) {
	if n > 0 {
		t.known = t.changes[n-1].at
		t.changes = slices.Delete(t.changes, 0, n)
	}
}

// from is the number after which a client that has seen entry n has missed something. That is right before the first
// entry queued on it after n, if that is still known: of those for whom there is little it is, and for the others n is
// not long ago.
func (t *track) from(n uint64) uint64 {
	n = max(n, t.start)
	last := t.sent[:min(t.count, uint64(len(t.sent)))]
	known := t.count <= uint64(len(t.sent))
	var first uint64 // after n
	for _, m := range last {
		if m <= n {
			known = true
		} else if first == 0 || m < first {
			first = m
		}
	}
	switch {
	case first == 0:
		return max(n, t.lost)
	case known:
		return first - 1
	}
	return n
}

// viewer tells which entries concerned a member, one after the other.
type viewer struct {
	sid     event.Room
	rooms   map[event.Room]bool
	changes []change // still to come
}

// viewer begins behind entry from, for a session whose rooms at the end are known.
func (t *track) viewer(sid string, rooms []event.Room, from uint64) *viewer {
	v := &viewer{sid: event.Room(sid), rooms: make(map[event.Room]bool, 1+len(rooms))}
	v.rooms[v.sid] = true
	for _, r := range rooms {
		v.rooms[r] = true
	}
	v.changes = t.changes
	for i, c := range t.changes {
		if c.at >= from {
			v.changes = t.changes[i:]
			break
		}
		v.changes = nil
	}
	for _, c := range slices.Backward(v.changes) {
		v.set(c.room, !c.joined)
	}
	return v
}

func (v *viewer) set(r event.Room, in bool) {
	if in {
		v.rooms[r] = true
	} else {
		delete(v.rooms, r)
	}
}

// concerned is the reference's rule, applied to the rooms at that time: for everybody or for one of the rooms, and not
// for one that is excepted. It is asked with growing numbers.
func (v *viewer) concerned(n uint64, e *entry) bool {
	for len(v.changes) > 0 && v.changes[0].at < n {
		v.set(v.changes[0].room, v.changes[0].joined)
		v.changes = v.changes[1:]
	}
	if e.direct {
		return slices.Contains(e.rooms, v.sid)
	}
	isMember := func(r event.Room) bool { return v.rooms[r] }
	return (len(e.rooms) == 0 || slices.ContainsFunc(e.rooms, isMember)) && !slices.ContainsFunc(e.except, isMember)
}
