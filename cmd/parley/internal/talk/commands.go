package talk

import (
	"context"
	"strings"

	"parley/shared/chat"
	"parley/shared/event"
)

// commands are what a line may begin with, with the help for it.
func commands() map[string]string {
	return map[string]string{
		"/rooms":  "list the rooms",
		"/join":   "ROOM  go to a room; the others stay open",
		"/leave":  "[ROOM]  leave a room",
		"/create": "TITLE  open a new room and go there",
		"/who":    "[ROOM]  list who is in a room",
		"/help":   "this list; a message that begins with / is written with //",
		"/quit":   "end",
	}
}

// command carries out a line of input.
func (s *Session) command(ctx context.Context, input string) error {
	input = strings.TrimRight(input, "\r\n")
	if said, ok := strings.CutPrefix(input, "//"); ok {
		return s.post(ctx, "/"+said)
	}
	if !strings.HasPrefix(input, "/") {
		return s.post(ctx, input)
	}
	name, rest, _ := strings.Cut(input, " ")
	rest = strings.TrimSpace(rest)
	switch name {
	case "/rooms":
		ask(s, chat.ListRooms, event.None{}, s.listed)
	case "/join":
		s.onRoom(rest, func(id chat.RoomID) {
			s.join(id)
			s.current = id
		})
	case "/leave":
		s.onRoom(rest, s.leave)
	case "/create":
		s.create(rest)
	case "/who":
		s.onRoom(rest, s.who)
	case "/help":
		s.help()
	case "/quit":
		return errQuit
	default:
		s.screen.Print(s.style.problem("there is no command %s; try /help", line(name)))
	}
	return nil
}

// onRoom calls fn for the room that was named, or for the current one.
func (s *Session) onRoom(named string, fn func(chat.RoomID)) {
	id := chat.RoomID(strings.TrimPrefix(named, "#"))
	if id == "" {
		id = s.current
	}
	if id.Validate() != nil {
		s.screen.Print(s.style.problem("%q cannot be the id of a room", line(named)))
		return
	}
	fn(id)
}

func (s *Session) listed(list chat.RoomList, err error) {
	if err != nil {
		s.screen.Print(s.style.problem("no list of rooms: %s", reason(err)))
		return
	}
	s.known = s.known[:0]
	for _, r := range list.Rooms {
		s.known = append(s.known, string(r.ID))
	}
	s.screen.Print(s.style.rooms(list.Rooms, s.current, func(id chat.RoomID) bool { return s.rooms[id] != nil })...)
}

func (s *Session) leave(id chat.RoomID) {
	switch {
	case s.rooms[id] == nil:
		s.screen.Print(s.style.problem("you are not in #%s", id))
		return
	case len(s.order) == 1:
		s.screen.Print(s.style.problem("this is your only room; /quit ends"))
		return
	}
	s.drop(id)
	s.screen.Print(s.style.notice("you left #%s", id))
	if s.online { // else the server knows already
		ask(s, chat.Leave, chat.LeaveRequest{Room: id}, func(event.None, error) {})
	}
}

func (s *Session) create(title string) {
	r := chat.NewRoom{Title: title}
	if err := r.Validate(); err != nil {
		s.screen.Print(s.style.problem("%s", event.AsError(err).Message))
		return
	}
	ask(s, chat.CreateRoom, r, func(room chat.RoomInfo, err error) {
		if err != nil {
			s.screen.Print(s.style.problem("no new room: %s", reason(err)))
			return
		}
		s.screen.Print(s.style.notice("you opened #%s", room.ID))
		s.join(room.ID)
		s.current = room.ID
	})
}

func (s *Session) who(id chat.RoomID) {
	r := s.rooms[id]
	if r == nil {
		s.screen.Print(s.style.problem("you are not in #%s; /join it first", id))
		return
	}
	say := func() { s.screen.Print(s.style.members(id, r.members)) }
	if r.joined {
		say()
	} else {
		r.whenDone = append(r.whenDone, say)
	}
}

func (s *Session) help() {
	all := commands()
	for _, name := range []string{"/rooms", "/join", "/leave", "/create", "/who", "/help", "/quit"} {
		s.screen.Print("  " + name + " " + all[name])
	}
}

// reason is what a user reads of an error.
func reason(err error) string {
	if e := event.AsError(err); e.Code != event.CodeInternal {
		return line(e.Message)
	}
	return line(err.Error())
}
