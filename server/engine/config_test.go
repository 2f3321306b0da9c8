package engine_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server/engine"
)

// What the comments of Config promise who leaves a field open.
// Rows: E12 E13
// Advisories: CVE-2020-36048 CVE-2016-10542
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
	require.Equal(t, engine.QueueLimits{
		Bytes: 1 << 20, Messages: 16_384, Burst: time.Second, BurstBytes: 16 << 20, BurstMessages: 262_144, Age: 10 * time.Second,
	}, c.Queue)
	require.Equal(t, engine.Compression{HTTP: 1024}, c.Compression)
	require.Zero(t, c.Connections)
	require.Nil(t, c.CORS)
	require.Nil(t, c.Cookie)
}

// What may wait for a moment follows what may wait for long.
// Rows: E17
func TestBurstDefaults(t *testing.T) {
	for name, c := range map[string]struct{ set, want engine.QueueLimits }{
		"16 times":  {engine.QueueLimits{Bytes: 1000, Messages: 10}, engine.QueueLimits{Burst: time.Second, BurstBytes: 16_000, BurstMessages: 160}},
		"unlimited": {engine.QueueLimits{Bytes: math.MaxInt, Messages: math.MaxInt}, engine.QueueLimits{Burst: time.Second, BurstBytes: math.MaxInt, BurstMessages: math.MaxInt}},
		"no burst":  {engine.QueueLimits{Bytes: 1000, Messages: 10, Burst: -1, BurstBytes: 5000}, engine.QueueLimits{Burst: -1, BurstBytes: 1000, BurstMessages: 10}},
		"as set":    {engine.QueueLimits{Burst: time.Minute, BurstBytes: 5, BurstMessages: 7}, engine.QueueLimits{Burst: time.Minute, BurstBytes: 5, BurstMessages: 7}},
	} {
		t.Run(name, func(t *testing.T) {
			q := engine.Config{Open: func(*engine.Session) engine.Receiver { return nil }, Queue: c.set}.Resolved().Queue
			q.Bytes, q.Messages, q.Age = 0, 0, 0
			require.Equal(t, c.want, q)
		})
	}
}
