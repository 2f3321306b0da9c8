package server_test

import (
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
