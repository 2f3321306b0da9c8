// Command parleyweb is the chat page's program, compiled for js/wasm and run by
// the browser. It only wires the page to its driver.
package main

import (
	"runtime/debug"
	"syscall/js"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"parley/app/link"
	"parley/app/page"
	"parley/app/state"
)

// garbage is how much of it there may be, in percent of what is in use, before it
// is collected. The page holds little and makes much at a time, when it draws: at
// Go's 100 a fifth of drawing is collecting. 3,000 messages held take 24 MB so,
// 16 otherwise.
const garbage = 300

func main() {
	debug.SetGCPercent(garbage)
	build := app.Getenv("GOAPP_VERSION")
	origin := js.Global().Get("location").Get("origin").String()
	page.Register(page.Config{
		Build: build,
		Driver: func(tell func(...state.Msg)) page.Driver {
			return link.New(link.Config{URL: origin, Build: build, Host: link.Browser()}, tell)
		},
	})
	app.RunWhenOnBrowser()
}
