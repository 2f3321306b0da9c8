package engineio

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Rows: A12
func TestErrorBodies(t *testing.T) {
	for _, c := range []struct {
		code   ErrorCode
		body   string
		status int
	}{
		{UnknownTransport, `{"code":0,"message":"Transport unknown"}`, 400},
		{UnknownSID, `{"code":1,"message":"Session ID unknown"}`, 400},
		{BadHandshakeMethod, `{"code":2,"message":"Bad handshake method"}`, 400},
		{BadRequest, `{"code":3,"message":"Bad request"}`, 400},
		{Forbidden, `{"code":4,"message":"Forbidden"}`, 403},
		{UnsupportedVersion, `{"code":5,"message":"Unsupported protocol version"}`, 400},
	} {
		assert.Equal(t, c.body, string((&Error{Code: c.code}).Append(nil)))
		assert.Equal(t, c.status, c.code.Status())
		e, ok := ParseError([]byte(c.body))
		require.True(t, ok)
		assert.Equal(t, &Error{c.code, c.code.Message()}, e)
	}
	assert.Equal(t, `{"code":4,"message":"bad token"}`, string((&Error{Forbidden, "bad token"}).Append(nil)))
	assert.EqualError(t, &Error{Code: UnknownSID}, "engineio: request refused: Session ID unknown (code 1)")
	assert.Equal(t, "Unknown error 9", ErrorCode(9).Message())
}

func TestParseErrorOfForeignBodies(t *testing.T) {
	for _, body := range []string{``, `ok`, `<html>502</html>`, `[]`, `{}`, `{"message":"x"}`, `{"code":"1"}`, `{"code":1.5}`} {
		_, ok := ParseError([]byte(body))
		assert.False(t, ok, body)
	}
}

// FuzzParseError: what is read is written back with the same meaning.
func FuzzParseError(f *testing.F) {
	for _, s := range []string{`{"code":1,"message":"Session ID unknown"}`, `{"code":4,"message":"<b>\u2028"}`, `{"code":1.5}`, `[]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e, ok := ParseError(body)
		if !ok {
			return
		}
		again, ok := ParseError(e.Append(nil))
		require.True(t, ok)
		require.Equal(t, e.Error(), again.Error())
	})
}
