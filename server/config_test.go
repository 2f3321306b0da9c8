package server_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/engine"
)

// What the comments of Config and Limits promise who leaves a field open.
// Rows: N03 M04
func TestDefaults(t *testing.T) {
	c := server.Config{}.Resolved()
	require.Equal(t, 45*time.Second, c.ConnectTimeout)
	require.Equal(t, 20*time.Second, c.AckTimeout)
	require.Zero(t, c.Recovery)
	require.False(t, c.RecoverySkipsMiddleware)
	require.False(t, c.CleanupNamespaces)
	require.Equal(t, server.Limits{
		Namespaces: 16, Rooms: 128, RoomBytes: 255, Depth: 512, PacketBytes: 11_000_000, PacketTime: time.Minute,
		Inbox: 256, InboxBytes: 1 << 20, Held: 256,
	}, c.Limits)
	c = server.Config{Engine: engine.Config{MaxPayload: 64_000}}.Resolved()
	require.Equal(t, 11*64_000, c.Limits.PacketBytes)

	none := server.Limits{Namespaces: -1, Rooms: -1, RoomBytes: -1, Attachments: -1, Depth: -1, PacketBytes: -1,
		PacketTime: -1, Inbox: -1, InboxBytes: -1, Held: -1}
	require.Equal(t, server.Limits{
		Namespaces: math.MaxInt, Rooms: math.MaxInt, RoomBytes: math.MaxInt, Attachments: math.MaxInt, Depth: math.MaxInt,
		PacketBytes: math.MaxInt, PacketTime: math.MaxInt64, Inbox: math.MaxInt, InboxBytes: math.MaxInt, Held: math.MaxInt,
	}, server.Config{Limits: none}.Resolved().Limits)
	some := server.Limits{Namespaces: 1, Rooms: 2, RoomBytes: 3, Attachments: 4, Depth: 5, PacketBytes: 6, PacketTime: 7,
		Inbox: 8, InboxBytes: 9, Held: 10, EventRate: server.Rate{PerSecond: 11, Burst: 12}}
	require.Equal(t, some, server.Config{Limits: some}.Resolved().Limits)
}
