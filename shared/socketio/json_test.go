package socketio

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// slot is the placeholder of attachment n, as it is on the wire.
func slot(n string) string { return `{"_placeholder":true,"num":` + n + `}` }

func text(s string) Frame   { return Frame{Data: []byte(s)} }
func binary(s string) Frame { return Frame{Binary: true, Data: []byte(s)} }

// decode gives the frames to a fresh decoder. The last must complete a packet.
func decode(frames ...Frame) (Packet, error) {
	d := JSON().NewDecoder(Limits{})
	for i, f := range frames {
		p, complete, err := d.Add(f)
		if err != nil || complete || i == len(frames)-1 {
			p.name, p.rest, p.whole = "", 0, false // what only accessors look at
			return p, err
		}
	}
	return Packet{}, nil
}

// Rows: B01 B02
func TestJSON(t *testing.T) {
	for _, c := range []struct {
		name   string
		p      Packet
		frames []Frame
	}{
		{"connect", Packet{Type: PacketConnect, Namespace: "/"}, []Frame{text(`0`)}},
		{"connect with auth", Packet{Type: PacketConnect, Namespace: "/", Data: []byte(`{"token":"123"}`)},
			[]Frame{text(`0{"token":"123"}`)}},
		{"connect to a namespace", Packet{Type: PacketConnect, Namespace: "/admin"}, []Frame{text(`0/admin,`)}},
		{"connected", Packet{Type: PacketConnect, Namespace: "/admin", Data: []byte(`{"sid":"oSO0OpakMV_3jnilAAAA"}`)},
			[]Frame{text(`0/admin,{"sid":"oSO0OpakMV_3jnilAAAA"}`)}},
		{"refused", Packet{Type: PacketConnectError, Namespace: "/", Data: []byte(`{"message":"Not authorized"}`)},
			[]Frame{text(`4{"message":"Not authorized"}`)}},
		{"refused with a text", Packet{Type: PacketConnectError, Namespace: "/x", Data: []byte(`"no"`)}, []Frame{text(`4/x,"no"`)}},
		{"disconnect", Packet{Type: PacketDisconnect, Namespace: "/"}, []Frame{text(`1`)}},
		{"disconnect from a namespace", Packet{Type: PacketDisconnect, Namespace: "/admin"}, []Frame{text(`1/admin,`)}},
		{"event", Packet{Type: PacketEvent, Namespace: "/", Data: []byte(`["foo"]`)}, []Frame{text(`2["foo"]`)}},
		{"event in a namespace", Packet{Type: PacketEvent, Namespace: "/admin", Data: []byte(`["bar",1,{"a":[]}]`)},
			[]Frame{text(`2/admin,["bar",1,{"a":[]}]`)}},
		{"event with id", Packet{Type: PacketEvent, Namespace: "/", ID: 12, HasID: true, Data: []byte(`["foo"]`)},
			[]Frame{text(`212["foo"]`)}},
		{"event with id in a namespace", Packet{Type: PacketEvent, Namespace: "/admin", ID: 0, HasID: true, Data: []byte(`["foo"]`)},
			[]Frame{text(`2/admin,0["foo"]`)}},
		{"greatest id", Packet{Type: PacketAck, Namespace: "/", ID: MaxID, HasID: true, Data: []byte(`[]`)},
			[]Frame{text(`39007199254740991[]`)}},
		{"ack", Packet{Type: PacketAck, Namespace: "/admin", ID: 13, HasID: true, Data: []byte(`["bar"]`)},
			[]Frame{text(`3/admin,13["bar"]`)}},
		{"name with a query", Packet{Type: PacketConnect, Namespace: "/x?a=1"}, []Frame{text(`0/x?a=1,`)}},
		{"event with binary", Packet{Type: PacketEvent, Namespace: "/", Data: []byte(`["baz",` + slot("0") + `]`), Attachments: [][]byte{{1, 2, 3, 4}}},
			[]Frame{text(`51-["baz",` + slot("0") + `]`), binary("\x01\x02\x03\x04")}},
		{"event with two in a namespace", Packet{Type: PacketEvent, Namespace: "/admin", ID: 7, HasID: true,
			Data: []byte(`["b",` + slot("0") + `,{"x":[` + slot("1") + `]}]`), Attachments: [][]byte{[]byte("a"), {}}},
			[]Frame{text(`52-/admin,7["b",` + slot("0") + `,{"x":[` + slot("1") + `]}]`), binary("a"), binary("")}},
		{"ack with binary", Packet{Type: PacketAck, Namespace: "/admin", ID: 15, HasID: true, Data: []byte(`[` + slot("0") + `]`), Attachments: [][]byte{[]byte("b")}},
			[]Frame{text(`61-/admin,15[` + slot("0") + `]`), binary("b")}},
	} {
		frames, err := JSON().Encode(nil, &c.p)
		require.NoError(t, err, c.name)
		assert.Equal(t, c.frames, frames, c.name)
		got, err := decode(c.frames...)
		require.NoError(t, err, c.name)
		assert.Equal(t, c.p, got, c.name)
		assert.NoError(t, got.Valid(Limits{}), c.name)
	}
}

func TestJSONEncodeNormalises(t *testing.T) {
	for _, c := range []struct {
		p    Packet
		wire string
	}{
		{Packet{Type: PacketDisconnect}, `1`},
		{Packet{Type: PacketBinaryEvent, Data: []byte(`["a"]`)}, `2["a"]`},
		{Packet{Type: PacketBinaryAck, Data: []byte(`[]`)}, `3[]`},
		{Packet{Type: PacketBinaryEvent, Data: []byte(`["a"]`), Attachments: [][]byte{nil}}, `51-["a"]`},
	} {
		frames, err := JSON().Encode([]Frame{binary("before")}, &c.p)
		require.NoError(t, err)
		require.Len(t, frames, 2+len(c.p.Attachments))
		assert.Equal(t, c.wire, string(frames[1].Data))
	}
}

// Rows: B04
func TestJSONEncodeRefuses(t *testing.T) {
	for _, c := range []struct {
		p   Packet
		err error
	}{
		{Packet{Type: 7}, ErrUnknownType},
		{Packet{Type: PacketEvent, Namespace: "x", Data: []byte(`["a"]`)}, ErrNamespace},
		{Packet{Type: PacketEvent, Namespace: "/a,b", Data: []byte(`["a"]`)}, ErrNamespace},
		{Packet{Type: PacketAck, HasID: true, ID: MaxID + 1, Data: []byte(`[]`)}, ErrID},
		{Packet{Type: PacketConnect, Attachments: [][]byte{nil}}, ErrAttachments},
		{Packet{Type: PacketEvent, Data: []byte(`["a"]`), Attachments: make([][]byte, 11)}, ErrTooManyAttachments},
	} {
		before := []Frame{text("before")}
		frames, err := JSON().Encode(before, &c.p)
		assert.ErrorIs(t, err, c.err)
		assert.Equal(t, before, frames)
	}
	frames, err := JSONWith(11).Encode(nil, &Packet{Type: PacketEvent, Data: []byte(`["a"]`), Attachments: make([][]byte, 11)})
	require.NoError(t, err)
	assert.Len(t, frames, 12)
}

// The inputs are those of the reference tests and the advisories; each closes
// the connection there, or is noted as stricter here.
// Rows: B03 B04 N05 M20
// Advisories: CVE-2022-2421 CVE-2023-32695 CVE-2026-33151
func TestJSONDecodeRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		frames []Frame
		err    error
	}{
		{"empty", []Frame{text(``)}, ErrEmptyFrame},
		{"type 7", []Frame{text(`7`)}, ErrUnknownType},
		{"type 9", []Frame{text(`9["a"]`)}, ErrUnknownType},
		{"type a letter", []Frame{text(`a`)}, ErrUnknownType},
		{"type white space (stricter)", []Frame{text(` ["a"]`)}, ErrUnknownType},

		{"connect with a string", []Frame{text(`0"x"`)}, ErrPayload},
		{"connect with an array", []Frame{text(`0[]`)}, ErrPayload},
		{"connect with null", []Frame{text(`0null`)}, ErrPayload},
		{"connect to a namespace with a number", []Frame{text(`0/admin,5.5`)}, ErrPayload},
		{"disconnect with data", []Frame{text(`1{}`)}, ErrPayload},
		{"disconnect with an array", []Frame{text(`1/admin,[]`)}, ErrPayload},
		{"connect error with a number", []Frame{text(`4/admin,5.5`)}, ErrPayload},
		{"connect error with an array", []Frame{text(`4[]`)}, ErrPayload},
		{"connect error without data (stricter)", []Frame{text(`4`)}, ErrPayload},

		{"event without data (stricter)", []Frame{text(`2`)}, ErrPayload},
		{"event with an id and no data (stricter)", []Frame{text(`21`)}, ErrPayload},
		{"event with an object", []Frame{text(`2{}`)}, ErrPayload},
		{"event with a string", []Frame{text(`2"a"`)}, ErrPayload},
		{"event with false", []Frame{text(`2false`)}, ErrPayload},
		{"event empty", []Frame{text(`2[]`)}, ErrPayload},
		{"event name null", []Frame{text(`2[null]`)}, ErrPayload},
		{"event name true", []Frame{text(`2[true]`)}, ErrPayload},
		{"event name object", []Frame{text(`2[{}]`)}, ErrPayload},
		{"event name {toString}", []Frame{text(`2[{"toString":"foo"}]`)}, ErrPayload},
		{"event name array", []Frame{text(`2[["connect"]]`)}, ErrPayload},
		{"event name attachment", []Frame{text(`51-[` + slot("0") + `]`)}, ErrPayload},
		{"connect", []Frame{text(`2["connect"]`)}, ErrPayload},
		{"connect_error", []Frame{text(`2["connect_error","x"]`)}, ErrPayload},
		{"disconnect", []Frame{text(`21["disconnect","123"]`)}, ErrPayload},
		{"disconnecting", []Frame{text(`2["disconnecting"]`)}, ErrPayload},
		{"newListener", []Frame{text(`2["newListener"]`)}, ErrPayload},
		{"removeListener", []Frame{text(`51-["removeListener",` + slot("0") + `]`)}, ErrPayload},
		{"connect in escapes", []Frame{text(`2["\u0063\u006f\u006e\u006e\u0065\u0063\u0074"]`)}, ErrPayload},
		{"bad JSON", []Frame{text(`2["a"`)}, ErrPayload},
		{"bad JSON with an id", []Frame{text(`29["a","b}`)}, ErrPayload},
		{"NaN", []Frame{text(`2["a",NaN]`)}, ErrPayload},
		{"trailing junk", []Frame{text(`2["a"]x`)}, ErrPayload},
		{"white space before the payload (stricter)", []Frame{text(`2 ["a"]`)}, ErrPayload},
		{"white space before the id (stricter)", []Frame{text("2\n1[\"a\"]")}, ErrPayload},
		{"namespace without slash", []Frame{text(`2admin,["a"]`)}, ErrPayload},
		{"negative id", []Frame{text(`2-1["a"]`)}, ErrPayload},
		{"id above 2^53-1 (stricter)", []Frame{text(`29007199254740992["a"]`)}, ErrID},
		{"id of 400 digits (stricter)", []Frame{text(`2` + strings.Repeat("9", 400) + `["a"]`)}, ErrID},
		{"ack with an object", []Frame{text(`31{}`)}, ErrPayload},
		{"ack without data (stricter)", []Frame{text(`31`)}, ErrPayload},
		{"nested too deeply (the reference dies)", []Frame{text(`2["a",` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `]`)}, ErrPayload},

		{"no count", []Frame{text(`5["a"]`)}, ErrAttachments},
		{"no count, dash", []Frame{text(`5-["a"]`)}, ErrAttachments},
		{"count without dash", []Frame{text(`51["a",` + slot("0") + `]`)}, ErrAttachments},
		{"count without anything", []Frame{text(`51`)}, ErrAttachments},
		{"count -1", []Frame{text(`5-1-["a"]`)}, ErrAttachments},
		{"count 0", []Frame{text(`50-["a"]`)}, ErrAttachments},
		{"count 1.9", []Frame{text(`51.9-["a"]`)}, ErrAttachments},
		{"count a word", []Frame{text(`5abc-["a"]`)}, ErrAttachments},
		{"count Infinity", []Frame{text(`5Infinity-["a"]`)}, ErrAttachments},
		{"count 1e1 (stricter)", []Frame{text(`51e1-["a"]`)}, ErrAttachments},
		{"count 0x1 (stricter)", []Frame{text(`50x1-["a"]`)}, ErrAttachments},
		{"count blank (stricter)", []Frame{text(`5 1-["a"]`)}, ErrAttachments},
		{"11 attachments", []Frame{text(`511-["a"]`)}, ErrTooManyAttachments},
		{"huge count", []Frame{text(`599999999999999999999-["a"]`)}, ErrTooManyAttachments},
		{"ack with count 0", []Frame{text(`60-1[]`)}, ErrAttachments},

		{"num out of range", []Frame{text(`51-["a",` + slot("1") + `]`)}, ErrAttachments},
		{"num negative", []Frame{text(`51-["a",` + slot("-1") + `]`)}, ErrAttachments},
		{"num splice", []Frame{text(`51-["a",` + slot(`"splice"`) + `]`)}, ErrAttachments},
		{"num a string", []Frame{text(`51-["a",` + slot(`"0"`) + `]`)}, ErrAttachments},
		{"num missing", []Frame{text(`51-["a",{"_placeholder":true}]`)}, ErrAttachments},
		{"num null", []Frame{text(`51-["a",` + slot("null") + `]`)}, ErrAttachments},
		{"num 0.5", []Frame{text(`52-["a",` + slot("0.5") + `]`)}, ErrAttachments},
		{"num out of range, deep", []Frame{text(`61-1[{"a":[` + slot("0") + `,{"b":` + slot("9") + `}]}]`)}, ErrAttachments},

		{"binary without header", []Frame{binary("x")}, ErrUnexpectedBinary},
		{"empty binary without header", []Frame{binary("")}, ErrUnexpectedBinary},
		{"text while attachments are due", []Frame{text(`51-["a",` + slot("0") + `]`), text(`2["b"]`)}, ErrUnexpectedText},
		{"text after one of two", []Frame{text(`52-["a"]`), binary("x"), text(`1`)}, ErrUnexpectedText},
	} {
		p, err := decode(c.frames...)
		assert.ErrorIs(t, err, c.err, c.name)
		assert.Zero(t, p, c.name)
	}
	_, err := decode(binary("x"))
	assert.ErrorContains(t, err, "another parser", "the likely reason")
}

// What the reference lets through and we do too.
// Rows: B03 B08
func TestJSONDecodeTolerates(t *testing.T) {
	for _, c := range []struct {
		name   string
		frames []Frame
		event  string
		args   string
	}{
		{"numeric name", []Frame{text(`2[1,"x"]`)}, "1", `"x"`},
		{"error", []Frame{text(`2["error","x"]`)}, "error", `"x"`},
		{"__proto__", []Frame{text(`2["__proto__",1]`)}, "__proto__", `1`},
		{"empty name", []Frame{text(`2[""]`)}, "", ``},
		{"escaped name", []Frame{text(`2["a\n\u00e9"]`)}, "a\né", ``},
		{"unused attachment", []Frame{text(`51-["b","x"]`), binary("a")}, "b", `"x"`},
		{"attachment used twice", []Frame{text(`51-["b",` + slot("0") + `,` + slot("0") + `]`), binary("a")}, "b", slot("0") + `,` + slot("0")},
		{"num in another spelling", []Frame{text(`51-["b",` + slot("0e0") + `]`), binary("a")}, "b", slot("0e0")},
		{"placeholder in a text packet is data", []Frame{text(`2["b",` + slot(`"splice"`) + `]`)}, "b", slot(`"splice"`)},
		{"white space inside and behind", []Frame{text("2[ \"b\" ,\n1 , [2] ]\t")}, "b", `1,[2]`},
		{"leading zeros of an id", []Frame{text(`2007["b"]`)}, "b", ``},
		{"count with a leading zero", []Frame{text(`501-["b"]`), binary("a")}, "b", ``},
		{"bytes that are not UTF-8", []Frame{text("2[\"b\",\"\xff\"]")}, "b", "\"\ufffd\""},
		{"ten attachments", append([]Frame{text(`510-["b"]`)}, ten...), "b", ``},
	} {
		p, err := decode(c.frames...)
		require.NoError(t, err, c.name)
		name, args, err := p.Event()
		require.NoError(t, err, c.name)
		assert.Equal(t, c.event, name, c.name)
		var got []string
		for i := range args {
			got = append(got, args.Value(i).String())
		}
		assert.Equal(t, c.args, strings.Join(got, ","), c.name)
	}
}

var ten = func() (fs []Frame) {
	for range 10 {
		fs = append(fs, binary("x"))
	}
	return fs
}()

func TestJSONDecoderGoesOnAfterAPacket(t *testing.T) {
	d := JSON().NewDecoder(Limits{})
	assert.False(t, d.Pending())
	for range 3 {
		p, complete, err := d.Add(text(`2["a"]`))
		require.NoError(t, err)
		assert.True(t, complete)
		assert.Equal(t, PacketEvent, p.Type)

		_, complete, err = d.Add(text(`62-3[` + slot("1") + `,` + slot("0") + `]`))
		require.NoError(t, err)
		assert.False(t, complete)
		assert.True(t, d.Pending())
		_, complete, err = d.Add(binary("first"))
		require.NoError(t, err)
		assert.False(t, complete)
		p, complete, err = d.Add(binary("second"))
		require.NoError(t, err)
		assert.True(t, complete)
		assert.False(t, d.Pending())
		args, err := p.Args()
		require.NoError(t, err)
		assert.Equal(t, "second", string(args.Bytes(0)))
		assert.Equal(t, "first", string(args.Bytes(1)))
	}
}

// Rows: B04
func TestJSONDecoderLimits(t *testing.T) {
	for _, c := range []struct {
		name   string
		l      Limits
		frames []Frame
		err    error
	}{
		{"bytes of a text", Limits{MaxBytes: 6}, []Frame{text(`2["a"]`)}, nil},
		{"bytes of a text, above", Limits{MaxBytes: 5}, []Frame{text(`2["a"]`)}, ErrPacketTooLarge},
		{"bytes of all frames", Limits{MaxBytes: 13}, []Frame{text(`52-["a"]`), binary("xx"), binary("yyy")}, nil},
		{"bytes of all frames, above", Limits{MaxBytes: 12}, []Frame{text(`52-["a"]`), binary("xx"), binary("yyy")}, ErrPacketTooLarge},
		{"bytes start over", Limits{MaxBytes: 8}, []Frame{text(`51-["a"]`), binary(""), text(`51-["a"]`), binary("")}, nil},
		{"no bound on bytes", Limits{MaxBytes: -1}, []Frame{text(`2["` + strings.Repeat("a", DefaultMaxBytes) + `"]`)}, nil},
		{"default bound on bytes", Limits{}, []Frame{text(`2["` + strings.Repeat("a", DefaultMaxBytes) + `"]`)}, ErrPacketTooLarge},
		{"more attachments", Limits{MaxAttachments: 11}, []Frame{text(`511-["a",` + slot("10") + `]`)}, nil},
		{"fewer attachments", Limits{MaxAttachments: 1}, []Frame{text(`52-["a"]`)}, ErrTooManyAttachments},
		{"depth", Limits{MaxDepth: 3}, []Frame{text(`2["a",[{}]]`)}, nil},
		{"depth, above", Limits{MaxDepth: 3}, []Frame{text(`2["a",[{"b":[]}]]`)}, ErrPayload},
		{"default depth", Limits{}, []Frame{text(`2["a",` + strings.Repeat("[", 511) + strings.Repeat("]", 511) + `]`)}, nil},
		{"default depth, above", Limits{}, []Frame{text(`2["a",` + strings.Repeat("[", 512) + strings.Repeat("]", 512) + `]`)}, ErrPayload},
	} {
		d := JSON().NewDecoder(c.l)
		var err error
		for _, f := range c.frames {
			if _, _, err = d.Add(f); err != nil {
				break
			}
		}
		if c.err == nil {
			assert.NoError(t, err, c.name)
		} else {
			assert.ErrorIs(t, err, c.err, c.name)
		}
	}
}

func TestErrorsSayWhere(t *testing.T) {
	_, err := decode(text(`2/chat,12["a",]`))
	assert.EqualError(t, err, "socketio: invalid payload: from offset 9: json: invalid value at offset 5")
	_, err = decode(text(`52-["a",` + slot("0") + `,` + slot("2") + `]`))
	assert.EqualError(t, err, "socketio: illegal attachments: placeholder at offset 35 of the payload")
}
