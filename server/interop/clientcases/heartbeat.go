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
	select { // several rounds of the fixture's heartbeat
	case reason := <-end:
		require.Fail(c, "disconnected", reason)
	case <-time.After(1200 * time.Millisecond):
	}
	require.Equal(c, id, ask[me](c, s, "me").ID)
}
