package jsonscan

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzScan holds the scanner against encoding/json: they accept the same texts,
// and find the same elements, strings and placeholders in them.
func FuzzScan(f *testing.F) {
	for _, s := range []string{
		`["a",{"_placeholder":true,"num":0},[1,2.5e-3,"\ud83d\ude00\ud800",null]]`,
		`{"_placeholder":true,"_placeholder":false,"n\u0075m":1}`,
		`[{"_placeholder":true,"num":0,"x":{"_placeholder":true,"num":1}}]`,
		`[1,]`, "[\"\x01\"]", "\"\xff\"", `[[[[[[[[[[]]]]]]]]]]`, `{"a":`, `-`, ` `,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var x Index
		err := x.Scan(data, Options{MaxDepth: 10_000, Placeholders: true})
		require.Equal(t, json.Valid(data), err == nil, "%v", err)
		if err != nil {
			var e *Error
			require.ErrorAs(t, err, &e)
			require.True(t, 0 <= e.Offset && e.Offset <= len(data), "offset %d of %d", e.Offset, len(data))
			walkAnything(data)
			return
		}
		require.Equal(t, KindOf(data), x.Kind)

		var v any
		require.NoError(t, json.Unmarshal(data, &v))
		require.Len(t, x.Placeholders, countPlaceholders(v))
		for i := 1; i < len(x.Placeholders); i++ {
			require.LessOrEqual(t, x.Placeholders[i-1].End, x.Placeholders[i].Start)
		}
		start := skipSpace(data, 0)
		require.Equal(t, len(data), skipSpace(data, Skip(data, start)))

		switch x.Kind {
		case Array:
			var want []json.RawMessage
			require.NoError(t, json.Unmarshal(data, &want))
			require.Len(t, want, x.Len)
			i := start + 1
			for n, raw := range want {
				elem, next, ok := Next(data, i)
				require.True(t, ok)
				require.Equal(t, string(raw), string(elem.Of(data)))
				if n == 0 {
					require.Equal(t, elem, x.First)
				}
				i = next
			}
			_, _, ok := Next(data, i)
			require.False(t, ok)
		case Object:
			want := map[string]json.RawMessage{}
			require.NoError(t, json.Unmarshal(data, &want))
			got := map[string]json.RawMessage{}
			n := 0
			for i := start + 1; ; n++ {
				key, value, next, ok := Member(data, i)
				if !ok {
					break
				}
				got[string(AppendUnquoted(nil, key.Of(data)))] = value.Of(data)
				i = next
			}
			require.Equal(t, x.Len, n)
			require.Equal(t, want, got)
		case String:
			require.Equal(t, v, string(AppendUnquoted(nil, data[start+1:Skip(data, start)-1])))
		}
	})
}

// walkAnything checks that walking invalid text ends without a panic.
func walkAnything(data []byte) {
	for i := 0; ; {
		elem, next, ok := Next(data, i)
		if !ok || next <= i {
			break
		}
		AppendUnquoted(nil, elem.Of(data))
		i = next
	}
	for i := 0; ; {
		_, _, next, ok := Member(data, i)
		if !ok || next <= i {
			break
		}
		i = next
	}
}

func countPlaceholders(v any) (n int) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			n += countPlaceholders(x)
		}
	case map[string]any:
		if v["_placeholder"] == true {
			return 1
		}
		for _, x := range v {
			n += countPlaceholders(x)
		}
	}
	return n
}
