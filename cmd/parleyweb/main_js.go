// Command parleyweb is the chat page's program, compiled for js/wasm and run by
// the browser. It only wires the page to its driver.
package main

import (
	"syscall/js"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"parley/app/link"
	"parley/app/page"
	"parley/app/state"
)

func main() {
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
