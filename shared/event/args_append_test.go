package event

import (
	"bytes"
	"encoding/json"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/internal/jsonscan"
)

// slot is the placeholder of attachment n, as it is on the wire.
func slot(n string) string { return `{"_placeholder":true,"num":` + n + `}` }

type (
	inner struct {
		Blob []byte `json:"blob"`
		Note string `json:"note,omitempty"`
	}
	Promoted struct {
		Blob  []byte
		Level int
	}
	hidden struct {
		Level int
		Deep  []byte
	}
	outer struct {
		Promoted
		*hidden
		Level string // hides both Levels of the embedded
		Plain int    `json:"plain"`
		Skip  []byte `json:"-"`
		//lint:ignore SA5008 encoding/json's odd cases are what this table is about
		Dash   []byte    `json:"-,"`
		Empty  []byte    `json:"empty,omitempty"`
		Zero   time.Time `json:"zero,omitzero"`
		Quoted int64     `json:"quoted,string"`
		QuoteS string    `json:",string"`
		QuoteP *bool     `json:",string"`
		//lint:ignore SA5008 encoding/json's odd cases are what this table is about
		Bad     []byte            `json:"bad\"tag"`
		Named   inner             `json:"näme"`
		List    []inner           `json:"list"`
		Fixed   [2][]byte         `json:"fixed"`
		Codes   [3]byte           `json:"codes"`
		Map     map[string][]byte `json:"map"`
		Numbers map[int]any       `json:"numbers"`
		Keys    map[netip.Addr]any
		Pointer **inner
		Any     any
		Self    *outer `json:"self,omitempty"`
		private []byte
	}
	namedBytes []byte
	upper      string
	withJSON   struct{ B []byte }
	ptrJSON    struct{ B []byte }
)

func (u upper) MarshalText() ([]byte, error)     { return []byte(strings.ToUpper(string(u))), nil }
func (u *upper) UnmarshalText(text []byte) error { *u = upper(text); return nil }

func (w withJSON) MarshalJSON() ([]byte, error) { return json.Marshal("json:" + string(w.B)) }
func (w *withJSON) UnmarshalJSON(text []byte) error {
	w.B = bytes.Clone(text)
	return nil
}
func (p *ptrJSON) MarshalJSON() ([]byte, error) { return []byte(`"pointer"`), nil }

// Rows: B02 B08
func TestAppendArgs(t *testing.T) {
	one, two := []byte{1}, []byte("two")
	yes, text := true, "text"
	p := &inner{Blob: one}
	for _, c := range []struct {
		name string
		args []any
		wire string
		atts [][]byte
	}{
		{"nothing", nil, ``, nil},
		{"scalars", []any{nil, true, "a", 1, -2.5, int64(math.MaxInt64), uint64(math.MaxUint64), int8(-1), float32(0.1)},
			`null,true,"a",1,-2.5,9223372036854775807,18446744073709551615,-1,0.1`, nil},
		{"floats", []any{0.0, 1e20, 1e21, 1e-6, 1e-7, 1.5e-9, 5e-324, 100.0},
			`0,100000000000000000000,1e+21,0.000001,1e-7,1.5e-9,5e-324,100`, nil},
		{"strings", []any{"<a&b>", "\"\\\n\r\t\b\f\x00\x1f", "é😀\u2028\u2029\ufffd", "a\xffb"},
			`"<a&b>","\"\\\n\r\t\b\f\u0000\u001f","é😀\u2028\u2029` + "\ufffd" + `","a` + "\ufffd" + `b"`, nil},
		{"pointers", []any{&text, (*string)(nil), &yes, (*inner)(nil)}, `"text",null,true,null`, nil},
		{"bytes", []any{one, []byte{}, []byte(nil), namedBytes("n"), &two},
			slot("0") + `,` + slot("1") + `,null,` + slot("2") + `,` + slot("3"), [][]byte{one, {}, []byte("n"), two}},
		{"fixed-size arrays are numbers", []any{[2]byte{1, 2}}, `[1,2]`, nil},
		{"lists and maps", []any{[]any{1, one, []any{two}}, map[string]any{"b": one, "a": map[string][]byte{"x": two}}},
			`[1,` + slot("0") + `,[` + slot("1") + `]],{"a":{"x":` + slot("2") + `},"b":` + slot("3") + `}`, [][]byte{one, two, two, one}},
		{"nil containers", []any{[]any(nil), map[string]any(nil), [][]byte(nil), map[int][]byte(nil)}, `null,null,null,null`, nil},
		{"structs", []any{inner{one, "n"}, []*inner{p, nil}, struct{}{}},
			`{"blob":` + slot("0") + `,"note":"n"},[{"blob":` + slot("1") + `},null],{}`, [][]byte{one, one}},
		{"map keys", []any{map[int][]byte{10: one, 9: two}, map[upper][]byte{"k": one}},
			`{"10":` + slot("0") + `,"9":` + slot("1") + `},{"k":` + slot("2") + `}`, [][]byte{one, two, one}},
		{"own JSON", []any{withJSON{two}, &ptrJSON{two}, time.UnixMilli(1700000000123).UTC(), netip.MustParseAddr("::1"), upper("x")},
			`"json:two","pointer","2023-11-14T22:13:20.123Z","::1","X"`, nil},
		{"pointer receiver inside", []any{&[]ptrJSON{{two}}, map[string]any{"a": []*ptrJSON{{}}}}, `["pointer"],{"a":["pointer"]}`, nil},
		{"raw JSON", []any{json.RawMessage(`{"a": 1}`), json.RawMessage(nil), []json.RawMessage{[]byte(`2`)}}, `{"a": 1},null,[2]`, nil},
	} {
		got, atts, err := AppendArgs(nil, nil, c.args...)
		require.NoError(t, err, c.name)
		assert.Equal(t, c.wire, string(got), c.name)
		assert.Equal(t, c.atts, atts, c.name)
	}
}

// Rows: B02
func TestAppendArgsAppends(t *testing.T) {
	got, atts, err := AppendArgs([]byte(`["x",`), [][]byte{{9}}, []byte{1}, "y")
	require.NoError(t, err)
	assert.Equal(t, `["x",`+slot("1")+`,"y"`, string(got))
	assert.Equal(t, [][]byte{{9}, {1}}, atts)
}

// Rows: B02
func TestAppendArgsRelaysValues(t *testing.T) {
	a, b, c := []byte("a"), []byte("b"), []byte("c")
	got, atts, err := AppendArgs(nil, nil,
		c,
		Value{JSON: []byte(` {"x" : ` + slot("2") + `, "y":[` + slot("0") + `,` + slot("2") + `]}`), Attachments: [][]byte{a, b, c}},
		Value{},
		&Value{JSON: []byte(`"s"`)},
		(*Value)(nil),
		map[string]any{"in": Value{JSON: []byte(slot("1")), Attachments: [][]byte{a, b}}},
		struct{ V Value }{Value{JSON: []byte(slot("0")), Attachments: [][]byte{a}}},
	)
	require.NoError(t, err)
	assert.Equal(t, slot("0")+`,{"x" : `+slot("1")+`, "y":[`+slot("2")+`,`+slot("1")+`]},null,"s",null,{"in":`+slot("3")+`},{"V":`+slot("4")+`}`, string(got))
	assert.Equal(t, [][]byte{c, c, a, b, a}, atts, "the unused attachment stays behind, the one used twice goes once")
}

func TestAppendArgsErrors(t *testing.T) {
	cyclic := map[string]any{}
	cyclic["self"] = cyclic
	var knot any
	knot = &knot
	type ring struct {
		B    []byte
		Next *ring
	}
	r := &ring{}
	r.Next = r
	for _, c := range []struct {
		name string
		arg  any
		text string
	}{
		{"NaN", math.NaN(), "unsupported value: NaN"},
		{"infinity", []any{math.Inf(1)}, "unsupported value: +Inf"},
		{"infinity in a struct", struct {
			F float64
			B []byte
		}{F: math.Inf(-1)}, "unsupported value: -Inf"},
		{"function", func() {}, "unsupported type: func()"},
		{"channel in a map", map[string]any{"c": make(chan int)}, "unsupported type: chan int"},
		{"map key", map[float64][]byte{1: nil}, "unsupported type: float64"},
		{"cyclic map", cyclic, "nested deeper"},
		{"cyclic pointer", knot, "nested deeper"},
		{"cyclic struct", r, "nested deeper"},
		{"value that is no JSON", Value{JSON: []byte(`{"a":`)}, "unexpected end at offset 5"},
		{"two values in one", Value{JSON: []byte(`1,2`)}, "text after the value"},
		{"raw message that is no JSON", json.RawMessage(`x`), "invalid value at offset 0"},
		{"value without its attachment", Value{JSON: []byte(slot("1")), Attachments: [][]byte{{1}}}, "illegal attachment reference: num 1 of 1"},
	} {
		got, atts, err := AppendArgs([]byte("before"), [][]byte{{7}}, "fine", []byte{1}, c.arg)
		assert.ErrorContains(t, err, c.text, c.name)
		assert.ErrorContains(t, err, "event: encode argument 2", c.name)
		assert.Equal(t, "before", string(got), c.name)
		assert.Equal(t, [][]byte{{7}}, atts, c.name)
	}
}

// What a user sent as plain data must not turn into a reference when the server
// adds an attachment of its own: receivers would take the wrong bytes, or close.
// Rows: B02
func TestAppendArgsRefusesLookalikes(t *testing.T) {
	for _, c := range []any{
		Value{JSON: []byte(slot("0"))},
		Value{JSON: []byte(`[{"a":{"_placeholder":true,"num":"splice"}}]`)},
		Value{JSON: []byte(`{"\u005fplaceholder":true,"num":99}`)},
		map[string]any{"_placeholder": true, "num": 0},
		struct {
			P bool `json:"_placeholder"`
			N int  `json:"num"`
		}{P: true},
		json.RawMessage(slot("0")),
	} {
		wire, _, err := AppendArgs(nil, nil, c)
		require.NoError(t, err, "%v: without attachments it is data", c)
		assert.Contains(t, string(wire), "num")
		_, _, err = AppendArgs(nil, nil, c, []byte{1})
		assert.ErrorIs(t, err, ErrAttachment, "%v", c)
	}
	_, _, err := AppendArgs(nil, nil, map[string]any{"_placeholder": false, "num": 0}, []byte{1})
	assert.NoError(t, err)
}

// sample fills every corner of outer.
func sample() outer {
	in, no := &inner{Blob: []byte("deep")}, false
	o := outer{
		Promoted: Promoted{[]byte("promoted"), 7},
		hidden:   nil,
		Level:    "top",
		Plain:    3,
		Skip:     []byte("never"),
		Dash:     []byte("dash"),
		Quoted:   -5,
		QuoteS:   "q\"s",
		QuoteP:   &no,
		Bad:      []byte{},
		Named:    inner{[]byte{0xff}, "<&>"},
		List:     []inner{{[]byte("l0"), ""}, {nil, "l1"}},
		Fixed:    [2][]byte{nil, []byte("f1")},
		Codes:    [3]byte{1, 2, 3},
		Map:      map[string][]byte{"b": []byte("mb"), "a": nil},
		Numbers:  map[int]any{2: []any{1.5, "x"}, 10: nil},
		Keys:     map[netip.Addr]any{netip.MustParseAddr("10.0.0.1"): "v"},
		Pointer:  &in,
		Any:      map[string]any{"k": []any{"v"}},
		private:  []byte("no"),
	}
	o.Self = &outer{Level: "self", Any: "x"}
	return o
}

// encoding/json is the judge: with attachments put back as base64, every value
// must come out as it would write it.
// Rows: B02 B08
func TestAppendArgsWritesWhatEncodingJSONDoes(t *testing.T) {
	type twice struct{ Promoted }
	for _, v := range []any{
		sample(), outer{}, &outer{},
		inner{}, []inner{}, map[string]inner{"a": {}},
		struct {
			Promoted
			twice
		}{Promoted{[]byte("x"), 1}, twice{Promoted{nil, 2}}},
		struct {
			A Promoted `json:"a"`
			*Promoted
		}{},
		struct {
			Promoted `json:"tagged"`
			X        []byte `json:"x,omitempty"`
		}{},
		struct {
			A struct{} `json:"a,omitempty"`
			B []byte   `json:"b,omitempty"`
			C [0]int   `json:"c,omitempty"`
			D *int     `json:"d,omitempty"`
			E any      `json:"e,omitempty"`
			F float32  `json:"f,omitempty"`
			G any      `json:"g,omitzero"`
			H []byte   `json:"h,omitzero"`
		}{H: []byte{}},
		struct { // two of a name at one depth hide each other
			Promoted
			hidden
			Level2 []byte `json:"other"`
		}{Promoted{[]byte("1"), 2}, hidden{3, []byte("4")}, []byte("5")},
		[]any{[]byte("x"), "é\u2028<", nil, map[string]any{"": []byte{}}},
		map[upper]map[string]any{"k": {"v": []byte{1}}},
	} {
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		require.NoError(t, enc.Encode(v))
		text, atts, err := AppendArgs(nil, nil, v)
		require.NoError(t, err)
		got, err := Value{JSON: text, Attachments: atts}.MarshalJSON()
		require.NoError(t, err)
		assert.Equal(t, strings.TrimSpace(want.String()), string(got))
	}
}

type (
	rings   []rings                                // contains itself
	written string                                 // writes its JSON itself
	boxed   struct{ V Value }                      // taken apart
	plain   struct{ Rows []struct{ Cells []int } } // 4 levels, whatever it holds
)

// penned writes its JSON itself where it has an address.
type penned struct {
	B    []byte
	text string
}

func (p *penned) MarshalJSON() ([]byte, error) { return []byte(p.text), nil }

func (w written) MarshalJSON() ([]byte, error) { return []byte(w), nil }

// What a receiver with the default limits would refuse is refused here, where somebody can be told.
// Rows: B03 L03
func TestAppendArgsDepth(t *testing.T) {
	nested := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	raw := func(n int) any { return json.RawMessage(nested(n)) }
	value := func(n int) any { return Value{JSON: nested(n)} }
	lists := func(n int) any {
		var v any = []any{}
		for range n - 1 {
			v = []any{v}
		}
		return v
	}
	around := func(n int, inner any) any { // n containers and what is in the innermost
		for i := range n {
			if i%2 == 0 {
				inner = []any{inner}
			} else {
				inner = map[string]any{"k": inner}
			}
		}
		return inner
	}
	typed := func(n int) any {
		r := rings{}
		for range n - 1 {
			r = rings{r}
		}
		return r
	}
	cells := plain{make([]struct{ Cells []int }, 600)}
	cells.Rows[599].Cells = []int{1}
	for _, c := range []struct {
		name string
		ok   any
		deep any
	}{
		{"lists", lists(511), lists(512)},
		{"maps and lists", around(510, map[string]any{}), around(511, map[string]any{})},
		{"raw message", raw(511), raw(512)},
		{"raw message inside", around(11, raw(500)), around(12, raw(500))},
		{"raw message in a leaf", []json.RawMessage{nested(510)}, []json.RawMessage{nested(511)}},
		{"value inside", map[string]any{"body": value(510)}, map[string]any{"body": value(511)}},
		{"value in a struct", boxed{Value{JSON: nested(510)}}, boxed{Value{JSON: nested(511)}}},
		{"value behind a pointer in a struct", &boxed{Value{JSON: nested(510)}}, &boxed{Value{JSON: nested(511)}}},
		{"value at the last level", around(511, Value{JSON: []byte(`"s"`)}), around(511, value(1))},
		{"own JSON", written(nested(511)), written(nested(512))},
		{"own JSON by address", &[]penned{{text: string(nested(510))}}, &[]penned{{text: string(nested(511))}}},
		{"own JSON at the last level", around(511, written(`"s"`)), around(511, written(`{}`))},
		{"type that contains itself", typed(511), []rings{typed(511).(rings)}},
		{"type of known depth", around(507, cells), around(508, cells)},
		{"attachment", around(510, []byte{1}), around(511, []byte{1})},
		{"attachment in a struct", around(509, inner{Blob: []byte{1}}), around(510, inner{Blob: []byte{1}})},
		{"value with an attachment", around(510, Value{JSON: []byte(slot("0")), Attachments: [][]byte{{1}}}),
			around(511, Value{JSON: []byte(slot("0")), Attachments: [][]byte{{1}}})},
	} {
		text, _, err := AppendArgs([]byte(`["x",`), nil, c.ok)
		if assert.NoError(t, err, c.name) {
			_, err = jsonscan.Check(append(text, ']'), 0)
			assert.NoError(t, err, c.name)
		}
		_, _, err = AppendArgs([]byte(`["x",`), nil, c.deep)
		assert.ErrorContains(t, err, "nested", c.name)
	}
}

// A server that accepts more relays what it accepted.
// Rows: B03 L03
func TestAppendArgsRelaysAsDeepAsItCame(t *testing.T) {
	deep := []byte(strings.Repeat("[", 9_999) + strings.Repeat("]", 9_999))
	for _, args := range []Args{ParseArgs(deep, nil), {Value{JSON: deep}}, EncodePayload(Value{JSON: deep})} {
		text, _, err := AppendArgs(nil, nil, args...)
		require.NoError(t, err)
		assert.Equal(t, string(deep), string(text))
	}
	_, _, err := AppendArgs(nil, nil, Value{JSON: append(append([]byte("["), deep...), ']')})
	assert.ErrorContains(t, err, "nested too deeply")
}

// A text frame has to be UTF-8: browsers close the connection at any other, and a broadcast would cost a whole room.
// Rows: M01 L04
func TestAppendArgsRefusesWhatIsNotUTF8(t *testing.T) {
	const bad, good = "\"\xff\"", "\"\u00ff\""
	for _, c := range []struct {
		name string
		arg  func(text string) any
	}{
		{"raw message", func(text string) any { return json.RawMessage(text) }},
		{"value", func(text string) any { return Value{JSON: []byte(text)} }},
		{"pointer to a value", func(text string) any { return &Value{JSON: []byte(text)} }},
		{"value inside", func(text string) any { return map[string]any{"a": []any{Value{JSON: []byte(text)}}} }},
		{"value in a struct", func(text string) any { return &boxed{Value{JSON: []byte(text)}} }},
		{"value with an attachment", func(text string) any {
			return Value{JSON: []byte(`[` + text + `,` + slot("0") + `]`), Attachments: [][]byte{{1}}}
		}},
		{"raw message in a struct", func(text string) any { return struct{ R json.RawMessage }{json.RawMessage(text)} }},
		{"own JSON", func(text string) any { return written(text) }},
		{"own JSON by address", func(text string) any { return &[]penned{{text: text}} }},
		{"own JSON inside", func(text string) any { return map[string]any{"a": []written{written(text)}} }},
		{"own JSON as an interface", func(text string) any { return struct{ M json.Marshaler }{written(text)} }},
		{"error of a handler", func(text string) any { return &Error{Code: "x", Data: json.RawMessage(text)} }},
	} {
		_, _, err := AppendArgs(nil, nil, c.arg(good))
		assert.NoError(t, err, c.name)
		got, atts, err := AppendArgs([]byte("before"), nil, "fine", c.arg(bad))
		assert.ErrorContains(t, err, "event: encode argument 1: bytes that are not UTF-8", c.name)
		assert.Equal(t, "before", string(got), c.name)
		assert.Nil(t, atts, c.name)
	}
	text, _, err := AppendArgs(nil, nil, "\xff", map[string]any{"\xff": upper("\xff")})
	require.NoError(t, err)
	assert.Equal(t, "\"\ufffd\",{\"\ufffd\":\"\ufffd\"}", strings.ReplaceAll(string(text), `\ufffd`, "\ufffd"), "strings are mended")
}

// The last byte of an argument is its last character: a json.Encoder ends with a line feed.
// Rows: K01 M01
func TestAppendArgsTrimsWhiteSpace(t *testing.T) {
	const padded = " \t\r\n\"s\" \t\r\n"
	for _, c := range []struct {
		arg  any
		wire string
	}{
		{json.RawMessage(padded), `"s"`},
		{Value{JSON: []byte(padded)}, `"s"`},
		{&Value{JSON: []byte(padded)}, `"s"`},
		{map[string]any{"a": json.RawMessage(padded)}, `{"a":"s"}`},
		{[]json.RawMessage{[]byte(padded)}, `["s"]`},
		{written(padded), `"s"`},
		{Value{JSON: []byte("\n " + slot("0") + "\n"), Attachments: [][]byte{{1}}}, slot("0")},
		{json.RawMessage("[ 1 ,\n2 ]\n"), "[ 1 ,\n2 ]"},
	} {
		text, _, err := AppendArgs(nil, nil, c.arg)
		require.NoError(t, err)
		assert.Equal(t, c.wire, string(text))
	}
	_, _, err := AppendArgs(nil, nil, json.RawMessage(" \n"))
	assert.Error(t, err)
	_, _, err = AppendArgs(nil, nil, json.RawMessage("\u00a01"))
	assert.Error(t, err, "only JSON's white space")
}
