//go:build !js

// In js/wasm go-app draws into a document, which Node has not.

package page

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/maxence-charriere/go-app/v10/pkg/app"
	"github.com/stretchr/testify/require"

	"parley/app/state"
	"parley/shared/chat"
)

// drawn is the page as HTML.
func drawn(t *testing.T, s state.State) string {
	t.Helper()
	p := newProgram(Config{})
	p.clock = utcClock()
	p.state = s
	p.scroll.follow()
	r := &root{p: p}
	if app.IsServer { // Node has no document to mount it in
		e := app.NewTestEngine()
		require.NoError(t, e.Load(r))
		e.ConsumeAll()
	}
	return app.HTMLString(r)
}

func words(html string) string {
	return strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(html, " ")), " ")
}

func TestServerDrawsTheSameOutlineForEverybody(t *testing.T) {
	p := newProgram(Config{})
	outline := app.HTMLString(&root{p: p})
	require.Equal(t, "Parley", words(outline))
	known := drawn(t, state.State{Open: "lobby", Profile: state.Profile{Name: "Mara"}})
	require.Equal(t, parts(outline), parts(known), "until the device's data is there")
}

// parts are the tags, attributes and words of an HTML text in a fixed order:
// go-app writes attributes in the order of a map.
func parts(html string) []string {
	return slices.Sorted(slices.Values(strings.FieldsFunc(html, func(r rune) bool { return strings.ContainsRune("<> \n", r) })))
}

func TestPageShowsTheRoom(t *testing.T) {
	r := room("lobby", said(ana, noon-minute, "hello there"), said(mara, noon, "hi"))
	other := room("other")
	other.Unread, other.Mine = 2, true
	l := online(r, other)
	l.Outbox = []state.Item{{ID: "a", Room: "lobby", Text: "on its way", At: noon, Status: state.Queued}}
	got := drawn(t, l.State)
	for _, s := range []string{"hello there", "on its way", "Queued", "Connected", "2 people are here", "about lobby"} {
		require.Contains(t, words(got), s)
	}
	require.Equal(t, 1, strings.Count(got, ">hello there<"))
	for _, s := range []string{`role="log"`, `aria-live="polite"`, `id="composer"`, `aria-current="page"`, `href="/room/other"`, `data-screen="room"`} {
		require.Contains(t, got, s)
	}
}

func TestFirstRunTellsTheConnectionOnce(t *testing.T) {
	for _, open := range []chat.RoomID{"lobby", ""} {
		l := online(room("lobby"))
		l.Rooms["lobby"].Joined = false
		l.Conn, l.Profile, l.Dialog, l.Open = state.Conn{}, state.Profile{}, state.DialogName, open
		require.Equal(t, 2, strings.Count(words(drawn(t, l.State)), "Not connected"), "below the rooms, and for who listens to the page")
	}
}

func TestLogIsBusyWhileHistoryLoads(t *testing.T) {
	r := room("lobby", at(101, said(ana, noon, "x")))
	busy := regexp.MustCompile(`(?s)<div[^>]*role="log"[^>]*>`)
	attr := func() string { return busy.FindString(drawn(t, online(r).State)) }
	require.Regexp(t, `aria-busy="false"`, attr())
	r.Fetch = &chat.PageRequest{}
	require.Regexp(t, `aria-busy[ >]`, attr(), "go-app writes true without a value on the server")
}

func TestEveryDialogIsDrawn(t *testing.T) {
	for d, want := range map[state.Dialog]string{
		state.DialogName: "Your name", state.DialogNewRoom: "Make the room", state.DialogSwitcher: "Jump to a room",
		state.DialogSettings: "Theme", state.DialogHelp: "Keyboard", state.DialogLeave: "Leave lobby?",
		state.DialogMembers: "Here now", state.DialogSignOut: "Sign out?",
	} {
		l := online(room("lobby"))
		l.Dialog = d
		got := drawn(t, l.State)
		require.Contains(t, words(got), want)
		require.Contains(t, got, "<dialog")
		require.Contains(t, got, `id="dialog-title"`)
	}
	l := online()
	l.Profile, l.Dialog = state.Profile{}, state.DialogName
	require.Contains(t, words(drawn(t, l.State)), "Welcome to Parley")
}

func TestPlacesWithoutARoom(t *testing.T) {
	l := online(room("lobby"))
	l.Open = ""
	require.Contains(t, words(drawn(t, l.State)), "Pick a room")
	gone := room("nowhere")
	gone.Gone, gone.Joined = true, false
	l = online(gone)
	l.Open = "nowhere"
	require.Contains(t, words(drawn(t, l.State)), "This room is not there")
	l.Outbox = []state.Item{{ID: "a", Room: "nowhere", Text: "anybody?", At: noon, Status: state.Failed, Code: "not_found", Reason: "no such room"}}
	l.Open = "nowhere"
	got := drawn(t, l.State)
	for _, s := range []string{"This room is not there", "anybody?", "Not sent", "Try again", "Discard"} {
		require.Contains(t, words(got), s, "what was written there is not lost")
	}
	require.Contains(t, got, `data-act="copy"`)
	require.NotContains(t, got, `id="composer"`)
	l.Open = "unheard-of"
	require.NotContains(t, drawn(t, l.State), "broken")
}

func TestPageCarriesNoInlineStyles(t *testing.T) {
	l := online(room("lobby", said(ana, noon, "x")))
	l.Crash = "boom"
	require.NotContains(t, drawn(t, l.State), " style=")
}

func TestCrashIsContained(t *testing.T) {
	p := newProgram(Config{})
	got := app.HTMLString(app.Div().Body(p.drawing("here", func() app.UI { panic("boom") })))
	require.Contains(t, got, "could not be shown")
	require.Equal(t, "here: boom", p.state.Crash)
	func() {
		defer p.guard("there")
		panic("bang")
	}()
	require.Equal(t, "there: bang", p.state.Crash)
}

func TestAddresses(t *testing.T) {
	for path, want := range map[string]chat.RoomID{"/": "", "/room/lobby": "lobby", "/room/lobby/": "lobby", "/rooms": "", "/room/": ""} {
		require.Equal(t, want, roomOf(path), path)
	}
	require.Equal(t, "/room/lobby", href("lobby"))
}

func TestIDsAreNewAndValid(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := newID()
		require.NoError(t, chat.Draft{ID: id, Room: "lobby", Text: "x"}.Validate())
		require.False(t, seen[id])
		seen[id] = true
	}
}
