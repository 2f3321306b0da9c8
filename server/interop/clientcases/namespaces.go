package clientcases

import (
	"slices"

	"github.com/stretchr/testify/require"

	"parley/shared/client"
	"parley/shared/event"
)

func namespaceCases() map[string]body {
	return map[string]body{
		"namespaces share a connection":   shareOneConnection,
		"unknown namespace":               unknownNamespace,
		"refused with data, then let in":  refusedThenLetIn,
		"auth at each connect":            authAtEachConnect,
		"dynamic namespaces":              dynamicNamespaces,
		"slow middleware, early emit":     slowMiddleware,
		"namespace in the address's path": namespaceInTheAddress,
	}
}

func sorted(words ...string) []string { return slices.Sorted(slices.Values(words)) }

// Rows: F02 F03
func shareOneConnection(c *bench) {
	conn := c.dial()
	root, custom := c.join(conn, "/"), c.join(conn, "/custom")
	require.Same(c, custom, conn.Of(event.NewNamespace("custom")))
	require.NotEqual(c, root.ID(), custom.ID())
	require.Equal(c, custom.ID(), ask[me](c, custom, "me").ID)
	require.Equal(c, root.ID(), ask[me](c, root, "me").ID)
	custom.Disconnect()
	require.Equal(c, 1, ask[int](c, root, "echo", 1), "leaving one keeps the other")
}

// refusal connects to a namespace that says no.
func (c *bench) refusal(s *client.Socket) *client.ConnectError {
	c.Helper()
	errs := make(chan error, 16)
	defer s.OnConnectError(func(err error) { errs <- err })()
	s.Connect()
	return connectError(c, await(c, errs, "no refusal"))
}

// Rows: H04
func unknownNamespace(c *bench) {
	conn := c.dial()
	root := c.join(conn, "/")
	s := conn.Of(event.NewNamespace("/nowhere"))
	err := c.refusal(s)
	require.True(c, err.Refused())
	require.Equal(c, "Invalid namespace", err.Message)
	require.False(c, s.Active())
	require.Equal(c, 1, ask[int](c, root, "echo", 1), "the connection stays")
}

// Rows: H02 H04
func refusedThenLetIn(c *bench) {
	conn := c.dial()
	s := conn.Of(event.NewNamespace("/auth"))
	s.SetAuth(func(contextT) (any, error) { return map[string]string{"token": "wrong"}, nil })
	err := c.refusal(s)
	require.Equal(c, "not authorized", err.Message)
	require.JSONEq(c, `{"code":"unauthenticated","attempts":3}`, string(err.Data))
	require.False(c, err.Retryable)
	s.SetAuth(func(contextT) (any, error) { return map[string]string{"token": "secret"}, nil })
	s.Connect()
	c.join(conn, "/auth")
	require.Equal(c, "secret", ask[me](c, s, "me").Auth["token"])
}

// Rows: H02
func authAtEachConnect(c *bench) {
	calls := 0
	s := c.connect("/", func(cfg *client.Config) {
		cfg.Auth = func(contextT) (any, error) {
			calls++
			return map[string]int{"call": calls}, nil
		}
	})
	require.EqualValues(c, 1, ask[me](c, s, "me").Auth["call"])
	s.Disconnect()
	s.Connect()
	c.join(s.Conn(), "/")
	require.Greater(c, ask[me](c, s, "me").Auth["call"], 1.0)
}

func dynamicNamespaces(c *bench) {
	one, again := c.connect("/room-1"), c.connect("/room-1")
	heard := subscribe(c, again, "said")
	require.NoError(c, one.Emit("broadcast", "said", "hello"))
	require.Equal(c, "hello", await(c, heard, "nothing heard").String(0))

	denied := c.dial(func(cfg *client.Config) {
		cfg.Auth = func(contextT) (any, error) { return map[string]bool{"deny": true}, nil }
	}).Of(event.NewNamespace("/room-3"))
	require.Equal(c, "denied", c.refusal(denied).Message)
}

func slowMiddleware(c *bench) {
	conn := c.dial()
	s := conn.Of(event.NewNamespace("/slow"))
	back := subscribe(c, s, "echo-back")
	require.NoError(c, s.Emit("echo", "early"))
	require.Equal(c, "early", await(c, back, "no echo").String(0))
}

// Rows: F01
func namespaceInTheAddress(c *bench) {
	conn, err := client.New(c.url+"/custom", c.config())
	require.NoError(c, err)
	c.Cleanup(func() { _ = conn.Close() })
	require.Equal(c, "/custom", conn.Main().Namespace())
	conn.Connect()
	c.join(conn, "/custom")
	require.Equal(c, conn.Main().ID(), ask[me](c, conn.Main(), "me").ID)
}
