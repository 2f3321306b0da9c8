package msgpack

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/socketio"
)

const message = "84" + event + "92ac6d6573736167653a73656e64 82a4726f6f6da56c6f626279a474657874b2486f772061726520796f7520746f6461793f" + id + "0c" + nsp + "a52f63686174"

func TestAllocations(t *testing.T) {
	frame := socketio.Frame{Binary: true, Data: wire(t, message)}
	d := New().NewDecoder(socketio.Limits{})
	p, _, err := d.Add(frame)
	require.NoError(t, err)
	frames := make([]socketio.Frame, 0, 1)
	for _, c := range []struct {
		name string
		want float64
		do   func()
	}{
		{"decode: the text and the namespace", 2, func() { _, _, err = d.Add(frame) }},
		{"encode: the frame", 1, func() { frames, err = New().Encode(frames[:0], &p) }},
	} {
		assert.Equal(t, c.want, testing.AllocsPerRun(200, c.do), c.name)
		require.NoError(t, err)
	}
}

func BenchmarkDecode(b *testing.B) {
	frame := socketio.Frame{Binary: true, Data: wire(b, message)}
	d := New().NewDecoder(socketio.Limits{})
	b.ReportAllocs()
	b.SetBytes(int64(len(frame.Data)))
	for b.Loop() {
		if _, _, err := d.Add(frame); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	p, _, err := New().NewDecoder(socketio.Limits{}).Add(socketio.Frame{Binary: true, Data: wire(b, message)})
	if err != nil {
		b.Fatal(err)
	}
	var frames []socketio.Frame
	b.ReportAllocs()
	for b.Loop() {
		if frames, err = New().Encode(frames[:0], &p); err != nil {
			b.Fatal(err)
		}
	}
}
