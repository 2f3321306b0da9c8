package page

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"parley/app/state"
	"parley/app/ui"
	"parley/shared/chat"
)

// look is a State to be drawn. Its methods give the values that the components
// show; they have no effects.
type look struct {
	state.State
	clock *clock
}

// href is the address of a room.
func href(id chat.RoomID) string { return "/room/" + string(id) }

// rail is what the list of rooms shows.
type rail struct {
	Mine, More []ui.RoomItem
	Listed     bool
	Me, MeID   string
	Conn       connLine
	Alone      bool // the only thing on screen
}

func (l look) rail() rail {
	v := rail{Alone: l.Columns == 1 && l.Open == "", Me: l.Profile.Name, MeID: string(l.Profile.ID), Conn: l.connLine(), Listed: l.Listed || len(l.Rooms) > 0}
	var mine, more []*state.Room
	for _, r := range l.Rooms {
		switch {
		case r.Gone && len(l.Pending(r.Info.ID)) == 0:
		case r.Mine, r.Gone: // what was written there is not sent
			mine = append(mine, r)
		default:
			more = append(more, r)
		}
	}
	slices.SortFunc(mine, func(a, b *state.Room) int {
		return cmp.Or(cmp.Compare(b.Last.At, a.Last.At), compareTitles(a, b))
	})
	slices.SortFunc(more, compareTitles)
	for _, r := range mine {
		v.Mine = append(v.Mine, l.roomItem(r))
	}
	for _, r := range more {
		v.More = append(v.More, l.roomItem(r))
	}
	return v
}

func compareTitles(a, b *state.Room) int {
	return cmp.Or(cmp.Compare(strings.ToLower(a.Info.Title), strings.ToLower(b.Info.Title)), cmp.Compare(a.Info.ID, b.Info.ID))
}

func (l look) roomItem(r *state.Room) ui.RoomItem {
	id := r.Info.ID
	item := ui.RoomItem{
		ID: string(id), Title: r.Info.Title, Href: href(id), Line: r.Info.Topic,
		Unread: r.Unread, Current: id == l.Open, Dim: !r.Mine,
	}
	if l.Conn.Phase == state.Online {
		item.Online = r.Info.Online
	}
	if r.Mine {
		if m := r.Last; m.Seq > 0 {
			item.Line = firstLine(l.speaker(m.From) + ": " + m.Text)
			item.Time = l.clock.brief(m.At, l.Now)
		}
	}
	for i := range l.Outbox {
		if it := &l.Outbox[i]; it.Room == id {
			item.Warn = item.Warn || it.Status == state.Failed
			item.Line = firstLine("You: " + it.Text)
			item.Time = l.clock.brief(it.At, l.Now)
		}
	}
	if r.Draft != "" && id != l.Open {
		item.Draft, item.Line = true, firstLine(r.Draft)
	}
	switch n := r.Info.LastSeq; {
	case item.Line != "":
	case n == 0:
		item.Line = "No messages yet"
	case n == 1:
		item.Line = "1 message"
	default:
		item.Line = strconv.FormatInt(n, 10) + " messages"
	}
	return item
}

func (l look) speaker(m chat.Member) string {
	if m.ID == l.Profile.ID {
		return "You"
	}
	return m.Name
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if r := []rune(s); len(r) > 90 {
		return string(r[:90])
	}
	return s
}

// connLine is the connection in a few words.
type connLine struct {
	Kind string // ok, busy, off, bad
	Text string
}

func (l look) connLine() connLine {
	switch l.Conn.Phase {
	case state.Online:
		return connLine{Kind: "ok", Text: "Connected"}
	case state.Connecting:
		return connLine{Kind: "busy", Text: "Connecting…"}
	case state.Waiting:
		if left := (l.Conn.RetryAt - l.Now + 999) / 1000; left > 0 {
			return connLine{Kind: "off", Text: "No server, next try in " + strconv.FormatInt(left, 10) + " s"}
		}
		return connLine{Kind: "busy", Text: "Connecting…"}
	case state.Offline:
		return connLine{Kind: "off", Text: "Offline"}
	case state.Refused:
		return connLine{Kind: "bad", Text: "Not accepted by the server"}
	}
	return connLine{Kind: "off", Text: "Not connected"}
}

// head is what stands above the messages of a room.
type head struct {
	ID, Title string
	Line      string
	Conn      connLine
	Panel     bool
	Columns   int
}

func (l look) head() head {
	v := head{Conn: l.connLine(), Panel: l.panelShown(), Columns: l.Columns}
	r := l.Rooms[l.Open]
	if r == nil || l.nowhere() {
		if l.Columns > 1 {
			v.Conn = connLine{} // the list of rooms beside it tells
		}
		return v
	}
	v.ID, v.Title = string(r.Info.ID), r.Info.Title
	switch {
	case r.Joined && r.Info.Online <= 1:
		v.Line = "Only you are here"
	case r.Joined:
		v.Line = strconv.Itoa(r.Info.Online) + " people are here"
	case r.Gone:
		v.Line = "This room is not there any more"
	case l.Conn.Phase == state.Online:
		v.Line = "Opening…"
	case l.Conn.Phase == state.Idle && l.Columns > 1:
		// the list of rooms tells
	default:
		v.Line = v.Conn.Text
	}
	return v
}

func (l look) panelShown() bool {
	return l.Columns >= 3 && !l.NoPanel && l.Open != "" && !l.nowhere()
}

// nowhere reports whether the address names a room that is not there.
func (l look) nowhere() bool {
	r := l.Rooms[l.Open]
	return r != nil && r.Gone && r.Log.Len() == 0
}

// people is who is here, and what can be done with the room.
type people struct {
	Room, Title, Topic string
	Members            []person
	Count              int  // of people here, of whom Members may be a part
	Known              bool // on this connection, so it is true now
	Offline            bool
	Mine               bool
}

type person struct {
	ID, Name string
	Me       bool
}

func (l look) people() people {
	r := l.Rooms[l.Open]
	if r == nil {
		return people{}
	}
	v := people{Room: string(r.Info.ID), Title: r.Info.Title, Topic: r.Info.Topic, Known: r.Joined, Mine: r.Mine, Offline: l.Conn.Phase != state.Online, Count: r.Info.Online}
	for _, m := range r.Members {
		v.Members = append(v.Members, person{ID: string(m.ID), Name: m.Name, Me: m.ID == l.Profile.ID})
	}
	return v
}

// banners are the messages across the page, the most urgent first.
func (l look) banners() []ui.Banner {
	var v []ui.Banner
	if l.Crash != "" {
		v = append(v, ui.Banner{
			Kind: ui.Danger, Icon: ui.IconAlert, Text: "A part of this page stopped working.",
			Detail: "What you wrote is stored. Reload to go on.",
			Button: ui.Button{Label: "Reload", Kind: ui.Danger, Act: "reload"},
		})
	}
	if l.Release == state.ReleaseReady {
		v = append(v, ui.Banner{
			Kind: ui.Info, Icon: ui.IconSpark, Text: "There is a new version of Parley.",
			Detail: "Drafts and unsent messages stay.",
			Button: ui.Button{Label: "Reload", Kind: ui.Primary, Act: "reload"},
		})
	}
	if b, ok := l.connBanner(); ok {
		v = append(v, b)
	}
	return v
}

// connBanner tells about a lost connection, how old what is shown may be, and
// that writing goes on. It blames the device only when that has no network. The
// first attempt of a page gets a moment before that.
func (l look) connBanner() (ui.Banner, bool) {
	detail := ""
	if l.Conn.OnlineAt > 0 {
		detail = "Last updated " + age(l.Conn.OnlineAt, l.Now) + ". "
	}
	b := ui.Banner{
		Kind: ui.Warn, Icon: ui.IconCloud, Text: "The server cannot be reached.",
		Detail: detail + "Messages you write are kept and sent later.",
		Button: ui.Button{Label: "Try now", Kind: ui.Plain, Act: "reconnect"},
	}
	switch {
	case l.Conn.Phase == state.Refused && l.Dialog != state.DialogName:
		b.Text = "The server did not accept the connection."
		b.Detail = l.Conn.Reason
		return b, true
	case l.Conn.Phase == state.Offline:
		b.Text = "You are offline."
		return b, true
	case l.Conn.Phase == state.Waiting:
		return b, true
	case l.Conn.Phase == state.Connecting && (l.Conn.Attempt > 1 || l.Conn.Reason != ""):
		b.Button = ui.Button{Label: "Trying…", Busy: true}
		return b, true
	}
	return b, false
}

// typing says who writes.
func (l look) typing() string {
	r := l.Rooms[l.Open]
	if r == nil || len(r.Typing) == 0 {
		return ""
	}
	switch t := r.Typing; len(t) {
	case 1:
		return t[0].Member.Name + " is writing"
	case 2:
		return t[0].Member.Name + " and " + t[1].Member.Name + " are writing"
	default:
		return "Several people are writing"
	}
}

// title is the title of the page.
func (l look) title() string {
	t := "Parley"
	if r := l.Rooms[l.Open]; r != nil {
		t = r.Info.Title + " · Parley"
	}
	if n := l.TotalUnread(); n > 0 {
		t = "(" + strconv.Itoa(n) + ") " + t
	}
	return t
}
