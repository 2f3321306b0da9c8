package server_test

import (
	"encoding/json"
	"strings"
	"testing"

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
