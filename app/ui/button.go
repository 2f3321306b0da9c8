package ui

import "github.com/maxence-charriere/go-app/v10/pkg/app"

// Kind says how much attention a part wants.
type Kind string

// The kinds. Each is a class of the style sheets.
const (
	Plain   Kind = "plain"
	Primary Kind = "primary"
	Quiet   Kind = "quiet"
	Danger  Kind = "danger"
	Info    Kind = "info"
	Warn    Kind = "warn"
)

// Button is a button with a label. The zero Kind is Plain.
type Button struct {
	Label    string
	Icon     Icon
	Kind     Kind
	Act, Arg string
	Submit   bool // sends the form it is in
	Disabled bool
	Busy     bool // shows that it works and cannot be pressed
	Small    bool
}

// UI draws the button.
func (b Button) UI() app.UI {
	kind := b.Kind
	if kind == "" {
		kind = Plain
	}
	e := app.Button().Type("button").Class("btn", "btn-"+string(kind))
	if b.Submit {
		e.Type("submit")
	}
	if b.Small {
		e.Class("btn-small")
	}
	if b.Busy {
		e.Class("btn-busy").Aria("busy", "true")
	}
	if b.Disabled || b.Busy {
		e.Disabled(true)
	}
	act(e, b.Act, b.Arg)
	var body []app.UI
	if b.Icon != "" {
		body = append(body, b.Icon.UI())
	}
	return e.Body(append(body, app.Span().Text(b.Label))...)
}

// IconButton is a button that shows only an icon. Label is what it is called:
// read aloud and shown as a tooltip.
type IconButton struct {
	Icon     Icon // none when the style sheet draws it, by Class
	Label    string
	Act, Arg string
	Pressed  *bool // for a button that stays in
	Class    string
	Keys     string // the shortcut that does the same, shown in the tooltip
}

// UI draws the button.
func (b IconButton) UI() app.UI {
	title := b.Label
	if b.Keys != "" {
		title += " (" + b.Keys + ")"
	}
	e := app.Button().Type("button").Class("icon-btn", b.Class).Aria("label", b.Label).Title(title)
	if b.Pressed != nil {
		e.Aria("pressed", *b.Pressed)
	}
	act(e, b.Act, b.Arg)
	if b.Icon == "" {
		return e
	}
	return e.Body(b.Icon.UI())
}

// act names what pressing an element means.
func act(e app.HTMLButton, name, arg string) {
	if name != "" {
		e.DataSet("act", name)
	}
	if arg != "" {
		e.DataSet("arg", arg)
	}
}

// Kbd draws keys to press, as in "Ctrl" "K".
func Kbd(keys ...string) app.UI {
	body := make([]app.UI, 0, len(keys))
	for _, k := range keys {
		body = append(body, app.Kbd().Text(k))
	}
	return app.Span().Class("keys").Body(body...)
}

// Badge draws a count, "99+" when it is high; nothing for zero. What is counted
// is said to screen readers.
func Badge(n int, what string) app.UI {
	if n <= 0 {
		return app.Span().Class("badge").Hidden(true)
	}
	return app.Span().Class("badge").Body(
		app.Text(count(n)),
		app.Span().Class("sr-only").Text(" "+what),
	)
}

func count(n int) string {
	if n > 99 {
		return "99+"
	}
	return app.FormatString("%d", n)
}
