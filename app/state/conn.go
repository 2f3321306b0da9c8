package state

import (
	"slices"

	"parley/shared/chat"
)

func (u *step) tick(now int64) {
	u.Now = now
	if !u.online() {
		return
	}
	u.Conn.OnlineAt = now
	if u.Visible && now-u.ListedAt > listEvery {
		u.ListedAt = now
		u.do(ListRooms{})
	}
	if now-u.CheckedAt > checkEvery {
		u.CheckedAt = now
		u.do(CheckUpdate{})
	}
}

func (u *step) localLoaded(m LocalLoaded) {
	u.Ready = true
	u.Profile = m.Profile
	u.Prefs = m.Prefs
	u.do(ApplyTheme{Theme: u.Prefs.Theme})
	for _, l := range m.Rooms {
		r := u.ensure(l.Info.ID)
		r.Info, r.Mine, r.Read, r.Tail, r.Last, r.SyncedAt = l.Info, l.Mine, l.Read, l.Tail, l.Last, l.SyncedAt
		u.Conn.OnlineAt = max(u.Conn.OnlineAt, l.SyncedAt)
		u.count(r)
	}
	for id, text := range m.Drafts {
		u.ensure(id).Draft = text
	}
	for _, it := range m.Outbox {
		if it.Status == Saving || it.Status == Sending {
			it.Status = Queued
		}
		u.upsert(it)
		u.ensure(it.Room)
	}
	if u.Profile.Name == "" {
		u.Dialog = DialogName
	} else {
		u.connect()
	}
	switch last := u.Rooms[u.Prefs.LastRoom]; {
	case u.Open != "":
		u.openRoom(u.Open)
	case u.Columns >= 2 && last != nil && last.Mine:
		u.do(Navigate{Room: u.Prefs.LastRoom})
	}
	for _, id := range u.ids() {
		if r := u.room(id); r.Mine && r.Tail > 0 && !r.Local {
			r.Local = true
			u.do(LoadMessages{Room: id, Limit: ChunkSize})
		}
	}
}

func (u *step) connect() {
	u.Conn.Phase = Connecting
	u.do(Connect{Name: u.Profile.Name, Token: u.Profile.Token})
}

func (u *step) reconnect() {
	switch u.Conn.Phase {
	case Refused:
		u.connect()
	case Online:
	default:
		u.do(Reconnect{})
	}
}

func (u *step) connChanged(m ConnChanged) {
	if u.online() && m.Phase != Online {
		u.lost()
	}
	u.Conn.Phase = m.Phase
	u.Conn.Attempt = m.Attempt
	u.Conn.RetryAt = m.RetryAt
	if m.Reason != "" {
		u.Conn.Reason = m.Reason
	}
}

// lost forgets what is only true on a connection.
func (u *step) lost() {
	var save []LocalRoom
	for _, id := range u.ids() {
		if old := u.Rooms[id]; !old.Joined && !old.Joining && old.Fetch == nil {
			continue
		}
		r := u.room(id)
		if r.Joined && r.whole() {
			r.SyncedAt = u.Conn.OnlineAt
			save = append(save, r.local())
		}
		r.Joined, r.Joining, r.Stuck = false, false, false
		r.Typing, r.Fetch = nil, nil
	}
	if save != nil {
		u.do(SaveRooms{Rooms: save})
	}
	if u.Busy {
		u.Busy = false
		u.DialogError = "The connection was lost. Try again when it is back."
	}
	u.TypedAt = 0
}

func (u *step) hello(info chat.ServerInfo) {
	if u.online() {
		u.lost()
	}
	u.Conn = Conn{Phase: Online, OnlineAt: u.Now}
	u.Limits = info.Limits
	if u.Profile.ID != info.Me.ID || u.Profile.Name != info.Me.Name {
		u.Profile.ID, u.Profile.Name = info.Me.ID, info.Me.Name
		u.do(SaveProfile{Profile: u.Profile})
	}
	switch {
	case info.Build == "" || u.Build == "" || info.Build == u.Build:
		u.Release = ReleaseCurrent
	case u.Release != ReleaseReady:
		u.Release = ReleaseSeen
		u.CheckedAt = u.Now
		u.do(CheckUpdate{})
		u.release()
	}
	u.ListedAt = u.Now
	u.do(ListRooms{})
	if u.Open != "" {
		u.join(u.Open)
	}
	for _, id := range u.ids() {
		if id != u.Open && u.Rooms[id].Mine {
			u.join(id)
		}
	}
}

// release offers a reload once another release is both served and installed. An
// installed release alone is not enough: the first visit installs one as well.
func (u *step) release() {
	if u.Release == ReleaseSeen && u.Installed {
		u.Release = ReleaseReady
	}
}

func (u *step) rejected(f Failure) {
	if u.online() {
		u.lost()
	}
	u.Conn.Phase = Refused
	u.Conn.RetryAt = 0
	u.Conn.Reason = f.Message
	if f.Code == "invalid" {
		u.Dialog = DialogName
		u.DialogError = sentence(f.Message)
	}
}

func (u *step) visibility(on bool) {
	if u.Visible == on {
		return
	}
	u.Visible = on
	if !on {
		return
	}
	u.readOpen()
	if !u.online() && u.Profile.Name != "" {
		u.reconnect()
	}
	if u.Ready && u.Now-u.CheckedAt > checkEvery {
		u.CheckedAt = u.Now
		u.do(CheckUpdate{})
	}
}

// sentence makes the server's "invalid name" presentable.
func sentence(s string) string {
	if s == "" {
		return "Something went wrong."
	}
	r := []rune(s)
	if 'a' <= r[0] && r[0] <= 'z' {
		r[0] -= 'a' - 'A'
	}
	if !slices.Contains([]rune(".!?…"), r[len(r)-1]) {
		r = append(r, '.')
	}
	return string(r)
}
