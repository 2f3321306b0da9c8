package client_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/client"
	"parley/shared/event"
)

// Rows: F01
func TestAddresses(t *testing.T) {
	page := &url.URL{Scheme: "http", Host: "page.example:8080", Path: "/room/x"}
	for address, want := range map[string]struct {
		server, ns   string
		onPage, bare bool // on a page, or without one
	}{
		"http://a.example":          {"http://a.example", "/", true, true},
		"https://a.example:81/chat": {"https://a.example:81", "/chat", true, true},
		"ws://a.example/":           {"http://a.example", "/", true, true},
		"wss://a.example/a/b?x=1":   {"https://a.example?x=1", "/a/b", true, true},
		"http://[::1]:3000/chat":    {"http://[::1]:3000", "/chat", true, true},
		"http://u:p@a.example":      {"http://u:p@a.example", "/", true, true},
		"//a.example/chat":          {"https://a.example", "/chat", false, true},
		"a.example:81/chat":         {"https://a.example:81", "/chat", false, true},
		"localhost":                 {"https://localhost", "/", false, true},
		"":                          {"http://page.example:8080", "/", true, false},
		"/chat?x=1":                 {"http://page.example:8080?x=1", "/chat", true, false},
		"?x=1":                      {"http://page.example:8080?x=1", "/", true, false},
	} {
		for _, on := range []*url.URL{nil, page} {
			if on == nil && !want.bare || on == page && !want.onPage {
				continue
			}
			server, ns, err := client.ParseAddress(address, on)
			require.NoError(t, err, address)
			assert.Equal(t, want.server, server.String(), address)
			assert.Equal(t, want.ns, ns.Name(), address)
		}
	}
	server, _, err := client.ParseAddress("a.example", page)
	require.NoError(t, err)
	assert.Equal(t, "http://a.example", server.String(), "the page's scheme")
	for _, address := range []string{"", "/chat", "ftp://a", "http://", "http://a/x,y", "http://a b", "http://:80"} {
		_, err := client.New(address, client.Config{})
		assert.Error(t, err, address)
	}
}

// Rows: G06
func TestConfig(t *testing.T) {
	for _, cfg := range []client.Config{
		{Retries: -1}, {MaxQueued: -1}, {MaxPending: -1}, {StreamBuffer: -1},
		{Buffer: client.Buffer{MaxEvents: -1}}, {Reconnect: client.Reconnect{Attempts: -1}},
	} {
		_, err := client.New("http://a", cfg)
		assert.Error(t, err)
	}
	for path, want := range map[string]string{"": "/socket.io/", "/x": "/x/", "x": "/x/", "/x/": "/x/"} {
		assert.Equal(t, want, pathOf(t, client.Config{Path: path}))
	}
	assert.Equal(t, "/x", pathOf(t, client.Config{Path: "/x", PathAsIs: true}))
	conn, err := client.New("http://a", client.Config{})
	require.NoError(t, err)
	s := conn.Of(event.Namespace{})
	assert.Equal(t, "/", s.Namespace())
	assert.Same(t, conn, s.Conn())
	assert.Nil(t, conn.Engine())
	require.NoError(t, conn.Close(), "also without Connect")
	require.NoError(t, conn.Close())
	assert.Equal(t, client.Closed, conn.State().Phase)
	assert.False(t, conn.Of(chat).Active())
}

func pathOf(t *testing.T, cfg client.Config) string {
	t.Helper()
	path := ""
	with(t, cfg, func(t *testing.T, r *rig) {
		r.conn.Connect()
		path = r.server.Accept(t).Request.URL.Path
	})
	return path
}
