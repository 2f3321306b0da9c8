package socketio

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/event"
)

// Rows: B01 B02 B08 M20
func TestNewEvent(t *testing.T) {
	p, err := NewEvent("/chat", "a\"b", 1, []byte{1}, nil, map[string]any{"x": []byte{2}})
	require.NoError(t, err)
	assert.Equal(t, Packet{Type: PacketEvent, Namespace: "/chat",
		Data:        []byte(`["a\"b",1,` + slot("0") + `,null,{"x":` + slot("1") + `}]`),
		Attachments: [][]byte{{1}, {2}}}, p)

	p, err = NewEvent("/", "none")
	require.NoError(t, err)
	assert.Equal(t, `["none"]`, string(p.Data))

	for _, name := range []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"} {
		_, err = NewEvent("/", name)
		assert.ErrorIs(t, err, ErrReserved, name)
		assert.True(t, Reserved(name))
	}
	assert.False(t, Reserved("error"))

	_, err = NewEvent("/", "x", math.NaN())
	assert.ErrorContains(t, err, "unsupported value: NaN")
}

// Rows: L04
func TestNewAck(t *testing.T) {
	p, err := NewAck("/chat", 7, "x", []byte{1})
	require.NoError(t, err)
	assert.Equal(t, Packet{Type: PacketAck, Namespace: "/chat", ID: 7, HasID: true,
		Data: []byte(`["x",` + slot("0") + `]`), Attachments: [][]byte{{1}}}, p)

	p, err = NewAck("/", 0)
	require.NoError(t, err)
	assert.Equal(t, `[]`, string(p.Data))

	_, err = NewAck("/", 0, func() {})
	assert.ErrorContains(t, err, "unsupported type")
}

// Rows: B08
func TestEventName(t *testing.T) {
	for _, c := range []struct{ data, name string }{
		{`["a"]`, "a"},
		{` [ "a b\u0041\"" , 1]`, `a bA"`},
		{`[1]`, "1"},
		{`[-1.50]`, "-1.5"},
		{`[1e3]`, "1000"},
		{`[-0]`, "0"},
		{`[1e21]`, "1e+21"},
		{`[123456789012345680000]`, "123456789012345680000"},
		{`[0.000001]`, "0.000001"},
		{`[1e-7]`, "1e-7"},
		{`[-1.5e-9]`, "-1.5e-9"},
		{`[1e999]`, "Infinity"},
		{`[-1e999]`, "-Infinity"},
	} {
		p := Packet{Type: PacketEvent, Data: []byte(c.data)}
		name, _, err := p.Event()
		require.NoError(t, err, c.data)
		assert.Equal(t, c.name, name, c.data)

		q, complete, err := JSON().NewDecoder(Limits{}).Add(text("2" + c.data[skipSpaces(c.data):]))
		require.NoError(t, err)
		require.True(t, complete)
		name, _, err = q.Event()
		require.NoError(t, err)
		assert.Equal(t, c.name, name, "decoded: %s", c.data)
	}
}

func skipSpaces(s string) (i int) {
	for s[i] == ' ' {
		i++
	}
	return i
}

func TestEventAndArgsOfPacketsMadeByHand(t *testing.T) {
	for _, data := range []string{``, ` `, `{}`, `"a"`, `[]`, `[null]`, `[`} {
		p := Packet{Type: PacketEvent, Data: []byte(data)}
		_, _, err := p.Event()
		assert.ErrorIs(t, err, ErrPayload, data)
	}
	for _, data := range []string{``, ` `, `{}`, `"a"`} {
		p := Packet{Type: PacketAck, Data: []byte(data)}
		_, err := p.Args()
		assert.ErrorIs(t, err, ErrPayload, data)
	}
	p := Packet{Type: PacketEvent, Data: []byte(`["a", {"b":[1]} ,2]`)}
	name, args, err := p.Event()
	require.NoError(t, err)
	assert.Equal(t, "a", name)
	assert.Equal(t, event.Args{&event.Value{JSON: []byte(`{"b":[1]}`)}, &event.Value{JSON: []byte(`2`)}}, args)

	all, err := p.Args()
	require.NoError(t, err)
	assert.Len(t, all, 3)
}

// Rows: B06
func TestValid(t *testing.T) {
	one := [][]byte{{1}}
	for _, c := range []struct {
		name string
		p    Packet
		err  error
	}{
		{"event", Packet{Type: PacketEvent, Namespace: "/", Data: []byte(`["a"]`)}, nil},
		{"connect", Packet{Type: PacketConnect, Namespace: "/x"}, nil},
		{"attachment", Packet{Type: PacketAck, Namespace: "/", Data: []byte(`[` + slot("0") + `]`), Attachments: one}, nil},
		{"wire type", Packet{Type: PacketBinaryEvent, Namespace: "/", Data: []byte(`["a"]`)}, ErrUnknownType},
		{"no namespace", Packet{Type: PacketEvent, Data: []byte(`["a"]`)}, ErrNamespace},
		{"namespace", Packet{Type: PacketEvent, Namespace: "x", Data: []byte(`["a"]`)}, ErrNamespace},
		{"namespace with comma", Packet{Type: PacketEvent, Namespace: "/x,y", Data: []byte(`["a"]`)}, ErrNamespace},
		{"id", Packet{Type: PacketAck, Namespace: "/", ID: 1 << 53, HasID: true, Data: []byte(`[]`)}, ErrID},
		{"no data", Packet{Type: PacketAck, Namespace: "/"}, ErrPayload},
		{"reserved", Packet{Type: PacketEvent, Namespace: "/", Data: []byte(`["connect"]`)}, ErrPayload},
		{"bad JSON", Packet{Type: PacketEvent, Namespace: "/", Data: []byte(`["a"`)}, ErrPayload},
		{"attachment of connect", Packet{Type: PacketConnect, Namespace: "/", Attachments: one}, ErrAttachments},
		{"attachment missing", Packet{Type: PacketAck, Namespace: "/", Data: []byte(`[` + slot("1") + `]`), Attachments: one}, ErrAttachments},
		{"attachments", Packet{Type: PacketAck, Namespace: "/", Data: []byte(`[]`), Attachments: make([][]byte, 11)}, ErrTooManyAttachments},
	} {
		err := c.p.Valid(Limits{})
		if c.err == nil {
			assert.NoError(t, err, c.name)
		} else {
			assert.ErrorIs(t, err, c.err, c.name)
		}
	}
}

func TestPacketTypeNames(t *testing.T) {
	var names []string
	for typ := range PacketBinaryAck + 2 {
		names = append(names, typ.String())
	}
	assert.Equal(t, []string{"CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK", "UNKNOWN"}, names)
}

func TestAttachmentsApart(t *testing.T) {
	d := JSON().NewDecoder(Limits{})
	p, whole, err := d.Add(Frame{Data: []byte(`2["a"]`)})
	require.NoError(t, err)
	require.True(t, whole)
	assert.False(t, p.Apart(), "there are none")
	_, _, err = d.Add(Frame{Data: []byte(`51-["a",{"_placeholder":true,"num":0}]`)})
	require.NoError(t, err)
	p, whole, err = d.Add(Frame{Binary: true, Data: []byte{1}})
	require.NoError(t, err)
	require.True(t, whole)
	assert.True(t, p.Apart())
	made, err := NewEvent("/", "a", []byte{1})
	require.NoError(t, err)
	assert.False(t, made.Apart(), "the sender's")
}
