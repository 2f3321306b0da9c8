package ui

import (
	"strconv"

	"github.com/maxence-charriere/go-app/v10/pkg/app"
)

// Row is one message as it is drawn, with what stands above and below it.
type Row struct {
	Seq  int64  // 0 for an unsent message
	ID   string // of an unsent message
	Room string

	UserID, Name string
	Mine         bool
	First        bool // the first of its sender's in a row: it shows who wrote
	Text         string
	Mention      bool // it names the reader

	Time string // as short as the day separators allow; "" when the message above tells
	Full string // date and time
	ISO  string

	Day     string // begins a day
	New     bool   // everything from here on is new
	Gap     int64  // how many messages are missing above
	Filling bool   // they are on their way
	Notices []string

	State  RowState
	Reason string // why it failed
}

// RowState says how far a message is.
type RowState string

// The states of a row; others' messages have none.
const (
	RowSent    RowState = "sent"
	RowSaving  RowState = "saving"
	RowQueued  RowState = "queued"
	RowSending RowState = "sending"
	RowFailed  RowState = "failed"
)

// stateText is what a state is called on screen.
func (r Row) stateText() string {
	switch r.State {
	case RowSaving, RowSending:
		return "Sending"
	case RowQueued:
		return "Queued"
	case RowFailed:
		return "Not sent"
	}
	return ""
}

// UI draws the row. The message itself is always the second child, whatever
// stands above it, so that nothing that has the focus is drawn anew.
func (r Row) UI() app.UI {
	slot := app.Div().Class("slot")
	if r.Seq > 0 {
		slot.ID("m"+strconv.FormatInt(r.Seq, 10)).DataSet("seq", strconv.FormatInt(r.Seq, 10))
	}
	body := []app.UI{app.Header().Class("above").Body(r.above()...), r.message()}
	if len(r.Notices) > 0 {
		body = append(body, notices(r.Notices))
	}
	return slot.Body(body...)
}

// EmptyRow keeps the place of a message that is not there.
func EmptyRow() app.UI { return app.Div().Class("slot").Hidden(true) }

func (r Row) above() []app.UI {
	var body []app.UI
	if r.Gap > 0 {
		body = append(body, r.gap())
	}
	if r.Day != "" {
		body = append(body, app.Div().Class("day").Body(app.Span().Text(r.Day)))
	}
	if r.New {
		body = append(body, app.Div().Class("new-line").ID("new-line").Body(app.Span().Text("New")))
	}
	return body
}

func (r Row) gap() app.UI {
	text := "1 message is missing here"
	if r.Gap > 1 {
		text = strconv.FormatInt(r.Gap, 10) + " messages are missing here"
	}
	if r.Filling {
		return app.Div().Class("gap gap-filling").DataSet("gap", strconv.FormatInt(r.Seq, 10)).Text(text + " – loading…")
	}
	return app.Div().Class("gap").DataSet("gap", strconv.FormatInt(r.Seq, 10)).Body(
		app.Span().Text(text),
		Button{Label: "Load", Kind: Quiet, Small: true, Act: "gap", Arg: strconv.FormatInt(r.Seq, 10)}.UI(),
	)
}

func notices(lines []string) app.UI {
	body := make([]app.UI, 0, len(lines))
	for _, l := range lines {
		body = append(body, app.P().Class("notice").Text(l))
	}
	return app.Footer().Class("below").Body(body...)
}

// Notices draws lines about who came and went where no message is.
func Notices(lines []string) app.UI { return notices(lines) }

func (r Row) message() app.UI {
	class := "msg"
	if r.Mine {
		class += " msg-mine"
	}
	if r.First {
		class += " msg-first"
	}
	if r.Mention {
		class += " msg-mention"
	}
	if r.State != "" {
		class += " is-" + string(r.State)
	}
	who := r.Name
	if r.Mine {
		who = "You"
	}
	label := who + ", " + r.Full
	if s := r.stateText(); s != "" {
		label += ", " + s
	}
	m := app.Article().Class(class).TabIndex(-1).Aria("label", label)
	if r.ID != "" {
		m.DataSet("item", r.ID)
	}
	var body []app.UI
	if !r.Mine && r.First {
		body = append(body, Avatar(r.UserID, r.Name, "msg-avatar"))
	}
	return m.Body(append(body, r.bubble(), r.tools())...)
}

func (r Row) bubble() app.UI {
	var body []app.UI
	if !r.Mine && r.First {
		body = append(body, app.Div().Class("msg-name", Hue(r.UserID)).Text(r.Name))
	}
	textClass := "msg-text"
	switch {
	case OnlyEmoji(r.Text):
		textClass += " msg-jumbo"
	case RightToLeft(r.Text):
		textClass += " msg-rtl"
	}
	body = append(body, app.Div().Class(textClass).Dir("auto").Body(Text(r.Text)...))
	if r.Time != "" || r.Mine {
		body = append(body, r.stamp())
	}
	if r.State == RowFailed {
		body = append(body, r.failure())
	}
	return app.Div().Class("bubble").Body(body...)
}

// stamp is the time, and for our own messages how far they are.
func (r Row) stamp() app.UI {
	var body []app.UI
	if r.Time != "" {
		body = append(body, app.Time().DateTime(r.ISO).Title(r.Full).Text(r.Time))
	}
	if s := r.stateText(); s != "" {
		body = append(body, app.Span().Class("msg-state").Text(s))
	}
	return app.Span().Class("stamp").Body(body...)
}

func (r Row) failure() app.UI {
	reason := r.Reason
	if reason == "" {
		reason = "The server did not take it."
	}
	return app.Div().Class("msg-failure").Body(
		app.P().Body(IconAlert.UI(), app.Span().Text(reason)),
		app.Div().Class("msg-failure-actions").Body(
			Button{Label: "Try again", Icon: IconRetry, Kind: Plain, Small: true, Act: "retry", Arg: r.ID}.UI(),
			Button{Label: "Discard", Icon: IconTrash, Kind: Quiet, Small: true, Act: "discard", Arg: r.ID}.UI(),
		),
	)
}

// tools are what can be done with a message: copy it, and take it back while it
// only waits.
func (r Row) tools() app.UI {
	arg := strconv.FormatInt(r.Seq, 10)
	if r.Seq == 0 {
		arg = r.ID
	}
	body := []app.UI{IconButton{Label: "Copy text", Act: "copy", Arg: arg, Class: "tool tool-copy"}.UI()}
	if r.State == RowQueued {
		body = append(body, IconButton{Icon: IconTrash, Label: "Discard", Act: "discard", Arg: r.ID, Class: "tool"}.UI())
	}
	return app.Div().Class("msg-tools").Body(body...)
}
