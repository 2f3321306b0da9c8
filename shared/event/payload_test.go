package event_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/event"
)

// received turns JSON arguments into what a handler would be given.
func received(args ...string) event.Args {
	var a event.Args
	for _, arg := range args {
		a = append(a, event.Value{JSON: []byte(arg)})
	}
	return a
}

// wire is the JSON text of outgoing arguments.
func wire(t *testing.T, args []any) (string, [][]byte) {
	t.Helper()
	text, attachments, err := event.AppendArgs(nil, nil, args...)
	require.NoError(t, err)
	return string(text), attachments
}

type picky struct {
	N int `json:"n"`
}

func (p picky) Validate() error {
	switch p.N {
	case 0:
		return errors.New("n is missing")
	case 13:
		return event.Errorf(event.CodeForbidden, "not that one")
	}
	return nil
}

func TestPayloadsOnTheWire(t *testing.T) {
	one, _ := wire(t, event.EncodePayload(draft{"hi"}))
	assert.Equal(t, `{"text":"hi"}`, one)
	none, _ := wire(t, event.EncodePayload(event.None{}))
	assert.Equal(t, ``, none)
	two, _ := wire(t, event.EncodePayload(event.Args2[string, int]{"a", 1}))
	assert.Equal(t, `"a",1`, two)
	three, _ := wire(t, event.EncodePayload(event.Args3[string, int, []string]{"a", 1, []string{"b"}}))
	assert.Equal(t, `"a",1,["b"]`, three)
	list, _ := wire(t, event.EncodePayload(received(`1`, `{"x":2}`)))
	assert.Equal(t, `1,{"x":2}`, list)
	bytes, attachments := wire(t, event.EncodePayload(event.Args2[string, []byte]{"f", []byte{1, 2}}))
	assert.Equal(t, `"f",{"_placeholder":true,"num":0}`, bytes)
	assert.Equal(t, [][]byte{{1, 2}}, attachments)
}

func TestPayloadsFromTheWire(t *testing.T) {
	one, err := event.DecodePayload[draft](received(`{"text":"hi","unknown":1}`, `"surplus"`))
	require.NoError(t, err)
	assert.Equal(t, draft{"hi"}, one)

	_, err = event.DecodePayload[event.None](received(`"surplus"`))
	require.NoError(t, err)
	_, err = event.DecodePayload[event.None](nil)
	require.NoError(t, err)

	two, err := event.DecodePayload[event.Args2[string, picky]](received(`"a"`, `{"n":1}`))
	require.NoError(t, err)
	assert.Equal(t, event.Args2[string, picky]{"a", picky{1}}, two)

	three, err := event.DecodePayload[event.Args3[string, []byte, *int]](event.Args{
		event.Value{JSON: []byte(`"a"`)},
		event.Value{JSON: []byte(`{"_placeholder":true,"num":0}`), Attachments: [][]byte{{9}}},
		event.Value{JSON: []byte(`null`)},
	})
	require.NoError(t, err)
	assert.Equal(t, event.Args3[string, []byte, *int]{"a", []byte{9}, nil}, three)

	all, err := event.DecodePayload[event.Args](received(`1`, `2`))
	require.NoError(t, err)
	assert.Len(t, all, 2)
}

func TestABadPayloadIsInvalid(t *testing.T) {
	_, err := event.DecodePayload[draft](nil)
	assert.EqualError(t, err, "invalid: argument 1 is missing")
	_, err = event.DecodePayload[event.Args2[int, int]](received(`1`))
	assert.EqualError(t, err, "invalid: argument 2 is missing")
	_, err = event.DecodePayload[draft](received(`[]`))
	assert.Equal(t, event.CodeInvalid, event.CodeOf(err))
	_, err = event.DecodePayload[picky](received(`{}`))
	assert.EqualError(t, err, "invalid: n is missing")
	_, err = event.DecodePayload[event.Args2[int, picky]](received(`1`, `{}`))
	assert.EqualError(t, err, "invalid: n is missing")
	_, err = event.DecodePayload[picky](received(`{"n":13}`))
	assert.EqualError(t, err, "forbidden: not that one")
}

func TestRepliesOnTheWire(t *testing.T) {
	failure := event.Errorf(event.CodeNotFound, "no such room")
	failure.Data = []byte(`{"room":"x"}`)
	for _, c := range []struct {
		name string
		args []any
		want string
	}{
		{"value", event.EncodeReply(false, draft{"hi"}, nil), `{"data":{"text":"hi"}}`},
		{"none", event.EncodeReply(false, event.None{}, nil), `{"data":null}`},
		{"nil slice", event.EncodeReply[[]int](false, nil, nil), `{"data":null}`},
		{"error", event.EncodeReply(false, draft{}, failure), `{"error":{"code":"not_found","message":"no such room","data":{"room":"x"}}}`},
		{"foreign error", event.EncodeReply(false, draft{}, errors.New("secret")), `{"error":{"code":"internal","message":"internal error"}}`},
		{"raw value", event.EncodeReply(true, draft{"hi"}, nil), `{"text":"hi"}`},
		{"raw none", event.EncodeReply(true, event.None{}, nil), ``},
		{"raw two", event.EncodeReply(true, event.Args2[int, bool]{1, true}, nil), `1,true`},
		{"raw error", event.EncodeReply(true, 0, event.Errorf("x", "y")), `{"error":{"code":"x","message":"y"}}`},
	} {
		got, _ := wire(t, c.args)
		assert.Equal(t, c.want, got, c.name)
	}
	bin, attachments := wire(t, event.EncodeReply(false, map[string][]byte{"f": {7}}, nil))
	assert.Equal(t, `{"data":{"f":{"_placeholder":true,"num":0}}}`, bin)
	assert.Equal(t, [][]byte{{7}}, attachments)
}

func TestRepliesFromTheWire(t *testing.T) {
	got, err := event.DecodeReply[draft](false, received(`{"data":{"text":"hi"}}`))
	require.NoError(t, err)
	assert.Equal(t, draft{"hi"}, got)
	_, err = event.DecodeReply[event.None](false, received(`{"data":null}`))
	require.NoError(t, err)
	raw, err := event.DecodeReply[event.Args2[int, string]](true, received(`1`, `"a"`))
	require.NoError(t, err)
	assert.Equal(t, event.Args2[int, string]{1, "a"}, raw)
	_, err = event.DecodeReply[event.None](true, nil)
	require.NoError(t, err)
	bin, err := event.DecodeReply[struct{ F []byte }](false, event.Args{event.Value{
		JSON: []byte(`{"data":{"F":{"_placeholder":true,"num":0}}}`), Attachments: [][]byte{{7}},
	}})
	require.NoError(t, err)
	assert.Equal(t, []byte{7}, bin.F)
}

func TestAReplyThatIsAnError(t *testing.T) {
	_, err := event.DecodeReply[draft](false, received(`{"error":{"code":"rate_limited","message":"slow down","data":{"after":3}}}`))
	var e *event.Error
	require.ErrorAs(t, err, &e)
	assert.True(t, e.Code.Retryable())
	assert.Equal(t, "slow down", e.Message)
	assert.JSONEq(t, `{"after":3}`, string(e.Data))
	assert.NotErrorIs(t, err, event.ErrReply)
}

// What the handler of a raw call returns as an error must not look like a zero
// value to a caller written in Go.
func TestARawReplyThatIsAnError(t *testing.T) {
	failure := event.Errorf(event.CodeConflict, "taken")
	failure.Data = []byte(`{"by":"ada"}`)
	text, _ := wire(t, event.EncodeReply(true, draft{}, failure))
	same := func(err error) {
		t.Helper()
		var e *event.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, failure, e)
		assert.NotErrorIs(t, err, event.ErrReply)
	}
	got, err := event.DecodeReply[draft](true, received(text))
	same(err)
	assert.Zero(t, got)
	_, err = event.DecodeReply[int](true, received(text))
	same(err)
	_, err = event.DecodeReply[event.None](true, received(text))
	same(err)
	_, err = event.DecodeReply[event.Args2[int, int]](true, received(text))
	same(err)
	_, err = event.DecodeReply[event.Value](true, received(text))
	same(err)
	_, err = event.DecodeReply[event.Args](true, received(text))
	same(err)
	_, err = event.DecodeReply[draft](true, received(` { "error" : {"message":"x", "code":"y" } } `))
	assert.EqualValues(t, "y", event.CodeOf(err))

	for _, value := range []string{
		`{}`, `{"error":null}`, `{"error":"conflict"}`, `{"error":{}}`, `{"error":{"code":"x"}}`, `{"error":{"message":"x"}}`,
		`{"error":{"code":"","message":"x"}}`, `{"error":{"code":7,"message":"x"}}`, `{"error":{"code":"x","message":null}}`,
		`{"error":{"code":"x","message":"y","line":3}}`, `{"error":{"code":"x","message":"y"},"text":"hi"}`,
		`{"text":"hi","error":{"code":"x","message":"y"}}`, `{"Error":{"code":"x","message":"y"}}`,
	} {
		_, err := event.DecodeReply[draft](true, received(value))
		assert.NoError(t, err, value)
	}
	_, err = event.DecodeReply[event.Args](true, received(text, `2`))
	assert.NoError(t, err, "more than one argument is the peer's own form")
}

func TestAReplyThatDoesNotFit(t *testing.T) {
	for _, args := range []event.Args{
		nil, received(`{}`), received(`null`), received(`[]`), received(`"x"`), received(`{"data":[]}`), received(`{"data":{"n":0}}`),
	} {
		_, err := event.DecodeReply[picky](false, args)
		assert.ErrorIs(t, err, event.ErrReply, "%v", args)
	}
	_, err := event.DecodeReply[picky](true, received(`{"n":0}`))
	assert.ErrorIs(t, err, event.ErrReply)
	_, err = event.DecodeReply[picky](true, nil)
	assert.ErrorIs(t, err, event.ErrReply)
}
