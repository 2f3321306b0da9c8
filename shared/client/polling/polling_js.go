package polling

import (
	"context"
	"errors"
	"syscall/js"
)

// Native is empty in a browser.
type Native struct{}

// do makes one request with fetch and reads the answer.
func (t *Transport) do(ctx context.Context, c call) (status int, body []byte, err error) {
	defer func() {
		// fetch throws on an address the page may not open.
		if p := recover(); p != nil {
			thrown, ok := p.(js.Error)
			if !ok {
				panic(p)
			}
			err = thrown
		}
	}()
	abort := js.Global().Get("AbortController").New()
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
	resp, err := await(ctx, abort, js.Global().Call("fetch", c.address, options))
	if err != nil {
		return 0, nil, err
	}
	data, err := await(ctx, abort, resp.Call("arrayBuffer"))
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

// await waits for a promise. When ctx ends first the request is aborted, which
// settles the promise, so that nothing of Go is left in the browser's hands.
func await(ctx context.Context, abort, promise js.Value) (js.Value, error) {
	type outcome struct {
		v   js.Value
		err error
	}
	settled := make(chan outcome, 1)
	onValue := js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- outcome{v: args[0]}
		return nil
	})
	defer onValue.Release()
	onError := js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- outcome{err: errors.New(args[0].Call("toString").String())}
		return nil
	})
	defer onError.Release()
	promise.Call("then", onValue, onError)
	select {
	case o := <-settled:
		return o.v, o.err
	case <-ctx.Done():
		abort.Call("abort")
		<-settled
		return js.Value{}, ctx.Err()
	}
}
