package frame_test

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server/engine/frame"
)

func at(b []byte) *byte { return unsafe.SliceData(b) }

func TestBuffersGiveTheLastOneThatFits(t *testing.T) {
	var p frame.Buffers
	small, large := make([]byte, 16<<10), make([]byte, 100_000)
	p.Put(large)
	p.Put(small)
	p.Put(make([]byte, 16<<10-1)) // too short to be kept
	assert.Nil(t, p.Get(20), "not worth it")
	assert.Nil(t, p.Get(100_001))
	assert.Nil(t, p.Get(49_999), "more than half would be wasted")
	got := p.Get(50_000)
	assert.Same(t, at(large), at(got))
	assert.Len(t, got, 50_000)
	assert.Nil(t, p.Get(50_000))
	assert.Same(t, at(small), at(p.Get(16<<10)))
	p.Put(got)
	p.Put(got)
	assert.Same(t, at(large), at(p.Get(100_000)), "a buffer keeps its capacity")
	assert.Nil(t, p.Get(100_000), "and is not there twice")
}

func TestBuffersAreBounded(t *testing.T) {
	var p frame.Buffers
	for range 100 {
		p.Put(make([]byte, 16<<10))
	}
	n := 0
	for p.Get(16<<10) != nil {
		n++
	}
	assert.Equal(t, 16, n)
	for range 100 {
		p.Put(make([]byte, 1<<20))
	}
	p.Put(make([]byte, 5<<20))
	for n = 0; p.Get(1<<20) != nil; n++ {
	}
	assert.Equal(t, 4, n)
}

func TestRecycle(t *testing.T) {
	whole := func(b []byte) []*frame.Message { return []*frame.Message{frame.New(false, nil), frame.New(true, b)} }
	for _, c := range []struct {
		name    string
		in      func(b []byte) []*frame.Message
		at      bool // free at once
		written bool // free when the messages are written
	}{
		{"in no message", func([]byte) []*frame.Message { return whole(make([]byte, 20_000)) }, true, false},
		{"in one", whole, false, true},
		{"copied", func(b []byte) []*frame.Message { return whole(b[:frame.CopyLimit]) }, true, false},
		{"in two", func(b []byte) []*frame.Message { return append(whole(b), whole(b)...) }, false, false},
		{"a part in one", func(b []byte) []*frame.Message { return whole(b[1:]) }, false, false},
		{"the begin in one", func(b []byte) []*frame.Message { return whole(b[:len(b)-1]) }, false, false},
		{"what is behind it in one", func(b []byte) []*frame.Message { return whole(b[len(b) : len(b)+10_000]) }, false, false},
		{"an empty message", func([]byte) []*frame.Message { return whole(nil) }, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var p frame.Buffers
			b := make([]byte, 20_000, 40_000)
			free := func() bool { return p.Get(40_000) != nil }
			ms := c.in(b)
			p.Recycle(b, ms...)
			require.Equal(t, c.at, free())
			for _, m := range ms {
				m.Written()
			}
			require.Equal(t, c.written, free())
		})
	}
}
