package talk

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"parley/shared/chat"
	"parley/shared/client"
	"parley/shared/engineio"
	"parley/shared/event"
)

// state shows how the connection does.
func (s *Session) state(st client.State) {
	if st.Phase == client.Waiting && !s.lost {
		s.lost = true
		s.screen.Print(s.style.problem("no connection: %s; trying again", Brief(st.Err)))
	}
}

// connected joins what was joined before and lets the outbox send.
func (s *Session) connected() {
	s.online = true
	if s.lost {
		s.screen.Print(s.style.notice("connected again"))
	}
	s.lost = false
	for _, id := range s.order {
		s.enter(s.rooms[id])
	}
	s.box.SetOnline(true)
}

func (s *Session) disconnected(reason engineio.Reason, _ error) {
	s.online = false
	s.box.SetOnline(false)
	for _, r := range s.rooms {
		r.joined, r.loading = false, false
	}
	clear(s.typists)
	if !s.sock.Active() { // the server does not want us
		s.refused = fmt.Errorf("disconnected by the server (%s)", reason)
	}
}

func (s *Session) connectError(err error) {
	if s.sock.Active() {
		return // the client tries again, and state tells
	}
	s.refused = err
	if refusal, ok := errors.AsType[*client.ConnectError](err); ok && refusal.Refused() {
		s.refused = fmt.Errorf("the server refuses: %s", line(refusal.Message))
	}
}

// join makes a room one that the user is in.
func (s *Session) join(id chat.RoomID) *room {
	r := s.rooms[id]
	if r == nil {
		r = &room{id: id, members: make(map[chat.UserID]chat.Member)}
		s.rooms[id] = r
		s.order = append(s.order, id)
		if s.online {
			s.enter(r)
		}
	}
	return r
}

// drop takes a room off the screen. The last one that was joined comes back.
func (s *Session) drop(id chat.RoomID) {
	delete(s.rooms, id)
	s.order = slices.DeleteFunc(s.order, func(o chat.RoomID) bool { return o == id })
	if s.current == id && len(s.order) > 0 {
		s.current = s.order[len(s.order)-1]
	}
}

// enter asks the server for membership and for what was missed.
func (s *Session) enter(r *room) {
	r.loading, r.early = true, nil
	ask(s, chat.Join, chat.JoinRequest{Room: r.id, After: r.log.have}, func(h chat.History, err error) {
		if s.rooms[r.id] != r || !s.online {
			return
		}
		r.loading = false
		if err != nil {
			s.joinFailed(r, err)
			return
		}
		r.joined = true
		r.members = make(map[chat.UserID]chat.Member)
		for _, m := range h.Members {
			r.members[m.ID] = m
		}
		s.opened(r, h)
		for _, fn := range slices.Concat(r.early, r.whenDone) {
			fn()
		}
		r.early, r.whenDone = nil, nil
	})
}

func (s *Session) joinFailed(r *room, err error) {
	if e, ok := errors.AsType[*event.Error](err); ok && !e.Code.Retryable() {
		s.screen.Print(s.style.problem("cannot join #%s: %s", r.id, line(e.Message)))
		s.drop(r.id)
		if len(s.order) == 0 {
			s.refused = fmt.Errorf("no room to be in")
		}
		return
	}
	s.later(joinPause, func() {
		if s.rooms[r.id] == r && s.online && !r.joined && !r.loading {
			s.enter(r)
		}
	})
}

// opened shows what a join has brought.
func (s *Session) opened(r *room, h chat.History) {
	switch {
	case !r.log.begun:
		skip := max(0, len(h.Messages)-s.cfg.History)
		from := h.Room.LastSeq
		if len(h.Messages) > 0 {
			from = h.Messages[0].Seq - 1
		}
		r.log.begin(from + int64(skip))
		s.screen.Print(s.style.notice("#%s: %s (%s)", r.id, line(h.Room.Title), people(len(r.members))))
	case h.Reset:
		from := h.Room.LastSeq
		if len(h.Messages) > 0 {
			from = h.Messages[0].Seq - 1
		}
		s.screen.Print(s.style.notice("#%s: some older messages are not shown", r.id))
		r.log.begin(from)
	}
	s.show(r, h.Messages)
	if h.More {
		s.fill(r)
	}
}

func people(n int) string {
	if n == 1 {
		return "only you"
	}
	return fmt.Sprintf("%d people", n)
}

// fill asks for the messages after the last one shown.
func (s *Session) fill(r *room) {
	if r.loading || !s.online {
		return
	}
	r.loading = true
	have := r.log.have
	ask(s, chat.Page, chat.PageAfter(r.id, have), func(h chat.History, err error) {
		if s.rooms[r.id] != r || !s.online {
			return
		}
		r.loading = false
		if err != nil {
			s.later(joinPause, func() { s.mend(r) })
			return
		}
		s.show(r, h.Messages)
		if r.log.have > have && r.log.have < h.Room.LastSeq {
			s.fill(r)
		}
	})
}

// mend fills a gap if there still is one.
func (s *Session) mend(r *room) {
	if s.rooms[r.id] == r && r.log.gap() {
		s.fill(r)
	}
}

// arrived takes messages that somebody posted, the user included.
func (s *Session) arrived(messages ...chat.Message) {
	for _, m := range messages {
		r := s.rooms[m.Room]
		if r == nil {
			continue
		}
		delete(s.typists, m.From.ID)
		s.show(r, []chat.Message{m})
	}
}

// show prints what is due. What lies behind a gap waits a moment: it is usually on its way.
func (s *Session) show(r *room, messages []chat.Message) {
	where := r.id
	if where == s.current {
		where = ""
	}
	for _, m := range r.log.add(messages...) {
		at := m.Time()
		if s.shown.IsZero() {
			s.shown = time.Now()
		}
		if at.YearDay() != s.shown.YearDay() || at.Year() != s.shown.Year() {
			s.screen.Print(s.style.day(at))
		}
		s.shown = at
		s.screen.Print(s.style.message(m, where)...)
	}
	if r.log.gap() && !r.loading {
		s.later(gapPatience, func() { s.mend(r) })
	}
}

// came tells who joins and leaves.
func (s *Session) came(n chat.Notice, here bool) {
	r := s.rooms[n.Room]
	if r == nil {
		return
	}
	if !r.joined {
		r.early = append(r.early, func() { s.came(n, here) })
		return
	}
	_, known := r.members[n.Member.ID]
	verb := "joined"
	if here {
		r.members[n.Member.ID] = n.Member
	} else {
		delete(r.members, n.Member.ID)
		delete(s.typists, n.Member.ID)
		verb = "left"
	}
	if n.Member.ID == s.me.ID || known == here {
		return
	}
	where := ""
	if r.id != s.current {
		where = " #" + string(r.id)
	}
	s.screen.Print(s.style.notice("%s %s%s", line(n.Member.Name), verb, where))
}

func (s *Session) someoneTypes(n chat.TypingNotice) {
	delete(s.typists, n.Member.ID)
	if n.On {
		s.typists[n.Member.ID] = typist{n.Room, line(n.Member.Name), time.Now().Add(chat.TypingLasts)}
	}
}

// typing tells the others that the user writes, every few seconds.
func (s *Session) typing() {
	if !s.online || time.Since(s.typed) < 3*time.Second {
		return
	}
	s.typed = time.Now()
	// It may be lost.
	_ = client.Emit(s.sock.Volatile(), chat.Typing, chat.TypingState{Room: s.current, On: true})
}

// status is the prompt.
func (s *Session) status() string {
	parts := []string{"#" + string(s.current)}
	if !s.online {
		parts = append(parts, "offline")
	}
	if n := len(s.waiting); n > 0 {
		parts = append(parts, fmt.Sprintf("%d unsent", n))
	}
	var names []string
	for id, t := range s.typists {
		if time.Now().After(t.until) {
			delete(s.typists, id)
		} else if t.room == s.current {
			names = append(names, t.name)
		}
	}
	if slices.Sort(names); len(names) > 0 {
		parts = append(parts, strings.Join(names, ", ")+" typing")
	}
	return "[" + strings.Join(parts, " · ") + "] "
}

// complete finds what a word may become: commands, rooms, and names of those in the room. It is called on the
// goroutine that reads and waits for that of the session.
func (s *Session) complete(word string) []string {
	found := make(chan []string, 1)
	s.do(func() {
		var all []string
		switch {
		case word == "":
		case word[0] == '/':
			all = slices.Sorted(maps.Keys(commands()))
		default:
			if r := s.rooms[s.current]; r != nil {
				for _, m := range r.members {
					all = append(all, line(m.Name))
				}
			}
			for id := range s.rooms {
				all = append(all, string(id))
			}
			all = append(all, s.known...)
			slices.Sort(all)
		}
		found <- slices.DeleteFunc(all, func(c string) bool {
			return len(c) < len(word) || !strings.EqualFold(c[:len(word)], word)
		})
	})
	select {
	case f := <-found:
		return f
	case <-s.ctx.Done():
		return nil
	}
}
