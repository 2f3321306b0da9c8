package page

import (
	"strconv"
	"strings"

	"parley/app/state"
	"parley/app/ui"
	"parley/shared/chat"
)

// groupFor is how long, in milliseconds, messages of one sender belong together.
const groupFor = 5 * 60 * 1000

// chunkView decides whether a chunk of the message list is drawn anew: everything
// its rows depend on, as short as possible. The rows themselves are made only
// then.
type chunkView struct {
	Room    chat.RoomID
	Index   int
	Shown   bool
	Version int
	Prev    string // the message above the first
	NewFrom int64
	Notices string
	Today   int64
	Me      chat.UserID
	Name    string
	Filling bool
}

func (l look) chunk(r *state.Room, index int, shown bool) chunkView {
	v := chunkView{Room: r.Info.ID, Index: index}
	c := r.Log.Chunk(index)
	if !shown || c == nil {
		return v
	}
	v.Shown, v.Version = true, c.Version
	v.Today, v.Me, v.Name = l.clock.dayOf(l.Now), l.Profile.ID, l.Profile.Name
	v.Filling = r.Fetch != nil && c.Held < state.ChunkSize
	first := int64(index)*state.ChunkSize + 1
	if m, ok := r.Log.Before(first); ok {
		v.Prev = strconv.FormatInt(m.Seq, 10) + " " + string(m.From.ID)
		if m.Seq != first-1 {
			v.Filling = r.Fetch != nil
		}
	}
	if r.NewFrom >= first && r.NewFrom < first+state.ChunkSize {
		v.NewFrom = r.NewFrom
	}
	n := 0
	for _, notice := range r.Notices {
		if state.ChunkOf(max(notice.After, 1)) == index {
			n++
			v.Notices = strconv.Itoa(n) + " " + strconv.FormatInt(notice.At, 10)
		}
	}
	return v
}

// rows are the rows of a chunk, one for each of its places; nil for a place
// without a message.
func (l look) rows(r *state.Room, index int) []*ui.Row {
	rows := make([]*ui.Row, state.ChunkSize)
	c := r.Log.Chunk(index)
	if c == nil {
		return rows
	}
	prev, _ := r.Log.Before(int64(index)*state.ChunkSize + 1)
	for i := range c.Messages {
		if m := c.Messages[i]; m.Seq != 0 {
			row := l.row(r, m, prev)
			rows[i] = &row
			prev = m
		}
	}
	return rows
}

func (l look) row(r *state.Room, m, prev chat.Message) ui.Row {
	row := ui.Row{
		Seq: m.Seq, Room: string(r.Info.ID),
		UserID: string(m.From.ID), Name: m.From.Name, Mine: m.From.ID == l.Profile.ID,
		Text: m.Text,
		Time: l.clock.minute(m.At), Full: l.clock.full(m.At, l.Now), ISO: l.clock.iso(m.At),
	}
	if row.Mine {
		row.State = ui.RowSent
	} else {
		row.Mention = mentions(m.Text, l.Profile.Name)
	}
	if prev.Seq > 0 && prev.Seq < m.Seq-1 {
		row.Gap = m.Seq - 1 - prev.Seq
		row.Filling = r.Fetch != nil
	}
	if prev.Seq == 0 || l.clock.dayOf(prev.At) != l.clock.dayOf(m.At) {
		row.Day = l.clock.date(m.At, l.Now)
	}
	row.New = r.NewFrom == m.Seq
	row.First = row.Day != "" || row.New || row.Gap > 0 || prev.From.ID != m.From.ID || prev.From.Name != m.From.Name ||
		m.At-prev.At > groupFor || hasNotice(r, prev.Seq)
	if !row.First && l.clock.minute(prev.At) == row.Time {
		row.Time = ""
	}
	row.Notices = noticeLines(r, m.Seq)
	return row
}

func hasNotice(r *state.Room, seq int64) bool { return len(noticeLines(r, seq)) > 0 }

// noticeLines tells who came and went below a message: what has changed in all.
// A bad connection, which makes somebody leave and come back, is not told.
func noticeLines(r *state.Room, after int64) []string {
	if len(r.Notices) == 0 {
		return nil
	}
	var came, went, both []string
	seen := make(map[chat.UserID]bool)
	for i, n := range r.Notices {
		if n.After != after || seen[n.From.ID] {
			continue
		}
		seen[n.From.ID] = true
		last := n
		for _, later := range r.Notices[i+1:] {
			if later.After == after && later.From.ID == n.From.ID {
				last = later
			}
		}
		switch {
		case !n.Left && last.Left:
			both = append(both, n.From.Name)
		case n.Left && last.Left:
			went = append(went, n.From.Name)
		case !n.Left:
			came = append(came, last.From.Name)
		}
	}
	var lines []string
	for _, l := range []struct {
		names []string
		did   string
	}{{came, "joined"}, {went, "left"}, {both, "came and went"}} {
		if len(l.names) > 0 {
			lines = append(lines, listNames(l.names)+" "+l.did)
		}
	}
	return lines
}

func listNames(names []string) string {
	switch n := len(names); n {
	case 1:
		return names[0]
	case 2:
		return names[0] + " and " + names[1]
	case 3:
		return names[0] + ", " + names[1] + " and " + names[2]
	default:
		return names[0] + ", " + names[1] + " and " + strconv.Itoa(n-2) + " others"
	}
}

// mentions reports whether a text calls somebody by name, as in "@Ana".
func mentions(text, name string) bool {
	if name == "" {
		return false
	}
	return strings.Contains(strings.ToLower(text), "@"+strings.ToLower(name))
}

// pending are the rows of what is not sent yet.
func (l look) pending(r *state.Room) []ui.Row {
	prev, _ := r.Log.Get(r.Log.Last())
	prevAt, first := prev.At, prev.From.ID != l.Profile.ID || l.Profile.ID == "" || hasNotice(r, prev.Seq)
	var rows []ui.Row
	for _, it := range l.Pending(r.Info.ID) {
		row := ui.Row{
			ID: it.ID, Room: string(it.Room), UserID: string(l.Profile.ID), Name: l.Profile.Name, Mine: true,
			Text: it.Text, State: ui.RowState(it.Status), Reason: failureText(it),
			Time: l.clock.minute(it.At), Full: l.clock.full(it.At, l.Now), ISO: l.clock.iso(it.At),
			First: first || it.At-prevAt > groupFor,
		}
		if prevAt == 0 || l.clock.dayOf(prevAt) != l.clock.dayOf(it.At) {
			row.Day, row.First = l.clock.date(it.At, l.Now), true
		}
		if !row.First && l.clock.minute(prevAt) == row.Time {
			row.Time = ""
		}
		rows = append(rows, row)
		prevAt, first = it.At, false
	}
	return rows
}

func failureText(it state.Item) string {
	if it.Status != state.Failed {
		return ""
	}
	switch it.Code {
	case "not_found":
		return "This room is not there."
	case "too_large":
		return "This message is too long."
	case "storage":
		return "This device could not store it."
	}
	return it.Reason
}
