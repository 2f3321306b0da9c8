package ui

import (
	"regexp"
	"strings"
	"testing"

	"github.com/maxence-charriere/go-app/v10/pkg/app"
	"github.com/stretchr/testify/require"
)

func message() Row {
	return Row{
		Seq: 7, Room: "lobby", UserID: "u1", Name: "Ana", First: true, Text: "hello", Time: "10:24", Full: "Today, 10:24", ISO: "2026-01-02T10:24:00Z",
	}
}

func TestRow(t *testing.T) {
	for _, c := range []struct {
		name string
		row  func(*Row)
		has  []string
		not  []string
	}{
		{"of somebody", func(*Row) {}, []string{`id="m7"`, "Ana", "hello", `datetime="2026-01-02T10:24:00Z"`, `aria-label="Ana, Today, 10:24"`, `data-act="copy"`, `data-arg="7"`}, []string{"msg-mine", "Discard", "is-"}},
		{"the next of the same", func(r *Row) { r.First = false }, []string{"hello"}, []string{"msg-name", "avatar"}},
		{"ours", func(r *Row) { r.Mine, r.State = true, RowSent }, []string{"msg-mine", "is-sent", `aria-label="You, Today, 10:24"`}, []string{"avatar", "msg-name"}},
		{"queued", func(r *Row) { r.Seq, r.ID, r.Mine, r.State = 0, "id-1", true, RowQueued }, []string{"Queued", `data-act="discard"`, `data-arg="id-1"`, `data-item="id-1"`}, []string{`id="m`, "Try again"}},
		{"sending", func(r *Row) { r.Seq, r.ID, r.Mine, r.State = 0, "id-1", true, RowSending }, []string{"Sending"}, []string{"Discard"}},
		{"failed", func(r *Row) { r.Seq, r.ID, r.Mine, r.State, r.Reason = 0, "id-1", true, RowFailed, "No." }, []string{"Not sent", "No.", `data-act="retry"`, `data-act="discard"`}, nil},
		{"first of a day", func(r *Row) { r.Day = "Today" }, []string{`class="day"`}, nil},
		{"new", func(r *Row) { r.New = true }, []string{`id="new-line"`}, nil},
		{"behind a gap", func(r *Row) { r.Gap = 12 }, []string{"12 messages are missing", `data-act="gap"`, `data-gap="7"`}, nil},
		{"behind a gap that is filled", func(r *Row) { r.Gap, r.Filling = 1, true }, []string{"1 message is missing", "loading"}, []string{`data-act="gap"`}},
		{"somebody came", func(r *Row) { r.Notices = []string{"Ben joined"} }, []string{"Ben joined"}, nil},
		{"of emoji", func(r *Row) { r.Text = "🎉" }, []string{"msg-jumbo"}, nil},
		{"names the reader", func(r *Row) { r.Mention = true }, []string{"msg-mention"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := message()
			c.row(&r)
			got := html(r.UI())
			for _, s := range c.has {
				require.Contains(t, got, s)
			}
			for _, s := range c.not {
				require.NotContains(t, got, s)
			}
		})
	}
}

// The message has to be the same child whatever is above it, or the browser's
// focus and selection move to another row when that changes.
func TestMessageKeepsItsPlaceInTheRow(t *testing.T) {
	for _, r := range []Row{message(), {Seq: 1, Gap: 3, Day: "Today", New: true, Text: "x"}, {ID: "a", Text: "x", State: RowFailed}} {
		require.Error(t, app.Match(app.Article(), r.UI(), 0))
		require.ErrorContains(t, app.Match(app.Article(), r.UI(), 1), "attribute", "an article, though with attributes")
	}
}

// all draws every part with hostile words.
func all() []app.UI {
	evil := `"><script>alert(1)</script>`
	r := message()
	r.Name, r.Text, r.Notices, r.Reason, r.State, r.Mine, r.ID = evil, evil, []string{evil}, evil, RowFailed, true, "x"
	return []app.UI{
		r.UI(), EmptyRow(), Skeleton(), Mark(), Kbd("Ctrl", "K"), Badge(3, "unread"), Badge(0, "unread"), Badge(1000, "unread"),
		Button{Label: evil, Icon: IconSend, Act: "send", Busy: true}.UI(),
		IconButton{Icon: IconPlus, Label: "New", Act: "new"}.UI(),
		Banner{Kind: Warn, Icon: IconCloud, Text: evil, Detail: evil, Button: Button{Label: "Try"}}.UI(),
		Empty{Title: evil, Text: evil, Mark: true, Buttons: []Button{{Label: "x"}}}.UI(),
		Field{ID: "f", Name: "f", Label: evil, Error: evil, Max: 10}.UI(),
		Choices{Label: "x", Act: "theme", Chosen: "a", Of: []Choice{{evil, "a"}, {"B", "b"}}}.UI(),
		Switch{Label: evil, Hint: evil, Act: "s", On: true}.UI(),
		Toast{Text: evil, Error: true}.UI(),
		RoomItem{ID: "lobby", Title: evil, Href: "/room/lobby", Line: evil, Unread: 2, Online: 3, Draft: true}.UI(),
		Person("u", evil, "you", true),
	}
}

// The page's content security policy forbids inline styles and scripts, and the
// only markup is what the parts are made of.
func TestPartsCarryNoStylesScriptsOrHandlers(t *testing.T) {
	for _, part := range all() {
		got := html(part)
		require.NotContains(t, got, " style=")
		require.NotContains(t, got, "<style")
		require.NotRegexp(t, regexp.MustCompile(`<[^>"]*(?:"[^"]*"[^>"]*)* on[a-z]+=`), got)
		text := regexp.MustCompile(`"(?:[^"\\]|\\.)*"`).ReplaceAllString(got, `""`) // go-app quotes attributes as Go does
		require.NotContains(t, text, "<script")
	}
}

func TestIconsAreWellFormed(t *testing.T) {
	for _, i := range []Icon{IconSend, IconPlus, IconBack, IconClose, IconDown, IconPeople, IconGear, IconSearch, IconRetry, IconTrash, IconCloud, IconSpark, IconAlert, IconCheck, IconLeave, IconLink, IconKeys, IconInstall} {
		require.Regexp(t, `^(<(path d="[^"<>]+"|circle( [a-z]+="[\d.]+")+|rect( [a-z]+="[\d.]+")+)/>)+$`, string(i))
		require.Contains(t, html(i.UI()), `aria-hidden="true"`)
	}
}

func TestButtonsHaveNames(t *testing.T) {
	for _, part := range all() {
		got := html(part)
		for _, b := range regexp.MustCompile(`(?s)<button[^>]*>.*?</button>`).FindAllString(got, -1) {
			words := regexp.MustCompile(`(?s)<[^>]*>`).ReplaceAllString(b, "")
			require.True(t, strings.TrimSpace(words) != "" || strings.Contains(b, "aria-label="), b)
			require.Contains(t, b, `type="`)
		}
	}
}

func TestBadge(t *testing.T) {
	require.Contains(t, html(Badge(3, "unread")), "3")
	require.Contains(t, html(Badge(100, "unread")), "99+")
	require.Contains(t, html(Badge(0, "unread")), "hidden")
}

func TestSkeletonSaysNothing(t *testing.T) {
	words := regexp.MustCompile(`(?s)<[^>]*>|\s+`).ReplaceAllString(html(Skeleton()), "")
	require.Equal(t, "Parley", words)
}
