package client

import (
	"net/url"
	"syscall/js"
)

// defaultNetwork listens to the events of a page or worker that say something
// about the network. "offline" does not concern a server on the same machine.
func defaultNetwork(server *url.URL) Network {
	local := server.Hostname() == "localhost" || server.Hostname() == "127.0.0.1" || server.Hostname() == "::1"
	return func(notify func(NetworkEvent)) func() {
		var stops []func()
		listen := func(target js.Value, event string, fn func()) {
			if !target.Truthy() || target.Get("addEventListener").Type() != js.TypeFunction {
				return // a worker has no document, Node has neither
			}
			f := js.FuncOf(func(js.Value, []js.Value) any {
				fn()
				return nil
			})
			target.Call("addEventListener", event, f)
			stops = append(stops, func() {
				target.Call("removeEventListener", event, f)
				f.Release()
			})
		}
		global, document := js.Global(), js.Global().Get("document")
		listen(global, "online", func() { notify(NetworkUp) })
		listen(global, "offline", func() {
			if !local {
				notify(NetworkDown)
			}
		})
		listen(global, "pageshow", func() { notify(NetworkChanged) })
		listen(document, "resume", func() { notify(NetworkChanged) })
		listen(document, "visibilitychange", func() {
			if document.Get("visibilityState").String() == "visible" {
				notify(NetworkChanged)
			}
		})
		return func() {
			for _, stop := range stops {
				stop()
			}
		}
	}
}

// onUnload calls fn when the page is about to go away.
func onUnload(fn func()) (stop func()) {
	global := js.Global()
	if global.Get("addEventListener").Type() != js.TypeFunction {
		return func() {}
	}
	f := js.FuncOf(func(js.Value, []js.Value) any {
		fn()
		return nil
	})
	global.Call("addEventListener", "beforeunload", f)
	return func() {
		global.Call("removeEventListener", "beforeunload", f)
		f.Release()
	}
}

// pageAddress is the address of the page or worker, nil where there is none.
func pageAddress() *url.URL {
	location := js.Global().Get("location")
	if !location.Truthy() {
		return nil
	}
	u, err := url.Parse(location.Get("href").String())
	if err != nil || u.Host == "" {
		return nil
	}
	return u
}
