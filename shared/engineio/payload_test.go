package engineio

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Rows: E05
func TestPayload(t *testing.T) {
	for _, c := range []struct {
		wire string
		ps   []Packet
	}{
		{"4hello", []Packet{{Type: PacketMessage, Data: []byte("hello")}}},
		{"4a\x1e2\x1e4€\x1ebAQIDBA==", []Packet{
			{Type: PacketMessage, Data: []byte("a")},
			{Type: PacketPing},
			{Type: PacketMessage, Data: []byte("€")},
			{Type: PacketMessage, Binary: true, Data: []byte{1, 2, 3, 4}},
		}},
	} {
		assert.Equal(t, c.wire, string(AppendPayload(nil, c.ps...)))
		var got []Packet
		for p, err := range Payload([]byte(c.wire), len(c.ps)) {
			require.NoError(t, err)
			got = append(got, p)
		}
		assert.Equal(t, c.ps, got)
	}
}

func TestPayloadStopsAtTheFirstError(t *testing.T) {
	for _, c := range []struct {
		wire  string
		max   int
		good  int
		fault error
	}{
		{"", 0, 0, ErrEmptyPacket},
		{"abc", 0, 0, ErrUnknownType},
		{"4a\x1e", 0, 1, ErrEmptyPacket},
		{"4a\x1e\x1e4b", 0, 1, ErrEmptyPacket},
		{"4a\x1e9\x1e4b", 0, 1, ErrUnknownType},
		{"4a\x1eb!\x1e4b", 0, 1, ErrBase64},
		{"4a\x1e4b\x1e4c", 2, 2, ErrTooManyPackets},
		{strings.Repeat("\x1e", 1_000_000), 0, 0, ErrEmptyPacket},
	} {
		good, faults := 0, 0
		for _, err := range Payload([]byte(c.wire), c.max) {
			if err != nil {
				assert.ErrorIs(t, err, c.fault)
				faults++
			} else {
				good++
			}
		}
		assert.Equal(t, c.good, good, "%.20q", c.wire)
		assert.Equal(t, 1, faults, "%.20q", c.wire)
	}
}

func TestPayloadStopsWhenAsked(t *testing.T) {
	n := 0
	for range Payload([]byte("4a\x1e4b\x1e9"), 0) {
		n++
		break
	}
	assert.Equal(t, 1, n)
}

// FuzzPayload: packets that come out go back in as the same payload, and the
// bound on their number holds.
func FuzzPayload(f *testing.F) {
	for _, s := range []string{"", "4a\x1e2\x1ebAQ==", "4a\x1e", "\x1e", "4a\x1e4b\x1e4c\x1e4d\x1e4e"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		const most = 4
		var ps []Packet
		var fault error
		canonical := true
		for p, err := range Payload(body, most) {
			require.NoError(t, fault, "nothing follows an error")
			if fault = err; err == nil {
				ps = append(ps, p)
				canonical = canonical && !p.Binary
			}
		}
		require.LessOrEqual(t, len(ps), most)
		if fault != nil {
			return
		}
		wire := AppendPayload(nil, ps...)
		if canonical {
			require.Equal(t, body, wire)
		}
		i := 0
		for p, err := range Payload(wire, most) {
			require.NoError(t, err)
			require.True(t, bytes.Equal(ps[i].Data, p.Data))
			i++
		}
		require.Equal(t, len(ps), i)
	})
}

func BenchmarkPayload(b *testing.B) {
	body := AppendPayload(nil, Packet{Type: PacketMessage, Data: []byte(`2["message:send",{"text":"hello"}]`)},
		Packet{Type: PacketPong}, Packet{Type: PacketMessage, Binary: true, Data: make([]byte, 64)})
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range Payload(body, 16) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
