package clientcases

import (
	"time"

	"github.com/stretchr/testify/require"

	"parley/shared/client"
)

func recoveryCases() map[string]body {
	return map[string]body{
		"recovery":                            recovers,
		"recovery several times":              recoversSeveralTimes,
		"no recovery after a real disconnect": noRecoveryAfterDisconnect,
	}
}

// cut has the server end a socket's connection, and returns when the client knows.
func cut(c *bench, s *client.Socket) {
	c.Helper()
	end := ends(c, s)
	require.NoError(c, s.Emit("cut"))
	await(c, end, "no disconnect")
}

// quietly makes the client wait long enough before it comes back for something to be missed.
func quietly(cfg *client.Config) {
	cfg.Reconnect = client.Reconnect{Delay: 300 * time.Millisecond, MaxDelay: 300 * time.Millisecond, Jitter: -1}
}

// Rows: K01 K02 K08
func recovers(c *bench) {
	other, s := c.connect("/"), c.connect("/", quietly)
	id := s.ID()
	said := subscribe(c, s, "said")
	_, err := s.EmitAck(c.ctx(), "join", []string{"r"})
	require.NoError(c, err)
	require.NoError(c, other.Emit("to", []string{"r"}, "said", "before"))
	requireJSON(c, `["before"]`, await(c, said, "nothing said"))

	cut(c, s)
	require.NoError(c, other.Emit("to", []string{"r"}, "said", "missed 1"))
	require.NoError(c, other.Emit("to", []string{"elsewhere"}, "said", "not for us"))
	require.NoError(c, other.Emit("everyone", "said", "missed 2", []byte{7}))
	ask[any](c, other, "echo", 1)

	requireJSON(c, `["missed 1"]`, await(c, said, "missed and lost"))
	last := await(c, said, "missed and lost")
	require.Len(c, last, 2, "handlers do not see the offset")
	require.Equal(c, []byte{7}, last.Bytes(1))
	c.join(s.Conn(), "/")
	require.True(c, s.Recovered())
	require.Equal(c, id, s.ID())
	require.Equal(c, sorted("r", id), ask[[]string](c, s, "rooms"))
	require.True(c, ask[me](c, s, "me").Recovered)
}

// Rows: K01
func recoversSeveralTimes(c *bench) {
	other, s := c.connect("/"), c.connect("/", quietly)
	id := s.ID()
	said := subscribe(c, s, "said")
	for i := range 3 {
		require.NoError(c, other.Emit("everyone", "said", 2*i))
		await(c, said, "nothing said")
		cut(c, s)
		require.NoError(c, other.Emit("everyone", "said", 2*i+1))
		var n int
		require.NoError(c, await(c, said, "missed and lost").Value(0).Decode(&n))
		require.Equal(c, 2*i+1, n)
		c.join(s.Conn(), "/")
		require.True(c, s.Recovered())
		require.Equal(c, id, s.ID())
	}
}

// Rows: K04
func noRecoveryAfterDisconnect(c *bench) {
	s := c.connect("/")
	id := s.ID()
	said := subscribe(c, s, "said")
	require.NoError(c, s.Emit("everyone", "said", 1))
	await(c, said, "nothing said")
	s.Disconnect()
	s.Connect()
	c.join(s.Conn(), "/")
	require.False(c, s.Recovered())
	require.NotEqual(c, id, s.ID())
}
