package link

import (
	"parley/app/state"
	"parley/shared/chat"
	"parley/shared/client"
	"parley/shared/event"
)

// ask asks the server and tells what it answers: one message for the answer, or
// one for the failure. Without a connection it fails at once.
func ask[Req, Res any](l *Link, call event.Call[Req, Res], req Req, yes func(Res) state.Msg, no func(state.Failure) state.Msg) {
	sock := l.socket()
	if sock == nil {
		l.tell(no(failureOf(client.ErrNotConnected)))
		return
	}
	answer, err := client.Call(l.ctx, sock, call, req)
	switch {
	case err == nil:
		l.tell(yes(answer))
	case l.ctx.Err() == nil:
		l.tell(no(failureOf(err)))
	}
}

func (l *Link) listRooms() {
	ask(l, chat.ListRooms, event.None{},
		func(r chat.RoomList) state.Msg { return state.RoomsListed{Rooms: r.Rooms} },
		func(f state.Failure) state.Msg { return state.RoomsFailed{Failure: f} })
}

func (l *Link) createRoom(c state.CreateRoom) {
	ask(l, chat.CreateRoom, c.Room,
		func(r chat.RoomInfo) state.Msg { return state.RoomCreated{Room: r} },
		func(f state.Failure) state.Msg { return state.CreateFailed{Failure: f} })
}

func (l *Link) joinRoom(c state.JoinRoom) {
	ask(l, chat.Join, c.Request,
		func(h chat.History) state.Msg { return state.RoomJoined{Request: c.Request, History: h} },
		func(f state.Failure) state.Msg { return state.JoinFailed{Request: c.Request, Failure: f} })
}

func (l *Link) fetchPage(c state.FetchPage) {
	ask(l, chat.Page, c.Request,
		func(h chat.History) state.Msg { return state.PageLoaded{Request: c.Request, History: h} },
		func(f state.Failure) state.Msg { return state.PageFailed{Request: c.Request, Failure: f} })
}

// leaveRoom is not answered: without a connection there is nothing to leave, and
// whoever comes back joins only the rooms that are still wanted.
func (l *Link) leaveRoom(c state.LeaveRoom) {
	if sock := l.socket(); sock != nil {
		if _, err := client.Call(l.ctx, sock, chat.Leave, chat.LeaveRequest{Room: c.Room}); err != nil {
			l.cfg.Log.Debug("leave room", "room", c.Room, "error", err)
		}
	}
}

// sendTyping is worth nothing a moment later and never waits for a connection.
func (l *Link) sendTyping(c state.SendTyping) {
	if sock := l.socket(); sock != nil {
		_ = client.Emit(sock.Volatile(), chat.Typing, chat.TypingState{Room: c.Room, On: c.On})
	}
}
