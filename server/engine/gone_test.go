package engine_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server/engine"
)

// untilDone is a receiver that is busy until its session ends.
type untilDone struct{ *engine.Session }

func (u untilDone) Receive(bool, []byte) engine.Task { <-u.Done(); return nil }
func (u untilDone) Closed(engine.Reason, error)      {}

// Nobody reads while a receiver is busy; that the client has gone shows when it is written to.
// Rows: E12
func TestClientGoneWhileTheReceiverIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{Open: func(s *engine.Session) engine.Receiver { return untilDone{s} }})
		c := f.dial("")
		c.text()
		c.send("4x")
		synctest.Wait()
		_ = c.ws.CloseNow()
		time.Sleep(5 * time.Minute)
		require.Zero(t, f.Count())
	})
}
