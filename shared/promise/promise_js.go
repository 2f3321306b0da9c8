package promise

import (
	"context"
	"errors"
	"fmt"
	"syscall/js"
)

// Await waits until p is settled or ctx is done. A rejection comes back as a
// js.Error holding the reason. A value that is no promise is returned as it is,
// as await does in JavaScript. Giving up does not stop what the promise stands
// for. It must not be called from inside a js.Func: the event loop that settles
// the promise would wait for it.
func Await(ctx context.Context, p js.Value) (js.Value, error) {
	if p.Type() != js.TypeObject || p.Get("then").Type() != js.TypeFunction {
		return p, nil
	}
	type outcome struct {
		value js.Value
		err   error
	}
	settled := make(chan outcome, 1) // taken once or never
	var resolved, rejected js.Func
	settle := func(o outcome) any {
		resolved.Release()
		rejected.Release()
		settled <- o
		return nil
	}
	resolved = js.FuncOf(func(_ js.Value, args []js.Value) any {
		return settle(outcome{value: first(args)})
	})
	rejected = js.FuncOf(func(_ js.Value, args []js.Value) any {
		return settle(outcome{err: js.Error{Value: reason(args)}})
	})
	p.Call("then", resolved, rejected)
	select {
	case o := <-settled:
		return o.value, o.err
	case <-ctx.Done():
		return js.Undefined(), ctx.Err()
	}
}

// Call calls a method and awaits what it returns. An exception the method throws
// at once is returned like a rejection, and so is the lack of the method: what a
// browser does not know should not end the program.
func Call(ctx context.Context, object js.Value, method string, args ...any) (js.Value, error) {
	if !object.Truthy() || object.Get(method).Type() != js.TypeFunction {
		return js.Undefined(), fmt.Errorf("%s: no such method", method)
	}
	p, err := try(func() js.Value { return object.Call(method, args...) })
	if err != nil {
		return js.Undefined(), fmt.Errorf("%s: %w", method, err)
	}
	v, err := Await(ctx, p)
	if err != nil {
		return js.Undefined(), fmt.Errorf("%s: %w", method, err)
	}
	return v, nil
}

// try runs fn and returns a JavaScript exception as an error. Any other panic
// passes through.
func try(fn func() js.Value) (v js.Value, err error) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		thrown, ok := r.(error)
		if _, isJS := errors.AsType[js.Error](thrown); !ok || !isJS {
			panic(r)
		}
		err = thrown
	}()
	return fn(), nil
}

func first(args []js.Value) js.Value {
	if len(args) == 0 {
		return js.Undefined()
	}
	return args[0]
}

// reason is what a promise was rejected with, as an object with a message.
func reason(args []js.Value) js.Value {
	v := first(args)
	if v.Type() == js.TypeObject {
		return v
	}
	return js.Global().Get("Error").New(js.Global().Get("String").Invoke(v))
}
