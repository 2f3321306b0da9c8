package state

import (
	"slices"

	"parley/shared/chat"
)

// merge takes messages from the server into a room, stores the new ones, and
// asks for what turns out to be missing.
func (u *step) merge(r *Room, messages []chat.Message) []chat.Message {
	var fresh []chat.Message
	r.Log, fresh = r.Log.Insert(messages)
	if len(fresh) > 0 {
		r.newest()
		last := r.Log.Last()
		r.Tail = max(r.Tail, last)
		r.Info.LastSeq = max(r.Info.LastSeq, last)
		r.Bottom = false
		u.delivered(r, fresh)
	}
	u.heal(r)
	if r.Joined && r.whole() {
		r.SyncedAt = u.Now
	}
	u.read(r)
	u.trim(r)
	if len(fresh) > 0 {
		u.do(SaveMessages{Room: r.local(), Messages: fresh})
	}
	return fresh
}

// newest keeps the newest message for the list of rooms, where it also decides
// the order: it has to be there before the messages are.
func (r *Room) newest() {
	if last := r.Log.Last(); last > r.Last.Seq {
		r.Last, _ = r.Log.Get(last)
	}
}

// whole reports whether everything from the lowest message held to the newest of
// the room is there.
func (r *Room) whole() bool {
	if r.Log.Last() < r.Info.LastSeq {
		return r.Log.Len() == 0 && r.Tail >= r.Info.LastSeq
	}
	_, _, gap := r.Log.Gap(r.Info.LastSeq)
	return !gap
}

// heal asks for the newest missing stretch when it is small enough to be worth
// having unasked; a wider one waits until somebody looks at it.
func (u *step) heal(r *Room) {
	if !u.online() || !r.Joined || r.Fetch != nil || r.Stuck {
		return
	}
	from, to, gap := r.Log.Gap(r.Info.LastSeq)
	if !gap || to-from >= chat.MaxBehind {
		return
	}
	u.fetch(r, chat.PageRequest{Room: r.Info.ID, After: from - 1, Limit: int(min(to-from+1, chat.MaxPage))})
}

func (u *step) fetch(r *Room, request chat.PageRequest) {
	r.Fetch = &request
	u.do(FetchPage{Request: request})
}

func (u *step) posted(messages []chat.Message) {
	for len(messages) > 0 {
		id := messages[0].Room
		n := slices.IndexFunc(messages, func(m chat.Message) bool { return m.Room != id })
		if n < 0 {
			n = len(messages)
		}
		if r := u.room(id); r != nil && r.Mine {
			fresh := u.merge(r, messages[:n])
			u.hearNew(r, fresh)
		}
		messages = messages[n:]
	}
}

// hearNew does what new messages of others deserve: they end "typing" and may
// notify.
func (u *step) hearNew(r *Room, fresh []chat.Message) {
	var last *chat.Message
	for i := range fresh {
		if m := &fresh[i]; m.From.ID != u.Profile.ID {
			u.stopTyping(r, m.From.ID)
			last = m
		}
	}
	if last == nil || u.Visible || !u.Prefs.Notify {
		return
	}
	u.do(Notify{Room: r.Info.ID, Title: last.From.Name + " in " + r.Info.Title, Body: clip(last.Text, 160)})
}

func (u *step) localMessages(m LocalMessages) {
	r := u.room(m.Room)
	if r == nil || !r.Local {
		return // asked for before the room was emptied
	}
	r.Local = false
	r.Loaded = true
	r.Bottom = len(m.Messages) == 0
	var fresh []chat.Message
	r.Log, fresh = r.Log.Insert(m.Messages)
	r.newest()
	u.delivered(r, fresh)
	u.heal(r)
	u.read(r)
}

func (u *step) pageLoaded(m PageLoaded) {
	r := u.room(m.Request.Room)
	if r == nil {
		return
	}
	asked := r.Fetch != nil && *r.Fetch == m.Request
	if asked {
		r.Fetch = nil
	}
	if !r.Mine {
		return
	}
	if asked && len(m.History.Messages) == 0 {
		r.Stuck = true // asking again would give the same
	}
	u.merge(r, m.History.Messages)
}

func (u *step) pageFailed(m PageFailed) {
	r := u.room(m.Request.Room)
	if r == nil || r.Fetch == nil || *r.Fetch != m.Request {
		return
	}
	r.Fetch = nil
	if m.Failure.Code == "offline" {
		return
	}
	r.Stuck = true
	u.later(retryDelay, healAgain{room: m.Request.Room})
}

// olderWanted asks for what is above the oldest message: the server while there
// is a connection, the disk otherwise. It fills whole chunks.
func (u *step) olderWanted(id chat.RoomID) {
	r := u.room(id)
	if r == nil || r.Fetch != nil || r.Local {
		return
	}
	first := r.Log.First()
	if first <= 1 {
		return
	}
	limit := ChunkSize + int((first-1)%ChunkSize)
	switch {
	case u.online() && r.Joined:
		r.Stuck = false
		u.fetch(r, chat.PageRequest{Room: id, Before: first, Limit: limit})
	case !r.Bottom:
		r.Local = true
		u.do(LoadMessages{Room: id, Before: first, Limit: limit})
	}
}

func (u *step) gapWanted(id chat.RoomID, seq int64) {
	r := u.room(id)
	if r == nil || r.Fetch != nil || !u.online() || !r.Joined {
		return
	}
	from, to, ok := r.Log.GapBelow(seq)
	if !ok {
		return
	}
	r.Stuck = false
	limit := min(to-from+1, ChunkSize+to%ChunkSize)
	u.fetch(r, chat.PageRequest{Room: id, Before: to + 1, Limit: int(limit)})
}

// trim keeps only the newest chunks of a room that is not on screen.
func (u *step) trim(r *Room) {
	if r.Info.ID != u.Open && len(r.Log.chunks) > 2*keepChunks {
		r.Log = r.Log.Newest(keepChunks)
	}
}

// readOpen marks the open room as read when its end is on screen.
func (u *step) readOpen() {
	old := u.Rooms[u.Open]
	if old == nil || old.Unread == 0 && old.Read >= old.Log.Last() {
		return
	}
	r := u.room(u.Open)
	if read := r.Read; u.read(r) && r.Read != read {
		u.saveRoom(r)
	}
}

// read moves the read marker of a room to its end when somebody looks at it, and
// counts what is unread. It reports whether somebody looks.
func (u *step) read(r *Room) bool {
	looks := r.Info.ID == u.Open && u.Visible && u.AtEnd
	if looks {
		r.Read = max(r.Read, r.Log.Last())
	}
	before := r.Unread
	u.count(r)
	if r.Info.ID == u.Open && before == 0 && r.Unread > 0 && r.NewFrom == 0 {
		r.NewFrom = r.Read + 1
	}
	return looks
}

// count finds how many messages of others are above the read marker. Those not
// held count as others'.
func (u *step) count(r *Room) {
	r.Unread = 0
	if !r.Mine {
		return
	}
	n := r.Info.LastSeq - r.Read
	for m := range r.Log.Backward(r.Info.LastSeq) {
		if m.Seq <= r.Read {
			break
		}
		if m.From.ID == u.Profile.ID && u.Profile.ID != "" {
			n--
		}
	}
	r.Unread = int(max(n, 0))
}

// clip shortens a text for a notification.
func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}
