package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/shared/engineio"
	"parley/shared/event"
	"parley/shared/socketio"
)

// deep is a list of that many levels.
func deep(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }

// What one client sends must not become something that other clients refuse to read.
// Rows: B03 L03
func TestEmitOfWhatIsTooDeepForReceivers(t *testing.T) {
	relay := func(f *fixture, levels int) (errs []error) {
		done := make(chan struct{})
		p, s := f.join("/")
		s.On("relay", func(args event.Args) {
			defer close(done)
			errs = append(errs,
				f.Emit("as it came", args...),
				f.Emit("inside", map[string]any{"body": args.Value(0)}))
		})
		p.send(`2["relay",` + deep(levels) + `]`)
		await(t, done)
		p.expect(`2["as it came",` + deep(levels) + `]`)
		p.silent(s)
		return errs
	}
	t.Run("default", func(t *testing.T) {
		errs := relay(start(t, server.Config{}), 511)
		require.NoError(t, errs[0])
		require.ErrorContains(t, errs[1], "nested too deeply")
	})
	t.Run("raised", func(t *testing.T) {
		errs := relay(start(t, server.Config{Limits: server.Limits{Depth: 1000}}), 999)
		require.NoError(t, errs[0])
		require.ErrorContains(t, errs[1], "nested too deeply")
	})
}

// Bytes that are not UTF-8 would cost every browser in the room its connection.
// Rows: M01
func TestEmitOfWhatIsNotUTF8(t *testing.T) {
	f := start(t, server.Config{})
	p, s := f.join("/")
	bad := json.RawMessage("\"\xff\"")
	require.ErrorContains(t, f.Emit("x", bad), "not UTF-8")
	require.ErrorContains(t, s.Emit("x", map[string]any{"a": bad}), "not UTF-8")
	require.ErrorContains(t, s.Volatile().Emit("x", event.Value{JSON: bad}), "not UTF-8")
	_, err := s.EmitAck(t.Context(), "x", bad)
	require.ErrorContains(t, err, "not UTF-8")
	p.silent(s)
	require.NoError(t, s.Emit("x", "\xff"))
	p.expect("2[\"x\",\"\ufffd\"]")
}

// Whoever asks is answered, also when the answer cannot be written.
// Rows: L04
func TestAnswerThatCannotBeEncoded(t *testing.T) {
	faults := make(chan server.Fault, 8)
	f := start(t, server.Config{OnFault: func(f server.Fault) { faults <- f }})
	add := func(name string, enveloped bool, result any, err error) {
		fn := func(context.Context, *server.Socket, event.Args) (any, error) { return result, err }
		if enveloped {
			server.Handle(f, event.NewCall[event.Args, any](event.NewNamespace("/"), name), fn)
		} else {
			server.Handle(f, event.NewRawCall[event.Args, any](event.NewNamespace("/"), name), fn)
		}
	}
	eleven := make([][]byte, 11)
	for i := range eleven {
		eleven[i] = []byte{1}
	}
	add("NaN", true, math.NaN(), nil)
	add("NaN, bare", false, math.NaN(), nil)
	add("attachments", true, eleven, nil)
	add("not UTF-8", true, json.RawMessage("\"\xff\""), nil)
	add("error", true, nil, &event.Error{Code: "busy", Message: "later", Data: json.RawMessage("\"\xff\"")})
	p, s := f.join("/")
	s.OnAck("untyped", func(_ event.Args, ack func(...any)) { ack(math.NaN()); ack("too late") })
	s.Use(func(next server.EventFunc) server.EventFunc {
		return func(ctx context.Context, e *server.Event) error {
			if e.Name != "middleware" {
				return next(ctx, e)
			}
			assert.Error(t, e.Ack(math.NaN()))
			assert.True(t, e.WantsAck())
			return e.Ack("after all")
		}
	})
	const internal = `[{"error":{"code":"internal","message":"internal error"}}]`
	for name, want := range map[string]string{
		"NaN": internal, "NaN, bare": internal, "attachments": internal, "not UTF-8": internal, "untyped": internal,
		"error": `[{"error":{"code":"busy","message":"later"}}]`,
	} {
		p.send(`27["` + name + `"]`)
		p.expect(`37` + want)
		fault := await(t, faults)
		require.Equal(t, name, fault.Event)
		require.Same(t, s, fault.Socket)
	}
	p.send(`27["middleware"]`)
	p.expect(`37["after all"]`)
	p.silent(s)
	require.Empty(t, faults)
}

// Who is refused is told, also when the data of the refusal cannot be written.
// Rows: N02 N15
func TestRefusalThatCannotBeEncoded(t *testing.T) {
	faults := make(chan server.Fault, 8)
	f := start(t, server.Config{OnFault: func(f server.Fault) { faults <- f }})
	refusals := make(chan error, 1)
	f.Use(func(server.ConnectFunc) server.ConnectFunc {
		return func(context.Context, *server.Socket) error { return <-refusals }
	})
	bad := json.RawMessage("\"\xff\"")
	p := f.dial()
	for _, c := range []struct {
		err     error
		wire    string
		problem string
	}{
		{&server.Refusal{Message: "no", Data: make(chan int)}, `4{"message":"no"}`, "unsupported type"},
		{&server.Refusal{Message: "no", Data: bad}, `4{"message":"no"}`, "not UTF-8"},
		{&server.Refusal{Message: "no", Data: json.RawMessage(deep(512))}, `4{"message":"no"}`, "nested too deeply"},
		{&event.Error{Code: "full", Message: "later", Data: bad}, `4{"message":"later","data":{"code":"full"}}`, "not UTF-8"},
		{&event.Error{Code: "full", Message: "later", Data: json.RawMessage("{")}, `4{"message":"later","data":{"code":"full"}}`, "unexpected end"},
	} {
		refusals <- c.err
		p.send("0")
		p.expect(c.wire)
		fault := await(t, faults)
		require.ErrorContains(t, fault.Err, "server: encode data of a refusal")
		require.ErrorContains(t, fault.Err, c.problem)
		require.Same(t, f.Namespace, fault.Namespace)
		require.NotNil(t, fault.Socket)
	}
	refusals <- &server.Refusal{Message: "no", Data: json.RawMessage(deep(511))}
	p.send("0")
	p.expect(`4{"message":"no","data":` + deep(511) + "}")
	require.Empty(t, faults)
}

// Each limit of a received packet is the configured one, lower and higher than the default.
// Rows: B03 B04
func TestLimitsOfReceivedPackets(t *testing.T) {
	attached := func(n, size int) (frames []string) {
		text := fmt.Sprintf(`5%d-["x"`, n)
		for i := range n {
			text += fmt.Sprintf(`,{"_placeholder":true,"num":%d}`, i)
		}
		frames = append(frames, text+"]")
		for range n {
			frames = append(frames, strings.Repeat("b", size))
		}
		return frames
	}
	plain := func(text string) []string { return []string{`2["x",` + text + `]`} }
	word := func(size int) []string { return plain(`"` + strings.Repeat("w", size-len(`2["x",""]`)) + `"`) }
	head := len(attached(2, 0)[0])
	for name, c := range map[string]struct {
		limits server.Limits
		within []string
		beyond []string
		err    error
	}{
		"fewer attachments":         {server.Limits{Attachments: 2}, attached(2, 1), attached(3, 1), socketio.ErrTooManyAttachments},
		"more attachments":          {server.Limits{Attachments: 12}, attached(12, 1), attached(13, 1), socketio.ErrTooManyAttachments},
		"default attachments":       {server.Limits{}, attached(10, 1), attached(11, 1), socketio.ErrTooManyAttachments},
		"less depth":                {server.Limits{Depth: 3}, plain(deep(2)), plain(deep(3)), socketio.ErrPayload},
		"more depth":                {server.Limits{Depth: 600}, plain(deep(599)), plain(deep(600)), socketio.ErrPayload},
		"default depth":             {server.Limits{}, plain(deep(511)), plain(deep(512)), socketio.ErrPayload},
		"bytes of text":             {server.Limits{PacketBytes: 100}, word(100), word(101), socketio.ErrPacketTooLarge},
		"bytes of attachments":      {server.Limits{PacketBytes: head + 20}, attached(2, 10), attached(2, 11), socketio.ErrPacketTooLarge},
		"default bytes, as it were": {server.Limits{Attachments: 40}, attached(11, 900_000), attached(13, 900_000), socketio.ErrPacketTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			faults := make(chan server.Fault, 8)
			f := start(t, server.Config{Limits: c.limits, OnFault: func(f server.Fault) { faults <- f }})
			reasons := ended(f)
			p, s := f.join("/")
			got := make(chan int, 1)
			s.On("x", func(args event.Args) { got <- len(args) })
			send := func(frames []string) {
				p.send(frames[0])
				for _, b := range frames[1:] {
					_ = p.ws.Write(t.Context(), websocket.MessageBinary, []byte(b)) // the server may have closed
				}
			}
			send(c.within)
			require.Equal(t, max(1, len(c.within)-1), await(t, got))
			require.Empty(t, faults)
			send(c.beyond)
			fault := await(t, faults)
			require.ErrorIs(t, fault.Err, c.err)
			require.True(t, fault.Client)
			require.Equal(t, engineio.ReasonForcedClose, await(t, reasons))
			require.Empty(t, got)
		})
	}
}
