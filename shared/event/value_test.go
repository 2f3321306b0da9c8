package event

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Binary arrives as []byte, whichever transport it took.
// Rows: B02 B05
func TestValueDecode(t *testing.T) {
	a, b := []byte("aa"), []byte("bb")
	atts := [][]byte{a, b}
	type list []list
	for _, c := range []struct {
		name string
		json string
		into any
		want any
	}{
		{"bytes", slot("1"), new([]byte), b},
		{"white space around", " \n" + slot("1") + " ", new([]byte), b},
		{"named bytes", slot("0"), new(namedBytes), namedBytes(a)},
		{"pointer to bytes", slot("0"), new(*[]byte), &a},
		{"any", slot("0"), new(any), any(a)},
		{"base64 string", `"AQI="`, new([]byte), []byte{1, 2}},
		{"null", `null`, new([]byte), []byte(nil)},
		{"any tree", `{"n":1.5,"l":[` + slot("1") + `,null,{"x":` + slot("0") + `}],"s":"t"}`, new(any),
			any(map[string]any{"n": 1.5, "l": []any{b, nil, map[string]any{"x": a}}, "s": "t"})},
		{"list of any", `[` + slot("0") + `,2]`, new([]any), []any{a, 2.0}},
		{"map of any", `{"k\u0041":` + slot("0") + `}`, new(map[string]any), map[string]any{"kA": a}},
		{"map keys", `{"-3":` + slot("0") + `,"4":null}`, new(map[int8][]byte), map[int8][]byte{-3: a, 4: nil}},
		{"map text keys", `{"k":` + slot("0") + `}`, new(map[upper][]byte), map[upper][]byte{"k": a}},
		{"struct", `{"blob":` + slot("0") + `,"NOTE":"n","else":` + slot("1") + `}`, new(inner), inner{a, "n"}},
		{"other case, and exact wins", `{"BLOB":` + slot("0") + `}`, new(inner), inner{Blob: a}},
		{"slice of structs", `[{"blob":` + slot("0") + `},{"blob":"AQ=="}]`, new([]inner), []inner{{Blob: a}, {Blob: []byte{1}}}},
		{"array, short", `[` + slot("0") + `]`, new([2][]byte), [2][]byte{a, nil}},
		{"array, long", `[` + slot("0") + `,` + slot("1") + `,3]`, new([2][]byte), [2][]byte{a, b}},
		{"pointers are made", `{"Pointer":{"blob":` + slot("0") + `}}`, new(struct{ Pointer **inner }),
			struct{ Pointer **inner }{ptr(ptr(inner{Blob: a}))}},
		{"embedded", `{"Blob":` + slot("1") + `,"Level":2}`, new(struct{ Promoted }), struct{ Promoted }{Promoted{b, 2}}},
		{"embedded pointer", `{"Blob":` + slot("1") + `}`, new(struct{ *Promoted }), struct{ *Promoted }{&Promoted{Blob: b}}},
		{"quoted", `{"N":"5","S":"\"x\"","B":` + slot("0") + `,"P":null}`, new(struct {
			N int    `json:",string"`
			S string `json:",string"`
			P *int   `json:",string"`
			B []byte
		}), struct {
			N int    `json:",string"`
			S string `json:",string"`
			P *int   `json:",string"`
			B []byte
		}{5, "x", nil, a}},
		{"part for later", `{"V":{"x":` + slot("1") + `}}`, new(struct{ V Value }), struct{ V Value }{Value{[]byte(`{"x":` + slot("1") + `}`), atts}}},
		{"own JSON sees base64", `{"W":[` + slot("0") + `]}`, new(struct{ W withJSON }), struct{ W withJSON }{withJSON{[]byte(`["YWE="]`)}}},
		{"raw message sees base64", `[` + slot("1") + `]`, new([]json.RawMessage), []json.RawMessage{[]byte(`"YmI="`)}},
		{"twice the same", `[` + slot("0") + `,` + slot("0") + `]`, new([][]byte), [][]byte{a, a}},
		{"without one", `{"note":"n"}`, new(inner), inner{Note: "n"}},
		{"recursive type", `[[],[[]]]`, new(list), list{{}, {{}}}},
	} {
		require.NoError(t, Value{JSON: []byte(c.json), Attachments: atts}.Decode(c.into), c.name)
		assert.Equal(t, c.want, deref(c.into), c.name)
	}
}

func ptr[T any](v T) *T { return &v }

func deref(p any) any {
	switch p := p.(type) {
	case *any:
		return *p
	case *[]byte:
		return *p
	}
	return indirect(p)
}

// Rows: B02
func TestValueDecodeIntoAnInterfaceThatHoldsAPointer(t *testing.T) {
	target := any(&inner{Note: "kept"})
	v := Value{JSON: []byte(`{"blob":` + slot("0") + `}`), Attachments: [][]byte{{1}}}
	require.NoError(t, v.Decode(&target))
	assert.Equal(t, &inner{[]byte{1}, "kept"}, target)
}

// Without attachments the same text is data.
// Rows: B02
func TestValueDecodeWithoutAttachments(t *testing.T) {
	var x any
	require.NoError(t, Value{JSON: []byte(slot("0"))}.Decode(&x))
	assert.Equal(t, map[string]any{"_placeholder": true, "num": 0.0}, x)

	x = "before"
	require.NoError(t, Value{}.Decode(&x))
	assert.Nil(t, x, "an argument that was not sent is null")
	assert.True(t, Value{}.IsNull())
	assert.False(t, Value{JSON: []byte("0")}.IsNull())
}

func TestValueDecodeErrors(t *testing.T) {
	atts := [][]byte{make([]byte, 1000)}
	for _, c := range []struct {
		name string
		json string
		into any
		text string
	}{
		{"no pointer", slot("0"), inner{}, "json: Unmarshal(non-pointer event.inner)"},
		{"nil", slot("0"), nil, "json: Unmarshal(nil)"},
		{"nil pointer", slot("0"), (*inner)(nil), "json: Unmarshal(nil *event.inner)"},
		{"string", slot("0"), new(string), "cannot unmarshal attachment into Go value of type string"},
		{"struct", slot("0"), new(inner), "cannot unmarshal attachment into Go value of type event.inner"},
		{"list into struct", `[` + slot("0") + `]`, new(inner), "cannot unmarshal array with attachments into"},
		{"object into list", `{"a":` + slot("0") + `}`, new([]any), "cannot unmarshal object with attachments into"},
		{"interface with methods", slot("0"), new(io.Reader), "cannot unmarshal attachment into Go value of type io.Reader"},
		{"map key", `{"x":` + slot("0") + `}`, new(map[int][]byte), `cannot unmarshal object key "x" into Go value of type int`},
		{"part of the wrong type", `{"note":5,"blob":` + slot("0") + `}`, new(inner), "cannot unmarshal number into Go value of type string"},
		{"embedded pointer to unexported", `{"Deep":` + slot("0") + `}`, new(struct{ *hidden }), "embedded pointer to unexported struct"},
		{"num out of range", slot("1"), new(any), "illegal attachment reference: num 1 of 1"},
		{"num negative", slot("-1"), new(any), "illegal attachment reference"},
		{"num a string", slot(`"splice"`), new(any), "illegal attachment reference"},
		{"no JSON", `{"a":`, new(any), "unexpected end"},
		{"base64 of the same bytes again and again", `[` + strings.Repeat(slot("0")+",", 1000) + `0]`, new(json.RawMessage), "more than once"},
	} {
		err := Value{JSON: []byte(c.json), Attachments: atts}.Decode(c.into)
		assert.ErrorContains(t, err, c.text, c.name)
	}
}

// What encoding/json would read of the base64 form is what Decode reads of the
// form with attachments.
// Rows: B02 B08
func TestValueDecodeReadsWhatEncodingJSONDoes(t *testing.T) {
	v := sample()
	text, atts, err := AppendArgs(nil, nil, v)
	require.NoError(t, err)
	require.NotEmpty(t, atts)
	plain, err := json.Marshal(v)
	require.NoError(t, err)
	var want, got outer
	require.NoError(t, json.Unmarshal(plain, &want))
	require.NoError(t, Value{JSON: text, Attachments: atts}.Decode(&got))
	assert.Equal(t, want, got)
}

func TestValueAsJSON(t *testing.T) {
	v := Value{JSON: []byte(`{"x":[1,` + slot("0") + `]}`), Attachments: [][]byte{{1, 2}}}
	text, err := json.Marshal(map[string]any{"v": v})
	require.NoError(t, err)
	assert.Equal(t, `{"v":{"x":[1,"AQI="]}}`, string(text))

	var back struct{ V Value }
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, `{"x":[1,"AQI="]}`, back.V.String())

	_, err = json.Marshal(Value{JSON: []byte(slot("4")), Attachments: [][]byte{{1}}})
	assert.ErrorIs(t, err, ErrAttachment)
	assert.Equal(t, "null", Value{}.String())
}

func TestValueClone(t *testing.T) {
	v := Value{JSON: []byte(`{"a":{"_placeholder":true,"num":0}}`), Attachments: [][]byte{{1, 2}, {3}}}
	c := v.Clone()
	assert.Equal(t, v, c)
	clear(v.JSON)
	clear(v.Attachments[0])
	assert.Equal(t, Value{JSON: []byte(`{"a":{"_placeholder":true,"num":0}}`), Attachments: [][]byte{{1, 2}, {3}}}, c)
	assert.Equal(t, Value{JSON: []byte("7")}, Value{JSON: []byte("7"), Attachments: [][]byte{{1}}}.Clone(), "another argument's")
	assert.Equal(t, "null", Value{}.Clone().String())
}
