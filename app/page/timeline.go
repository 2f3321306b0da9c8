package page

import (
	"slices"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"parley/app/state"
	"parley/app/ui"
	"parley/shared/chat"
)

// slotsBack is how many chunks of history have a place in the list when a room
// is opened. Reading further back than that moves the whole list once.
const slotsBack = 200

// timeline is the message list: a place for every chunk, whether it is loaded or
// not, so that each chunk is always the same child and nothing moves when history
// is loaded above.
type timeline struct {
	Room    chat.RoomID
	Chunks  []chunkView
	Lo, Hi  int    // the first and last chunk that is drawn
	Top     string // "begin", "more", "loading", "stuck", "end" (no more offline), "gone" (no such room) or ""
	Title   string
	Topic   string
	Pending []ui.Row
	Notices []string
	Busy    bool // being filled: not to be read aloud
}

func (l look) timeline(s *scroller) timeline {
	r := l.Rooms[l.Open]
	if r == nil {
		return timeline{Room: l.Open, Top: "loading", Busy: true}
	}
	v := timeline{
		Room: l.Open, Title: r.Info.Title, Topic: r.Info.Topic,
		Pending: l.pending(r), Busy: r.Fetch != nil || r.Local || s.moving,
	}
	first := r.Log.First()
	switch {
	case l.nowhere():
		v.Top = "gone"
	case first == 1, r.Info.LastSeq == 0 && (r.Joined || r.SyncedAt > 0):
		v.Top = "begin"
	case r.Fetch != nil || r.Local || r.Joining:
		v.Top = "loading"
	case r.Stuck:
		v.Top = "stuck"
	case l.online(r):
		v.Top = "more"
	case r.Bottom || first == 0:
		v.Top = "end"
	default:
		v.Top = "more"
	}
	if first == 0 {
		v.Notices = noticeLines(r, 0)
		return v
	}
	v.Lo, v.Hi = s.lo, s.hi
	for i := s.base; i <= state.ChunkOf(r.Log.Last()); i++ {
		v.Chunks = append(v.Chunks, l.chunk(r, i, i >= s.lo && i <= s.hi))
	}
	return v
}

func (l look) online(r *state.Room) bool { return l.Conn.Phase == state.Online && r.Joined }

// timelinePart draws the list.
type timelinePart struct {
	app.Compo

	P    *program
	View timeline
}

// Render draws the scrolled area with all its places.
func (t *timelinePart) Render() app.UI {
	return t.P.drawing("messages", func() app.UI {
		v := t.View
		t.P.scroll.drawnLo, t.P.scroll.drawnHi = v.Lo, v.Hi
		body := make([]app.UI, 0, len(v.Chunks)+2)
		body = append(body, top(v))
		for _, c := range v.Chunks {
			body = append(body, &chunkPart{P: t.P, View: c})
		}
		log := app.Div().ID("log").Class("log").Role("log").Aria("label", "Messages in "+v.Title).
			Aria("live", "polite").Aria("relevant", "additions").Aria("busy", v.Busy).TabIndex(0)
		return app.Div().Class("middle").Body(log.Body(
			app.Div().Class("log-column").Body(
				app.Div().Class("chunks").Body(body...),
				&pendingPart{P: t.P, Rows: v.Pending, Notices: v.Notices},
			),
		))
	})
}

func top(v timeline) app.UI {
	box := app.Div().Class("log-top")
	switch v.Top {
	case "begin":
		return box.Body(app.Div().Class("room-begin").Body(
			ui.RoomGlyph(string(v.Room), v.Title, "glyph-large"),
			app.H2().Text(v.Title),
			app.P().Text(orElse(v.Topic, "This is where the room begins. Say hello.")),
		))
	case "gone":
		return box.Body(notThere().UI())
	case "loading":
		return box.Body(app.Div().Class("log-loading").Aria("label", "Loading").Body(
			app.Div().Class("sk sk-bubble sk-in sk-wide"), app.Div().Class("sk sk-bubble sk-out"), app.Div().Class("sk sk-bubble sk-in"),
		))
	case "more":
		return box.Body(ui.Button{Label: "Earlier messages", Kind: ui.Quiet, Small: true, Act: "older"}.UI())
	case "stuck":
		return box.Body(
			app.P().Text("Earlier messages could not be loaded."),
			ui.Button{Label: "Try again", Icon: ui.IconRetry, Small: true, Act: "older"}.UI(),
		)
	case "end":
		return box.Body(app.P().Text("Earlier messages are not on this device. They come with the connection."))
	}
	return box
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// chunkPart draws one chunk, or keeps its place.
type chunkPart struct {
	app.Compo

	P    *program
	View chunkView
}

// Render draws the rows of the chunk, each in a place of its own.
func (c *chunkPart) Render() app.UI {
	return c.P.drawing("chunk", func() app.UI {
		box := app.Div().ID(slotID(c.View.Index)).Class("chunk")
		if !c.View.Shown {
			return box
		}
		l := c.P.look()
		r := l.Rooms[c.View.Room]
		if r == nil {
			return box
		}
		rows := l.rows(r, c.View.Index)
		body := make([]app.UI, 0, len(rows))
		for _, row := range rows {
			body = append(body, &rowPart{Row: row})
		}
		return box.Body(body...)
	})
}

func slotID(index int) string { return app.FormatString("chunk-%d", index) }

// rowPart draws one message; nil is a place without one.
type rowPart struct {
	app.Compo

	Row *ui.Row
}

// Render draws the message.
func (r *rowPart) Render() app.UI {
	if r.Row == nil {
		return ui.EmptyRow()
	}
	return r.Row.UI()
}

// pendingPart draws what is not sent yet, below everything else.
type pendingPart struct {
	app.Compo

	P       *program
	Rows    []ui.Row
	Notices []string
}

// Render draws the unsent messages.
func (t *pendingPart) Render() app.UI {
	return t.P.drawing("outbox", func() app.UI {
		body := make([]app.UI, 0, len(t.Rows)+1)
		for _, r := range t.Rows {
			body = append(body, r.UI())
		}
		if len(t.Notices) > 0 {
			body = slices.Insert(body, 0, ui.Notices(t.Notices))
		}
		return app.Div().ID("pending").Class("pending").Body(body...)
	})
}
