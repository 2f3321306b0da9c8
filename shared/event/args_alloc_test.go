package event

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type post struct {
	Room string `json:"room"`
	Text string `json:"text"`
}

// What encoding and taking apart may allocate. The numbers are the point: a
// change that raises one has to say why.
func TestArgsAllocations(t *testing.T) {
	dst := make([]byte, 0, 1024)
	atts := make([][]byte, 0, 8)
	blob := []byte("blob")
	// What callers pass is in interfaces already; making those is not counted.
	text, small, withBytes := any("How are you today?"), any(&post{"lobby", "hi"}), any(blob)
	tree := any(map[string]any{"a": "b"})
	value := any(&Value{JSON: []byte(`{"a":` + slot("0") + `}`), Attachments: [][]byte{blob}})
	list := []byte(`{"a":1},"b"`)
	var err error
	for _, c := range []struct {
		name string
		want float64
		do   func()
	}{
		{"string", 0, func() { _, _, err = AppendArgs(dst, atts, text) }},
		{"struct without binary: none, but pools forget under the race detector", 1, func() { _, _, err = AppendArgs(dst, atts, small) }},
		{"bytes: the check for lookalikes", 1, func() { _, _, err = AppendArgs(dst, atts, withBytes) }},
		{"map: its keys", 1, func() { _, _, err = AppendArgs(dst, atts, tree) }},
		{"relayed value with an attachment: the list of placeholders", 1, func() { _, _, err = AppendArgs(dst, atts, value) }},
		{"take apart", 1, func() { ParseArgs(list, atts) }},
	} {
		assert.LessOrEqual(t, testing.AllocsPerRun(200, c.do), c.want, c.name)
		require.NoError(t, err, c.name)
	}
}

func BenchmarkAppendArgs(b *testing.B) {
	dst := make([]byte, 0, 1024)
	for _, c := range []struct {
		name string
		arg  any
	}{
		{"string", "How are you today?"},
		{"struct", post{"lobby", "How are you today?"}},
		{"struct with any", struct{ A any }{post{"lobby", "hi"}}},
		{"struct with bytes", inner{[]byte("blob"), "x"}},
		{"list of structs", make([]post, 100)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := AppendArgs(dst, nil, c.arg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkValueDecode(b *testing.B) {
	plain := Value{JSON: []byte(`{"room":"lobby","text":"How are you today?"}`)}
	binary := Value{JSON: []byte(`{"blob":` + slot("0") + `,"note":"x"}`), Attachments: [][]byte{make([]byte, 64)}}
	b.Run("struct", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v post
			if err := plain.Decode(&v); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("struct with bytes", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v inner
			if err := binary.Decode(&v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
