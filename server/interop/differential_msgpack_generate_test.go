package interop_test

import (
	"bytes"
	wire "encoding/binary"
	"math"
	"strings"

	"github.com/tinylib/msgp/msgp"
)

// msgpackGenerator writes packets as MessagePack in all its forms.
type msgpackGenerator struct{ generator }

// frame is a packet; in one of three samples something is wrong with it. Those
// have no array or extension with a length of 32 bits, for a great one there
// keeps the official decoder busy for minutes.
func (g msgpackGenerator) frame() []byte {
	if !g.chance(3) {
		return g.packet()
	}
	for {
		frame := g.spoilBytes(g.packet())
		if bytes.IndexByte(frame, 0xc9) < 0 && bytes.IndexByte(frame, 0xdd) < 0 {
			return frame
		}
	}
}

func (g msgpackGenerator) packet() []byte {
	typ := pick(g.generator, 0, 1, 2, 2, 2, 2, 3, 3, 4)
	var members [][]byte
	member := func(key string, value []byte) { members = append(members, append(g.str(key), value...)) }
	member("type", g.integer(int64(typ)))
	member("nsp", g.str(pick(g.generator, "/", "/chat", "/ünï", "/a?b=1")))
	if g.chance(50) {
		members = members[:1]
		member("nsp", g.str(pick(g.generator, "x", "/a,b", "")))
	}
	switch typ {
	case 0:
		member("data", pick(g.generator, []byte{0xd4, 0, 0}, g.object(2), g.object(2)))
	case 1:
		if g.chance(3) {
			member("data", []byte{0xd4, 0, 0})
		}
	case 2:
		name := g.str(pick(g.generator, "message", "a", "", "ü😀", "error", "__proto__"))
		if g.chance(20) {
			name = pick(g.generator, g.str("connect"), g.integer(5), []byte{0xc0}, g.float(1.5), g.object(0))
		}
		member("data", g.array(3, name))
	case 3:
		member("data", g.array(3))
	case 4:
		member("data", pick(g.generator, g.str("no"), g.object(2)))
	}
	if typ == 3 || g.chance(3) {
		member("id", pick(g.generator, g.integer(0), g.integer(7), g.integer(1<<53-1), g.float(12), []byte{0xd4, 0, 0}))
	} else if g.chance(50) {
		member("id", pick(g.generator, g.integer(-1), g.integer(1<<53), g.float(1.5), g.str("1")))
	}
	if g.chance(3) {
		member("options", g.object(1))
	}
	g.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	frame := g.mapHeader(len(members))
	for _, m := range members {
		frame = append(frame, m...)
	}
	return frame
}

func (g msgpackGenerator) value(depth int) []byte {
	if depth > 0 && g.chance(3) {
		if g.chance(2) {
			return g.array(depth - 1)
		}
		return g.object(depth - 1)
	}
	switch g.IntN(12) {
	case 0:
		return []byte{pick[byte](g.generator, 0xc0, 0xc2, 0xc3)}
	case 1, 2:
		return g.integer(pick(g.generator, 0, 1, -1, 127, 128, -32, -33, 1<<16, 1<<31, -1<<31, 1<<32, 1<<53-1, -1<<53+1, math.MaxInt64, math.MinInt64, int64(g.Uint64())))
	case 3:
		return wire.BigEndian.AppendUint64([]byte{0xcf}, g.Uint64())
	case 4:
		return g.float(pick(g.generator, 0, 1.5, -0.1, 1e100, 5e-324, math.NaN(), math.Inf(1), math.Copysign(0, -1), 1e21, 123456.789))
	case 5:
		return wire.BigEndian.AppendUint32([]byte{0xca}, math.Float32bits(pick[float32](g.generator, 0.5, 0.1, -3e38, 16777216)))
	case 6, 7:
		return g.str(pick(g.generator, "", "text", "ü€😀", "\x00\n\"\\", "\xff\xe2\x82", strings.Repeat("x", 40), "\u2028"))
	case 8:
		return g.bin(g.bytes(g.IntN(20)))
	}
	return g.extension()
}

func (g msgpackGenerator) extension() []byte {
	typ := byte(pick(g.generator, 0, 0, 0, 5, -2, -1))
	switch g.IntN(4) {
	case 0: // fixed sizes
		n := g.IntN(5)
		return append([]byte{byte(0xd4 + n), typ}, g.bytes(1<<n)...)
	case 1: // Date
		ms := pick(g.generator, 0, -1, 1700000000123, 8_640_000_000_000_000, 8_640_000_000_000_001, -8_640_000_000_000_000, -62198755200000, int64(g.Uint64()))
		return wire.BigEndian.AppendUint64([]byte{0xd7, 0}, uint64(ms))
	}
	n := g.IntN(20)
	switch pick(g.generator, 1, 1, 2, 4) {
	case 1:
		return append([]byte{0xc7, byte(n), typ}, g.bytes(n)...)
	case 4:
		return append([]byte{0xc9, 0, 0, 0, byte(n), typ}, g.bytes(n)...)
	}
	return append([]byte{0xc8, 0, byte(n), typ}, g.bytes(n)...)
}

func (g msgpackGenerator) array(depth int, first ...[]byte) []byte {
	items := first
	for range g.IntN(4) {
		items = append(items, g.value(depth))
	}
	if g.chance(20) {
		for len(items) < 16 {
			items = append(items, []byte{0xc0})
		}
	}
	head := msgp.AppendArrayHeader(nil, uint32(len(items)))
	if g.chance(10) {
		head = pick(g.generator, []byte{0xdc, 0, byte(len(items))}, []byte{0xdd, 0, 0, 0, byte(len(items))})
	}
	for _, item := range items {
		head = append(head, item...)
	}
	return head
}

func (g msgpackGenerator) object(depth int) []byte {
	keys := []string{"a", "b", "", "ü", "toString", "num", "_placeholder"}
	g.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	n := g.IntN(4)
	object := g.mapHeader(n)
	for i := range n {
		key := g.str(keys[i])
		if g.chance(20) {
			key = pick(g.generator, g.integer(3), g.integer(-3), g.str("__proto__"), []byte{0xc0}, g.float(2.5), g.bin([]byte("k")))
		}
		object = append(append(object, key...), g.value(depth)...)
	}
	return object
}

func (g msgpackGenerator) mapHeader(n int) []byte {
	if g.chance(10) {
		return pick(g.generator, []byte{0xde, 0, byte(n)}, []byte{0xdf, 0, 0, 0, byte(n)})
	}
	return msgp.AppendMapHeader(nil, uint32(n))
}

func (g msgpackGenerator) integer(n int64) []byte {
	switch {
	case g.chance(5):
		return wire.BigEndian.AppendUint64([]byte{0xd3}, uint64(n))
	case n >= 0:
		return msgp.AppendUint64(nil, uint64(n))
	}
	return msgp.AppendInt64(nil, n)
}

func (g msgpackGenerator) float(f float64) []byte { return msgp.AppendFloat64(nil, f) }

func (g msgpackGenerator) str(s string) []byte {
	if g.chance(10) {
		head := pick(g.generator, []byte{0xd9, byte(len(s))}, []byte{0xda, 0, byte(len(s))}, []byte{0xdb, 0, 0, 0, byte(len(s))})
		return append(head, s...)
	}
	return msgp.AppendString(nil, s)
}

func (g msgpackGenerator) bin(data []byte) []byte {
	if g.chance(10) {
		head := pick(g.generator, []byte{0xc5, 0, byte(len(data))}, []byte{0xc6, 0, 0, 0, byte(len(data))})
		return append(head, data...)
	}
	return msgp.AppendBytes(nil, data)
}

func (g msgpackGenerator) bytes(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(g.Uint32())
	}
	return data
}

// spoilBytes changes a few bytes.
func (g msgpackGenerator) spoilBytes(frame []byte) []byte {
	for range 1 + g.IntN(3) {
		c := byte(g.Uint32())
		i := g.IntN(len(frame) + 1)
		switch g.IntN(4) {
		case 0:
			frame = append(frame[:i:i], append([]byte{c}, frame[i:]...)...)
		case 1:
			if i < len(frame) {
				frame[i] = c
			}
		case 2:
			if i < len(frame) {
				frame = append(frame[:i:i], frame[i+1:]...)
			}
		default:
			frame = frame[:i]
		}
	}
	return frame
}
