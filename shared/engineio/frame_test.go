package engineio

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Rows: E11
func TestFrame(t *testing.T) {
	long := strings.Repeat("x", 65535)
	for _, c := range []struct {
		head string
		p    Packet
	}{
		{"\x01", Packet{Type: PacketPing}},
		{"\x06", Packet{Type: PacketMessage, Data: []byte("hello")}},
		{"\x83", Packet{Type: PacketMessage, Binary: true, Data: []byte{1, 2, 3}}},
		{"\x7d", Packet{Type: PacketMessage, Data: []byte(long[:124])}},
		{"\x7e\x00\x7e", Packet{Type: PacketMessage, Data: []byte(long[:125])}},
		{"\xfe\x00\x7e", Packet{Type: PacketMessage, Binary: true, Data: []byte(long[:126])}},
		{"\xfe\xff\xff", Packet{Type: PacketMessage, Binary: true, Data: []byte(long)}},
		{"\x7f\x00\x00\x00\x00\x00\x01\x00\x00", Packet{Type: PacketMessage, Data: []byte(long)}},
		{"\xff\x00\x00\x00\x00\x00\x01\x00\x00", Packet{Type: PacketMessage, Binary: true, Data: []byte(long + "x")}},
	} {
		wire := AppendFrame(nil, c.p)
		h, err := ParseFrameHeader(wire, 0)
		require.NoError(t, err)
		assert.Equal(t, c.head, string(wire[:h.Size]))
		assert.Equal(t, FrameHeader{Binary: c.p.Binary, Length: len(wire) - h.Size, Size: len(c.head)}, h)
		for n := range h.Size {
			h, err := ParseFrameHeader(wire[:n], 0)
			require.NoError(t, err)
			assert.Zero(t, h, "%d bytes of the header are not enough", n)
		}
		if body := wire[h.Size:]; h.Binary {
			assert.Equal(t, c.p, ParseBinary(body))
		} else {
			p, err := ParseText(body)
			require.NoError(t, err)
			assert.Equal(t, c.p, p)
		}
	}
}

// Rows: E11
func TestParseFrameHeaderBoundsTheLength(t *testing.T) {
	for _, c := range []struct {
		wire string
		max  int
		ok   bool
	}{
		{"\x00", 0, false},
		{"\x80", 0, false},
		{"\x7e\x00\x00", 0, false},
		{"\x7f\x00\x00\x00\x00\x00\x00\x00\x00", 0, false},
		{"\x0a", 10, true},
		{"\x0b", 10, false},
		{"\x7e\x00\x05", 10, true}, // longer than need be, but the reference reads it
		{"\x7e\xff\xff", 10, false},
		{"\x7f\x00\x1f\xff\xff\xff\xff\xff\xff", 10, false},
		{"\x7f\x00\x20\x00\x00\x00\x00\x00\x00", 0, false},
		{"\x7f\x40\x00\x00\x00\x00\x00\x00\x00", 0, false},
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff", 0, false},
	} {
		h, err := ParseFrameHeader([]byte(c.wire), c.max)
		if c.ok {
			assert.NoError(t, err, "%q", c.wire)
			continue
		}
		assert.ErrorIs(t, err, ErrFrameLength, "%q", c.wire)
		assert.Zero(t, h)
	}
}

// FuzzParseFrameHeader: a header is complete, in bounds, and means what the
// encoder would write, or asks for more bytes, or is refused.
func FuzzParseFrameHeader(f *testing.F) {
	for _, s := range []string{"", "\x05", "\x80", "\x7e\x00\x7e", "\xfe\x01", "\x7f\x00\x00\x00\x00\x00\x01\x00\x00", "\xff\xff\xff\xff\xff\xff\xff\xff\xff"} {
		f.Add([]byte(s), 1000)
	}
	f.Fuzz(func(t *testing.T, b []byte, maxPayload int) {
		h, err := ParseFrameHeader(b, maxPayload)
		if err != nil || h.Size == 0 {
			require.Zero(t, h)
			return
		}
		require.LessOrEqual(t, h.Size, len(b))
		require.Positive(t, h.Length)
		if maxPayload > 0 {
			require.LessOrEqual(t, h.Length, maxPayload)
		}
		canonical := AppendFrameHeader(nil, h.Binary, h.Length)
		if len(canonical) == h.Size {
			require.True(t, bytes.HasPrefix(b, canonical))
		}
		again, err := ParseFrameHeader(canonical, maxPayload)
		require.NoError(t, err)
		require.Equal(t, FrameHeader{h.Binary, h.Length, len(canonical)}, again)
	})
}
