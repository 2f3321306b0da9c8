package adapter

import (
	"slices"
	"sync"
	"sync/atomic"

	"parley/shared/event"
)

// Index knows which of this server's sockets are in which room. It is safe for concurrent use; the zero
// value is ready. Its cost for a socket without rooms is one map entry and one slice element.
type Index struct {
	mu    sync.RWMutex
	all   []Member             // guarded by mu; a member's place is its slot's pos
	byID  map[string]Member    // guarded by mu
	rooms map[event.Room]*room // guarded by mu; an empty room is deleted
	watch atomic.Pointer[[]*func(RoomEvent)]
	lists sync.Pool // of *[]Member, see borrow
}

// room is one set of members. The room that every socket has for its own id is not stored: byID is that room
// until another socket joins it too.
type room struct {
	name    event.Room
	members []Member
}

// Slot is the index's part of a [Member]: its place among all and the rooms it is in. What is not exported is
// guarded by the index's lock.
type Slot struct {
	// MaxRooms is how many rooms the member may join beside its own; 0: as many as it likes. It is set before
	// the member is added and does not change.
	MaxRooms int32
	// Track is the adapter's own part of the member, nil before it is added.
	Track any

	pos    int32 // 1 + place in all; 0: not a member
	in     []place
	lookup map[*room]int32 // place in in, made when a socket is in many rooms
}

// place is a membership: where in room.members the socket stands.
type place struct {
	room *room
	pos  int32
}

// manyRooms is the number of rooms of one socket above which looking through the list costs more than a map.
const manyRooms = 16

// RoomEventKind tells what happened to a room.
type RoomEventKind uint8

// The four changes, as the reference names them.
const (
	CreateRoom RoomEventKind = iota // its first member joined
	JoinRoom
	LeaveRoom
	DeleteRoom // its last member left
)

// String is the reference's name of the event: create-room, join-room, leave-room or delete-room.
func (k RoomEventKind) String() string {
	return [...]string{"create-room", "join-room", "leave-room", "delete-room"}[k]
}

// RoomEvent is a real change of membership on this server. Socket is "" for CreateRoom and DeleteRoom.
type RoomEvent struct {
	Kind   RoomEventKind
	Room   event.Room
	Socket string
}

// Watch calls fn for every change from now on, after it has taken effect, on the goroutine that made it and without
// a lock. Changes made by one goroutine are reported in order. stop ends it.
func (x *Index) Watch(fn func(RoomEvent)) (stop func()) {
	entry := &fn
	x.editWatch(func(list []*func(RoomEvent)) []*func(RoomEvent) { return append(list, entry) })
	return func() {
		x.editWatch(func(list []*func(RoomEvent)) []*func(RoomEvent) {
			return slices.DeleteFunc(list, func(e *func(RoomEvent)) bool { return e == entry })
		})
	}
}

func (x *Index) editWatch(edit func([]*func(RoomEvent)) []*func(RoomEvent)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var list []*func(RoomEvent)
	if old := x.watch.Load(); old != nil {
		list = slices.Clone(*old)
	}
	if list = edit(list); len(list) == 0 {
		x.watch.Store(nil)
		return
	}
	x.watch.Store(&list)
}

func (x *Index) notify(events []RoomEvent) {
	if list := x.watch.Load(); list != nil {
		for _, e := range events {
			for _, fn := range *list {
				(*fn)(e)
			}
		}
	}
}

// note appends an event when somebody listens.
func (x *Index) note(events []RoomEvent, kind RoomEventKind, name event.Room, id string) []RoomEvent {
	if x.watch.Load() == nil {
		return events
	}
	return append(events, RoomEvent{Kind: kind, Room: name, Socket: id})
}

// borrow lends an empty list to select members into.
func (x *Index) borrow() *[]Member {
	if list, ok := x.lists.Get().(*[]Member); ok {
		return list
	}
	return new([]Member)
}

// giveBack takes the list back and lets go of what is in it.
func (x *Index) giveBack(list *[]Member) {
	clear(*list)
	*list = (*list)[:0]
	x.lists.Put(list)
}
