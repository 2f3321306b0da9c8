package socketio

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/event"
)

// What the hot paths of a server may allocate. The numbers are the point: a
// change that raises one has to say why.
func TestAllocations(t *testing.T) {
	parser := JSON()
	d := parser.NewDecoder(Limits{})
	wire := []byte(`2/chat,12["message:send",{"room":"lobby","text":"How are you today?"}]`)
	ack := []byte(`3/chat,12[{"data":{"seq":7}}]`)
	frames := make([]Frame, 0, 4)
	var err error
	add := func(data []byte) (p Packet) {
		p, _, e := d.Add(Frame{Data: data})
		if e != nil {
			err = e
		}
		return p
	}
	event1, ack1 := add(wire), add(ack)
	_, args, _ := event1.Event()

	for _, c := range []struct {
		name string
		want float64
		do   func()
	}{
		{"decode an event", 0, func() { add(wire) }},
		{"decode an ack", 0, func() { add(ack) }},
		{"name and one argument", 1, func() { _, _, err = event1.Event() }},
		{"argument of an ack", 1, func() { _, err = ack1.Args() }},
		{"event of relayed arguments", 1, func() { _, err = NewEvent("/chat", "message:send", args...) }},
		{"event of a string", 1, func() { _, err = NewEvent("/chat", "message:send", "How are you today?") }},
		{"ack of relayed arguments", 1, func() { _, err = NewAck("/chat", 12, args...) }},
		{"encode", 2, func() { _, err = parser.Encode(frames[:0:0], &event1) }},
		{"encode into the buffer of before", 0, func() { frames, err = parser.Encode(frames[:0], &event1) }},
		{"echo: decode, take apart, relay, encode", 2, func() {
			p := add(wire)
			name, args, _ := p.Event()
			q, _ := NewEvent(p.Namespace, name, args...)
			frames, err = parser.Encode(frames[:0], &q)
		}},
	} {
		assert.Equal(t, c.want, testing.AllocsPerRun(200, c.do), c.name)
		require.NoError(t, err, c.name)
	}
}

type line struct {
	Room string `json:"room"`
	Text string `json:"text"`
}

func BenchmarkDecodeEvent(b *testing.B) {
	wire := []byte(`2/chat,12["message:send",{"room":"lobby","text":"How are you today?"}]`)
	d := JSON().NewDecoder(Limits{})
	b.ReportAllocs()
	b.SetBytes(int64(len(wire)))
	for b.Loop() {
		p, _, err := d.Add(Frame{Data: wire})
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := p.Event(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeEventIntoStruct(b *testing.B) {
	wire := []byte(`2/chat,12["message:send",{"room":"lobby","text":"How are you today?"}]`)
	d := JSON().NewDecoder(Limits{})
	b.ReportAllocs()
	b.SetBytes(int64(len(wire)))
	for b.Loop() {
		p, _, err := d.Add(Frame{Data: wire})
		if err != nil {
			b.Fatal(err)
		}
		_, args, _ := p.Event()
		var v line
		if err := args.Value(0).Decode(&v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeBinaryEvent(b *testing.B) {
	wire := []byte(`51-["blob",{"name":"x","data":{"_placeholder":true,"num":0}}]`)
	blob := make([]byte, 64)
	d := JSON().NewDecoder(Limits{})
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := d.Add(Frame{Data: wire}); err != nil {
			b.Fatal(err)
		}
		p, _, err := d.Add(Frame{Binary: true, Data: blob})
		if err != nil {
			b.Fatal(err)
		}
		_, args, _ := p.Event()
		var v struct {
			Name string
			Data []byte
		}
		if err := args.Value(0).Decode(&v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeEvent(b *testing.B) {
	for _, c := range []struct {
		name string
		arg  any
	}{
		{"string", "How are you today?"},
		{"struct", line{"lobby", "How are you today?"}},
		{"map", map[string]any{"room": "lobby", "text": "How are you today?"}},
		{"bytes", make([]byte, 64)},
		{"value", event.Value{JSON: []byte(`{"room":"lobby","text":"How are you today?"}`)}},
	} {
		b.Run(c.name, func(b *testing.B) {
			parser := JSON()
			var frames []Frame
			b.ReportAllocs()
			for b.Loop() {
				p, err := NewEvent("/chat", "message:send", c.arg)
				if err != nil {
					b.Fatal(err)
				}
				if frames, err = parser.Encode(frames[:0], &p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEcho is what a server's codec work for one echoed event is.
func BenchmarkEcho(b *testing.B) {
	wire := []byte(`2/chat,["message:send",{"room":"lobby","text":"How are you today?"}]`)
	parser := JSON()
	d := parser.NewDecoder(Limits{})
	var frames []Frame
	b.ReportAllocs()
	for b.Loop() {
		p, _, err := d.Add(Frame{Data: wire})
		if err != nil {
			b.Fatal(err)
		}
		name, args, _ := p.Event()
		q, err := NewEvent(p.Namespace, name, args...)
		if err != nil {
			b.Fatal(err)
		}
		if frames, err = parser.Encode(frames[:0], &q); err != nil {
			b.Fatal(err)
		}
	}
}
