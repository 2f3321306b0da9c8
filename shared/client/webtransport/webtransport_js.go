package webtransport

import (
	"context"
	"errors"
	"io"
	"syscall/js"

	"parley/shared/client/engine"
	"parley/shared/client/internal/jsio"
)

// Native is empty in a browser.
type Native struct{}

func (t *Transport) open(ctx context.Context, r engine.Request) (_ stream, err error) {
	defer jsio.Catch(&err) // the constructor throws on an address the page may not open
	constructor := js.Global().Get("WebTransport")
	if !constructor.Truthy() {
		return nil, errors.New("this JavaScript environment has no WebTransport")
	}
	options := map[string]any{}
	if len(t.CertificateHashes) > 0 {
		var hashes []any
		for _, h := range t.CertificateHashes {
			hashes = append(hashes, map[string]any{"algorithm": "sha-256", "value": bytesToJS(h)})
		}
		options["serverCertificateHashes"] = hashes
	}
	session := constructor.New(r.Address("https"), options)
	stop := func() { session.Call("close") } // which makes the promises fail
	if _, err := jsio.Await(ctx, session.Get("ready"), stop); err != nil {
		return nil, err
	}
	pair, err := jsio.Await(ctx, session.Call("createBidirectionalStream"), stop)
	if err != nil {
		session.Call("close")
		return nil, err
	}
	return &browserStream{
		session: session,
		reader:  pair.Get("readable").Call("getReader"),
		writer:  pair.Get("writable").Call("getWriter"),
	}, nil
}

type browserStream struct {
	session, reader, writer js.Value
}

func (b *browserStream) read(ctx context.Context) ([]byte, error) {
	chunk, err := jsio.Await(ctx, b.reader.Call("read"), func() { b.reader.Call("cancel") })
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, b.cause(err)
	case chunk.Get("done").Bool():
		return nil, io.EOF
	}
	view := chunk.Get("value")
	data := make([]byte, view.Length())
	js.CopyBytesToGo(data, view)
	return data, nil
}

// cause tells a close by the peer from a failure: the promise "closed" has been
// fulfilled by then, with the peer's code and reason, or rejected.
func (b *browserStream) cause(err error) error {
	info, failed := jsio.Await(context.Background(), b.session.Get("closed"), nil)
	if failed != nil {
		return err
	}
	return closedBy(info.Get("closeCode").Int(), info.Get("reason").String())
}

func (b *browserStream) write(ctx context.Context, data []byte) error {
	_, err := jsio.Await(ctx, b.writer.Call("write", bytesToJS(data)), func() { b.session.Call("close") })
	return err
}

// close does not wait: the browser tells the peer on its own.
func (b *browserStream) close(context.Context) (err error) {
	defer jsio.Catch(&err)
	b.session.Call("close")
	return nil
}

func bytesToJS(data []byte) js.Value {
	view := js.Global().Get("Uint8Array").New(len(data))
	js.CopyBytesToJS(view, data)
	return view
}
