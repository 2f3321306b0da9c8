package jsonscan

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestScanAcceptsWhatJSONParseAccepts(t *testing.T) {
	for _, c := range []struct {
		text string
		kind Kind
		len  int
	}{
		{`null`, Null, 0},
		{`true`, Bool, 0},
		{"\t\r\n false \n", Bool, 0},
		{`0`, Number, 0},
		{`-0`, Number, 0},
		{`-1.50e+10`, Number, 0},
		{`1E-2`, Number, 0},
		{`""`, String, 0},
		{`"\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00"`, String, 0},
		{`"\ud800"`, String, 0}, // a lone surrogate is fine for JSON.parse
		{"\"\x7f\u2028\"", String, 0},
		{"\"\xff\"", String, 0},
		{`[]`, Array, 0},
		{`[ ]`, Array, 0},
		{`[1]`, Array, 1},
		{`[1 , [2,3] ,{"a":[4,5]}]`, Array, 3},
		{`{}`, Object, 0},
		{`{ }`, Object, 0},
		{`{"a":1,"a":2, "" : {"b":[1,2]}}`, Object, 3},
		{`{"__proto__":null}`, Object, 1},
	} {
		var x Index
		require.NoError(t, x.Scan([]byte(c.text), Options{}), c.text)
		assert.Equal(t, c.kind, x.Kind, c.text)
		assert.Equal(t, c.kind, KindOf([]byte(c.text)), c.text)
		assert.Equal(t, c.len, x.Len, c.text)
		assert.True(t, json.Valid([]byte(c.text)), c.text)
	}
}

func TestScanRefusesTheRestWithAnOffset(t *testing.T) {
	for _, c := range []struct {
		text    string
		offset  int
		problem string
	}{
		{``, 0, "unexpected end"},
		{`  `, 2, "unexpected end"},
		{`nul`, 3, "unexpected end"},
		{`nulL`, 3, "invalid value"},
		{`NaN`, 0, "invalid value"},
		{`Infinity`, 0, "invalid value"},
		{`undefined`, 0, "invalid value"},
		{"\ufeff1", 0, "invalid value"},
		{`'a'`, 0, "invalid value"},
		{`01`, 1, "text after the value"},
		{`1 2`, 2, "text after the value"},
		{`+1`, 0, "invalid value"},
		{`-`, 1, "unexpected end"},
		{`-a`, 1, "invalid number"},
		{`.5`, 0, "invalid value"},
		{`1.`, 2, "unexpected end"},
		{`1.e3`, 2, "invalid number"},
		{`1e`, 2, "unexpected end"},
		{`1e+,`, 3, "invalid number"},
		{`0x1`, 1, "text after the value"},
		{`"`, 1, "unexpected end"},
		{`"\`, 2, "unexpected end"},
		{`"\x"`, 2, "invalid escape"},
		{`"\u12g4"`, 5, "invalid escape"},
		{`"\u12`, 5, "unexpected end"},
		{"\"\n\"", 1, "control character in string"},
		{"\"\x00\"", 1, "control character in string"},
		{`[`, 1, "unexpected end"},
		{`[1`, 2, "unexpected end"},
		{`[1,]`, 3, "invalid value"},
		{`[,1]`, 1, "invalid value"},
		{`[1 2]`, 3, "missing comma"},
		{`[1}`, 2, "missing comma"},
		{`]`, 0, "invalid value"},
		{`{`, 1, "unexpected end"},
		{`{1:2}`, 1, "missing key"},
		{`{"a"}`, 4, "missing colon"},
		{`{"a":}`, 5, "invalid value"},
		{`{"a":1,}`, 7, "missing key"},
		{`{"a":1 "b":2}`, 7, "missing comma"},
		{`{"a":1]`, 6, "missing comma"},
		{`[]]`, 2, "text after the value"},
		{`/**/1`, 0, "invalid value"},
	} {
		_, err := Check([]byte(c.text), 0)
		var e *Error
		require.ErrorAs(t, err, &e, c.text)
		assert.Equal(t, Error{c.offset, c.problem}, *e, c.text)
		assert.False(t, json.Valid([]byte(c.text)), c.text)
	}
}

func TestScanBoundsDepth(t *testing.T) {
	nest := func(n int) []byte {
		return []byte(strings.Repeat(`[{"a":`, n/2) + "1" + strings.Repeat("}]", n/2))
	}
	for _, c := range []struct {
		max, depth int
		ok         bool
	}{
		{0, DefaultMaxDepth, true},
		{0, DefaultMaxDepth + 2, false},
		{2, 2, true},
		{2, 4, false},
		{1 << 40, 10_000, true}, // the cap, where encoding/json stops too
		{1 << 40, 10_002, false},
		{-1, DefaultMaxDepth + 2, false},
	} {
		_, err := Check(nest(c.depth), c.max)
		assert.Equal(t, c.ok, err == nil, "%+v: %v", c, err)
	}
	_, err := Check([]byte(strings.Repeat("[", 5_000_000)), 1<<40)
	require.EqualError(t, err, "json: nested too deeply at offset 10000")
}

func TestScanFindsTheFirstElement(t *testing.T) {
	var x Index
	data := []byte(` [ "a,]" , 2]`)
	require.NoError(t, x.Scan(data, Options{}))
	assert.Equal(t, String, x.FirstKind)
	assert.Equal(t, `"a,]"`, string(x.First.Of(data)))

	require.NoError(t, x.Scan([]byte(`[]`), Options{}))
	assert.Equal(t, Invalid, x.FirstKind, "an Index forgets the scan before")
}

// Rows: B02
func TestScanFindsPlaceholders(t *testing.T) {
	type found struct {
		text string
		num  int
	}
	for _, c := range []struct {
		text string
		want []found
	}{
		{`{"_placeholder":true,"num":0}`, []found{{`{"_placeholder":true,"num":0}`, 0}}},
		{`[1,{"num" : 7 , "_placeholder" : true}]`, []found{{`{"num" : 7 , "_placeholder" : true}`, 7}}},
		{`[{"a":{"_placeholder":true,"num":1}},{"_placeholder":true,"num":0,"more":[]}]`,
			[]found{{`{"_placeholder":true,"num":1}`, 1}, {`{"_placeholder":true,"num":0,"more":[]}`, 0}}},
		{`{"\u005fplaceholder":true,"n\u0075m":3}`, []found{{`{"\u005fplaceholder":true,"n\u0075m":3}`, 3}}},
		// Only true marks one.
		{`[{"_placeholder":false,"num":0},{"_placeholder":1,"num":0},{"_placeholder":"true","num":0},{"num":0},["_placeholder",true]]`, nil},
		// Of equal keys the last counts.
		{`{"_placeholder":true,"_placeholder":false,"num":0}`, nil},
		{`{"_placeholder":true,"num":1,"num":2}`, []found{{`{"_placeholder":true,"num":1,"num":2}`, 2}}},
		{`{"_placeholder":true,"num":1,"num":"x"}`, []found{{`{"_placeholder":true,"num":1,"num":"x"}`, -1}}},
		// A receiver does not look into one.
		{`{"_placeholder":true,"num":0,"in":{"_placeholder":true,"num":9}}`, []found{{`{"_placeholder":true,"num":0,"in":{"_placeholder":true,"num":9}}`, 0}}},
		// What num may be.
		{`{"_placeholder":true}`, []found{{`{"_placeholder":true}`, -1}}},
		{`{"_placeholder":true,"num":"splice"}`, []found{{`{"_placeholder":true,"num":"splice"}`, -1}}},
		{`{"_placeholder":true,"num":-1}`, []found{{`{"_placeholder":true,"num":-1}`, -1}}},
		{`{"_placeholder":true,"num":0.5}`, []found{{`{"_placeholder":true,"num":0.5}`, -1}}},
		{`{"_placeholder":true,"num":1e400}`, []found{{`{"_placeholder":true,"num":1e400}`, -1}}},
		{`{"_placeholder":true,"num":[0]}`, []found{{`{"_placeholder":true,"num":[0]}`, -1}}},
		{`{"_placeholder":true,"num":10e-1}`, []found{{`{"_placeholder":true,"num":10e-1}`, 1}}},
		{`{"_placeholder":true,"num":-0}`, []found{{`{"_placeholder":true,"num":-0}`, 0}}},
	} {
		var x Index
		require.NoError(t, x.Scan([]byte(c.text), Options{Placeholders: true}), c.text)
		var got []found
		for _, p := range x.Placeholders {
			got = append(got, found{string(p.Of([]byte(c.text))), p.Num})
		}
		assert.Equal(t, c.want, got, c.text)

		require.NoError(t, x.Scan([]byte(c.text), Options{}))
		assert.Empty(t, x.Placeholders, "none asked for")
	}
}

func TestScanAllocatesNothing(t *testing.T) {
	text := []byte(`["message:posted",{"messages":[{"id":"1","text":"hello, \"world\"","n":[1,2.5e3,true,null]}]},{"_placeholder":true,"num":0}]`)
	var x Index
	require.NoError(t, x.Scan(text, Options{Placeholders: true}))
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		if x.Scan(text, Options{Placeholders: true}) != nil {
			t.Fail()
		}
		for i := 1; ; {
			_, next, ok := Next(text, i)
			if !ok {
				break
			}
			i = next
		}
	}))
}

func BenchmarkScan(b *testing.B) {
	small := []byte(`["message:send",{"id":"0190b6de-3a55-7c4e","room":"lobby","text":"How are you today?"}]`)
	large := []byte(`["x"` + strings.Repeat(`,{"id":"0190b6de","seq":12345,"text":"Lorem ipsum dolor sit amet, consetetur sadipscing elitr","at":1700000000123}`, 500) + `]`)
	for _, c := range []struct {
		name string
		text []byte
	}{{"small", small}, {"large", large}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(c.text)))
			var x Index
			for b.Loop() {
				if err := x.Scan(c.text, Options{Placeholders: true}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
