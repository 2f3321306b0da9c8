package track

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Group
		require.NoError(t, g.Wait(t.Context()), "nothing to wait for")
		begin := time.Now()
		g.Go(func() {
			time.Sleep(time.Second)
			g.Go(func() { time.Sleep(time.Second) }) // a start while somebody waits
		})
		g.Go(func() { g.Run(func() { time.Sleep(time.Millisecond) }) })
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, g.Wait(ctx), context.DeadlineExceeded)
		waited := make(chan error)
		go func() { waited <- g.Wait(t.Context()) }()
		require.NoError(t, g.Wait(t.Context()))
		require.NoError(t, <-waited)
		require.Equal(t, 2*time.Second, time.Since(begin))
		g.Add()
		g.Done()
		require.NoError(t, g.Wait(t.Context()), "ready for the next")
	})
}
