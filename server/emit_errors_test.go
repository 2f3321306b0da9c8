package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/adapter"
	"parley/server/engine"
	"parley/shared/engineio"
	"parley/shared/event"
)

// What Emit says of a client that does not read is true: an error, and it is not sent; none, and it arrives, with
// recovery even after the client was disconnected for it.
// Rows: M01 K01
func TestEmitToASlowClient(t *testing.T) {
	text := strings.Repeat("x", 64<<10)
	cfg := server.Config{Engine: engine.Config{Queue: engine.QueueLimits{Bytes: 1 << 20}}}
	t.Run("without recovery", func(t *testing.T) {
		f := start(t, cfg)
		p, s := f.join("/")
		n := 0
		err := s.Emit("n", n, text)
		for ; err == nil; err = s.Emit("n", n, text) {
			n++
		}
		require.ErrorIs(t, err, engine.ErrSlow)
		gone(t, s)
		require.ErrorIs(t, s.Emit("n"), server.ErrDisconnected)
		p.cut()
	})
	t.Run("with recovery", func(t *testing.T) {
		cfg.Recovery = time.Minute
		f := start(t, cfg)
		c := &comer{f: f}
		s := c.come()
		n := 0
		err := s.Emit("n", n, text)
		for ; err == nil; err = s.Emit("n", n, text) {
			n++
		}
		require.ErrorIs(t, err, server.ErrDisconnected)
		gone(t, s)
		c.p.cut()
		c.come()
		require.True(t, c.recovered)
		require.Len(t, c.early, n)
	})
}

// Rows: M15
func TestVolatileToASlowClient(t *testing.T) {
	for _, recovery := range []time.Duration{0, time.Minute} {
		t.Run(recovery.String(), func(t *testing.T) {
			f := start(t, server.Config{
				Recovery: recovery, Engine: engine.Config{Queue: engine.QueueLimits{Burst: time.Minute}},
			})
			p, s := f.join("/")
			text := strings.Repeat("x", 100_000)
			for s.Conn().Writable() {
				require.NoError(t, s.Emit("fill", text))
			}
			for range 120 { // the system may take some more
				require.NoError(t, s.Emit("fill", text))
			}
			require.ErrorIs(t, s.Volatile().Emit("tick"), engine.ErrNotWritable)
			q, quick := f.join("/")
			require.NoError(t, quick.Conn().Flush(t.Context()))
			require.NoError(t, f.Volatile().Emit("tick", 1), "of many nobody is told")
			require.NoError(t, f.Emit("end"))
			q.expect(`2["tick",1]`) // it is dropped for who is slow, not for the others
			for got := ""; !strings.HasPrefix(got, `2["end"`); {
				got = p.read()
				require.NotContains(t, got, "tick")
			}
		})
	}
}

// Between the end of a connection and that of its sockets there is a moment.
// Rows: K13
// Advisories: googollee-190
func TestEmitWhileTheConnectionEnds(t *testing.T) {
	f := start(t, server.Config{})
	other := f.Of(event.NewNamespace("/other"))
	ending, release := make(chan struct{}), make(chan struct{})
	f.OnRoom(func(e adapter.RoomEvent) {
		if e.Kind == adapter.DeleteRoom {
			close(ending)
			<-release
		}
	})
	p, _ := f.join("/")
	s := f.connect(p, other.Name())
	s.Conn().Close(engineio.ReasonForcedClose)
	await(t, ending)
	require.True(t, s.Connected())
	require.ErrorIs(t, s.Emit("x"), server.ErrDisconnected)
	_, err := s.EmitAck(t.Context(), "x")
	require.ErrorIs(t, err, server.ErrDisconnected)
	close(release)
	gone(t, s)
}
