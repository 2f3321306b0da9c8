package msgpack

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/shared/socketio"
)

// FuzzDecoder: what is accepted is valid, within the limits, and comes out the
// same after being encoded and decoded once more.
func FuzzDecoder(f *testing.F) {
	for _, digits := range []string{
		"82" + typ + "00" + root,
		"84" + event + "93a162c403010203 81a178c400" + root + id + "0c",
		"83" + event + "99a161 d40000 d7000000018bcfe5687b c702000102 d40509 cb7ff8000000000000 cfffffffffffffffff a2ff22 820102ff03" + root,
		"83" + event + "92a161 81ac5f706c616365686f6c646572c3" + root,
		"83" + event + "ddffffffff", "81a178ddffffffff", "c1",
	} {
		f.Add(wire(f, digits))
	}
	limits := socketio.Limits{MaxAttachments: 3, MaxDepth: 8, MaxBytes: 300}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, complete, err := New().NewDecoder(limits).Add(socketio.Frame{Binary: true, Data: data})
		require.Equal(t, err == nil, complete)
		if err != nil {
			require.Zero(t, p)
			return
		}
		require.LessOrEqual(t, len(data), limits.MaxBytes)
		require.NoError(t, p.Valid(limits))
		checkIdentity(t, p)
	})
}

// FuzzEncoder gives it packets that came over the other parser.
func FuzzEncoder(f *testing.F) {
	f.Add([]byte(`2/chat,12["a",1,-2.5e-3,{"b":[{},"\ud83d\ude00\ud800\n"]}]`), []byte(nil))
	f.Add([]byte(`61-1[[],{"_placeholder":true,"x":[{}],"num":0},1.0,1e2]`), []byte("x"))
	f.Add([]byte(`51-["a",1e999,18446744073709551615]`), []byte("x"))
	f.Add([]byte(`0{"a":{}}`), []byte(nil))
	f.Fuzz(func(t *testing.T, text, att []byte) {
		d := socketio.JSON().NewDecoder(socketio.Limits{})
		p, complete, err := d.Add(socketio.Frame{Data: text})
		if err == nil && !complete {
			p, complete, err = d.Add(socketio.Frame{Binary: true, Data: att})
		}
		if err != nil || !complete {
			return
		}
		frames, err := New().Encode(nil, &p)
		require.NoError(t, err)
		// After one passage through MessagePack the text has a fixed form.
		q, _, err := New().NewDecoder(socketio.Limits{}).Add(frames[0])
		require.NoError(t, err)
		require.Equal(t, p.Type, q.Type)
		require.Equal(t, p.Namespace, q.Namespace)
		require.Equal(t, p.ID, q.ID)
		checkIdentity(t, q)
	})
}

func checkIdentity(t *testing.T, p socketio.Packet) {
	frames, err := New().Encode(nil, &p)
	require.NoError(t, err)
	q, _, err := New().NewDecoder(socketio.Limits{MaxBytes: -1}).Add(frames[0])
	require.NoError(t, err)
	require.Equal(t, string(p.Data), string(q.Data))
	q.Data = p.Data
	require.Equal(t, p, q)
}
