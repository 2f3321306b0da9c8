package page

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/app/state"
	"parley/app/ui"
	"parley/shared/chat"
)

var (
	mara = chat.Member{ID: "id-mara", Name: "Mara"}
	ana  = chat.Member{ID: "id-ana", Name: "Ana"}
	ben  = chat.Member{ID: "id-ben", Name: "Ben"}
	noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC).UnixMilli()
)

const minute = int64(60_000)

// utcClock writes the same everywhere: in Greenwich and without a browser's help.
func utcClock() *clock {
	return &clock{zone: time.UTC, minutes: make(map[int64]string), days: make(map[int64]string)}
}

func room(id chat.RoomID, msgs ...chat.Message) *state.Room {
	r := &state.Room{Info: chat.RoomInfo{ID: id, Title: string(id), Topic: "about " + string(id), Online: 2}, Mine: true, Joined: true, Members: []chat.Member{ana, mara}}
	for i := range msgs {
		msgs[i].Room = id
		if msgs[i].Seq == 0 {
			msgs[i].Seq = int64(i + 1)
		}
		r.Info.LastSeq = msgs[i].Seq
	}
	r.Log, _ = r.Log.Insert(msgs)
	r.Last, _ = r.Log.Get(r.Log.Last())
	return r
}

func said(from chat.Member, at int64, text string) chat.Message {
	return chat.Message{ID: text, From: from, At: at, Text: text}
}

// at gives a message a number.
func at(seq int64, m chat.Message) chat.Message {
	m.Seq = seq
	return m
}

func online(rooms ...*state.Room) look {
	s := state.State{
		Ready: true, Now: noon, Profile: state.Profile{Name: mara.Name, ID: mara.ID}, Columns: 3,
		Conn: state.Conn{Phase: state.Online, OnlineAt: noon}, Rooms: map[chat.RoomID]*state.Room{}, Open: "lobby", AtEnd: true, Listed: true,
	}
	for _, r := range rooms {
		s.Rooms[r.Info.ID] = r
	}
	return look{State: s, clock: utcClock()}
}

func titles(items []ui.RoomItem) []string {
	var out []string
	for _, it := range items {
		out = append(out, it.Title)
	}
	return out
}

func TestRailIsSortedByWhatHappenedLast(t *testing.T) {
	old, busy, quiet := room("old", said(ana, noon-90*minute, "x")), room("busy", said(ana, noon-minute, "x")), room("quiet")
	other, gone := room("other"), room("gone")
	other.Mine, gone.Gone = false, true
	v := online(old, busy, quiet, other, gone).rail()
	require.Equal(t, []string{"busy", "old", "quiet"}, titles(v.Mine))
	require.Equal(t, []string{"other"}, titles(v.More))

	l := online(old, gone)
	gone.Mine = false
	l.Outbox = []state.Item{{ID: "a", Room: "gone", Text: "x", At: noon, Status: state.Failed}}
	v = l.rail()
	require.Equal(t, []string{"old", "gone"}, titles(v.Mine), "a room that is not there has what was not sent")
	require.True(t, v.Mine[1].Warn)
}

func TestRoomItem(t *testing.T) {
	r := room("lobby", said(ana, noon-minute, "first\nsecond"), said(mara, noon, "done"))
	r.Unread = 3
	l := online(r)
	it := l.roomItem(r)
	require.Equal(t, "You: done", it.Line)
	require.Equal(t, "12:00", it.Time)
	require.Equal(t, "/room/lobby", it.Href)
	require.Equal(t, 3, it.Unread)
	require.Equal(t, 2, it.Online)
	require.True(t, it.Current)

	l.Open = ""
	r.Draft = "not yet\nmore"
	it = l.roomItem(r)
	require.True(t, it.Draft)
	require.Equal(t, "not yet", it.Line)

	l.Outbox = []state.Item{{ID: "a", Room: "lobby", Text: "x", At: noon, Status: state.Failed}}
	require.True(t, l.roomItem(r).Warn)

	l.Conn.Phase = state.Offline
	require.Zero(t, l.roomItem(r).Online, "nobody knows")

	empty := room("lobby")
	empty.Info.Topic = ""
	require.Equal(t, "No messages yet", online(empty).roomItem(empty).Line)
	empty.Info.LastSeq = 12
	require.Equal(t, "12 messages", online(empty).roomItem(empty).Line)
	empty.Mine = false
	empty.Info.Topic = "what it is about"
	require.Equal(t, "what it is about", online(empty).roomItem(empty).Line)
}

func TestConnection(t *testing.T) {
	for _, c := range []struct {
		name   string
		conn   state.Conn
		kind   string
		text   string
		banner string // how it begins, "" for none
	}{
		{"online", state.Conn{Phase: state.Online, OnlineAt: noon}, "ok", "Connected", ""},
		{"first attempt", state.Conn{Phase: state.Connecting}, "busy", "Connecting…", ""},
		{"first attempt, told", state.Conn{Phase: state.Connecting, Attempt: 1}, "busy", "Connecting…", ""},
		{"first after a loss", state.Conn{Phase: state.Connecting, Attempt: 1, Reason: "transport close"}, "busy", "Connecting…", "The server cannot be reached."},
		{"another attempt", state.Conn{Phase: state.Connecting, Attempt: 2}, "busy", "Connecting…", "The server cannot be reached."},
		{"waiting", state.Conn{Phase: state.Waiting, Attempt: 1, RetryAt: noon + 3400}, "off", "No server, next try in 4 s", "The server cannot be reached."},
		{"no longer waiting", state.Conn{Phase: state.Waiting, Attempt: 1, RetryAt: noon - 1}, "busy", "Connecting…", "The server cannot be reached."},
		{"no network", state.Conn{Phase: state.Offline, OnlineAt: noon - 7*minute}, "off", "Offline", "You are offline."},
		{"refused", state.Conn{Phase: state.Refused, Reason: "no"}, "bad", "Not accepted by the server", "The server did not"},
		{"idle", state.Conn{}, "off", "Not connected", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := online(room("lobby"))
			l.Conn = c.conn
			require.Equal(t, connLine{Kind: c.kind, Text: c.text}, l.connLine())
			b, ok := l.connBanner()
			require.Equal(t, c.banner != "", ok)
			if ok {
				require.Contains(t, b.Text, c.banner)
			}
		})
	}
	l := online(room("lobby"))
	l.Conn = state.Conn{Phase: state.Offline, OnlineAt: noon - 7*minute}
	b, _ := l.connBanner()
	require.Equal(t, "Last updated 7 minutes ago. Messages you write are kept and sent later.", b.Detail)
}

func TestBanners(t *testing.T) {
	l := online(room("lobby"))
	require.Empty(t, l.banners())
	l.Crash, l.Release, l.Conn.Phase = "boom", state.ReleaseReady, state.Offline
	v := l.banners()
	require.Len(t, v, 3)
	require.Equal(t, ui.Danger, v[0].Kind)
	require.Equal(t, "reload", v[1].Button.Act)
	l.Release = state.ReleaseSeen
	require.Len(t, l.banners(), 2, "what is not installed is not offered")
}

func TestHead(t *testing.T) {
	r := room("lobby")
	l := online(r)
	require.Equal(t, "2 people are here", l.head().Line)
	r.Info.Online = 1
	require.Equal(t, "Only you are here", l.head().Line)
	r.Joined = false
	require.Equal(t, "Opening…", l.head().Line)
	l.Conn.Phase = state.Offline
	require.Equal(t, "Offline", l.head().Line)
	require.False(t, l.people().Known)
	require.True(t, l.people().Offline)

	// Before anything was tried there is nothing to say twice.
	l.Conn.Phase = state.Idle
	require.Empty(t, l.head().Line)
	l.Columns = 1
	require.Equal(t, "Not connected", l.head().Line)
	l.Columns, l.Conn.Phase = 3, state.Offline

	// Without a room it tells the connection, unless the list of rooms beside it does.
	l.Open = ""
	require.Empty(t, l.head().Conn)
	l.Columns = 1
	require.Equal(t, "Offline", l.head().Conn.Text)
}

func TestTyping(t *testing.T) {
	r := room("lobby")
	l := online(r)
	require.Empty(t, l.typing())
	r.Typing = []state.Typist{{Member: ana}}
	require.Equal(t, "Ana is writing", l.typing())
	r.Typing = append(r.Typing, state.Typist{Member: ben})
	require.Equal(t, "Ana and Ben are writing", l.typing())
	r.Typing = append(r.Typing, state.Typist{Member: mara})
	require.Equal(t, "Several people are writing", l.typing())
}

func TestTitle(t *testing.T) {
	r, other := room("lobby"), room("other")
	l := online(r, other)
	require.Equal(t, "lobby · Parley", l.title())
	other.Unread = 4
	require.Equal(t, "(4) lobby · Parley", l.title())
	l.Open = ""
	require.Equal(t, "(4) Parley", l.title())
}

func TestFoundRooms(t *testing.T) {
	design, lobby, other := room("design"), room("lobby"), room("other")
	design.Info.Title, other.Mine, other.Info.Title = "Design reviews", false, "Reviews of books"
	l := online(design, lobby, other)
	require.Equal(t, []string{"Design reviews", "Reviews of books"}, titles(l.found("REV")))
	require.Equal(t, []string{"Design reviews"}, titles(l.found("rev des")))
	require.Len(t, l.found(" "), 3)
	require.Empty(t, l.found("nothing"))
}

func TestClock(t *testing.T) {
	c := utcClock()
	require.Equal(t, "12:00", c.minute(noon))
	require.Equal(t, "Today", c.date(noon, noon))
	require.Equal(t, "Yesterday", c.date(noon-24*60*minute, noon))
	require.Equal(t, "Monday, 2 March", c.date(noon-48*60*minute, noon))
	require.Equal(t, "4 March 2025", c.date(noon-365*24*60*minute, noon))
	require.Equal(t, "", c.brief(0, noon))
	require.Equal(t, "Yesterday", c.brief(noon-24*60*minute, noon))
	require.Equal(t, "2 Mar", c.brief(noon-48*60*minute, noon))
	c.zone = time.FixedZone("far east", 13*60*60)
	require.NotEqual(t, c.dayOf(noon), c.dayOf(noon-2*60*minute), "midnight is where the reader is")
	for ago, want := range map[int64]string{
		0: "less than a minute ago", 1: "a minute ago", 5: "5 minutes ago", 70: "an hour ago", 5 * 60: "5 hours ago", 30 * 60: "yesterday", 72 * 60: "3 days ago", -5: "less than a minute ago",
	} {
		require.Equal(t, want, age(noon-ago*minute, noon))
	}
}
