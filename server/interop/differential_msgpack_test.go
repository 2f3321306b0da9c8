package interop_test

import (
	"bytes"
	"encoding/base64"
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/shared/socketio"
	"parley/shared/socketio/msgpack"
)

// Rows: B07
func TestMsgpackDecoderAgreesWithTheOfficialOne(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	g := msgpackGenerator{generator{rand.New(rand.NewPCG(seed, 3))}}
	reasons := map[string]int{}
	accepted := 0
	alike := differential(t, func() sample {
		text := base64.StdEncoding.EncodeToString(g.frame())
		return sample{Msgpack: &text}
	}, func(s sample, theirs outcome) bool {
		frame, err := base64.StdEncoding.DecodeString(*s.Msgpack)
		require.NoError(t, err)
		ours := decodeMsgpack(frame)
		if len(ours.Packets) > 0 {
			accepted++
		}
		if sameMsgpack(ours, theirs) {
			checkReencoded(t, seed, ours, theirs, reasons)
			return true
		}
		reason := msgpackDifference(frame, ours, theirs)
		require.NotEmpty(t, reason, "unexplained difference (seed %d)\nframe:  %x\nours:   %s\ntheirs: %s", seed, frame, show(ours), show(theirs))
		reasons[reason]++
		return false
	})
	t.Logf("%d of %d samples alike, %d accepted; differences, all explained: %v", alike, differentialSamples, accepted, reasons)
	require.Greater(t, alike, differentialSamples*9/10, "the samples are too odd to prove much")
	require.Greater(t, accepted, differentialSamples*4/10, "too few of the samples are packets")
}

// Rows: B07
func TestOfficialMsgpackDecoderReadsWhatWeEncode(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	g := generator{rand.New(rand.NewPCG(seed, 4))}
	var sent []socketio.Packet
	differential(t, func() sample {
		p := g.soundPacket()
		sent = append(sent, p)
		frames, err := msgpack.New().Encode(nil, &p)
		require.NoError(t, err)
		text := base64.StdEncoding.EncodeToString(frames[0].Data)
		return sample{Msgpack: &text}
	}, func(s sample, theirs outcome) bool {
		ours := outcome{Packets: []packet{asOfficial(sent[0])}}
		sent = sent[1:]
		require.True(t, sameMsgpack(ours, theirs), "seed %d\nframe:  %s\nours:   %s\ntheirs: %s", seed, *s.Msgpack, show(ours), show(theirs))
		return true
	})
}

// soundPacket is a packet that our JSON decoder has accepted, without a member
// __proto__.
func (g generator) soundPacket() socketio.Packet {
	for {
		d := socketio.JSON().NewDecoder(socketio.Limits{})
		for _, f := range g.packet() {
			frame := socketio.Frame{}
			switch f := f.(type) {
			case string:
				frame.Data = []byte(f)
			case binary:
				frame.Binary = true
				frame.Data, _ = base64.StdEncoding.DecodeString(f.Base64)
			}
			if p, complete, err := d.Add(frame); err != nil {
				break
			} else if complete && !protoMember.Match(p.Data) {
				return p
			}
		}
	}
}

// protoMember is what JavaScript does not read as a member from MessagePack:
// notepack assigns it, which sets the prototype.
var protoMember = regexp.MustCompile(`"__proto__"\s*:`)

func decodeMsgpack(frame []byte) outcome {
	p, complete, err := msgpack.New().NewDecoder(socketio.Limits{}).Add(socketio.Frame{Binary: true, Data: frame})
	if err != nil {
		return outcome{Error: err.Error()}
	}
	if !complete {
		return outcome{Error: "pending"}
	}
	return outcome{Packets: []packet{asOfficial(p)}}
}

func sameMsgpack(a, b outcome) bool {
	for _, o := range []outcome{a, b} {
		for i := range o.Packets {
			o.Packets[i].Data = oneReplacement(o.Packets[i].Data)
			o.Packets[i].NSP = replacements.ReplaceAllString(o.Packets[i].NSP, "\ufffd")
		}
	}
	return sameOutcome(a, b)
}

// The two sides count differently how many U+FFFD a broken sequence becomes.
var replacements = regexp.MustCompile("\ufffd+")

func oneReplacement(v any) any {
	switch v := v.(type) {
	case string:
		return replacements.ReplaceAllString(v, "\ufffd")
	case []any:
		for i := range v {
			v[i] = oneReplacement(v[i])
		}
	case map[string]any:
		for k, x := range v {
			delete(v, k)
			v[replacements.ReplaceAllString(k, "\ufffd")] = oneReplacement(x)
		}
	}
	return v
}

// checkReencoded reads the official encoder's form of a packet that both have
// read.
func checkReencoded(t *testing.T, seed uint64, ours, theirs outcome, reasons map[string]int) {
	if theirs.Again == "" {
		return
	}
	frame, err := base64.StdEncoding.DecodeString(theirs.Again)
	require.NoError(t, err)
	again := decodeMsgpack(frame)
	if sameMsgpack(again, ours) {
		return
	}
	if strings.Count(show(again), epoch) > strings.Count(show(ours), epoch) {
		reasons["an invalid Date, which the official encoder writes as 1970"]++
		return
	}
	require.True(t, holdsHuge(ours.Packets[0].Data), "seed %d: written by the official encoder and read by us\nframe:  %x\nbefore: %s\nafter:  %s", seed, frame, show(ours), show(again))
	reasons["a number beyond 2^63, which the official encoder writes as another"]++
}

const epoch = "1970-01-01T00:00:00.000Z"

func holdsHuge(v any) bool {
	switch v := v.(type) {
	case float64:
		return math.Abs(v) >= 1<<63
	case []any:
		for _, x := range v {
			if holdsHuge(x) {
				return true
			}
		}
	case map[string]any:
		for _, x := range v {
			if holdsHuge(x) {
				return true
			}
		}
	}
	return false
}

// msgpackDifference says why our decoder and the official one may differ, or "".
func msgpackDifference(frame []byte, ours, theirs outcome) string {
	if ours.Error == "" {
		switch text := show(ours); {
		case bytes.Contains(frame, []byte{0xd4, 0}) && len(theirs.Packets) == 1 && lacksMembers(theirs.Packets[0].Data, ours.Packets[0].Data):
			return "a member twice, the second time undefined, which hides the first only from the official decoder"
		case protoMember.MatchString(text):
			return "a member __proto__, which the official decoder takes for the prototype"
		case strings.Contains(theirs.Error, "primitive value"):
			return "a key that JavaScript cannot make text of, in a member that we pass over"
		case isoTime.MatchString(text):
			return "a timestamp or Date, which is text to us"
		}
		return ""
	}
	if theirs.Error != "" {
		return ""
	}
	for _, s := range []struct{ error, reason string }{
		{"bad key", "a key that is neither text nor a whole number within 2^53"},
		{"no key", "a key that is neither text nor a whole number within 2^53"},
		{"invalid namespace", "a namespace without slash or with a comma"},
		{"invalid acknowledgement id", "an id below 0 or above 2^53-1"},
		{"EVENT takes a non-empty array", "an event without name"},
		{"event name is neither", "an event name that is neither string nor number"},
		{"reserved event name", "a reserved event name"},
		{"packet with attachments", "binary data in a CONNECT or CONNECT_ERROR"},
		{"looks like a placeholder", "data beside attachments that looks like a placeholder"},
		{"ACK takes an array", "a timestamp or Date, which is text to us"},
	} {
		if strings.Contains(ours.Error, s.error) {
			return s.reason
		}
	}
	return ""
}

// lacksMembers reports whether a becomes b when members are put into its objects.
func lacksMembers(a, b any) bool {
	switch a := a.(type) {
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !lacksMembers(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		for k := range a {
			if v, has := b[k]; !has || !lacksMembers(a[k], v) {
				return false
			}
		}
		return ok
	}
	return sameData(a, b)
}

var isoTime = regexp.MustCompile(`"[+-]?\d{4,6}-\d\d-\d\dT`)
