package clientcases

import (
	"time"

	"github.com/stretchr/testify/require"
)

func heartbeatCases() map[string]body {
	return map[string]body{"answers pings": answersPings}
}

// Rows: F13
func answersPings(c *bench) {
	s := c.connect("/")
	id, end := s.ID(), ends(c, s)
	select { // longer than the fixture waits for a pong
	case reason := <-end:
		require.Fail(c, "disconnected", reason)
	case <-time.After(4 * time.Second):
	}
	require.Equal(c, id, ask[me](c, s, "me").ID)
}
