package page

import (
	"strconv"
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"parley/app/state"
	"parley/shared/chat"
)

// listen attaches the few listeners of the page. They are on the document, read
// data-act and data-arg, and stay as long as the page.
func (p *program) listen() {
	doc := document()
	p.on(doc, "click", p.clicked)
	p.on(doc, "submit", p.submitted)
	p.on(doc, "input", p.input)
	p.on(doc, "keydown", p.key)
	p.on(doc, "cancel", p.cancelled)
	p.on(doc, "visibilitychange", func(app.Value) {
		on := doc.Get("visibilityState").String() == "visible"
		if !on {
			p.saveDraft()
		}
		p.tell(state.Visibility{On: on})
	})
	p.on(app.Window(), "pagehide", func(app.Value) { p.saveDraft() })
	p.on(doc, "scroll", func(e app.Value) {
		if e.Get("target").Get("id").String() == "log" {
			p.scroll.look()
		}
	})
	if view := app.Window().Get("visualViewport"); view.Truthy() {
		p.on(view, "resize", func(app.Value) { p.scroll.stay() }) // a phone's keyboard
	}
	p.on(app.Window(), "resize", func(app.Value) {
		p.scroll.stay()
		if n := columns(); n != p.state.Columns {
			p.tell(state.Resized{Columns: n})
		}
	})
}

// on attaches a listener that runs on the UI goroutine and draws nothing by
// itself. It captures: scroll and cancel do not bubble. Go handles an event
// before the browser goes on, so preventDefault works in f.
func (p *program) on(target app.Value, name string, f func(event app.Value)) {
	h := app.FuncOf(func(_ app.Value, args []app.Value) any {
		p.quietly(name, func() { f(args[0]) })
		return nil
	})
	target.Call("addEventListener", name, h, true)
}

// closest is the nearest element around the event's target that matches.
func closest(event app.Value, selector string) app.Value {
	t := event.Get("target")
	if !t.Truthy() || !t.Get("closest").Truthy() {
		return app.Null()
	}
	return t.Call("closest", selector)
}

func data(el app.Value, name string) string {
	if v := el.Get("dataset").Get(name); v.Truthy() {
		return v.String()
	}
	return ""
}

func parseSeq(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

func (p *program) clicked(e app.Value) {
	if t := e.Get("target"); t.Get("tagName").Truthy() && t.Get("tagName").String() == "DIALOG" {
		p.tell(state.DialogAsked{}) // outside of the dialog's box
		return
	}
	el := closest(e, "[data-act]")
	if !el.Truthy() || el.Get("tagName").String() == "FORM" || el.Get("disabled").Truthy() {
		return
	}
	p.act(data(el, "act"), data(el, "arg"))
}

// act does what the button with this name means.
func (p *program) act(name, arg string) {
	open := p.state.Open
	switch name {
	case "dialog":
		p.query, p.chosen = "", 0
		p.tell(state.DialogAsked{Dialog: dialogNames[arg]})
	case "close":
		p.tell(state.DialogAsked{})
	case "panel":
		p.tell(state.PanelToggled{})
	case "end":
		p.tell(state.EndWanted{})
	case "older":
		p.tell(state.OlderWanted{Room: open})
	case "gap":
		p.tell(state.GapWanted{Room: open, Seq: parseSeq(arg)})
	case "copy":
		seq := parseSeq(arg)
		if strings.Contains(arg, "-") {
			seq = 0
		}
		p.tell(state.CopyAsked{Room: open, Seq: seq, ID: arg})
	case "copy-link":
		p.copyText(app.Window().Get("location").Get("origin").String() + href(chat.RoomID(arg)))
	case "retry":
		p.tell(state.RetryAsked{ID: arg})
	case "discard":
		p.tell(state.DiscardAsked{ID: arg})
	case "reconnect":
		p.tell(state.ReconnectAsked{})
	case "reload":
		p.saveDraft()
		p.tell(state.ReloadAsked{})
	case "leave":
		p.tell(state.LeaveAsked{Room: chat.RoomID(arg)})
	case "theme":
		p.tell(state.ThemeChosen{Theme: state.Theme(arg)})
	case "notify":
		p.tell(state.NotifyChosen{On: !p.state.Prefs.Notify})
	case "sign-out":
		p.tell(state.SignOutAsked{})
	case "install":
		p.ctx.ShowAppInstallPrompt()
	case "go":
		p.tell(state.DialogAsked{})
		p.ctx.Navigate(href(chat.RoomID(arg)))
	}
}

var dialogNames = map[string]state.Dialog{
	"name": state.DialogName, "new": state.DialogNewRoom, "switcher": state.DialogSwitcher,
	"settings": state.DialogSettings, "help": state.DialogHelp, "leave": state.DialogLeave,
	"members": state.DialogMembers, "sign-out": state.DialogSignOut,
}

func (p *program) submitted(e app.Value) {
	form := closest(e, "form[data-act]")
	if !form.Truthy() {
		return
	}
	e.Call("preventDefault")
	field := func(name string) string {
		if in := form.Get("elements").Get(name); in.Truthy() {
			return in.Get("value").String()
		}
		return ""
	}
	switch data(form, "act") {
	case "send":
		p.send()
	case "name":
		p.tell(state.NameChosen{Name: field("name")})
	case "create":
		p.tell(state.CreateAsked{Title: field("title"), Topic: field("topic")})
	case "switch":
		if rooms := p.look().found(p.query); len(rooms) > 0 {
			p.act("go", rooms[min(p.chosen, len(rooms)-1)].ID)
		}
	}
}

func (p *program) input(e app.Value) {
	t := e.Get("target")
	switch t.Get("id").String() {
	case "composer":
		p.composed()
	case "switcher":
		p.query, p.chosen = t.Get("value").String(), 0
		p.ctx.Update()
	}
}

// cancelled keeps the browser from closing a dialog by itself on Escape.
func (p *program) cancelled(e app.Value) {
	e.Call("preventDefault")
	p.tell(state.DialogAsked{})
}
