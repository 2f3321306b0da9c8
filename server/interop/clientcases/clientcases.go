// Package clientcases is what Parley's client must do against a Socket.IO server, whoever wrote it. The
// server is set up as the fixture of server/interop (peers/fixture_server.mjs is the official one). The
// cases run natively and, compiled to js/wasm, in a browser.
package clientcases

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/shared/client"
	"parley/shared/client/engine"
	"parley/shared/client/polling"
	"parley/shared/client/websocket"
	"parley/shared/event"
	"parley/shared/socketio/msgpack"
)

// Setup says which server the cases talk to, and how.
type Setup struct {
	URL  string // of a fixture
	Mode string // "websocket", "polling", "upgrade" or "msgpack" (which goes over WebSocket)

	// Ours says that the server is Parley's, which handles what came before a disconnect. The official one
	// drops an event when a DISCONNECT follows on its heels.
	Ours bool

	// Recovery is the URL of a fixture with connection state recovery, Beating of one that pings every
	// second. Empty leaves those cases out.
	Recovery, Beating string
}

// Modes are the values of Setup.Mode.
func Modes() []string { return []string{"websocket", "polling", "upgrade", "msgpack"} }

// patience bounds each wait of a case.
const patience = 15 * time.Second

// Run runs every case as a subtest.
func Run(t *testing.T, s Setup) {
	runCases(t, s, s.URL, basicCases(), namespaceCases(), disconnectCases())
	if s.Recovery != "" {
		runCases(t, s, s.Recovery, recoveryCases())
	}
	if s.Beating != "" {
		runCases(t, s, s.Beating, heartbeatCases())
	}
}

// body is one case.
type body func(c *bench)

func runCases(t *testing.T, s Setup, url string, sets ...map[string]body) {
	for _, set := range sets {
		names := make([]string, 0, len(set))
		for name := range set {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			t.Run(name, func(t *testing.T) {
				set[name](&bench{T: t, url: url, Setup: s})
			})
		}
	}
}

// bench is what a case works with.
type bench struct {
	*testing.T
	Setup
	url string // of the fixture for this case
}

// config is the configuration of the mode, with quick reconnection.
func (c *bench) config() client.Config {
	cfg := client.Config{
		FirstOnly: true,
		Reconnect: client.Reconnect{Delay: 20 * time.Millisecond, MaxDelay: 50 * time.Millisecond},
	}
	switch c.Mode {
	case "websocket":
		cfg.Transports = []engine.Transport{&websocket.Transport{}}
	case "msgpack":
		cfg.Transports, cfg.Parser = []engine.Transport{&websocket.Transport{}}, msgpack.New()
	case "polling":
		cfg.Transports = []engine.Transport{&polling.Transport{}}
	case "upgrade":
		cfg.Transports = []engine.Transport{&polling.Transport{}, &websocket.Transport{}}
	default:
		c.Fatalf("no mode %q", c.Mode)
	}
	return cfg
}

// dial opens a connection that is closed with the case; in mode "upgrade" it is upgraded when dial returns.
func (c *bench) dial(change ...func(*client.Config)) *client.Conn {
	c.Helper()
	cfg := c.config()
	for _, fn := range change {
		fn(&cfg)
	}
	conn, err := client.New(c.url, cfg)
	require.NoError(c, err)
	c.Cleanup(func() { _ = conn.Close() })
	ready := make(chan struct{}, 16)
	stop := conn.OnState(func(s client.State) {
		if s.Phase == client.Open && (c.Mode != "upgrade" || s.Transport == "websocket") {
			ready <- struct{}{}
		}
	})
	defer stop()
	conn.Connect()
	await(c, ready, "the connection does not open")
	return conn
}

// connect returns a connected socket of a namespace on a connection of its own.
func (c *bench) connect(namespace string, change ...func(*client.Config)) *client.Socket {
	c.Helper()
	return c.join(c.dial(change...), namespace)
}

// join returns the connected socket of a namespace.
func (c *bench) join(conn *client.Conn, namespace string) *client.Socket {
	c.Helper()
	s := conn.Of(event.NewNamespace(namespace))
	up := make(chan struct{}, 16)
	defer s.OnConnect(func() { up <- struct{}{} })()
	if !s.Connected() {
		await(c, up, "the namespace does not connect")
	}
	return s
}

// await returns the next value of a channel.
func await[T any](c *bench, ch <-chan T, otherwise string) T {
	c.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		require.FailNow(c, otherwise)
		panic("unreachable")
	}
}

// subscribe collects the arguments of an event.
func subscribe(c *bench, s *client.Socket, name string) <-chan event.Args {
	ch := make(chan event.Args, 1024)
	c.Cleanup(s.On(name, func(args event.Args) { ch <- args }))
	return ch
}

func (c *bench) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	c.Cleanup(cancel)
	return ctx
}

// ask emits with acknowledgement and decodes the answer's first argument.
func ask[T any](c *bench, s *client.Socket, name string, args ...any) T {
	c.Helper()
	answer, err := s.EmitAck(c.ctx(), name, args...)
	require.NoError(c, err, name)
	var v T
	require.NoError(c, answer.Decode(&v))
	return v
}

// reason asks the server why a socket has gone; it waits until it has.
func (c *bench) reason(id string) string {
	c.Helper()
	return ask[string](c, c.connect("/control"), "reason", id)
}

// me is what the fixture knows of a socket.
type me struct {
	ID        string         `json:"id"`
	Recovered bool           `json:"recovered"`
	Auth      map[string]any `json:"auth"`
	X         string         `json:"x"`
	Header    string         `json:"header"`
	Transport string         `json:"transport"`
}

// requireJSON compares values by their JSON text.
func requireJSON(c *bench, want string, args event.Args) {
	c.Helper()
	texts := make([]string, len(args))
	for i := range args {
		texts[i] = string(args.Value(i).JSON)
	}
	require.JSONEq(c, want, "["+strings.Join(texts, ",")+"]")
}

func connectError(c *bench, err error) *client.ConnectError {
	c.Helper()
	refused, ok := errors.AsType[*client.ConnectError](err)
	require.True(c, ok, "%T %v", err, err)
	return refused
}
