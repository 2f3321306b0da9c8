package event

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func indirect(p any) any { return reflect.ValueOf(p).Elem().Interface() }

func received() Args {
	atts := [][]byte{[]byte("bin")}
	return Args{
		Value{JSON: []byte(`"a\n\u00e9"`), Attachments: atts},
		Value{JSON: []byte(`{"n":1}`), Attachments: atts},
		Value{JSON: []byte(slot("0")), Attachments: atts},
		Value{JSON: []byte(`"AQI="`), Attachments: atts},
	}
}

func TestArgsAccess(t *testing.T) {
	a := received()
	assert.Equal(t, "a\né", a.String(0))
	assert.Empty(t, a.String(1))
	assert.Empty(t, a.String(2))
	assert.Empty(t, a.String(9))
	assert.Empty(t, a.String(-1))
	assert.Equal(t, []byte("bin"), a.Bytes(2))
	assert.Equal(t, []byte{1, 2}, a.Bytes(3))
	assert.Nil(t, a.Bytes(1))
	assert.Nil(t, a.Bytes(9))
	assert.Equal(t, `{"n":1}`, a.Value(1).String())
	assert.Zero(t, a.Value(9))
}

func TestArgsDecode(t *testing.T) {
	var s, missing string
	var n struct{ N int }
	var b []byte
	missing = "as it was"
	a := received()
	require.NoError(t, a[:3].Decode(&s, &n, &b, &missing))
	assert.Equal(t, "a\né", s)
	assert.Equal(t, 1, n.N)
	assert.Equal(t, []byte("bin"), b)
	assert.Equal(t, "as it was", missing)

	s = ""
	require.NoError(t, a.Decode(nil, &n), "nil passes over one, the rest is ignored")
	assert.Empty(t, s)
	assert.ErrorContains(t, a.Decode(&s, &s), "event: decode argument 1: json: cannot unmarshal object")
}

// Args made by hand behave as if they had come over the wire.
func TestArgsOfGoValues(t *testing.T) {
	a := Args{"s", []byte{1}, map[string]any{"b": []byte{2}}, &Value{JSON: []byte(`5`)}, (*Value)(nil), func() {}}
	assert.Equal(t, "s", a.String(0))
	assert.Equal(t, []byte{1}, a.Bytes(1))
	assert.Equal(t, Value{[]byte(`{"b":` + slot("0") + `}`), [][]byte{{2}}}, a.Value(2))
	assert.Equal(t, Value{JSON: []byte(`5`)}, a.Value(3))
	assert.Zero(t, a.Value(4))
	assert.Zero(t, a.Value(5))
}

// Row B02 for a relay: nothing is decoded, and what goes out is what came in.
// Rows: B02
func TestArgsRelay(t *testing.T) {
	text, atts, err := AppendArgs(nil, nil, received()...)
	require.NoError(t, err)
	assert.Equal(t, `"a\n\u00e9",{"n":1},`+slot("0")+`,"AQI="`, string(text))
	assert.Equal(t, [][]byte{[]byte("bin")}, atts)
}
