package ui

import "github.com/maxence-charriere/go-app/v10/pkg/app"

// Banner is a message across the page that stays until its cause is gone.
type Banner struct {
	Kind   Kind
	Icon   Icon
	Text   string
	Detail string
	Button Button // left out without a label
}

// UI draws the banner.
func (b Banner) UI() app.UI {
	body := []app.UI{
		b.Icon.UI(),
		app.P().Class("banner-text").Body(
			app.Strong().Text(b.Text),
			app.Span().Class("banner-detail").Text(b.Detail),
		),
	}
	if b.Button.Label != "" {
		b.Button.Small = true
		body = append(body, b.Button.UI())
	}
	return app.Div().Class("banner", "banner-"+string(b.Kind)).Body(body...)
}

// Empty fills a place where nothing is yet and says what to do about it.
type Empty struct {
	Icon    Icon
	Mark    bool // the product's sign instead of an icon
	Title   string
	Text    string
	Buttons []Button
}

// UI draws the empty state.
func (e Empty) UI() app.UI {
	sign := Mark()
	if !e.Mark {
		sign = app.Span().Class("empty-icon").Body(e.Icon.UI())
	}
	var buttons []app.UI
	for _, b := range e.Buttons {
		buttons = append(buttons, b.UI())
	}
	return app.Div().Class("empty").Body(
		sign,
		app.H1().Text(e.Title),
		app.P().Text(e.Text),
		app.Div().Class("empty-actions").Body(buttons...),
	)
}

// Field is a line of a form with a label, a hint and what is wrong with it.
type Field struct {
	ID, Name, Label   string
	Value             string // what it starts with
	Placeholder, Hint string
	Error             string
	Max               int
	Complete          string // the browser's autocomplete token
	Focus             bool   // the first to be filled in
}

// UI draws the field.
func (f Field) UI() app.UI {
	complete := f.Complete
	if complete == "" {
		complete = "off"
	}
	in := app.Input().ID(f.ID).Name(f.Name).Type("text").Class("input").
		Attr("autocomplete", complete).Attr("enterkeyhint", "done").
		Placeholder(f.Placeholder).MaxLength(f.Max)
	if f.Value != "" {
		in.Attr("value", f.Value)
	}
	if f.Focus {
		in.DataSet("focus", "1")
	}
	note, noteClass := f.Hint, "field-hint"
	if f.Error != "" {
		note, noteClass = f.Error, "field-error"
		in.Aria("invalid", "true")
	}
	if note != "" {
		in.Aria("describedby", f.ID+"-note")
	}
	return app.Div().Class("field").Body(
		app.Label().For(f.ID).Text(f.Label),
		in,
		app.P().ID(f.ID+"-note").Class(noteClass).Role("status").Text(note),
	)
}

// Choice is one of the values of a [Choices].
type Choice struct{ Label, Arg string }

// Choices is a row of values of which one is chosen.
type Choices struct {
	Label  string
	Act    string
	Chosen string
	Of     []Choice
}

// UI draws the choices.
func (c Choices) UI() app.UI {
	body := make([]app.UI, 0, len(c.Of))
	for _, o := range c.Of {
		b := app.Button().Type("button").Class("choice").
			DataSet("act", c.Act).DataSet("arg", o.Arg).Aria("pressed", o.Arg == c.Chosen).Text(o.Label)
		body = append(body, b)
	}
	return app.Div().Class("choices").Role("group").Aria("label", c.Label).Body(body...)
}

// Switch is a setting that is on or off.
type Switch struct {
	Label, Hint string
	Act         string
	On          bool
}

// UI draws the switch.
func (s Switch) UI() app.UI {
	return app.Button().Type("button").Class("switch-row").Role("switch").Aria("checked", s.On).
		DataSet("act", s.Act).Body(
		app.Span().Class("switch-text").Body(
			app.Span().Class("switch-label").Text(s.Label),
			app.Span().Class("switch-hint").Text(s.Hint),
		),
		app.Span().Class("switch").Aria("hidden", "true"),
	)
}

// Toast is a short notice.
type Toast struct {
	Text  string
	Error bool
}

// UI draws the notice.
func (t Toast) UI() app.UI {
	class, icon := "toast", IconCheck
	if t.Error {
		class, icon = "toast toast-error", IconAlert
	}
	return app.Div().Class(class).Body(icon.UI(), app.Span().Text(t.Text))
}

// RoomItem is a room in the list of rooms.
type RoomItem struct {
	ID, Title string
	Href      string
	Line      string // what was said last, or what the room is about
	Time      string
	Unread    int
	Online    int
	Current   bool
	Draft     bool // Line is an unfinished text
	Dim       bool // not one of ours
	Warn      bool // something of ours was not sent
}

// UI draws the item.
func (r RoomItem) UI() app.UI {
	class := "room"
	if r.Unread > 0 {
		class += " room-unread"
	}
	if r.Dim {
		class += " room-dim"
	}
	a := app.A().Class(class).Href(r.Href).DataSet("room", r.ID)
	if r.Current {
		a.Aria("current", "page")
	}
	line := []app.UI{app.Text(r.Line)}
	switch {
	case r.Warn:
		line = []app.UI{app.Span().Class("room-warn").Text("Not sent")}
	case r.Draft:
		line = []app.UI{app.Span().Class("room-draft").Text("Draft"), app.Text(" " + r.Line)}
	}
	return a.Body(
		RoomGlyph(r.ID, r.Title, ""),
		app.Span().Class("room-main").Body(
			app.Span().Class("room-title").Text(r.Title),
			app.Span().Class("room-line").Body(line...),
		),
		app.Span().Class("room-side").Body(
			app.Span().Class("room-time").Text(r.Time),
			Badge(r.Unread, "unread"),
			online(r.Online, r.Unread > 0),
		),
	)
}

func online(n int, hidden bool) app.UI {
	if n <= 0 || hidden {
		return app.Span().Class("room-online").Hidden(true)
	}
	return app.Span().Class("room-online").Title(count(n)+" here now").Body(
		app.Text(count(n)),
		app.Span().Class("sr-only").Text(" here now"),
	)
}

// Person draws somebody in a list of people.
func Person(id, name, note string, unsure bool) app.UI {
	class := "person"
	if unsure {
		class += " person-unsure"
	}
	return app.Li().Class(class).Body(
		Avatar(id, name, "avatar-small"),
		app.Span().Class("person-name").Text(name),
		app.Span().Class("person-note").Text(note),
	)
}

// Skeleton is the outline of the page before anything is known: rooms on the
// left, messages on the right. It holds no words and is the same for everybody.
func Skeleton() app.UI {
	var rooms, rows []app.UI
	for range 6 {
		rooms = append(rooms, app.Div().Class("sk-room").Body(
			app.Div().Class("sk sk-glyph"),
			app.Div().Class("sk-lines").Body(app.Div().Class("sk sk-line"), app.Div().Class("sk sk-line sk-short")),
		))
	}
	for _, side := range []string{"sk-in", "sk-in sk-wide", "sk-out", "sk-in", "sk-out sk-wide", "sk-in sk-wide"} {
		rows = append(rows, app.Div().Class("sk sk-bubble "+side))
	}
	return app.Div().Class("app app-skeleton").Aria("hidden", "true").Body(
		app.Div().Class("rail").Body(
			app.Div().Class("rail-head").Body(app.Div().Class("brand").Body(Mark(), app.Span().Class("brand-name").Text("Parley"))),
			app.Div().Class("sk-rooms").Body(rooms...),
		),
		app.Div().Class("room-pane").Body(
			app.Div().Class("head").Body(app.Div().Class("sk sk-title")),
			app.Div().Class("sk-rows").Body(rows...),
			app.Div().Class("dock").Body(app.Div().Class("sk sk-composer")),
		),
	)
}
