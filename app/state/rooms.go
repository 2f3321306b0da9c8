package state

import (
	"errors"
	"slices"
	"strings"

	"parley/shared/chat"
	"parley/shared/event"
)

// roomInfo takes over what the server says about a room. A room that we are in
// knows its own newest number and who is there better than a list.
func (u *step) roomInfo(info chat.RoomInfo) *Room {
	r := u.ensure(info.ID)
	if r.Joined {
		info.LastSeq = max(info.LastSeq, r.Info.LastSeq)
		info.Online = r.Info.Online
	}
	r.Info = info
	r.Gone = false
	u.count(r)
	return r
}

func (u *step) roomsListed(infos []chat.RoomInfo) {
	known := make([]chat.RoomID, 0, len(infos))
	var save []LocalRoom
	mine := false
	for _, info := range infos {
		known = append(known, info.ID)
		r := u.roomInfo(info)
		mine = mine || r.Mine
		if r.Joined {
			u.heal(r)
		}
		save = append(save, r.local())
	}
	for _, id := range u.ids() {
		if !slices.Contains(known, id) && !u.Rooms[id].Joined {
			r := u.room(id)
			u.gone(r)
			save = append(save, r.local())
		}
	}
	first := !u.Listed
	u.Listed = true
	u.do(SaveRooms{Rooms: save})
	if first && !mine && u.Open == "" && len(infos) > 0 {
		u.do(Navigate{Room: infos[0].ID}) // a new user starts in a room, not in front of a list
	}
}

func (u *step) createAsked(m CreateAsked) {
	room := chat.NewRoom{Title: chat.CleanLine(m.Title), Topic: chat.CleanLine(m.Topic)}
	if err := room.Validate(); err != nil {
		u.DialogError = complaint(err)
		return
	}
	if !u.online() {
		u.DialogError = "A room can only be made while you are connected."
		return
	}
	u.Busy, u.DialogError = true, ""
	u.do(CreateRoom{Room: room})
}

func (u *step) roomCreated(info chat.RoomInfo) {
	u.Busy = false
	if u.Dialog == DialogNewRoom {
		u.Dialog = DialogNone
	}
	u.saveRoom(u.roomInfo(info))
	u.do(Navigate{Room: info.ID})
}

func (u *step) createFailed(f Failure) {
	u.Busy = false
	text := sentence(f.Message)
	if f.Code == string(event.CodeConflict) {
		text = "There is a room with that name already."
	}
	if u.Dialog == DialogNewRoom {
		u.DialogError = text
		return
	}
	u.toast("The room was not made. "+text, true)
}

func (u *step) navigated(id chat.RoomID) {
	if u.Open == id {
		return
	}
	if old := u.room(u.Open); old != nil {
		old.NewFrom = 0
		old.Notices = nil
		u.trim(old)
	}
	u.Open = id
	u.AtEnd = true
	u.TypedAt = 0
	if u.Dialog == DialogSwitcher || u.Dialog == DialogMembers || u.Dialog == DialogLeave {
		u.Dialog = DialogNone
	}
	if u.Ready && id != "" {
		u.openRoom(id)
	}
}

// openRoom brings the open room on screen: what the device has at once, and what
// the server has when there is a connection.
func (u *step) openRoom(id chat.RoomID) {
	r := u.ensure(id)
	known := r.Mine
	if !r.Mine && !r.Gone {
		r.Mine = true
		u.saveRoom(r)
	}
	if u.Prefs.LastRoom != id {
		u.Prefs.LastRoom = id
		u.do(SavePrefs{Prefs: u.Prefs})
	}
	if !r.Loaded && !r.Local {
		r.Local = true
		u.do(LoadMessages{Room: id, Limit: openPage})
	}
	if r.Unread > 0 && known {
		r.NewFrom = r.Read + 1
		u.AtEnd = false // the page says when it has scrolled past what is new
	}
	u.join(id)
	u.readOpen()
	u.do(FocusComposer{})
}

func (u *step) join(id chat.RoomID) {
	r := u.room(id)
	if r == nil || !u.online() || r.Joined || r.Joining || !(r.Mine || id == u.Open) {
		return
	}
	r.Joining, r.Early = true, nil
	u.do(JoinRoom{Request: chat.JoinRequest{Room: id, After: r.Tail}})
}

func (u *step) roomJoined(m RoomJoined) {
	r := u.room(m.Request.Room)
	if r == nil || !u.online() || !r.Mine && r.Info.ID != u.Open {
		return
	}
	// The state must be joined before the members are set, with what came early.
	r.Joining, r.Joined, r.Gone, r.Mine = false, true, false, true
	h := m.History
	if h.Reset && h.Room.LastSeq < r.Tail {
		u.forget(r) // the server does not have what we have: it starts again
	}
	r.Info = h.Room
	u.setMembers(r, h.Members)
	if r.SyncedAt == 0 && r.Read == 0 {
		r.Read = h.Room.LastSeq // nothing in a room that is new to us is unread
	}
	u.merge(r, h.Messages)
	if len(h.Messages) == 0 {
		u.saveRoom(r)
	}
}

// gone marks a room that the server does not know.
func (u *step) gone(r *Room) {
	r.Gone, r.Mine = true, false
	u.count(r)
}

// forget drops the messages of a room, here and on the disk.
func (u *step) forget(r *Room) {
	r.Log, r.Last, r.Tail, r.Read, r.NewFrom = Log{}, chat.Message{}, 0, 0, 0
	r.Local, r.Loaded, r.Bottom, r.Stuck, r.Fetch = false, true, true, false, nil
	r.Notices = nil
	u.do(ForgetMessages{Room: r.Info.ID})
}

func (u *step) joinFailed(m JoinFailed) {
	r := u.room(m.Request.Room)
	if r == nil {
		return
	}
	r.Joining = false
	switch m.Failure.Code {
	case string(event.CodeNotFound), string(event.CodeInvalid):
		u.gone(r)
		u.saveRoom(r)
	case "offline":
	default:
		u.later(retryDelay, joinAgain{room: r.Info.ID})
	}
}

func (u *step) leave(id chat.RoomID) {
	r := u.room(id)
	if r == nil {
		return
	}
	if u.Dialog == DialogLeave {
		u.Dialog = DialogNone
	}
	if u.online() && (r.Joined || r.Joining) {
		u.do(LeaveRoom{Room: id})
	}
	r.Mine, r.Joined, r.Joining = false, false, false
	r.Typing = nil
	u.forget(r)
	r.Loaded, r.Unread = false, 0
	u.saveRoom(r)
	if u.Open == id {
		u.do(Navigate{})
	}
}

// complaint is what the contract has against an input, as a sentence.
func complaint(err error) string {
	if e, ok := errors.AsType[*event.Error](err); ok {
		return sentence(e.Message)
	}
	return sentence(strings.TrimSpace(err.Error()))
}
