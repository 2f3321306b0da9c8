package clientcases

import (
	"context"

	"github.com/stretchr/testify/require"

	"parley/shared/client"
	"parley/shared/engineio"
	"parley/shared/event"
)

// contextT keeps the signatures of auth functions short.
type contextT = context.Context

func disconnectCases() map[string]body {
	return map[string]body{
		"disconnected by the server":            disconnectedByTheServer,
		"connection closed by the server":       connectionClosedByTheServer,
		"disconnect":                            disconnect,
		"close":                                 closes,
		"pending ack fails at a loss":           pendingAckFails,
		"comes back and sends what was written": comesBack,
	}
}

// ends collects why a socket disconnects.
func ends(c *bench, s *client.Socket) <-chan engineio.Reason {
	ch := make(chan engineio.Reason, 16)
	c.Cleanup(s.OnDisconnect(func(reason engineio.Reason, err error) { ch <- reason }))
	return ch
}

// Rows: H05 H18
func disconnectedByTheServer(c *bench) {
	s := c.connect("/")
	id, end := s.ID(), ends(c, s)
	require.NoError(c, s.Emit("kick", false))
	require.EqualValues(c, "io server disconnect", await(c, end, "no disconnect"))
	require.False(c, s.Active())
	require.Empty(c, s.ID())
	require.Equal(c, "server namespace disconnect", c.reason(id))
	s.Connect()
	c.join(s.Conn(), "/")
	require.NotEqual(c, id, s.ID())
}

// Rows: H05
func connectionClosedByTheServer(c *bench) {
	s := c.connect("/")
	id, end := s.ID(), ends(c, s)
	require.NoError(c, s.Emit("cut"))
	require.EqualValues(c, "transport close", await(c, end, "no disconnect"))
	require.True(c, s.Active(), "it comes back by itself")
	require.Contains(c, []string{"forced close", "forced server close"}, c.reason(id))
	c.join(s.Conn(), "/")
}

// Rows: H05
func disconnect(c *bench) {
	s := c.connect("/")
	id, end := s.ID(), ends(c, s)
	s.Disconnect()
	require.EqualValues(c, "io client disconnect", await(c, end, "no disconnect"))
	require.False(c, s.Active())
	require.Equal(c, "client namespace disconnect", c.reason(id))
}

// Rows: G09
func closes(c *bench) {
	s := c.connect("/")
	id := s.ID()
	said := subscribe(c, c.connect("/"), "said")
	require.NoError(c, s.Emit("broadcast", "said", "last words"))
	require.NoError(c, s.Conn().Close())
	if c.Ours {
		require.Equal(c, "last words", await(c, said, "what was emitted before the close is lost").String(0))
	}
	require.Equal(c, "client namespace disconnect", c.reason(id))
	require.ErrorIs(c, s.Emit("echo"), client.ErrClosed)
}

// Rows: H08
func pendingAckFails(c *bench) {
	s := c.connect("/")
	sent, failed := make(chan string, 1), make(chan error, 1)
	defer s.OnAnyOutgoing(func(name string, _ event.Args) {
		select {
		case sent <- name:
		default:
		}
	})()
	go func() {
		_, err := s.EmitAck(c.ctx(), "nobody listens")
		failed <- err
	}()
	await(c, sent, "the question is not sent") // a later one would wait for the next connection
	require.NoError(c, s.Emit("cut"))
	require.ErrorIs(c, await(c, failed, "the acknowledgement stays pending"), client.ErrDisconnected)
}

// Rows: F06 F07 F10 H07
func comesBack(c *bench) {
	s := c.connect("/")
	first, end := s.ID(), ends(c, s)
	back := subscribe(c, s, "echo-back")
	require.NoError(c, s.Emit("cut"))
	await(c, end, "no disconnect")
	require.NoError(c, s.Emit("echo", "written while away"))
	require.Equal(c, "written while away", await(c, back, "lost").String(0))
	require.NotEqual(c, first, s.ID())
}
