package promise_test

import (
	"context"
	"syscall/js"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/shared/promise"
)

func eval(code string) js.Value { return js.Global().Call("eval", code) }

func TestAwait(t *testing.T) {
	for code, want := range map[string]string{
		`Promise.resolve("now")`:                            "now",
		`new Promise(done => setTimeout(done, 1, "later"))`: "later",
		`"no promise"`:                                      "no promise",
	} {
		v, err := promise.Await(t.Context(), eval(code))
		require.NoError(t, err)
		require.Equal(t, want, v.String())
	}
}

func TestAwaitRejection(t *testing.T) {
	for code, want := range map[string]string{
		`Promise.reject(new Error("broken"))`: "JavaScript error: broken",
		`Promise.reject("text")`:              "JavaScript error: text",
		`Promise.reject()`:                    "JavaScript error: undefined",
	} {
		_, err := promise.Await(t.Context(), eval(code))
		require.EqualError(t, err, want)
	}
}

func TestAwaitGivesUp(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := promise.Await(ctx, eval(`new Promise(() => {})`))
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestCall(t *testing.T) {
	object := eval(`({ double: async (n) => 2*n, fails() { throw new TypeError("at once") } })`)
	v, err := promise.Call(t.Context(), object, "double", 21)
	require.NoError(t, err)
	require.Equal(t, 42, v.Int())
	_, err = promise.Call(t.Context(), object, "fails")
	require.EqualError(t, err, "fails: JavaScript error: at once")
	_, err = promise.Call(t.Context(), object, "missing")
	require.EqualError(t, err, "missing: no such method")
	_, err = promise.Call(t.Context(), js.Undefined(), "any")
	require.EqualError(t, err, "any: no such method")
}
