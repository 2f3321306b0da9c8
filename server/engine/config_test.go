package engine_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server/engine"
)

// What the comments of Config promise who leaves a field open.
// Rows: E12 E13
func TestDefaults(t *testing.T) {
	c := engine.Config{Open: func(*engine.Session) engine.Receiver { return nil }}.Resolved()
	require.Equal(t, "/socket.io/", c.Path)
	require.Equal(t, []string{"polling", "websocket"}, c.Transports)
	require.False(t, c.NoUpgrades)
	require.Equal(t, 25*time.Second, c.PingInterval)
	require.Equal(t, 20*time.Second, c.PingTimeout)
	require.Equal(t, 10*time.Second, c.UpgradeTimeout)
	require.Equal(t, 30*time.Second, c.MessageTimeout)
	require.Equal(t, 10*time.Second, c.CloseTimeout)
	require.EqualValues(t, 1_000_000, c.MaxPayload)
	require.Equal(t, 65_536, c.MaxPackets)
	require.Equal(t, engine.QueueLimits{Bytes: 1 << 20, Messages: 16_384, Age: 10 * time.Second}, c.Queue)
	require.Equal(t, engine.Compression{HTTP: 1024}, c.Compression)
	require.Nil(t, c.CORS)
	require.Nil(t, c.Cookie)
}
