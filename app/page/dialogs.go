package page

import (
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"parley/app/state"
	"parley/app/ui"
	"parley/shared/chat"
)

// dialog is the open dialog and what it shows.
type dialog struct {
	Kind    state.Dialog
	Error   string
	Busy    bool
	Name    string
	First   bool // nobody has chosen a name on this device
	Room    string
	Title   string
	Unsent  int
	People  people
	Prefs   state.Prefs
	Build   string
	Install bool
	Query   string
	Found   []ui.RoomItem
	Chosen  int
	Key     string // what Ctrl is called here
}

func (l look) dialogView(p *program) dialog {
	v := dialog{Kind: l.Dialog, Error: l.DialogError, Busy: l.Busy}
	switch l.Dialog {
	case state.DialogName:
		v.Name, v.First = l.Profile.Name, l.Profile.ID == ""
	case state.DialogSwitcher:
		v.Query, v.Chosen, v.Found = p.query, p.chosen, l.found(p.query)
	case state.DialogSettings:
		v.Name, v.Prefs, v.Build = l.Profile.Name, l.Prefs, l.Build
		v.Install = p.ctx.Context != nil && p.ctx.IsAppInstallable()
	case state.DialogHelp:
		v.Key = modifier()
	case state.DialogLeave:
		if r := l.Rooms[l.Open]; r != nil {
			v.Room, v.Title = string(r.Info.ID), r.Info.Title
		}
	case state.DialogMembers:
		v.People = l.people()
	case state.DialogSignOut:
		v.Unsent = len(l.Outbox)
	}
	return v
}

// found are the rooms whose title has the words of a query, ours first.
func (l look) found(query string) []ui.RoomItem {
	v := l.rail()
	words := strings.Fields(strings.ToLower(query))
	var out []ui.RoomItem
	for _, it := range append(v.Mine, v.More...) {
		hay := strings.ToLower(it.Title + " " + it.ID)
		hit := true
		for _, w := range words {
			hit = hit && strings.Contains(hay, w)
		}
		if hit {
			out = append(out, it)
		}
	}
	return out
}

// dialogPart shows the open dialog. Each is mounted anew, so that what was typed
// into the last one is gone.
type dialogPart struct {
	app.Compo

	P    *program
	View dialog
}

// Render draws the dialog, or nothing.
func (c *dialogPart) Render() app.UI {
	return c.P.drawing("dialog", func() app.UI {
		if c.View.Kind == state.DialogNone {
			return app.Div().Class("no-dialog").Hidden(true)
		}
		return app.Div().Body(&modal{P: c.P, Kind: c.View.Kind, View: c.View})
	})
}

// modal is a dialog over the page. The browser keeps the focus inside, makes the
// rest inert and closes it on Escape.
type modal struct {
	app.Compo

	P    *program
	Kind state.Dialog
	View dialog
}

// CompoID makes another dialog another component.
func (m *modal) CompoID() string { return app.FormatString("dialog-%d", m.Kind) }

// OnMount shows the dialog and remembers what had the focus.
func (m *modal) OnMount(ctx app.Context) {
	defer m.P.guard("dialog")
	m.P.shown.focus, m.P.shown.focusIn = document().Get("activeElement"), m.P.state.Open
	el := ctx.JSSrc()
	el.Call("showModal")
	if in := el.Call("querySelector", "[data-focus]"); in.Truthy() {
		in.Call("focus")
		if in.Get("select").Truthy() {
			in.Call("select")
		}
	}
}

// Render draws the dialog.
func (m *modal) Render() app.UI {
	return m.P.drawing("dialog", func() app.UI {
		v := m.View
		class, body := "dialog", []app.UI(nil)
		switch v.Kind {
		case state.DialogName:
			class, body = "dialog dialog-welcome", v.name()
		case state.DialogNewRoom:
			body = v.newRoom()
		case state.DialogSwitcher:
			class, body = "dialog dialog-switcher", v.switcher()
		case state.DialogSettings:
			body = v.settings()
		case state.DialogHelp:
			body = v.help()
		case state.DialogLeave:
			body = v.leave()
		case state.DialogMembers:
			class, body = "dialog dialog-people", append([]app.UI{heading("Room")}, v.People.draw()...)
		case state.DialogSignOut:
			body = v.signOut()
		}
		box := app.Div().Class("dialog-box")
		if !v.hasField() {
			box.TabIndex(-1).DataSet("focus", "1") // not the button that closes
		}
		return app.Dialog().Class(class).Aria("labelledby", "dialog-title").Body(
			box.Body(body...),
		)
	})
}

// hasField reports whether the dialog asks for text.
func (v dialog) hasField() bool {
	return v.Kind == state.DialogName || v.Kind == state.DialogNewRoom || v.Kind == state.DialogSwitcher
}

func heading(title string) app.UI {
	return app.Div().Class("dialog-head").Body(
		app.H2().ID("dialog-title").Text(title),
		ui.IconButton{Icon: ui.IconClose, Label: "Close", Act: "close"}.UI(),
	)
}

func (v dialog) name() []app.UI {
	if !v.First {
		return []app.UI{
			heading("Your name"),
			app.Form().DataSet("act", "name").Body(
				ui.Field{ID: "name", Name: "name", Focus: true, Label: "Name", Value: v.Name, Max: chat.MaxName, Complete: "nickname",
					Hint: "Messages you sent before keep the old name.", Error: v.Error}.UI(),
				foot(ui.Button{Label: "Cancel", Kind: ui.Quiet, Act: "close"}, ui.Button{Label: "Save", Kind: ui.Primary, Submit: true}),
			),
		}
	}
	return []app.UI{
		app.Div().Class("welcome").Body(
			ui.Mark(),
			app.H2().ID("dialog-title").Text("Welcome to Parley"),
			app.P().Text("Rooms to talk in, that keep working when the network does not."),
		),
		app.Form().DataSet("act", "name").Body(
			ui.Field{ID: "name", Name: "name", Focus: true, Label: "What should people call you?", Value: v.Name, Placeholder: "Your name",
				Max: chat.MaxName, Complete: "nickname", Hint: "You can change it later. There is no account to make.", Error: v.Error}.UI(),
			foot(ui.Button{Label: "Start talking", Kind: ui.Primary, Submit: true}),
		),
	}
}

func foot(buttons ...ui.Button) app.UI {
	body := make([]app.UI, 0, len(buttons))
	for _, b := range buttons {
		body = append(body, b.UI())
	}
	return app.Div().Class("dialog-foot").Body(body...)
}

func (v dialog) newRoom() []app.UI {
	return []app.UI{
		heading("New room"),
		app.Form().DataSet("act", "create").Body(
			ui.Field{ID: "title", Name: "title", Focus: true, Label: "Name", Placeholder: "Design reviews", Max: chat.MaxTitle, Error: v.Error,
				Hint: "Everybody can find the room and join it."}.UI(),
			ui.Field{ID: "topic", Name: "topic", Label: "Topic, if you like", Placeholder: "What is it about?", Max: chat.MaxTopic}.UI(),
			foot(ui.Button{Label: "Cancel", Kind: ui.Quiet, Act: "close"},
				ui.Button{Label: "Make the room", Kind: ui.Primary, Submit: true, Busy: v.Busy}),
		),
	}
}

func (v dialog) switcher() []app.UI {
	rows := make([]app.UI, 0, len(v.Found))
	for i, it := range v.Found {
		class := "found"
		if i == v.Chosen {
			class += " found-on"
		}
		rows = append(rows, app.Button().Type("button").Class(class).ID(app.FormatString("found-%d", i)).
			Role("option").Aria("selected", i == v.Chosen).TabIndex(-1).
			DataSet("act", "go").DataSet("arg", it.ID).Body(
			ui.RoomGlyph(it.ID, it.Title, "glyph-small"),
			app.Span().Class("found-title").Text(it.Title),
			app.Span().Class("found-line").Text(it.Line),
			ui.Badge(it.Unread, "unread"),
		))
	}
	if len(rows) == 0 {
		rows = append(rows, app.P().Class("found-none").Text("No room is called like that."))
	}
	return []app.UI{
		app.H2().ID("dialog-title").Class("sr-only").Text("Jump to a room"),
		app.Form().DataSet("act", "switch").Class("switcher-form").Body(
			ui.IconSearch.UI(),
			app.Input().ID("switcher").Type("text").Class("switcher-input").Placeholder("Jump to a room").
				Attr("autocomplete", "off").DataSet("focus", "1").Role("combobox").Aria("label", "Room").
				Aria("expanded", "true").Aria("controls", "found").
				Aria("activedescendant", app.FormatString("found-%d", v.Chosen)),
			ui.Kbd("Esc"),
		),
		app.Div().ID("found").Class("found-list").Role("listbox").Aria("label", "Rooms").Body(rows...),
	}
}

func (v dialog) settings() []app.UI {
	body := []app.UI{
		heading("Settings"),
		app.Div().Class("setting").Body(
			app.Div().Class("setting-text").Body(app.Span().Class("setting-label").Text("Name"), app.Span().Class("setting-hint").Text(v.Name)),
			ui.Button{Label: "Change", Small: true, Act: "dialog", Arg: "name"}.UI(),
		),
		app.Div().Class("setting setting-stack").Body(
			app.Span().Class("setting-label").Text("Theme"),
			ui.Choices{Label: "Theme", Act: "theme", Chosen: string(v.Prefs.Theme), Of: []ui.Choice{
				{Label: "System", Arg: ""}, {Label: "Light", Arg: "light"}, {Label: "Dark", Arg: "dark"},
			}}.UI(),
		),
		ui.Switch{Label: "Notifications", Hint: "When this page is not in view", Act: "notify", On: v.Prefs.Notify}.UI(),
	}
	if v.Install {
		body = append(body, app.Div().Class("setting").Body(
			app.Div().Class("setting-text").Body(app.Span().Class("setting-label").Text("App"), app.Span().Class("setting-hint").Text("A window and an icon of its own")),
			ui.Button{Label: "Install", Icon: ui.IconInstall, Small: true, Act: "install"}.UI(),
		))
	}
	return append(body,
		app.Div().Class("setting").Body(
			app.Div().Class("setting-text").Body(app.Span().Class("setting-label").Text("This device"), app.Span().Class("setting-hint").Text("Remove name, messages and drafts")),
			ui.Button{Label: "Sign out", Kind: ui.Danger, Small: true, Act: "dialog", Arg: "sign-out"}.UI(),
		),
		app.P().Class("build").Text("Parley "+orElse(v.Build, "development")),
	)
}

func (v dialog) help() []app.UI {
	keys := []struct {
		does string
		keys []string
	}{
		{"Jump to a room", []string{v.Key, "K"}},
		{"Next or previous room", []string{"Alt", "↑ ↓"}},
		{"Send", []string{"Enter"}},
		{"New line", []string{"Shift", "Enter"}},
		{"Through the messages", []string{"↑ ↓"}},
		{"Copy the message", []string{"C"}},
		{"To the newest message", []string{"Esc"}},
		{"Write", []string{"/"}},
		{"This help", []string{"?"}},
	}
	rows := make([]app.UI, 0, 2*len(keys))
	for _, k := range keys {
		rows = append(rows, app.Dt().Text(k.does), app.Dd().Body(ui.Kbd(k.keys...)))
	}
	return []app.UI{heading("Keyboard"), app.Dl().Class("help").Body(rows...)}
}

func (v dialog) leave() []app.UI {
	return []app.UI{
		heading("Leave " + v.Title + "?"),
		app.P().Class("dialog-text").Text("Its messages are removed from this device. You can come back at any time."),
		foot(ui.Button{Label: "Stay", Kind: ui.Quiet, Act: "close"}, ui.Button{Label: "Leave room", Kind: ui.Danger, Act: "leave", Arg: v.Room}),
	}
}

func (v dialog) signOut() []app.UI {
	text := "Your name, rooms, messages and drafts are removed from this device. What you have sent stays in the rooms, but nobody can prove it was you any more."
	if v.Unsent > 0 {
		text = app.FormatString("%d of your messages have not been sent and will be lost. ", v.Unsent) + text
	}
	return []app.UI{
		heading("Sign out?"),
		app.P().Class("dialog-text").Text(text),
		foot(ui.Button{Label: "Stay", Kind: ui.Quiet, Act: "close"}, ui.Button{Label: "Sign out", Kind: ui.Danger, Act: "sign-out"}),
	}
}
