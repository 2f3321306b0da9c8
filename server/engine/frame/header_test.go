package frame_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server/engine/frame"
)

// Advisories: CVE-2020-27813
func TestHeader(t *testing.T) {
	for _, c := range []struct {
		name   string
		bytes  []byte
		size   int // of the header; 0: not masked
		ok     bool
		length uint64
		plain  bool
		text   bool
	}{
		{"short text", []byte{0x81, 0x85, 1, 2, 3, 4}, 6, true, 5, true, true},
		{"empty binary", []byte{0x82, 0x80, 1, 2, 3, 4}, 6, true, 0, true, false},
		{"16 bits", []byte{0x82, 0xfe, 0, 126, 1, 2, 3, 4}, 8, true, 126, true, false},
		{"16 bits for a short one", []byte{0x82, 0xfe, 0, 125, 1, 2, 3, 4}, 8, false, 125, true, false},
		{"64 bits", []byte{0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4}, 14, true, 65536, true, true},
		{"64 bits for less", []byte{0x81, 0xff, 0, 0, 0, 0, 0, 0, 255, 255, 1, 2, 3, 4}, 14, false, 65535, true, true},
		{"more than 63 bits", []byte{0x81, 0xff, 128, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, 14, false, 1 << 63, true, true},
		{"not masked", []byte{0x81, 0x05}, 0, false, 0, false, false},
		{"first fragment", []byte{0x01, 0x85, 1, 2, 3, 4}, 6, true, 5, false, false},
		{"last fragment", []byte{0x80, 0x85, 1, 2, 3, 4}, 6, true, 5, false, false},
		{"compressed", []byte{0xc1, 0x85, 1, 2, 3, 4}, 6, true, 5, false, false},
		{"ping", []byte{0x89, 0x85, 1, 2, 3, 4}, 6, true, 5, false, false},
		{"ping of 126 bytes", []byte{0x89, 0xfe, 0, 126, 1, 2, 3, 4}, 8, true, 126, false, false},
		{"first fragment of a ping", []byte{0x09, 0x85, 1, 2, 3, 4}, 6, true, 5, false, false},
		{"ping with a reserved bit", []byte{0xc9, 0x85, 1, 2, 3, 4}, 6, true, 5, false, false},
		{"pong of 125 bytes", []byte{0x8a, 0xfd, 1, 2, 3, 4}, 6, true, 125, false, false},
		{"close", []byte{0x88, 0x85, 1, 2, 3, 4}, 6, true, 5, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.size, frame.HeaderSize(c.bytes[1]))
			if c.size == 0 {
				return
			}
			h, ok := frame.ParseHeader(c.bytes)
			assert.Equal(t, c.ok, ok)
			assert.Equal(t, c.length, h.Length)
			assert.Equal(t, c.size, h.Size)
			assert.Equal(t, [4]byte{1, 2, 3, 4}, h.Key)
			assert.Equal(t, c.plain, h.Plain())
			if c.plain {
				assert.Equal(t, c.text, h.Text())
			}
			assert.Equal(t, c.name == "ping", h.Ping())
			assert.Equal(t, c.name == "pong of 125 bytes", h.Pong())
			assert.Equal(t, c.bytes[0]&8 != 0, h.Control())
			assert.Equal(t, !strings.HasPrefix(c.name, "first fragment"), h.Last())
		})
	}
}

func TestUnmask(t *testing.T) {
	key := [4]byte{0xa5, 0x01, 0xff, 0x40}
	for _, n := range []int{0, 1, 3, 4, 63, 64, 65, 511, 512, 513, 4096, 65537} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			clear := bytes.Repeat([]byte("parley "), n/7+1)[:n]
			got := bytes.Clone(clear)
			for i := range got {
				got[i] ^= key[i%4]
			}
			frame.Unmask(key, got)
			assert.Equal(t, clear, got)
		})
	}
}

func BenchmarkUnmask(b *testing.B) {
	for _, n := range []int{100, 65536} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := make([]byte, n)
			b.SetBytes(int64(n))
			for b.Loop() {
				frame.Unmask([4]byte{1, 2, 3, 4}, p)
			}
		})
	}
}
