package page

import (
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"parley/app/state"
)

// modifier is what the key beside K is called on this system.
func modifier() string {
	nav := app.Window().Get("navigator")
	if nav.Truthy() && strings.Contains(nav.Get("platform").String(), "Mac") {
		return "⌘"
	}
	return "Ctrl"
}

// key handles the keyboard for the whole page.
func (p *program) key(e app.Value) {
	key := e.Get("key").String()
	mod := e.Get("ctrlKey").Truthy() || e.Get("metaKey").Truthy()
	alt, shift := e.Get("altKey").Truthy(), e.Get("shiftKey").Truthy()
	target := e.Get("target")
	writing := isField(target)
	take := func() { e.Call("preventDefault") }

	switch {
	case e.Get("isComposing").Truthy():
	case mod && !alt && !shift && strings.EqualFold(key, "k"):
		take()
		p.act("dialog", "switcher")
	case p.state.Dialog == state.DialogSwitcher && (key == "ArrowDown" || key == "ArrowUp"):
		take()
		p.chooseNext(key == "ArrowDown")
	case p.state.Dialog != state.DialogNone:
	case alt && !mod && (key == "ArrowDown" || key == "ArrowUp"):
		take()
		p.nextRoom(key == "ArrowDown")
	case target.Get("id").String() == "composer":
		p.composerKey(e, key, shift || mod || alt)
	case writing || mod || alt:
	case key == "?":
		take()
		p.act("dialog", "help")
	case key == "/" || key == "i":
		take()
		p.focusComposer()
	default:
		p.logKey(e, key)
	}
}

func isField(el app.Value) bool {
	tag := el.Get("tagName")
	if !tag.Truthy() {
		return false
	}
	switch tag.String() {
	case "INPUT", "TEXTAREA", "SELECT":
		return true
	}
	return false
}

func (p *program) composerKey(e app.Value, key string, modified bool) {
	el := composer()
	switch {
	case key == "Enter" && !modified:
		e.Call("preventDefault")
		p.send()
	case key == "Escape":
		if !p.state.AtEnd {
			p.tell(state.EndWanted{})
			return
		}
		el.Call("blur")
		byID("log").Call("focus")
	case key == "ArrowUp" && !modified && el.Get("value").String() == "":
		e.Call("preventDefault")
		p.focusRow(-1)
	}
}

// logKey moves through the messages.
func (p *program) logKey(e app.Value, key string) {
	log := byID("log")
	if !log.Truthy() {
		return
	}
	inside := log.Call("contains", e.Get("target")).Truthy()
	switch {
	case key == "Escape":
		p.tell(state.EndWanted{})
		p.focusComposer()
	case !inside:
	case key == "ArrowUp":
		e.Call("preventDefault")
		p.focusRow(-1)
	case key == "ArrowDown":
		e.Call("preventDefault")
		p.focusRow(+1)
	case key == "End":
		e.Call("preventDefault")
		p.tell(state.EndWanted{})
	case key == "c":
		if row := closest(e, ".msg"); row.Truthy() {
			if b := row.Call("querySelector", `[data-act="copy"]`); b.Truthy() {
				p.act("copy", data(b, "arg"))
			}
		}
	}
}

// focusRow moves the focus one message up or down. From outside of the messages
// up goes to the newest one; down from the newest one goes to the composer.
func (p *program) focusRow(step int) {
	log := byID("log")
	if !log.Truthy() {
		return
	}
	rows := log.Call("querySelectorAll", ".msg")
	n := rows.Length()
	at := n
	if current := document().Get("activeElement"); current.Truthy() {
		if row := current.Call("closest", ".msg"); row.Truthy() {
			for i := range n {
				if rows.Index(i).Equal(row) {
					at = i
					break
				}
			}
		}
	}
	switch at += step; {
	case at >= n:
		p.focusComposer()
	case at >= 0:
		row := rows.Index(at)
		row.Call("focus", map[string]any{"preventScroll": true})
		row.Call("scrollIntoView", map[string]any{"block": "nearest"})
	}
}

// nextRoom opens the room below or above in the list.
func (p *program) nextRoom(down bool) {
	v := p.look().rail()
	rooms := append(v.Mine, v.More...)
	for i, r := range rooms {
		if !r.Current {
			continue
		}
		if down {
			i++
		} else {
			i--
		}
		if i >= 0 && i < len(rooms) {
			p.ctx.Navigate(rooms[i].Href)
		}
		return
	}
	if len(rooms) > 0 {
		p.ctx.Navigate(rooms[0].Href)
	}
}

func (p *program) chooseNext(down bool) {
	n := len(p.look().found(p.query))
	if n == 0 {
		return
	}
	if down {
		p.chosen = (p.chosen + 1) % n
	} else {
		p.chosen = (p.chosen + n - 1) % n
	}
	p.ctx.Update()
}

// focusComposer puts the caret where one writes.
func (p *program) focusComposer() {
	if el := composer(); el.Truthy() {
		el.Call("focus", map[string]any{"preventScroll": true})
	}
}

// moveFocus puts the focus where the last change wants it: into the composer of
// a room that was opened, except where that would bring up a keyboard on screen,
// and back to where it was when a dialog closes.
func (p *program) moveFocus() {
	before := p.shown.dialog
	p.shown.dialog = p.state.Dialog
	if p.shown.focusIn != p.state.Open {
		p.shown.focus = nil // what had the focus belongs to another room
	}
	if !p.scroll.focus || p.state.Dialog != state.DialogNone {
		return
	}
	if p.state.Open != "" && !composer().Truthy() && !p.look().nowhere() {
		return // it is about to come
	}
	p.scroll.focus = false
	if back := p.shown.focus; before != state.DialogNone && back != nil && back.Truthy() &&
		back.Get("isConnected").Truthy() && !back.Equal(document().Get("body")) {
		back.Call("focus")
		p.shown.focus = nil
		return
	}
	if !app.Window().Call("matchMedia", "(pointer: coarse)").Get("matches").Truthy() {
		p.focusComposer()
	}
}
