package polling

import (
	"context"
	"syscall/js"

	"parley/shared/client/internal/jsio"
)

// Native is empty in a browser.
type Native struct{}

// do makes one request with fetch and reads the answer.
func (t *Transport) do(ctx context.Context, c call) (status int, body []byte, err error) {
	defer jsio.Catch(&err) // fetch throws on an address the page may not open
	abort := js.Global().Get("AbortController").New()
	stop := func() { abort.Call("abort") } // which makes the promises fail
	header := map[string]any{}
	for name, values := range c.request.Header {
		for _, v := range values {
			header[name] = v
		}
	}
	options := map[string]any{
		"method": c.method, "cache": "no-store", "signal": abort.Get("signal"), "credentials": "same-origin",
	}
	if c.request.Credentials {
		options["credentials"] = "include"
	}
	if c.method == "POST" {
		header["Content-Type"] = contentType
		options["body"] = string(c.body)
		options["keepalive"] = c.last
	}
	options["headers"] = header
	resp, err := jsio.Await(ctx, js.Global().Call("fetch", c.address, options), stop)
	if err != nil {
		return 0, nil, err
	}
	data, err := jsio.Await(ctx, resp.Call("arrayBuffer"), stop)
	if err != nil {
		return 0, nil, err
	}
	view := js.Global().Get("Uint8Array").New(data)
	if limit := t.maxBody(); limit >= 0 && view.Length() > limit {
		return 0, nil, errTooLarge
	}
	body = make([]byte, view.Length())
	js.CopyBytesToGo(body, view)
	return resp.Get("status").Int(), body, nil
}
