package jsonscan

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAppendQuoted(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", `""`},
		{"a<b>&", `"a<b>&"`},
		{"\"\\/\b\f\n\r\t\x00\x1f\x7f", `"\"\\/\b\f\n\r\t\u0000\u001f` + "\x7f\""},
		{"é😀\ufffd", `"é😀` + "\ufffd\""},
		{"\u2027\u2028\u2029\u202a", "\"\u2027\\u2028\\u2029\u202a\""},
		{"a\xffb\xe2\x82", `"a` + "\ufffdb\ufffd\ufffd\""},
	} {
		assert.Equal(t, c.want, string(AppendQuoted(nil, c.text)), "%q", c.text)
	}
	assert.Equal(t, `x:"y"`, string(AppendQuoted([]byte("x:"), "y")))
}

// FuzzAppendQuoted holds it against encoding/json, and takes the string out
// again.
func FuzzAppendQuoted(f *testing.F) {
	for _, s := range []string{"", "a<b>&\"\\/\b\f\n\r\t\x00", "é😀\u2028\u2029\ufffd", "\xff\xe2\x82"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		require.NoError(t, enc.Encode(s))
		got := AppendQuoted(nil, s)
		if utf8.ValidString(s) { // else encoding/json writes \ufffd where we write the character
			require.Equal(t, strings.TrimSuffix(want.String(), "\n"), string(got))
		}
		var back string
		require.NoError(t, json.Unmarshal(want.Bytes(), &back))
		require.Equal(t, back, string(AppendUnquoted(nil, got[1:len(got)-1])))
	})
}

func TestAppendFloat(t *testing.T) {
	for _, f := range []float64{0, math.Copysign(0, -1), 1, -1.5, 100, 0.1, 1e-6, 9.99e-7, 1e-7, 1e-10, 1e-100, 5e-324,
		1e20, 123456789012345680000, 1e21, -1.5e21, math.MaxFloat64, math.SmallestNonzeroFloat64, 1 << 53} {
		want, err := json.Marshal(f)
		require.NoError(t, err)
		assert.Equal(t, string(want), string(AppendFloat(nil, f)))
	}
}
