package msgpack

import (
	"encoding/hex"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/socketio"
)

// slot is the placeholder of attachment n in the form inside Parley.
func slot(n string) string { return `{"_placeholder":true,"num":` + n + `}` }

// wire is what the hex digits say; blanks are for the reader.
func wire(t testing.TB, digits string) []byte {
	t.Helper()
	data, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	require.NoError(t, err)
	return data
}

func decode(t testing.TB, digits string) (socketio.Packet, error) {
	t.Helper()
	p, complete, err := New().NewDecoder(socketio.Limits{}).Add(socketio.Frame{Binary: true, Data: wire(t, digits)})
	assert.Equal(t, err == nil, complete)
	return p, err
}

const (
	typ   = "a474797065"      // "type"
	data  = "a464617461"      // "data"
	id    = "a26964"          // "id"
	nsp   = "a36e7370"        // "nsp"
	root  = nsp + " a12f"     // "nsp": "/"
	event = typ + "02" + data // "type": 2, "data":
)

// The bytes are those of socket.io-msgpack-parser, apart from the order of the
// members.
// Rows: B07
func TestPackets(t *testing.T) {
	for _, c := range []struct {
		name string
		wire string
		p    socketio.Packet
	}{
		{"connect", "82" + typ + "00" + root, socketio.Packet{Type: socketio.PacketConnect, Namespace: "/"}},
		{"connect with auth", "83" + typ + "00" + data + "81a5746f6b656ea3313233" + nsp + "a62f61646d696e",
			socketio.Packet{Type: socketio.PacketConnect, Namespace: "/admin", Data: []byte(`{"token":"123"}`)}},
		{"disconnect", "82" + typ + "01" + root, socketio.Packet{Type: socketio.PacketDisconnect, Namespace: "/"}},
		{"event", "83" + event + "91a3666f6f" + root, socketio.Packet{Type: socketio.PacketEvent, Namespace: "/", Data: []byte(`["foo"]`)}},
		{"event with id", "84" + event + "92a3666f6f01" + id + "0c" + nsp + "a52f63686174",
			socketio.Packet{Type: socketio.PacketEvent, Namespace: "/chat", ID: 12, HasID: true, Data: []byte(`["foo",1]`)}},
		{"ack", "84" + typ + "03" + data + "94a3626172c0c3c2" + id + "cf001fffffffffffff" + root,
			socketio.Packet{Type: socketio.PacketAck, Namespace: "/", ID: socketio.MaxID, HasID: true, Data: []byte(`["bar",null,true,false]`)}},
		{"refused", "83" + typ + "04" + data + "81a76d657373616765a26e6f" + nsp + "a22f78",
			socketio.Packet{Type: socketio.PacketConnectError, Namespace: "/x", Data: []byte(`{"message":"no"}`)}},
		{"refused with a text", "83" + typ + "04" + data + "a26e6f" + root,
			socketio.Packet{Type: socketio.PacketConnectError, Namespace: "/", Data: []byte(`"no"`)}},
		{"binary", "83" + event + "93a162c403010203 81a178c400" + root,
			socketio.Packet{Type: socketio.PacketEvent, Namespace: "/", Data: []byte(`["b",` + slot("0") + `,{"x":` + slot("1") + `}]`), Attachments: [][]byte{{1, 2, 3}, {}}}},
		{"numbers", "83" + event + "dc0017 a16e 00 7f cc80 ccff cd0100 cdffff ce00010000 ceffffffff cf0000000100000000 cf001fffffffffffff" +
			"ff e0 d0df d080 d1ff7f d18000 d2ffff7fff d280000000 d3ffffffff7fffffff d3ffe0000000000001 cb3ff8000000000000 cbbfb999999999999a" + root,
			socketio.Packet{Type: socketio.PacketEvent, Namespace: "/", Data: []byte(`["n",0,127,128,255,256,65535,65536,4294967295,4294967296,9007199254740991,` +
				`-1,-32,-33,-128,-129,-32768,-32769,-2147483648,-2147483649,-9007199254740991,1.5,-0.1]`)}},
		{"strings", "83" + event + "93 a173 a9c3a9e29883f09f9880 d920" + strings.Repeat("78", 32) + root,
			socketio.Packet{Type: socketio.PacketEvent, Namespace: "/", Data: []byte(`["s","é☃😀","` + strings.Repeat("x", 32) + `"]`)}},
		{"sixteen of each", "83" + event + "dc0010 a161" + strings.Repeat("90", 14) + "de0010" + sixteenMembers("c0") + root,
			socketio.Packet{Type: socketio.PacketEvent, Namespace: "/", Data: []byte(`["a"` + strings.Repeat(",[]", 14) + `,{"a":null` + strings.Repeat(`,"a":null`, 15) + `}]`)}},
	} {
		frames, err := New().Encode(nil, &c.p)
		require.NoError(t, err, c.name)
		require.Len(t, frames, 1, c.name)
		assert.True(t, frames[0].Binary)
		assert.Equal(t, hex.EncodeToString(wire(t, c.wire)), hex.EncodeToString(frames[0].Data), c.name)
		got, err := decode(t, c.wire)
		require.NoError(t, err, c.name)
		assert.Equal(t, c.p, got, c.name)
	}
}

func sixteenMembers(value string) string { return strings.Repeat("a161"+value, 16) }

// Rows: B07 B08
func TestDecodeValues(t *testing.T) {
	for _, c := range []struct {
		name string
		wire string // the second argument
		json string
		atts [][]byte
	}{
		{"undefined", "d40000", `null`, nil},
		{"undefined in a list", "92d4000001", `[null,1]`, nil},
		{"undefined in objects", "84a161d40000 a16201 a163d40000 a16481a178d40000", `{"b":1,"d":{}}`, nil},
		{"Date", "d7000000018bcfe5687b", `"2023-11-14T22:13:20.123Z"`, nil},
		{"Date before 1970", "d700ffffffffffffffff", `"1969-12-31T23:59:59.999Z"`, nil},
		{"Date, the last", "d700001eb208c2dc0000", `"+275760-09-13T00:00:00.000Z"`, nil},
		{"Date, the first", "d700ffe14df73d240000", `"-271821-04-20T00:00:00.000Z"`, nil},
		{"Date, year 10000", "d7000000e677d21fdc00", `"+010000-01-01T00:00:00.000Z"`, nil},
		{"Date, year -1", "d700ffffc76e394a7400", `"-000001-01-01T00:00:00.000Z"`, nil},
		{"Date, invalid", "d7007fffffffffffffff", `null`, nil},
		{"timestamp 32", "d6ff65540000", `"2023-11-14T23:17:20.000Z"`, nil},
		{"timestamp 64", "d7ff1d5353006553f100", `"2023-11-14T22:13:20.123Z"`, nil},
		{"timestamp 96", "c70cff00000000ffffffffffffffff", `"1969-12-31T23:59:59.000Z"`, nil},
		{"timestamp 96, too late", "c70cff000000007fffffffffffffff", `[-1,` + slot("0") + `]`, [][]byte{wire(t, "000000007fffffffffffffff")}},
		{"timestamp 64 with too many nanoseconds", "d7ffffffffff00000000", `[-1,` + slot("0") + `]`, [][]byte{wire(t, "ffffffff00000000")}},
		{"timestamp of no known length", "d5ff0102", `[-1,` + slot("0") + `]`, [][]byte{{1, 2}}},
		{"ArrayBuffer", "c702000102", slot("0"), [][]byte{{1, 2}}},
		{"ArrayBuffer, long header", "c900000002000102", slot("0"), [][]byte{{1, 2}}},
		{"other extension", "d40509", `[5,` + slot("0") + `]`, [][]byte{{9}}},
		{"other extension of a known form", "d500090a", `[0,` + slot("0") + `]`, [][]byte{{9, 10}}},
		{"other extension, 16 bytes", "d80a" + strings.Repeat("00", 16), `[10,` + slot("0") + `]`, [][]byte{make([]byte, 16)}},
		{"long header", "c8000105ff", `[5,` + slot("0") + `]`, [][]byte{{0xff}}},
		{"bin 16", "c5000109", slot("0"), [][]byte{{9}}},
		{"bin 32", "c60000000109", slot("0"), [][]byte{{9}}},
		{"float 32", "ca3fc00000", `1.5`, nil},
		{"whole float", "cb4059000000000000", `100`, nil},
		{"great float", "cb54b249ad2594c37d", `1e+100`, nil},
		{"NaN", "cb7ff8000000000000", `null`, nil},
		{"infinity", "cbfff0000000000000", `null`, nil},
		{"2^64-1", "cfffffffffffffffff", `18446744073709551615`, nil},
		{"-2^63", "d38000000000000000", `-9223372036854775808`, nil},
		{"str 16", "da000161", `"a"`, nil},
		{"str that is not UTF-8", "a2ff22", `"` + "\ufffd" + `\""`, nil},
		{"array 32", "dd0000000101", `[1]`, nil},
		{"map 16", "de0001a16101", `{"a":1}`, nil},
		{"map 32", "df00000001a16101", `{"a":1}`, nil},
		{"numeric keys", "820102ff03", `{"1":2,"-1":3}`, nil},
		{"lookalike without binary is data", "82ac5f706c616365686f6c646572c3a36e756d63", slot("99"), nil},
	} {
		p, err := decode(t, "83"+event+"92a178"+c.wire+root)
		require.NoError(t, err, c.name)
		assert.Equal(t, `["x",`+c.json+`]`, string(p.Data), c.name)
		assert.Equal(t, c.atts, p.Attachments, c.name)
	}
}

// Rows: B07
func TestDecodeTolerates(t *testing.T) {
	for name, digits := range map[string]string{
		"undefined data and id": "84" + typ + "00" + root + data + "d40000" + id + "d40000",
		"unknown members":       "84" + typ + "00" + root + "a76f7074696f6e7381a8636f6d7072657373c3" + "a178c40101",
		"type as a float":       "82" + typ + "cb0000000000000000" + root,
		"id as a float":         "83" + typ + "01" + root + id + "ca40a00000",
		"another order":         "83" + root + data + "80" + typ + "00",
		"last of two":           "84" + root + data + "93c4010102c0" + data + "80" + typ + "00",
	} {
		_, err := decode(t, digits)
		assert.NoError(t, err, name)
	}
}

// Rows: B07 N05 M20
func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		wire string
		err  error
	}{
		{"nothing", "", ErrSyntax},
		{"no map", "90", ErrSyntax},
		{"nil", "c0", ErrSyntax},
		{"the byte that means nothing", "c1", ErrSyntax},
		{"cut off", "83" + event, ErrSyntax},
		{"bytes behind", "82" + typ + "00" + root + "00", ErrSyntax},
		{"key a number", "8101" + "c0", ErrSyntax},
		{"no type", "81" + root, socketio.ErrUnknownType},
		{"type 5", "83" + typ + "05" + data + "91a161" + root, socketio.ErrUnknownType},
		{"type -1", "82" + typ + "ff" + root, socketio.ErrUnknownType},
		{"type 1.5", "82" + typ + "cb3ff8000000000000" + root, socketio.ErrUnknownType},
		{"type a string", "82" + typ + "a130" + root, socketio.ErrUnknownType},
		{"no namespace", "81" + typ + "00", socketio.ErrNamespace},
		{"namespace a number", "82" + typ + "00" + nsp + "01", socketio.ErrNamespace},
		{"namespace without slash (stricter)", "82" + typ + "00" + nsp + "a178", socketio.ErrNamespace},
		{"namespace with comma (stricter)", "82" + typ + "00" + nsp + "a32f612c", socketio.ErrNamespace},
		{"id a string", "84" + event + "91a161" + root + id + "a131", socketio.ErrID},
		{"id nil", "84" + event + "91a161" + root + id + "c0", socketio.ErrID},
		{"id 1.5", "84" + event + "91a161" + root + id + "cb3ff8000000000000", socketio.ErrID},
		{"id NaN", "84" + event + "91a161" + root + id + "cb7ff8000000000000", socketio.ErrID},
		{"id negative (stricter)", "84" + event + "91a161" + root + id + "ff", socketio.ErrID},
		{"id above 2^53-1 (stricter)", "84" + event + "91a161" + root + id + "cf0020000000000000", socketio.ErrID},
		{"connect with an array", "83" + typ + "00" + data + "90" + root, socketio.ErrPayload},
		{"connect with nil", "83" + typ + "00" + data + "c0" + root, socketio.ErrPayload},
		{"connect with binary (stricter when deep)", "83" + typ + "00" + data + "c40101" + root, socketio.ErrAttachments},
		{"disconnect with data", "83" + typ + "01" + data + "80" + root, socketio.ErrPayload},
		{"connect error without data", "82" + typ + "04" + root, socketio.ErrPayload},
		{"connect error with a number", "83" + typ + "04" + data + "01" + root, socketio.ErrPayload},
		{"event without data", "82" + typ + "02" + root, socketio.ErrPayload},
		{"event with an object", "83" + event + "80" + root, socketio.ErrPayload},
		{"event empty (stricter)", "83" + event + "90" + root, socketio.ErrPayload},
		{"event name nil (stricter)", "83" + event + "91c0" + root, socketio.ErrPayload},
		{"event name binary (stricter)", "83" + event + "91c40101" + root, socketio.ErrPayload},
		{"event connect (stricter)", "83" + event + "91a7636f6e6e656374" + root, socketio.ErrPayload},
		{"ack with a string", "83" + typ + "03" + data + "a161" + root, socketio.ErrPayload},
		{"key nil (stricter)", "83" + event + "92a161 81c001" + root, ErrSyntax},
		{"key beyond 2^53 (stricter)", "83" + event + "92a161 81cf002000000000000001" + root, ErrSyntax},
		{"key binary (stricter)", "83" + event + "92a161 81c4016101" + root, ErrSyntax},
		{"lookalike beside binary (stricter)", "83" + event + "93a161 81ac5f706c616365686f6c646572c3 c400" + root, socketio.ErrAttachments},
		{"array of 4 billion", "83" + event + "ddffffffff", ErrSyntax},
		{"map of 4 billion", "83" + event + "dfffffffff", ErrSyntax},
		{"packet of 4 billion members", "dfffffffff" + typ + "00", ErrSyntax},
		{"string of 4 GB", "83" + event + "92a161dbffffffff", ErrSyntax},
		{"binary of 4 GB", "83" + event + "92a161c6ffffffff", ErrSyntax},
		{"extension of 4 GB", "83" + event + "92a161c9ffffffff00", ErrSyntax},
		{"extension cut off", "83" + event + "92a161d80a00", ErrSyntax},
		{"extension header cut off", "83" + event + "92a161c9ffff", ErrSyntax},
		{"unknown member of 4 billion", "81a178ddffffffff", ErrSyntax},
		{"nested too deeply", "83" + event + "92a161" + strings.Repeat("91", 1000) + "c0" + root, socketio.ErrPayload},
		{"nested objects too deeply", "83" + event + "92a161" + strings.Repeat("81a161", 1000) + "c0" + root, socketio.ErrPayload},
		{"unknown member nested without end", "82" + typ + "00 a178" + strings.Repeat("91", 200_000), ErrSyntax},
		{"too many attachments", "83" + event + "dc07d0 a161" + strings.Repeat("c400", 1999) + root, socketio.ErrTooManyAttachments},
	} {
		p, err := decode(t, c.wire)
		assert.ErrorIs(t, err, c.err, c.name)
		assert.Zero(t, p, c.name)
	}
	_, _, err := New().NewDecoder(socketio.Limits{}).Add(socketio.Frame{Data: []byte(`2["a"]`)})
	assert.ErrorIs(t, err, socketio.ErrUnexpectedText)
	assert.ErrorContains(t, err, "another parser")
}

func TestDecodeLimits(t *testing.T) {
	frame := wire(t, "83"+event+"94a161 c400 c400 919190"+root)
	for _, c := range []struct {
		name string
		l    socketio.Limits
		err  error
	}{
		{"defaults", socketio.Limits{}, nil},
		{"bytes", socketio.Limits{MaxBytes: len(frame)}, nil},
		{"bytes, above", socketio.Limits{MaxBytes: len(frame) - 1}, socketio.ErrPacketTooLarge},
		{"no bound on bytes", socketio.Limits{MaxBytes: -1}, nil},
		{"attachments", socketio.Limits{MaxAttachments: 2}, nil},
		{"attachments, above", socketio.Limits{MaxAttachments: 1}, socketio.ErrTooManyAttachments},
		{"depth", socketio.Limits{MaxDepth: 4}, nil},
		{"depth, above", socketio.Limits{MaxDepth: 3}, socketio.ErrPayload},
		{"any depth", socketio.Limits{MaxDepth: 1 << 40}, nil},
	} {
		d := New().NewDecoder(c.l)
		assert.False(t, d.Pending())
		_, _, err := d.Add(socketio.Frame{Binary: true, Data: frame})
		if c.err == nil {
			assert.NoError(t, err, c.name)
		} else {
			assert.ErrorIs(t, err, c.err, c.name)
		}
	}
}

// A length that is not there must not be allocated for.
func TestDecodeAllocatesNothingForLengths(t *testing.T) {
	for _, digits := range []string{"83" + event + "ddffffffff", "83" + event + "92a161c6ffffffff", "dfffffffff"} {
		frame := wire(t, digits)
		d := New().NewDecoder(socketio.Limits{})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const times = 100
		for range times {
			_, _, _ = d.Add(socketio.Frame{Binary: true, Data: frame})
		}
		runtime.ReadMemStats(&after)
		assert.Less(t, (after.TotalAlloc-before.TotalAlloc)/times, uint64(4096), digits)
	}
}

// Rows: B07
func TestEncodeTranscodes(t *testing.T) {
	for _, c := range []struct {
		name string
		json string
		atts [][]byte
		wire string
	}{
		{"white space", " [ \"a\" , { \"b\" : [ ] , \"c\" : { } } ,\n1 ] ", nil, "93a161 82a16290a16380 01"},
		{"escapes", `["\u0061\ud83d\ude00\ud800"]`, nil, "91a861f09f9880efbfbd"},
		{"numbers in odd spellings", `["a",1.0,1e2,-2.50e1,-0,0.5e1,123456789012345678,-9223372036854775808,18446744073709551615]`, nil,
			"99a161 01 64 e7 00 05 cf01b69b4ba630f34e d38000000000000000 cfffffffffffffffff"},
		{"numbers beyond integers", `["a",1e100,18446744073709551616,-1e300,1e-7,1e999]`, nil,
			"96a161 cb54b249ad2594c37d cb43f0000000000000 cbfe37e43c8800759c cb3e7ad7f29abcaf48 cb7ff0000000000000"},
		{"attachments in any order", `["a",` + slot("1") + `,[` + slot("0") + `,` + slot("1") + `]]`, [][]byte{{1}, {2}},
			"93a161 c40102 92c40101c40102"},
		{"a placeholder with more in it", `["a",{"_placeholder":true,"x":[[],{"y":{}}],"num":0},[1,2]]`, [][]byte{{1}}, "93a161 c40101 920102"},
		{"lookalike", `["a",` + slot("0") + `]`, nil, "92a161 82ac5f706c616365686f6c646572c3a36e756d00"},
	} {
		p := socketio.Packet{Type: socketio.PacketBinaryEvent, Data: []byte(c.json), Attachments: c.atts}
		frames, err := New().Encode(nil, &p)
		require.NoError(t, err, c.name)
		assert.Equal(t, hex.EncodeToString(wire(t, "83"+event+c.wire+root)), hex.EncodeToString(frames[0].Data), c.name)
	}
}

func TestEncodeRefuses(t *testing.T) {
	for _, c := range []struct {
		p   socketio.Packet
		err error
	}{
		{socketio.Packet{Type: 7}, socketio.ErrUnknownType},
		{socketio.Packet{Type: socketio.PacketEvent, Namespace: "x", Data: []byte(`["a"]`)}, socketio.ErrNamespace},
		{socketio.Packet{Type: socketio.PacketEvent, Data: []byte(`["a"`)}, socketio.ErrPayload},
		{socketio.Packet{Type: socketio.PacketEvent}, socketio.ErrPayload},
		{socketio.Packet{Type: socketio.PacketEvent, Data: []byte(`["a",` + slot("1") + `]`), Attachments: [][]byte{{1}}}, socketio.ErrAttachments},
	} {
		before := []socketio.Frame{{}}
		frames, err := New().Encode(before, &c.p)
		assert.ErrorIs(t, err, c.err)
		assert.Equal(t, before, frames)
	}
}

func TestName(t *testing.T) { assert.Equal(t, "msgpack", New().Name()) }
