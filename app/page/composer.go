package page

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"parley/app/state"
	"parley/app/ui"
	"parley/shared/chat"
)

// draftDelay is how long after the last key an unfinished text is stored.
const draftDelay = 300 * time.Millisecond

// composerPart is where one writes. The text is in the browser's element only:
// typing draws nothing.
type composerPart struct {
	app.Compo

	P     *program
	Room  string
	Title string
}

func (l look) composerTitle() string {
	if r := l.Rooms[l.Open]; r != nil {
		return r.Info.Title
	}
	return string(l.Open)
}

// Render draws the text area and the send button.
func (c *composerPart) Render() app.UI {
	return c.P.drawing("composer", func() app.UI {
		return app.Form().Class("composer").DataSet("act", "send").Body(
			app.Textarea().ID("composer").Class("composer-text").Name("text").Rows(1).
				Placeholder("Message "+c.Title).Aria("label", "Message "+c.Title).
				Attr("autocomplete", "off").Attr("enterkeyhint", "send").Spellcheck(true).
				Dir("auto"),
			app.Span().Class("composer-left").ID("composer-left").Aria("hidden", "true"),
			app.Button().Type("submit").Class("composer-send").ID("composer-send").Aria("label", "Send").Title("Send (Enter)").
				Body(ui.IconSend.UI()),
		)
	})
}

func composer() app.Value { return byID("composer") }

// fillComposer puts a room's draft into the composer when the room is opened. The
// element is the same for all rooms: until here it holds the last one's text.
func (p *program) fillComposer() {
	room := string(p.state.Open)
	if room == p.shown.room {
		return
	}
	el := composer()
	if room != "" && !el.Truthy() {
		return
	}
	p.shown.room = room
	if room == "" {
		return
	}
	text := ""
	if r := p.state.Rooms[p.state.Open]; r != nil {
		text = r.Draft
	}
	el.Set("value", text)
	p.fitComposer()
}

// fitComposer gives the text area the height of its text, and shows how many
// characters are left when that matters.
func (p *program) fitComposer() {
	el := composer()
	if !el.Truthy() {
		return
	}
	style := el.Get("style")
	style.Set("height", "auto")
	style.Set("height", app.FormatString("%dpx", el.Get("scrollHeight").Int()))
	text := el.Get("value").String()
	form := el.Get("parentElement").Get("classList")
	form.Call("toggle", "composer-ready", strings.TrimSpace(text) != "")
	left := chat.MaxText - utf8.RuneCountInString(text)
	note := ""
	if left < 200 {
		note = app.FormatString("%d", left)
	}
	form.Call("toggle", "composer-over", left < 0)
	byID("composer-left").Set("textContent", note)
}

// composed runs after every change in the composer.
func (p *program) composed() {
	room := p.state.Open
	text := composer().Get("value").String()
	p.fitComposer()
	p.scroll.stay()
	if now := time.Now().UnixMilli(); text == "" || now-p.state.TypedAt > 2500 {
		p.tell(state.Typed{Room: room, Empty: strings.TrimSpace(text) == ""})
	}
	if p.drafting != nil {
		p.drafting.Stop()
	}
	p.drafting = time.AfterFunc(draftDelay, func() {
		p.quietly("draft", p.saveDraft)
	})
}

// saveDraft stores what is in the composer for the room it was written in.
func (p *program) saveDraft() {
	if p.drafting != nil {
		p.drafting.Stop()
		p.drafting = nil
	}
	if el := composer(); el.Truthy() && p.shown.room != "" {
		p.tell(state.DraftChanged{Room: chat.RoomID(p.shown.room), Text: el.Get("value").String()})
	}
}

// send takes the text out of the composer, unless it cannot be sent like this.
func (p *program) send() {
	el := composer()
	if !el.Truthy() || p.state.Open == "" {
		return
	}
	text := chat.CleanText(el.Get("value").String())
	if text == "" {
		el.Call("focus")
		return
	}
	if chat.CheckText(text) == nil {
		el.Set("value", "")
		if p.drafting != nil {
			p.drafting.Stop()
			p.drafting = nil
		}
		p.fitComposer()
	}
	p.tell(state.Submitted{ID: newID(), Room: p.state.Open, Text: text})
	el.Call("focus")
}
