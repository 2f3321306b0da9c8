package websocket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall/js"
	"time"

	"parley/shared/client/engine"
	"parley/shared/client/internal/jsio"
	"parley/shared/engineio"
)

// Native is empty in a browser.
type Native struct{}

const (
	stateOpen = 1
	// highWater is how many bytes may wait in the browser before Write waits
	// too: the browser has no bound of its own.
	highWater = 1 << 20
)

// link is one browser WebSocket. "message" and "close" events are pushed into
// queue by JavaScript alone; Go is entered by wakeUp only.
type link struct {
	t          *Transport
	ws         js.Value
	queue      js.Value
	isBuffer   js.Value // value -> whether it is an ArrayBuffer
	dataOf     js.Value // event -> its data
	channel    js.Value // for a turn of the event loop
	push       js.Value
	onWake     js.Func
	onTurn     js.Func
	onClose    js.Func
	once       js.Value
	maxMessage int

	wakeUp  chan struct{} // buffer of one: something is in queue, or the state changed
	turned  chan struct{} // buffer of one: the event loop has turned
	closed  chan struct{} // closed by the close event
	release sync.Once

	batched bool  // a batch was returned since the last turn
	ended   error // what Read returns from now on
}

func (t *Transport) dial(ctx context.Context, r engine.Request) (_ *link, err error) {
	defer func() {
		if err != nil {
			err = failed(engine.OpDial, err)
		}
	}()
	defer jsio.Catch(&err) // the constructor throws on an address the page may not open
	constructor := js.Global().Get("WebSocket")
	if !constructor.Truthy() {
		return nil, errors.New("this JavaScript environment has no WebSocket")
	}
	protocols := make([]any, len(t.Protocols))
	for i, p := range t.Protocols {
		protocols[i] = p
	}
	l := newLink(constructor.New(r.Address("ws"), js.ValueOf(protocols)), t)
	select {
	case <-l.wakeUp:
	case <-ctx.Done():
		_ = l.Close(ctx)
		return nil, ctx.Err()
	}
	if l.ws.Get("readyState").Int() != stateOpen {
		l.free()
		return nil, errors.New("the connection could not be opened; the browser does not tell why")
	}
	return l, nil
}

func newLink(ws js.Value, t *Transport) *link {
	global := js.Global()
	function := global.Get("Function").Get("prototype")
	reflect := global.Get("Reflect")
	getter := global.Get("Object").Call("getOwnPropertyDescriptor",
		global.Get("MessageEvent").Get("prototype"), "data").Get("get")
	hasInstance := reflect.Call("get", function, global.Get("Symbol").Get("hasInstance"))

	l := &link{
		ws: ws, queue: global.Get("Array").New(), t: t, maxMessage: t.maxMessage(),
		isBuffer: hasInstance.Call("bind", global.Get("ArrayBuffer")),
		dataOf:   function.Get("call").Call("bind", getter),
		channel:  global.Get("MessageChannel").New(),
		once:     js.ValueOf(map[string]any{"once": true}),
		wakeUp:   make(chan struct{}, 1), turned: make(chan struct{}, 1), closed: make(chan struct{}),
	}
	l.push = l.queue.Get("push").Call("bind", l.queue)
	l.onWake = signal(l.wakeUp)
	l.onTurn = signal(l.turned)
	l.onClose = js.FuncOf(func(js.Value, []js.Value) any {
		close(l.closed)
		notify(l.wakeUp)
		return nil
	})
	l.channel.Get("port1").Set("onmessage", l.onTurn)
	ws.Set("binaryType", "arraybuffer")
	ws.Call("addEventListener", "message", l.push)
	ws.Call("addEventListener", "close", l.push)
	ws.Call("addEventListener", "close", l.onClose)
	ws.Call("addEventListener", "open", l.onWake)
	return l
}

func signal(ch chan struct{}) js.Func {
	return js.FuncOf(func(js.Value, []js.Value) any {
		notify(ch)
		return nil
	})
}

func notify(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

func (l *link) Read(ctx context.Context) ([]engineio.Packet, error) {
	for l.ended == nil {
		if n := l.queue.Length(); n > 0 {
			l.batched = true
			if packets, err := l.drain(n); err != nil || len(packets) > 0 {
				return packets, err
			}
			continue
		}
		wait := l.wakeUp
		if l.batched {
			// More may be on its way already: let the browser put it into the
			// queue before Go is entered again.
			l.batched = false
			wait = l.turned
			l.channel.Get("port2").Call("postMessage", js.Null())
		} else {
			l.ws.Call("addEventListener", "message", l.onWake, l.once)
		}
		select {
		case <-wait:
		case <-ctx.Done():
			l.ended = failed(engine.OpRead, ctx.Err())
		}
	}
	return nil, l.ended
}

// drain takes the events out of the queue. The last one may be the close.
func (l *link) drain(n int) ([]engineio.Packet, error) {
	events := l.queue.Call("splice", 0, n)
	if last := events.Index(n - 1); last.Get("type").String() == "close" {
		events.Call("pop")
		n--
		l.ended = closedError(last.Get("code").Int(), last.Get("reason").String(), nil)
		if n == 0 {
			return nil, l.ended
		}
	}
	return l.parse(events.Call("map", l.dataOf), n)
}

// parse turns n message data into packets. Text is fetched from JavaScript as
// one string where it can be: crossing the border is what costs.
func (l *link) parse(data js.Value, n int) ([]engineio.Packet, error) {
	packets := make([]engineio.Packet, 0, n)
	if data.Call("findIndex", l.isBuffer).Int() < 0 {
		text := []byte(data.Call("join", "\x1e").String())
		if bytes.Count(text, []byte{engineio.Separator}) == n-1 {
			for p, err := range engineio.Payload(text, n) {
				if err != nil {
					return l.fail(packets, err)
				}
				if err := l.checkSize(len(p.Data) + 1); err != nil {
					return l.fail(packets, err)
				}
				packets = append(packets, p)
			}
			return packets, nil
		}
	}
	for i := range n {
		p, err := l.parseOne(data.Index(i))
		if err != nil {
			return l.fail(packets, err)
		}
		packets = append(packets, p)
	}
	return packets, nil
}

func (l *link) parseOne(v js.Value) (engineio.Packet, error) {
	if v.Type() == js.TypeString {
		text := v.String()
		if err := l.checkSize(len(text)); err != nil {
			return engineio.Packet{}, err
		}
		return engineio.ParseText([]byte(text))
	}
	view := js.Global().Get("Uint8Array").New(v)
	if err := l.checkSize(view.Length()); err != nil {
		return engineio.Packet{}, err
	}
	data := make([]byte, view.Length())
	js.CopyBytesToGo(data, view)
	return engineio.ParseBinary(data), nil
}

func (l *link) checkSize(n int) error {
	if l.maxMessage >= 0 && n > l.maxMessage {
		return fmt.Errorf("message of %d bytes exceeds the limit of %d", n, l.maxMessage)
	}
	return nil
}

// fail returns what was read before the failure first.
func (l *link) fail(packets []engineio.Packet, err error) ([]engineio.Packet, error) {
	l.ended = failed(engine.OpRead, err)
	if len(packets) > 0 {
		return packets, nil
	}
	return nil, l.ended
}

func (l *link) Write(ctx context.Context, packets []engineio.Packet) error {
	if state := l.ws.Get("readyState").Int(); state != stateOpen {
		return failed(engine.OpWrite, engine.ErrClosed) // send would drop it silently
	}
	for _, p := range packets {
		if l.t.isBinary(p) {
			view := js.Global().Get("Uint8Array").New(len(p.Data))
			js.CopyBytesToJS(view, p.Data)
			l.ws.Call("send", view)
		} else {
			l.ws.Call("send", string(p.AppendText(nil)))
		}
	}
	return l.awaitDrain(ctx)
}

// awaitDrain waits while too much lies in the browser's buffer. There is no
// event for that, so it looks again after a while.
func (l *link) awaitDrain(ctx context.Context) error {
	for pause := 5 * time.Millisecond; l.ws.Get("bufferedAmount").Int() > highWater; pause = min(2*pause, 80*time.Millisecond) {
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-l.closed:
			timer.Stop()
			return failed(engine.OpWrite, engine.ErrClosed)
		case <-ctx.Done():
			timer.Stop()
			return failed(engine.OpWrite, ctx.Err())
		}
	}
	return nil
}

// Close closes with code 1000. The browser sends what it has buffered first and
// lets the socket go on its own, however long the peer takes; Close waits for
// the peer only as long as ctx allows.
func (l *link) Close(ctx context.Context) error {
	l.release.Do(func() {
		l.ws.Call("close", 1000)
		if ctx.Err() == nil {
			select {
			case <-l.closed:
			case <-ctx.Done():
			}
		}
		l.detach()
	})
	return nil
}

func (l *link) free() { l.release.Do(l.detach) }

// detach takes Go out of the browser's hands.
func (l *link) detach() {
	if l.ended == nil {
		l.ended = failed(engine.OpRead, engine.ErrClosed)
	}
	for event, listener := range map[string][]any{
		"message": {l.push, l.onWake}, "close": {l.push, l.onClose}, "open": {l.onWake},
	} {
		for _, f := range listener {
			l.ws.Call("removeEventListener", event, f)
		}
	}
	l.channel.Get("port1").Set("onmessage", js.Null())
	l.channel.Get("port1").Call("close")
	l.onWake.Release()
	l.onTurn.Release()
	l.onClose.Release()
	notify(l.wakeUp)
	notify(l.turned)
}
