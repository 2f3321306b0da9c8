// Package link carries out what the chat page wants done: it runs the commands
// of [parley/app/state] with the realtime client and this device's storage, and
// turns what happens into messages.
//
//	driver := link.New(link.Config{URL: origin, Build: build, Host: link.Browser()}, tell)
//	driver.Run(state.LoadLocal{}) // tell(state.LocalLoaded{…}) follows
//
// The same code runs in the browser and natively: only the [Host] differs, so
// tests drive it against a real server in one process. It knows nothing of how
// the page looks and must not import go-app, app/ui or app/page.
package link
