package adapter

import (
	"slices"

	"parley/shared/event"
)

// Add makes m a member of the namespace and of rooms, unless it is one already or another member has its id. When
// after is not nil the caller calls it as soon as it holds no lock: it tells those who [Index.Watch].
func (x *Index) Add(m Member, rooms ...event.Room) (after func()) {
	after, _ = x.add(m, nil, rooms)
	return after
}

// add is Add of a member with its adapter's part. It reports false when it did nothing.
func (x *Index) add(m Member, track any, rooms []event.Room) (after func(), added bool) {
	x.mu.Lock()
	s, id := m.Slot(), m.ID()
	if _, taken := x.byID[id]; taken || s.pos != 0 {
		x.mu.Unlock()
		return nil, false
	}
	s.Track = track
	if x.byID == nil {
		x.byID = map[string]Member{}
	}
	x.byID[id] = m
	x.all = append(x.all, m)
	s.pos = int32(len(x.all))
	var events []RoomEvent
	if x.rooms[event.Room(id)] == nil {
		events = x.note(events, CreateRoom, event.Room(id), "")
	}
	events = x.note(events, JoinRoom, event.Room(id), id)
	events = x.join(events, m, rooms)
	x.mu.Unlock()
	if len(events) == 0 {
		return nil, true
	}
	return func() { x.notify(events) }, true
}

// Remove takes m out of everything and returns the rooms it was in, its own first; none when it was no member.
func (x *Index) Remove(m Member) []event.Room { return x.remove(m, nil) }

// remove is Remove; ending has a last look at the member while the lock is held.
func (x *Index) remove(m Member, ending func(*Slot)) []event.Room {
	x.mu.Lock()
	s, id := m.Slot(), m.ID()
	if s.pos == 0 {
		x.mu.Unlock()
		return nil
	}
	if ending != nil {
		ending(s)
	}
	rooms := s.rooms(id)
	var events []RoomEvent
	for len(s.in) > 0 {
		events = x.leave(events, m, len(s.in)-1)
	}
	s.in, s.lookup = nil, nil
	delete(x.byID, id)
	last := len(x.all) - 1
	moved := x.all[last]
	x.all[s.pos-1] = moved
	moved.Slot().pos = s.pos
	x.all[last] = nil
	x.all = x.all[:last]
	s.pos = 0
	events = x.note(events, LeaveRoom, event.Room(id), id)
	if x.rooms[event.Room(id)] == nil {
		events = x.note(events, DeleteRoom, event.Room(id), "")
	}
	x.mu.Unlock()
	x.notify(events)
	return rooms
}

// Join adds m to rooms it is not in. It does nothing, and returns [ErrNotMember] or [ErrTooManyRooms], when m is no
// member or would come to be in more than [Slot].MaxRooms. No two calls together exceed that either.
func (x *Index) Join(m Member, rooms ...event.Room) error {
	events, err := x.tryJoin(m, rooms, nil)
	x.notify(events)
	return err
}

// tryJoin is Join without telling those who watch. joined is called for each new room while the lock is held.
func (x *Index) tryJoin(m Member, rooms []event.Room, joined func(event.Room)) ([]RoomEvent, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := m.Slot()
	if s.pos == 0 {
		return nil, ErrNotMember
	}
	if most := int(s.MaxRooms); most > 0 && len(s.in)+len(rooms) > most {
		if n := x.fresh(m, rooms); n > 0 && len(s.in)+n > most {
			return nil, ErrTooManyRooms
		}
	}
	before := len(s.in)
	events := x.join(nil, m, rooms)
	if joined != nil {
		for _, p := range s.in[before:] {
			joined(p.room.name)
		}
	}
	return events, nil
}

// fresh is the number of rooms m is not in.
func (x *Index) fresh(m Member, rooms []event.Room) (n int) {
	for i, name := range rooms {
		r := x.rooms[name]
		if (r == nil || m.Slot().find(r) < 0) && string(name) != m.ID() && !slices.Contains(rooms[:i], name) {
			n++
		}
	}
	return n
}

// Leave takes m out of rooms it is in. Nobody leaves the room of his own id.
func (x *Index) Leave(m Member, rooms ...event.Room) { x.notify(x.tryLeave(m, rooms, nil)) }

// tryLeave is Leave without telling those who watch. left is called for each room that is left while the lock is held.
func (x *Index) tryLeave(m Member, rooms []event.Room, left func(event.Room)) (events []RoomEvent) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, name := range rooms {
		if r := x.rooms[name]; r != nil {
			if i := m.Slot().find(r); i >= 0 {
				events = x.leave(events, m, i)
				if left != nil {
					left(name)
				}
			}
		}
	}
	return events
}

func (x *Index) join(events []RoomEvent, m Member, rooms []event.Room) []RoomEvent {
	s := m.Slot()
	for _, name := range rooms {
		if string(name) == m.ID() {
			continue
		}
		r := x.rooms[name]
		if r == nil {
			r = &room{name: name}
			if x.rooms == nil {
				x.rooms = map[event.Room]*room{}
			}
			x.rooms[name] = r
			if _, own := x.byID[string(name)]; !own {
				events = x.note(events, CreateRoom, name, "")
			}
		} else if s.find(r) >= 0 {
			continue
		}
		s.in = append(s.in, place{room: r, pos: int32(len(r.members))})
		r.members = append(r.members, m)
		if s.lookup != nil {
			s.lookup[r] = int32(len(s.in) - 1)
		} else if len(s.in) > manyRooms {
			s.lookup = make(map[*room]int32, 2*manyRooms)
			for i, p := range s.in {
				s.lookup[p.room] = int32(i)
			}
		}
		events = x.note(events, JoinRoom, name, m.ID())
	}
	return events
}

// leave ends membership i of m. Both lists are closed by moving their last element into the gap.
func (x *Index) leave(events []RoomEvent, m Member, i int) []RoomEvent {
	s := m.Slot()
	p := s.in[i]
	r := p.room

	last := len(r.members) - 1
	if moved := r.members[last]; moved != m {
		r.members[p.pos] = moved
		other := moved.Slot()
		other.in[other.find(r)].pos = p.pos
	}
	r.members[last] = nil
	r.members = r.members[:last]

	end := len(s.in) - 1
	s.in[i] = s.in[end]
	s.in[end] = place{}
	s.in = s.in[:end]
	if s.lookup != nil {
		delete(s.lookup, r)
		if i != end {
			s.lookup[s.in[i].room] = int32(i)
		}
	}

	events = x.note(events, LeaveRoom, r.name, m.ID())
	if len(r.members) == 0 {
		delete(x.rooms, r.name)
		if _, own := x.byID[string(r.name)]; !own {
			events = x.note(events, DeleteRoom, r.name, "")
		}
	}
	return events
}

// find is the place of r in s.in, or -1.
func (s *Slot) find(r *room) int {
	if s.lookup != nil {
		if i, ok := s.lookup[r]; ok {
			return int(i)
		}
		return -1
	}
	for i := range s.in {
		if s.in[i].room == r {
			return i
		}
	}
	return -1
}

// Lookup returns the member with that id.
func (x *Index) Lookup(id string) (Member, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	m, ok := x.byID[id]
	return m, ok
}

// Len is the number of members.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.all)
}

// RoomLen is the number of members of one room.
func (x *Index) RoomLen(name event.Room) int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	n := 0
	if _, own := x.byID[string(name)]; own {
		n = 1
	}
	if r := x.rooms[name]; r != nil {
		n += len(r.members)
	}
	return n
}

// RoomsOf lists the rooms m is in, its own first; none when it is no member.
func (x *Index) RoomsOf(m Member) []event.Room {
	x.mu.RLock()
	defer x.mu.RUnlock()
	s := m.Slot()
	if s.pos == 0 {
		return nil
	}
	return s.rooms(m.ID())
}

func (s *Slot) rooms(id string) []event.Room {
	list := make([]event.Room, 1, 1+len(s.in))
	list[0] = event.Room(id)
	for _, p := range s.in {
		list = append(list, p.room.name)
	}
	return list
}

// In reports whether m is in the room.
func (x *Index) In(m Member, name event.Room) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	s := m.Slot()
	if s.pos != 0 && string(name) == m.ID() {
		return true
	}
	r := x.rooms[name]
	return r != nil && s.find(r) >= 0
}

// Rooms lists every room that has a member, the sockets' own ones included, in no order.
func (x *Index) Rooms() []event.Room {
	x.mu.RLock()
	defer x.mu.RUnlock()
	list := make([]event.Room, 0, len(x.rooms)+len(x.byID))
	for id := range x.byID {
		list = append(list, event.Room(id))
	}
	for name := range x.rooms {
		if _, own := x.byID[string(name)]; !own {
			list = append(list, name)
		}
	}
	return list
}

// Select appends the members that t means to dst, each once, and returns it. The result is a snapshot: nothing is
// locked any more when the caller walks it.
func (x *Index) Select(dst []Member, t Target) []Member {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.pick(dst, t)
}

// pick is Select for a caller that holds the lock.
func (x *Index) pick(dst []Member, t Target) []Member {
	if t.Direct {
		for _, id := range t.Rooms {
			if m := x.byID[string(id)]; m != nil {
				dst = append(dst, m)
			}
		}
		return dst
	}
	except := x.resolve(nil, t.Except)
	if len(t.Rooms) == 0 {
		if len(except) == 0 {
			return append(dst, x.all...)
		}
		return appendMembers(dst, x.all, nil, except)
	}
	if len(t.Rooms) == 1 && len(except) == 0 { // the usual case
		r, own := x.rooms[t.Rooms[0]], x.byID[string(t.Rooms[0])]
		if own != nil {
			dst = append(dst, own)
		}
		if r != nil {
			dst = append(dst, r.members...)
		}
		return dst
	}
	wanted := x.resolve(nil, t.Rooms)
	for i, w := range wanted {
		if w.own != nil && !among(w.own, wanted[:i]) && !among(w.own, except) {
			dst = append(dst, w.own)
		}
		if w.room != nil {
			before := wanted[:i]
			if w.own != nil { // a member by its id is not in room, but may be met again in a later one
				before = append(slices.Clip(before), resolved{own: w.own})
			}
			dst = appendMembers(dst, w.room.members, before, except)
		}
	}
	return dst
}

// resolved is a room name looked up: the stored room, the socket whose id it is, or both.
type resolved struct {
	room *room
	own  Member
}

func (x *Index) resolve(dst []resolved, names []event.Room) []resolved {
	for _, name := range names {
		if r, own := x.rooms[name], x.byID[string(name)]; r != nil || own != nil {
			dst = append(dst, resolved{room: r, own: own})
		}
	}
	return dst
}

func appendMembers(dst, from []Member, seen, except []resolved) []Member {
	for _, m := range from {
		if !among(m, except) && !among(m, seen) {
			dst = append(dst, m)
		}
	}
	return dst
}

func among(m Member, list []resolved) bool {
	for _, r := range list {
		if r.own == m || r.room != nil && m.Slot().find(r.room) >= 0 {
			return true
		}
	}
	return false
}
