package gateway

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"parley/shared/chat"
)

// presence knows which users are in which rooms. A user is in a room from the moment the first of the user's sockets
// enters until the last one has left, or has been disconnected for the time of grace.
//
// Notices are handed over under the lock, so that everybody hears of comings and goings in the order in which they
// happened; the function that is told only queues packets.
type presence struct {
	grace  time.Duration
	notify func(room chat.RoomID, m chat.Member, here bool, except string)

	mu      sync.Mutex
	closed  bool                                        // guarded by mu
	rooms   map[chat.RoomID]map[chat.UserID]*attendance // guarded by mu
	sockets map[string]map[chat.RoomID]chat.UserID      // guarded by mu: where each socket is
}

// attendance is one user in one room.
type attendance struct {
	member  chat.Member
	sockets map[string]struct{}
	leaving *time.Timer // not nil while all sockets are gone and may come back
}

func newPresence(grace time.Duration, notify func(chat.RoomID, chat.Member, bool, string)) *presence {
	return &presence{
		grace: grace, notify: notify,
		rooms: make(map[chat.RoomID]map[chat.UserID]*attendance), sockets: make(map[string]map[chat.RoomID]chat.UserID),
	}
}

// enter puts a socket of a user into a room and returns who is there now, by name.
func (p *presence) enter(room chat.RoomID, m chat.Member, socket string) []chat.Member {
	p.mu.Lock()
	defer p.mu.Unlock()
	here := p.rooms[room]
	if here == nil {
		here = make(map[chat.UserID]*attendance)
		p.rooms[room] = here
	}
	a := here[m.ID]
	first := a == nil
	if first {
		a = &attendance{sockets: make(map[string]struct{}, 1)}
		here[m.ID] = a
	}
	if a.leaving != nil {
		a.leaving.Stop()
		a.leaving = nil
	}
	renamed := !first && a.member != m
	a.member = m
	a.sockets[socket] = struct{}{}
	if p.sockets[socket] == nil {
		p.sockets[socket] = make(map[chat.RoomID]chat.UserID, 1)
	}
	p.sockets[socket][room] = m.ID
	if first || renamed {
		p.notify(room, m, true, socket)
	}
	members := make([]chat.Member, 0, len(here))
	for _, a := range here {
		members = append(members, a.member)
	}
	slices.SortFunc(members, func(a, b chat.Member) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.ID, b.ID))
	})
	return members
}

// leave takes a socket out of a room; the last one of its user leaves at once.
func (p *presence) leave(room chat.RoomID, socket string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop(room, socket, 0)
}

// gone takes a socket out of all rooms. Unless the user ended the connection on purpose there is time to come back.
func (p *presence) gone(socket string, onPurpose bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	grace := p.grace
	if onPurpose {
		grace = 0
	}
	for room := range p.sockets[socket] {
		p.drop(room, socket, grace)
	}
}

// drop takes a socket out of a room. The caller holds mu.
func (p *presence) drop(room chat.RoomID, socket string, grace time.Duration) {
	id, in := p.sockets[socket][room]
	if !in {
		return
	}
	delete(p.sockets[socket], room)
	if len(p.sockets[socket]) == 0 {
		delete(p.sockets, socket)
	}
	a := p.rooms[room][id]
	delete(a.sockets, socket)
	switch {
	case len(a.sockets) > 0 || p.closed:
	case grace <= 0:
		p.forget(room, id)
	default:
		var timer *time.Timer
		timer = time.AfterFunc(grace, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.rooms[room][id] == a && a.leaving == timer {
				p.forget(room, id)
			}
		})
		a.leaving = timer
	}
}

// forget ends a user's presence and says so. The caller holds mu.
func (p *presence) forget(room chat.RoomID, id chat.UserID) {
	a := p.rooms[room][id]
	delete(p.rooms[room], id)
	if len(p.rooms[room]) == 0 {
		delete(p.rooms, room)
	}
	p.notify(room, a.member, false, "")
}

// has reports whether a socket is in a room.
func (p *presence) has(room chat.RoomID, socket string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, in := p.sockets[socket][room]
	return in
}

// count is the number of users in a room.
func (p *presence) count(room chat.RoomID) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.rooms[room])
}

// close stops all waiting for users.
func (p *presence) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, here := range p.rooms {
		for _, a := range here {
			if a.leaving != nil {
				a.leaving.Stop()
				a.leaving = nil
			}
		}
	}
}
