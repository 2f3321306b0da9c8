package outbox

import (
	"context"
	"sync"
	"syscall/js"

	"parley/shared/promise"
)

// Tabs returns the Group of all pages and workers of this origin that give the
// same name: a Web Lock decides who holds it, a BroadcastChannel carries the
// messages. A tab that is closed or crashes lets go of the lock by itself.
// Where the browser has no Web Locks (pages that are not secure contexts) or
// refuses them, every tab holds the group at once, and it is the peer's task to
// see repeated ids.
func Tabs(name string) Group {
	return &tabs{name: name, channel: js.Global().Get("BroadcastChannel").New(name)}
}

type tabs struct {
	name    string
	channel js.Value // open until the page ends, for Post
}

func (t *tabs) Hold(ctx context.Context, fn func(ctx context.Context)) error {
	locks := js.Global().Get("navigator").Get("locks")
	if !locks.Truthy() {
		return alone{}.Hold(ctx, fn)
	}
	// The lock is held from the call of granted until the promise it returns is
	// resolved. Waiting for it is given up through the abort signal.
	abort := js.Global().Get("AbortController").New()
	unhook := context.AfterFunc(ctx, func() { abort.Call("abort") })
	defer unhook()
	var release js.Value
	executor := js.FuncOf(func(_ js.Value, args []js.Value) any {
		release = args[0]
		return nil
	})
	defer executor.Release()
	got := make(chan struct{})
	granted := js.FuncOf(func(js.Value, []js.Value) any {
		held := js.Global().Get("Promise").New(executor)
		close(got)
		return held
	})
	defer granted.Release()

	var waiting sync.WaitGroup
	defer waiting.Wait()
	failed := make(chan error, 1)
	waiting.Go(func() {
		_, err := promise.Call(context.WithoutCancel(ctx), locks, "request",
			t.name, map[string]any{"signal": abort.Get("signal")}, granted)
		failed <- err
	})
	select {
	case <-got:
		fn(ctx)
		release.Invoke()
		return nil
	case <-failed:
		// The wait was given up, or the browser does not lend locks to this page;
		// then it is as in a browser that has none.
		return alone{}.Hold(ctx, fn)
	}
}

func (t *tabs) Post(message []byte) {
	t.channel.Call("postMessage", string(message))
}

func (t *tabs) Listen(fn func(message []byte)) (stop func()) {
	// One goroutine calls fn, in order: a js.Func must not block, and fn may. The
	// queue between them is bounded by what other tabs write, not by this one.
	var mu sync.Mutex
	var queue [][]byte
	wake := make(chan struct{}, 1)
	done := make(chan struct{})
	receive := js.FuncOf(func(_ js.Value, args []js.Value) any {
		data := args[0].Get("data")
		if data.Type() != js.TypeString {
			return nil
		}
		mu.Lock()
		queue = append(queue, []byte(data.String()))
		mu.Unlock()
		select {
		case wake <- struct{}{}:
		default:
		}
		return nil
	})
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			select {
			case <-wake:
			case <-done:
				return
			}
			mu.Lock()
			batch := queue
			queue = nil
			mu.Unlock()
			for _, message := range batch {
				fn(message)
			}
		}
	})
	t.channel.Call("addEventListener", "message", receive)
	return func() {
		t.channel.Call("removeEventListener", "message", receive)
		receive.Release()
		close(done)
		reading.Wait()
	}
}
