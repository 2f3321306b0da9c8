package socketio

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// frameMark separates the frames in a fuzz input; the byte behind it says
// whether the frame is binary.
const frameMark = 0x1e

func fuzzFrames(data []byte) (fs []Frame) {
	for part := range bytes.SplitSeq(data, []byte{frameMark}) {
		if len(part) > 0 && part[0] == 'B' {
			fs = append(fs, Frame{Binary: true, Data: part[1:]})
		} else {
			fs = append(fs, Frame{Data: part})
		}
	}
	return fs
}

// FuzzDecoder gives sequences of frames to one decoder. Each packet that comes
// out is valid and within the limits, and survives being encoded and decoded
// again, and its arguments being relayed.
func FuzzDecoder(f *testing.F) {
	for _, s := range []string{
		`0{"token":"x"}`, `0/admin,`, `1`, `4{"message":"no"}`,
		`2/chat,12["hello",{"a":[1,2.5e3,null]},"\ud83d\ude00"]`, `31["ok"]`, `2[1]`, `2["connect"]`, `2["a",NaN]`,
		"52-/x,3[\"b\"," + slot("1") + "," + slot("0") + "]\x1eBone\x1eBtwo\x1e2[\"next\"]",
		"61-1[" + slot("0") + "]\x1eB", "51-[\"a\"]\x1e2[\"text\"]", "Bx", "511-[\"a\"]", "51e1-[]",
		"51-[\"a\"," + slot(`"splice"`) + "]", `29007199254740992["a"]`, "2[\"\xff\"]",
	} {
		f.Add([]byte(s))
	}
	limits := Limits{MaxAttachments: 3, MaxDepth: 8, MaxBytes: 200}
	parser := JSON()
	f.Fuzz(func(t *testing.T, data []byte) {
		d := parser.NewDecoder(limits)
		total := 0
		for _, frame := range fuzzFrames(data) {
			size := len(frame.Data)
			p, complete, err := d.Add(frame)
			if err != nil {
				require.False(t, complete)
				require.Zero(t, p)
				return
			}
			total += size
			require.LessOrEqual(t, total, limits.MaxBytes)
			require.Equal(t, !complete, d.Pending())
			if !complete {
				require.Zero(t, p)
				continue
			}
			total = 0
			require.NoError(t, p.Valid(limits))
			require.LessOrEqual(t, len(p.Attachments), limits.MaxAttachments)
			checkIdentity(t, parser, &p, limits)
			checkRelay(t, &p)
		}
	})
}

// checkIdentity encodes p and decodes what came out.
func checkIdentity(t *testing.T, parser Parser, p *Packet, limits Limits) {
	frames, err := parser.Encode(nil, p)
	require.NoError(t, err)
	limits.MaxBytes = -1
	d := parser.NewDecoder(limits)
	for i, frame := range frames {
		q, complete, err := d.Add(frame)
		require.NoError(t, err)
		require.Equal(t, i == len(frames)-1, complete)
		if complete {
			require.Equal(t, *p, q)
		}
	}
}

// checkRelay makes a packet of the arguments of p and compares what they decode
// to.
func checkRelay(t *testing.T, p *Packet) {
	if p.Type != PacketEvent {
		return
	}
	name, args, err := p.Event()
	require.NoError(t, err)
	q, err := NewEvent(p.Namespace, name, args...)
	require.NoError(t, err)
	require.LessOrEqual(t, len(q.Attachments), len(p.Attachments))
	relayed, again, err := q.Event()
	require.NoError(t, err)
	require.Equal(t, name, relayed)
	require.Len(t, again, len(args))
	for i := range args {
		var before, after any
		require.NoError(t, args.Value(i).Decode(&before))
		require.NoError(t, again.Value(i).Decode(&after))
		require.Equal(t, before, after)
	}
}

// FuzzValid gives packets that no decoder made to the accessors a custom parser
// relies on.
func FuzzValid(f *testing.F) {
	f.Add(byte(2), "/", uint64(1), []byte(`["a",`+slot("0")+`]`), []byte("x"))
	f.Add(byte(3), "/x", uint64(1<<60), []byte(`[]`), []byte(nil))
	f.Add(byte(0), "y", uint64(0), []byte(`{}`), []byte(nil))
	f.Fuzz(func(t *testing.T, typ byte, ns string, id uint64, data, att []byte) {
		p := Packet{Type: PacketType(typ), Namespace: ns, ID: id, HasID: id > 0, Data: data}
		if len(att) > 0 {
			p.Attachments = [][]byte{att}
		}
		_, _, eventErr := p.Event()
		_, argsErr := p.Args()
		if p.Valid(Limits{}) != nil {
			return
		}
		switch p.Type {
		case PacketEvent:
			require.NoError(t, eventErr)
		case PacketAck:
			require.NoError(t, argsErr)
		}
		_, err := JSON().Encode(nil, &p)
		require.NoError(t, err)
	})
}
