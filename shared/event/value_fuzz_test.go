package event

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// FuzzValue decodes any text with two attachments into several targets, then
// checks that relaying it and encoding what was decoded change nothing.
func FuzzValue(f *testing.F) {
	for _, s := range []string{
		`{"blob":` + slot("0") + `,"note":"x","list":[` + slot("1") + `,` + slot("0") + `]}`,
		slot("2"), slot("-1"), slot("1e0"), `{"_placeholder":true}`, `["a",5,{"k":null}]`, `"AQI="`,
		`{"näme":{"blob":` + slot("0") + `},"fixed":[` + slot("1") + `],"Numbers":{"1":` + slot("0") + `},"self":{"plain":"x"}}`,
		`{"_placeholder":true,"num":0,"_placeholder":false}`, "[[[[[[[[[[[[[[", "{\"a\":\"\xff\"}",
	} {
		f.Add([]byte(s))
	}
	atts := [][]byte{[]byte("zero"), {0xff}}
	f.Fuzz(func(t *testing.T, text []byte) {
		v := Value{JSON: text, Attachments: atts}
		for _, into := range []any{new(outer), new([]byte), new([]inner), new(map[string][]byte), new(json.RawMessage), new(struct{ V Value })} {
			_ = v.Decode(into) // whatever it says, it says it without a panic
		}
		var before any
		if v.Decode(&before) != nil {
			_, _, err := AppendArgs(nil, nil, v)
			if len(text) > 0 && !json.Valid(text) {
				require.Error(t, err)
			}
			return
		}
		relayed, used, err := AppendArgs(nil, nil, "x", v)
		if !utf8.Valid(text) {
			require.ErrorIs(t, err, errNotUTF8)
			return
		}
		require.NoError(t, err)
		var after any
		require.NoError(t, Value{JSON: relayed[len(`"x",`):], Attachments: used}.Decode(&after))
		require.Equal(t, before, after)

		encoded, used, err := AppendArgs(nil, nil, before)
		if err != nil {
			require.ErrorIs(t, err, errTooDeep)
			return
		}
		require.NoError(t, Value{JSON: encoded, Attachments: used}.Decode(&after))
		require.Equal(t, before, after)
	})
}
