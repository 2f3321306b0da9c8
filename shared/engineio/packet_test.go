package engineio

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Rows: E05 E08
func TestPacketText(t *testing.T) {
	for _, c := range []struct {
		wire string
		p    Packet
	}{
		{`0{"sid":"x"}`, Packet{Type: PacketOpen, Data: []byte(`{"sid":"x"}`)}},
		{"1", Packet{Type: PacketClose}},
		{"2", Packet{Type: PacketPing}},
		{"2probe", Packet{Type: PacketPing, Data: []byte("probe")}},
		{"3", Packet{Type: PacketPong}},
		{"3probe", Packet{Type: PacketPong, Data: []byte("probe")}},
		{"4", Packet{Type: PacketMessage}},
		{"4hello", Packet{Type: PacketMessage, Data: []byte("hello")}},
		{"4€ 4\x1e", Packet{Type: PacketMessage, Data: []byte("€ 4\x1e")}},
		{"5", Packet{Type: PacketUpgrade}},
		{"6", Packet{Type: PacketNoop}},
		{"bAQIDBA==", Packet{Type: PacketMessage, Binary: true, Data: []byte{1, 2, 3, 4}}},
		{"b+/8=", Packet{Type: PacketMessage, Binary: true, Data: []byte{0xfb, 0xff}}},
		{"b", Packet{Type: PacketMessage, Binary: true, Data: []byte{}}},
	} {
		got, err := ParseText([]byte(c.wire))
		require.NoError(t, err, c.wire)
		assert.Equal(t, c.p, got, c.wire)
		assert.Equal(t, c.wire, string(c.p.AppendText(nil)))
		assert.Equal(t, "x"+c.wire, string(c.p.AppendText([]byte("x"))), "it appends")
	}
}

func TestParseTextRefuses(t *testing.T) {
	for _, c := range []struct {
		wire string
		err  error
	}{
		{"", ErrEmptyPacket},
		{"7", ErrUnknownType},
		{"9", ErrUnknownType},
		{"a", ErrUnknownType},
		{" 4", ErrUnknownType},
		{"\x00", ErrUnknownType},
		{"\xff", ErrUnknownType},
		{"B", ErrUnknownType},
		{"b!", ErrBase64},
		{"bA", ErrBase64},
		{"bAQ-/", ErrBase64},
		{"bAQ==BA==", ErrBase64},
	} {
		_, err := ParseText([]byte(c.wire))
		assert.ErrorIs(t, err, c.err, c.wire)
	}
}

func TestParseTextReadsBase64OfOtherAlphabets(t *testing.T) {
	for _, wire := range []string{"b+/8=", "b+/8", "b-_8=", "b-_8"} {
		p, err := ParseText([]byte(wire))
		require.NoError(t, err, wire)
		assert.Equal(t, []byte{0xfb, 0xff}, p.Data, wire)
	}
}

// Rows: E08
func TestBinaryFrameIsAMessage(t *testing.T) {
	data := []byte{'4', 0, 0xff}
	assert.Equal(t, Packet{Type: PacketMessage, Binary: true, Data: data}, ParseBinary(data))
}

func TestPacketTypeNames(t *testing.T) {
	var names []string
	for typ := range PacketNoop + 2 {
		names = append(names, typ.String())
	}
	assert.Equal(t, []string{"open", "close", "ping", "pong", "message", "upgrade", "noop", "unknown"}, names)
}

func TestPacketCodecAllocations(t *testing.T) {
	text := []byte("4hello")
	dst := make([]byte, 0, 64)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		p, err := ParseText(text)
		if err != nil {
			t.Fail()
		}
		dst = p.AppendText(dst[:0])
	}))
	base64 := []byte("bAQIDBA==")
	assert.Equal(t, 1.0, testing.AllocsPerRun(100, func() {
		p, err := ParseText(base64)
		if err != nil {
			t.Fail()
		}
		dst = p.AppendText(dst[:0])
	}))
}

// FuzzParseText: whatever is accepted is written back the same, base64 apart,
// which is written in its one canonical form.
func FuzzParseText(f *testing.F) {
	for _, s := range []string{"", "4hello", "2probe", "bAQIDBA==", "b-_8", "bA", "7", "4\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		p, err := ParseText(wire)
		if err != nil {
			require.Zero(t, p)
			return
		}
		again := p.AppendText(nil)
		if !p.Binary {
			require.Equal(t, wire, again)
			return
		}
		q, err := ParseText(again)
		require.NoError(t, err)
		require.True(t, bytes.Equal(p.Data, q.Data))
		require.LessOrEqual(t, len(p.Data), len(wire))
	})
}
