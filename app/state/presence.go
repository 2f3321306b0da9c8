package state

import (
	"cmp"
	"slices"
	"strings"

	"parley/shared/chat"
)

func (u *step) setMembers(r *Room, members []chat.Member) {
	r.Members = byName(members)
	r.Info.Online = max(r.Info.Online, len(r.Members)) // a crowd is counted, not listed
	early := r.Early
	r.Early = nil
	for _, m := range early {
		u.apply(m)
	}
}

// byName returns the members in the order in which they are listed.
func byName(members []chat.Member) []chat.Member {
	type listed struct {
		lower string // made once, not for every comparison
		chat.Member
	}
	list := make([]*listed, len(members))
	for i, m := range members {
		list[i] = &listed{strings.ToLower(m.Name), m}
	}
	slices.SortFunc(list, func(a, b *listed) int { return cmp.Or(cmp.Compare(a.lower, b.lower), cmp.Compare(a.ID, b.ID)) })
	sorted := make([]chat.Member, len(list))
	for i, l := range list {
		sorted[i] = l.Member
	}
	return sorted
}

// withMember returns listed members and one more, in its place.
func withMember(members []chat.Member, m chat.Member) []chat.Member {
	lower := strings.ToLower(m.Name)
	at, _ := slices.BinarySearchFunc(members, m.ID, func(other chat.Member, id chat.UserID) int {
		return cmp.Or(cmp.Compare(strings.ToLower(other.Name), lower), cmp.Compare(other.ID, id))
	})
	return slices.Insert(slices.Clip(members), at, m)
}

// member keeps who is here, and remembers for the room on screen who came and
// went between which messages.
func (u *step) member(n chat.Notice, left bool) {
	r := u.room(n.Room)
	switch {
	case r == nil:
		return
	case r.Joining:
		// Events may overtake the answer that has the members: they come on top of it.
		m := Msg(MemberJoined{n})
		if left {
			m = MemberLeft{n}
		}
		r.Early = append(slices.Clip(r.Early), m)
		return
	case !r.Joined:
		return
	}
	at := slices.IndexFunc(r.Members, func(m chat.Member) bool { return m.ID == n.Member.ID })
	switch {
	case left && at >= 0:
		r.Members = slices.Delete(slices.Clone(r.Members), at, at+1)
		r.Info.Online--
		u.stopTyping(r, n.Member.ID)
	case !left && at < 0:
		r.Members = withMember(r.Members, n.Member)
		r.Info.Online++
	case !left && r.Members[at].Name != n.Member.Name:
		r.Members = withMember(slices.Delete(slices.Clone(r.Members), at, at+1), n.Member)
		return
	default:
		return
	}
	if n.Member.ID == u.Profile.ID || n.Room != u.Open {
		return
	}
	r.Notices = append(slices.Clip(r.Notices), Notice{After: r.Log.Last(), At: n.At, From: n.Member, Left: left})
	if extra := len(r.Notices) - keepNotices; extra > 0 {
		r.Notices = r.Notices[extra:]
	}
}

func (u *step) typingHeard(n chat.TypingNotice) {
	r := u.room(n.Room)
	if r == nil || !r.Joined || n.Member.ID == u.Profile.ID {
		return
	}
	u.stopTyping(r, n.Member.ID)
	if !n.On {
		return
	}
	until := u.Now + chat.TypingLasts.Milliseconds()
	r.Typing = append(slices.Clip(r.Typing), Typist{Member: n.Member, Until: until})
	u.later(chat.TypingLasts, typingExpired{room: n.Room})
}

func (u *step) stopTyping(r *Room, id chat.UserID) {
	r.Typing = without(r.Typing, func(t Typist) bool { return t.Member.ID == id })
}

func (u *step) typingExpired(id chat.RoomID) {
	old := u.Rooms[id]
	if old == nil || len(old.Typing) == 0 {
		return
	}
	r := u.room(id)
	r.Typing = without(r.Typing, func(t Typist) bool { return t.Until <= u.Now })
}

// typed tells the others that we write, at most every three seconds, and once
// when nothing is left of what we wrote.
func (u *step) typed(m Typed) {
	r := u.Rooms[m.Room]
	if r == nil || !r.Joined || !u.online() {
		return
	}
	switch {
	case m.Empty && u.TypedAt != 0:
		u.TypedAt = 0
		u.do(SendTyping{Room: m.Room})
	case !m.Empty && u.Now-u.TypedAt >= typingEvery:
		u.TypedAt = u.Now
		u.do(SendTyping{Room: m.Room, On: true})
	}
}

// without returns a copy of s without the elements that match; nil when none is
// left, s itself when all are.
func without[T any](s []T, match func(T) bool) []T {
	if !slices.ContainsFunc(s, match) {
		return s
	}
	var out []T
	for _, v := range s {
		if !match(v) {
			out = append(out, v)
		}
	}
	return out
}
