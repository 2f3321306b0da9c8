package interop_test

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/shared/engineio"
	"parley/shared/event"
	"parley/shared/socketio"
)

// sample is what both decoders get, in the order of arrival on one connection.
type sample struct {
	Frames  []any   `json:"frames,omitempty"`  // string, or binary
	Payload *string `json:"payload,omitempty"` // of Engine.IO, instead of frames
	Msgpack *string `json:"msgpack,omitempty"` // one frame in base64, for the other parser
}

type binary struct {
	Base64 string `json:"b"`
}

// outcome is what a decoder made of a sample.
type outcome struct {
	Packets []packet `json:"packets"`
	Error   string   `json:"error"`
	Pending bool     `json:"pending"`
	Again   string   `json:"again"` // the frame that the official MessagePack encoder makes of the packet
	at      int      // the frame that our decoder refused
}

type packet struct {
	Type any    `json:"type"` // number in Socket.IO, name in Engine.IO
	NSP  string `json:"nsp"`
	ID   *json.Number
	Data any `json:"data"`
}

const (
	differentialSamples = 100_000
	differentialBatch   = 1_000
)

// Rows: B01 B02 B03 B04
func TestSocketIODecoderAgreesWithTheOfficialOne(t *testing.T) {
	g := seeded(t)
	reasons := map[string]int{}
	equal := differential(t, func() sample { return sample{Frames: g.frames()} }, func(s sample, theirs outcome) bool {
		ours := decodeFrames(t, s.Frames)
		if sameOutcome(ours, theirs) {
			return true
		}
		reason := frameDifference(s.Frames, ours, theirs)
		require.NotEmpty(t, reason, "unexplained difference\nframes: %s\nours:   %s\ntheirs: %s", show(s.Frames), show(ours), show(theirs))
		reasons[reason]++
		return false
	})
	t.Logf("%d of %d samples alike; differences, all explained: %v", equal, differentialSamples, reasons)
	require.Greater(t, equal, differentialSamples*8/10, "the samples are too odd to prove much")
}

// Rows: B01 B02
func TestOfficialDecoderReadsWhatWeEncode(t *testing.T) {
	g := seeded(t)
	var wrote []socketio.Packet
	equal := differential(t, func() sample {
		s := sample{}
		for _, p := range decoded(t, g.packet()) {
			frames, err := socketio.JSON().Encode(nil, &p)
			require.NoError(t, err)
			for _, f := range frames {
				s.Frames = append(s.Frames, onWire(f))
			}
			wrote = append(wrote, p)
		}
		return s
	}, func(s sample, theirs outcome) bool {
		require.Empty(t, theirs.Error, show(s.Frames))
		require.False(t, theirs.Pending, show(s.Frames))
		for _, p := range theirs.Packets {
			require.True(t, samePacket(asOfficial(wrote[0]), p), "%s\n%s", show(s.Frames), show(p))
			wrote = wrote[1:]
		}
		return true
	})
	require.Equal(t, differentialSamples, equal)
	require.Empty(t, wrote)
}

// Rows: E03 E04 E05
func TestEngineIOPayloadsAgreeWithTheOfficialParser(t *testing.T) {
	g := seeded(t)
	reasons := map[string]int{}
	equal := differential(t, func() sample {
		text := g.payload()
		return sample{Payload: &text}
	}, func(s sample, theirs outcome) bool {
		ours := decodePayload(*s.Payload)
		if sameOutcome(ours, theirs) {
			return true
		}
		reason := payloadDifference(ours, theirs)
		require.NotEmpty(t, reason, "unexplained difference\npayload: %q\nours:    %s\ntheirs:  %s", *s.Payload, show(ours), show(theirs))
		reasons[reason]++
		return false
	})
	t.Logf("%d of %d payloads alike; differences, all explained: %v", equal, differentialSamples, reasons)
	require.Greater(t, equal, differentialSamples*8/10, "the payloads are too odd to prove much")
}

// seeded returns a generator whose seed is in the log.
func seeded(t *testing.T) generator {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return generator{rand.New(rand.NewPCG(seed, 1))}
}

// differential sends generated samples to the official parsers and compares what comes back; it returns
// how many were alike.
func differential(t *testing.T, generate func() sample, compare func(sample, outcome) bool) int {
	t.Helper()
	p := node(t, "decode.mjs")
	alike := 0
	for range differentialSamples / differentialBatch {
		batch := make([]sample, differentialBatch)
		for i := range batch {
			batch[i] = generate()
		}
		line, err := json.Marshal(batch)
		require.NoError(t, err)
		_, err = p.in.Write(append(line, '\n'))
		require.NoError(t, err)
		var outcomes []outcome
		require.True(t, p.next(t, &outcomes), "the peer has ended")
		require.Len(t, outcomes, len(batch))
		for i, s := range batch {
			if compare(s, outcomes[i]) {
				alike++
			}
		}
	}
	return alike
}

// decodeFrames is what our decoder makes of frames.
func decodeFrames(t *testing.T, frames []any) outcome {
	t.Helper()
	out := outcome{Packets: []packet{}}
	d := socketio.JSON().NewDecoder(socketio.Limits{})
	for i, f := range frames {
		p, complete, err := d.Add(fromWire(t, f))
		if err != nil {
			out.Error, out.at = err.Error(), i
			return out
		}
		if complete {
			out.Packets = append(out.Packets, asOfficial(p))
		}
	}
	out.Pending = d.Pending()
	return out
}

// decoded is what sound frames hold; frames that our decoder refuses hold nothing.
func decoded(t *testing.T, frames []any) []socketio.Packet {
	t.Helper()
	var packets []socketio.Packet
	d := socketio.JSON().NewDecoder(socketio.Limits{})
	for _, f := range frames {
		p, complete, err := d.Add(fromWire(t, f))
		if err != nil {
			return nil
		}
		if complete {
			packets = append(packets, p)
		}
	}
	return packets
}

func fromWire(t *testing.T, f any) socketio.Frame {
	t.Helper()
	if f, ok := f.(binary); ok {
		data, err := base64.StdEncoding.DecodeString(f.Base64)
		require.NoError(t, err)
		return socketio.Frame{Binary: true, Data: data}
	}
	return socketio.Frame{Data: []byte(f.(string))}
}

func onWire(f socketio.Frame) any {
	if f.Binary {
		return binary{base64.StdEncoding.EncodeToString(f.Data)}
	}
	return string(f.Data)
}

// decodePayload is what our parser makes of an Engine.IO payload, with the official parser's names.
func decodePayload(text string) outcome {
	names := []string{"open", "close", "ping", "pong", "message", "upgrade", "noop"}
	out := outcome{Packets: []packet{}}
	for p, err := range engineio.Payload([]byte(text), 0) {
		if err != nil {
			out.Packets = append(out.Packets, packet{Type: "error", Data: "parser error"})
			break
		}
		q := packet{Type: names[p.Type]}
		switch {
		case p.Binary:
			q.Data = plain(p.Data)
		case p.Data != nil:
			q.Data = string(p.Data)
		}
		out.Packets = append(out.Packets, q)
	}
	return out
}

// asOfficial turns a packet into the form that the official decoder's output has after JSON.
func asOfficial(p socketio.Packet) packet {
	out := packet{Type: float64(p.Type), NSP: p.Namespace}
	if p.HasID {
		n, _ := json.Marshal(p.ID)
		id := json.Number(n)
		out.ID = &id
	}
	if p.Data != nil {
		if err := (event.Value{JSON: p.Data, Attachments: p.Attachments}).Decode(&out.Data); err != nil {
			out.Data = err.Error()
		}
		out.Data = plain(out.Data)
	}
	return out
}

// plain gives binary the form it has in the official decoder's output.
func plain(v any) any {
	switch v := v.(type) {
	case []byte:
		return map[string]any{"$bin": base64.StdEncoding.EncodeToString(v)}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	}
	return v
}

func sameOutcome(a, b outcome) bool {
	if (a.Error == "") != (b.Error == "") || a.Pending != b.Pending || len(a.Packets) != len(b.Packets) {
		return false
	}
	for i := range a.Packets {
		if !samePacket(a.Packets[i], b.Packets[i]) {
			return false
		}
	}
	return true
}

func samePacket(a, b packet) bool {
	return a.Type == b.Type && a.NSP == b.NSP && show(a.ID) == show(b.ID) && sameData(a.Data, b.Data)
}

func sameData(a, b any) bool {
	switch a := a.(type) {
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !sameData(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k := range a {
			if v, ok := b[k]; !ok || !sameData(a[k], v) {
				return false
			}
		}
		return true
	case float64:
		b, ok := b.(float64)
		return ok && (a == b || math.Abs(a-b) <= 1e-15*math.Abs(a))
	}
	return a == b
}

func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
