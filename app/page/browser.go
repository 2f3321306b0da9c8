package page

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"parley/app/state"
)

// What the page does with the browser directly. Outside of one, app.Window is a
// dummy and none of this has an effect.

func document() app.Value { return app.Window().Get("document") }

func byID(id string) app.Value { return document().Call("getElementById", id) }

// applyTheme shows a theme and leaves it where web/js/theme.js finds it at the next
// start, before anything is drawn.
func applyTheme(t state.Theme) {
	if set := app.Window().Get("parleyTheme"); set.Truthy() {
		set.Invoke(string(t))
	}
}

// setBadge shows a count on the app's icon and in the tab's.
func setBadge(n int) {
	nav := app.Window().Get("navigator")
	switch {
	case !nav.Get("setAppBadge").Truthy():
	case n > 0:
		ignore(nav.Call("setAppBadge", n))
	default:
		ignore(nav.Call("clearAppBadge"))
	}
	icon := document().Call("querySelector", `link[rel="icon"]`)
	if !icon.Truthy() {
		return
	}
	file := "/web/icons/icon.svg"
	if n > 0 {
		file = "/web/icons/icon-unread.svg"
	}
	icon.Call("setAttribute", "href", file)
}

// ignore takes the edge off a promise that may be refused without harm.
func ignore(promise app.Value) {
	var fail app.Func
	fail = app.FuncOf(func(app.Value, []app.Value) any {
		fail.Release()
		return nil
	})
	promise.Call("catch", fail)
}

// answer calls f once with whether a promise was kept, and its value.
func answer(promise app.Value, f func(ok bool, v app.Value)) {
	var kept, broken app.Func
	done := func(ok bool) func(app.Value, []app.Value) any {
		return func(_ app.Value, args []app.Value) any {
			kept.Release()
			broken.Release()
			var v app.Value
			if len(args) > 0 {
				v = args[0]
			}
			f(ok, v)
			return nil
		}
	}
	kept = app.FuncOf(done(true))
	broken = app.FuncOf(done(false))
	promise.Call("then", kept, broken)
}

func (p *program) copyText(text string) {
	board := app.Window().Get("navigator").Get("clipboard")
	if !board.Truthy() {
		p.tell(state.Copied{})
		return
	}
	answer(board.Call("writeText", text), func(ok bool, _ app.Value) {
		p.tell(state.Copied{OK: ok})
	})
}

func (p *program) askNotify() {
	n := app.Window().Get("Notification")
	if !n.Truthy() {
		p.tell(state.NotifyAnswered{})
		return
	}
	answer(n.Call("requestPermission"), func(ok bool, v app.Value) {
		p.tell(state.NotifyAnswered{Granted: ok && v.String() == "granted"})
	})
}

// columns is how many columns the window has room for; the style sheets break at
// the same widths.
func columns() int {
	for i, query := range []string{"(min-width: 70rem)", "(min-width: 48rem)"} {
		if app.Window().Call("matchMedia", query).Get("matches").Truthy() {
			return 3 - i
		}
	}
	return 1
}

// newID is a random id for a message. It has to be unique, not secret: everybody
// in the room sees it.
func newID() string {
	b := binary.NativeEndian.AppendUint64(nil, rand.Uint64())
	b = binary.NativeEndian.AppendUint64(b, rand.Uint64())
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	s := hex.EncodeToString(b)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}
