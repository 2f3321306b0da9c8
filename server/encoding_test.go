package server_test

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/shared/event"
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
