package page

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/app/state"
	"parley/app/ui"
	"parley/shared/chat"
)

func rowsOf(l look, r *state.Room) []ui.Row {
	var out []ui.Row
	for i := range state.ChunkOf(r.Log.Last()) + 1 {
		for _, row := range l.rows(r, i) {
			if row != nil {
				out = append(out, *row)
			}
		}
	}
	return out
}

func TestRowsAreGrouped(t *testing.T) {
	day := 24 * 60 * minute
	r := room("lobby",
		said(ana, noon-day, "yesterday"),
		said(ana, noon-9*minute, "first"),
		said(ana, noon-8*minute, "soon after"),
		said(ana, noon-2*minute, "after a while"),
		said(mara, noon-minute, "ours"),
		said(chat.Member{ID: ana.ID, Name: "Ana B"}, noon, "another name"),
		at(9, said(ana, noon, "behind a gap")),
	)
	r.NewFrom = 5
	rows := rowsOf(online(r), r)
	type want struct {
		First, New, Mine bool
		Day              string
		Gap              int64
		State            ui.RowState
	}
	for i, w := range []want{
		{First: true, Day: "Yesterday"},
		{First: true, Day: "Today"},
		{},
		{First: true},
		{First: true, New: true, Mine: true, State: ui.RowSent},
		{First: true},
		{First: true, Gap: 2},
	} {
		row := rows[i]
		require.Equal(t, w, want{row.First, row.New, row.Mine, row.Day, row.Gap, row.State}, row.Text)
	}
}

func TestGroupsGoOnAcrossChunks(t *testing.T) {
	var all []chat.Message
	for range 60 {
		all = append(all, said(ana, noon, "x"))
	}
	r := room("lobby", all...)
	rows := rowsOf(online(r), r)
	require.Len(t, rows, 60)
	for i, row := range rows {
		require.Equal(t, i == 0, row.First)
	}
}

func TestATimeIsToldOnce(t *testing.T) {
	r := room("lobby", said(ana, noon, "a"), said(ana, noon+20_000, "b"), said(ana, noon+minute, "c"), said(mara, noon+minute, "d"), said(mara, noon+minute, "e"))
	l := online(r)
	l.Outbox = []state.Item{
		{ID: "f", Room: "lobby", Text: "f", At: noon + minute, Status: state.Queued}, {ID: "g", Room: "lobby", Text: "g", At: noon + 2*minute, Status: state.Queued},
	}
	var times []string
	for _, row := range append(rowsOf(l, r), l.pending(r)...) {
		times = append(times, row.Time)
		require.NotEmpty(t, row.Full, "for who asks")
	}
	require.Equal(t, []string{"12:00", "", "12:01", "12:01", "", "", "12:02"}, times)
}

func TestEachPlaceIsFixed(t *testing.T) {
	r := room("lobby", at(3, said(ana, noon, "three")), at(52, said(ana, noon, "fifty-two")))
	l := online(r)
	rows := l.rows(r, 0)
	require.Len(t, rows, state.ChunkSize)
	require.Nil(t, rows[0])
	require.EqualValues(t, 3, rows[2].Seq)
	require.EqualValues(t, 52, l.rows(r, 1)[1].Seq)
	require.EqualValues(t, 48, l.rows(r, 1)[1].Gap)
}

func TestMentions(t *testing.T) {
	r := room("lobby", said(ana, noon, "hi @mara, look"), said(mara, noon, "@Mara"), said(ana, noon, "mara"))
	rows := rowsOf(online(r), r)
	require.True(t, rows[0].Mention)
	require.False(t, rows[1].Mention, "who calls themselves")
	require.False(t, rows[2].Mention)
	require.False(t, mentions("@", ""))
}

func TestNotices(t *testing.T) {
	note := func(after int64, who string, left bool) state.Notice {
		return state.Notice{After: after, From: chat.Member{ID: chat.UserID(who), Name: who}, Left: left}
	}
	r := room("lobby", said(ana, noon, "x"), said(ana, noon, "y"))
	r.Notices = []state.Notice{
		note(1, "Ben", false), note(1, "Cem", false), note(1, "Dov", true), note(1, "Eve", false), note(1, "Eve", true),
		note(1, "Fay", true), note(1, "Fay", false),
		note(2, "A", false), note(2, "B", false), note(2, "C", false), note(2, "D", false), note(2, "E", false),
	}
	rows := rowsOf(online(r), r)
	require.Equal(t, []string{"Ben and Cem joined", "Dov left", "Eve came and went"}, rows[0].Notices)
	require.Equal(t, []string{"A, B and 3 others joined"}, rows[1].Notices)
	require.True(t, rows[1].First, "a notice ends a group")
}

func TestPendingRows(t *testing.T) {
	r := room("lobby", said(mara, noon-minute, "sent"))
	l := online(r)
	l.Outbox = []state.Item{
		{ID: "a", Room: "lobby", Text: "one", At: noon, Status: state.Saving},
		{ID: "b", Room: "lobby", Text: "two", At: noon, Status: state.Failed, Code: "not_found", Reason: "not found"},
		{ID: "c", Room: "other", Text: "elsewhere", At: noon, Status: state.Queued},
	}
	rows := l.pending(r)
	require.Len(t, rows, 2)
	require.Equal(t, ui.RowSaving, rows[0].State)
	require.False(t, rows[0].First, "it goes on from what is sent")
	require.Equal(t, "This room is not there.", rows[1].Reason)

	empty := room("lobby")
	l = online(empty)
	l.Outbox = []state.Item{{ID: "a", Room: "lobby", Text: "one", At: noon, Status: state.Queued}}
	require.Equal(t, "Today", l.pending(empty)[0].Day)
}

// A chunk is drawn anew exactly when one of its rows changes.
func TestChunkViewSeesEveryChangeOfItsRows(t *testing.T) {
	base := func() (*state.Room, look) {
		var all []chat.Message
		for i := range int64(49) {
			all = append(all, at(i+1, said(ana, noon, "x")))
		}
		all = append(all, at(51, said(ana, noon, "x")), at(52, said(ben, noon, "y")))
		r := room("lobby", all...)
		return r, online(r)
	}
	for _, c := range []struct {
		name    string
		change  func(*state.Room, *look)
		changed bool
	}{
		{"nothing", func(*state.Room, *look) {}, false},
		{"a message in it", func(r *state.Room, _ *look) { r.Log, _ = r.Log.Insert([]chat.Message{at(53, said(ana, noon, "z"))}) }, true},
		{"the message above it", func(r *state.Room, _ *look) { r.Log, _ = r.Log.Insert([]chat.Message{at(50, said(ana, noon, "z"))}) }, true},
		{"a message of a later chunk", func(r *state.Room, _ *look) { r.Log, _ = r.Log.Insert([]chat.Message{at(101, said(ana, noon, "z"))}) }, false},
		{"the new line", func(r *state.Room, _ *look) { r.NewFrom = 52 }, true},
		{"a new line elsewhere", func(r *state.Room, _ *look) { r.NewFrom = 20 }, false},
		{"a notice", func(r *state.Room, _ *look) { r.Notices = []state.Notice{{After: 52, From: ben, At: 1}} }, true},
		{"a notice elsewhere", func(r *state.Room, _ *look) { r.Notices = []state.Notice{{After: 10, From: ben, At: 1}} }, false},
		{"the gap is being filled", func(r *state.Room, _ *look) { r.Fetch = &chat.PageRequest{} }, true},
		{"the next day", func(_ *state.Room, l *look) { l.Now += 24 * 60 * minute }, true},
		{"another minute", func(_ *state.Room, l *look) { l.Now += minute }, false},
		{"another name of ours", func(_ *state.Room, l *look) { l.Profile.Name = "Ben" }, true},
		{"somebody types", func(r *state.Room, _ *look) { r.Typing = []state.Typist{{Member: ana}} }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, l := base()
			view, rows := l.chunk(r, 1, true), l.rows(r, 1)
			c.change(r, &l)
			if c.changed {
				require.NotEqual(t, view, l.chunk(r, 1, true))
				return
			}
			require.Equal(t, view, l.chunk(r, 1, true))
			require.Equal(t, rows, l.rows(r, 1))
		})
	}
}

func TestHiddenChunkIsOnlyItsPlace(t *testing.T) {
	r := room("lobby", said(ana, noon, "x"))
	l := online(r)
	require.Equal(t, chunkView{Room: "lobby", Index: 0}, l.chunk(r, 0, false))
	require.False(t, l.chunk(r, 7, true).Shown, "nothing of it is held")
}

func TestTimelineTop(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*state.Room, *look)
		want   string
	}{
		{"the beginning", func(r *state.Room, _ *look) { r.Log, _ = r.Log.Insert([]chat.Message{at(1, said(ana, noon, "x"))}) }, "begin"},
		{"more on the server", func(*state.Room, *look) {}, "more"},
		{"on its way", func(r *state.Room, _ *look) { r.Fetch = &chat.PageRequest{} }, "loading"},
		{"cannot be had", func(r *state.Room, _ *look) { r.Stuck = true }, "stuck"},
		{"offline, more on the device", func(r *state.Room, l *look) { l.Conn.Phase = state.Offline }, "more"},
		{"offline, nothing more", func(r *state.Room, l *look) { l.Conn.Phase, r.Bottom = state.Offline, true }, "end"},
		{"opening", func(r *state.Room, _ *look) { r.Log, r.Joined, r.Joining = state.Log{}, false, true }, "loading"},
		{"no room", func(r *state.Room, _ *look) { r.Log, r.Joined, r.Gone = state.Log{}, false, true }, "gone"},
		{"an empty room", func(r *state.Room, _ *look) { r.Log, r.Info.LastSeq = state.Log{}, 0 }, "begin"},
		{"offline, known to be empty", func(r *state.Room, l *look) {
			r.Log, r.Info.LastSeq, r.Joined, r.SyncedAt, l.Conn.Phase = state.Log{}, 0, false, noon, state.Offline
		}, "begin"},
		{"offline, never seen", func(r *state.Room, l *look) {
			r.Log, r.Info.LastSeq, r.Joined, l.Conn.Phase = state.Log{}, 0, false, state.Offline
		}, "end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := room("lobby", at(101, said(ana, noon, "x")))
			l := online(r)
			c.change(r, &l)
			require.Equal(t, c.want, l.timeline(&scroller{}).Top)
		})
	}
}
