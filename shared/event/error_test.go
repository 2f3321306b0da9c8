package event_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/event"
)

func TestWhatAPeerLearnsOfAnError(t *testing.T) {
	coded := event.Errorf(event.CodeNotFound, "no room %q", "x")
	for _, c := range []struct {
		name string
		err  error
		code event.Code
		text string
	}{
		{"coded", coded, event.CodeNotFound, `no room "x"`},
		{"coded inside", fmt.Errorf("join: %w", coded), event.CodeNotFound, `no room "x"`},
		{"deadline", fmt.Errorf("query: %w", context.DeadlineExceeded), event.CodeTimeout, "not finished in time"},
		{"foreign", errors.New("open /secret/path: denied"), event.CodeInternal, "internal error"},
	} {
		e := event.AsError(c.err)
		require.NotNil(t, e, c.name)
		assert.Equal(t, c.code, e.Code, c.name)
		assert.Equal(t, c.text, e.Message, c.name)
		assert.Equal(t, c.code, event.CodeOf(c.err), c.name)
	}
	assert.Nil(t, event.AsError(nil))
	assert.Equal(t, event.Code(""), event.CodeOf(nil))
}

func TestTheCauseStaysHere(t *testing.T) {
	shown := event.Errorf(event.CodeInvalid, "bad body: %w", io.ErrUnexpectedEOF)
	assert.ErrorIs(t, shown, io.ErrUnexpectedEOF)
	assert.Equal(t, "bad body: unexpected EOF", shown.Message)
	assert.Equal(t, "invalid: bad body: unexpected EOF", shown.Error())

	base := event.Errorf(event.CodeUnavailable, "cannot store messages now")
	hidden := base.Because(io.ErrShortWrite)
	assert.ErrorIs(t, hidden, io.ErrShortWrite)
	assert.NotErrorIs(t, base, io.ErrShortWrite, "Because copies")
	wire, err := json.Marshal(hidden)
	require.NoError(t, err)
	assert.Equal(t, `{"code":"unavailable","message":"cannot store messages now"}`, string(wire))
}

func TestRetryableCodes(t *testing.T) {
	for _, c := range []event.Code{event.CodeRateLimited, event.CodeUnavailable, event.CodeTimeout} {
		assert.True(t, c.Retryable(), c)
	}
	for _, c := range []event.Code{
		event.CodeInvalid, event.CodeNotFound, event.CodeConflict, event.CodeUnauthenticated,
		event.CodeForbidden, event.CodeTooLarge, event.CodeInternal, "", "of_the_future",
	} {
		assert.False(t, c.Retryable(), c)
	}
}
