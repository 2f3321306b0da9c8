package jsio

import (
	"context"
	"errors"
	"syscall/js"
)

// Await waits for a promise. When ctx ends first, cancel is called, which must
// make the promise settle soon; Await returns ctx's error when it has, so that
// nothing of Go is left in the browser's hands. It must not be called from a
// function that JavaScript called, for it waits.
func Await(ctx context.Context, promise js.Value, cancel func()) (js.Value, error) {
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
		settled <- outcome{err: Error(args[0])}
		return nil
	})
	defer onError.Release()
	promise.Call("then", onValue, onError)
	select {
	case o := <-settled:
		return o.v, o.err
	case <-ctx.Done():
		cancel()
		<-settled
		return js.Value{}, ctx.Err()
	}
}

// Error makes an error of what JavaScript threw.
func Error(thrown js.Value) error {
	if !thrown.Truthy() {
		return errors.New("unknown JavaScript error")
	}
	return errors.New(thrown.Call("toString").String())
}

// Catch turns a JavaScript exception that unwinds the caller into *err. It must
// be deferred.
func Catch(err *error) {
	if p := recover(); p != nil {
		thrown, ok := p.(js.Error)
		if !ok {
			panic(p)
		}
		*err = thrown
	}
}
