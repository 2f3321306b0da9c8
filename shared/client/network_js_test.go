package client_test

import (
	"errors"
	"syscall/js"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/client"
	"parley/shared/client/engine"
	"parley/shared/client/internal/script"
	"parley/shared/engineio"
)

// page gives the global object the events of a page for one test; Node, which
// runs this, has none.
type page struct{ window, document js.Value }

func newPage(t *testing.T) page {
	t.Helper()
	global := js.Global()
	p := page{global.Get("EventTarget").New(), global.Get("EventTarget").New()}
	p.document.Set("visibilityState", "hidden")
	for _, method := range []string{"addEventListener", "removeEventListener"} {
		global.Set(method, p.window.Get(method).Call("bind", p.window))
	}
	global.Set("document", p.document)
	t.Cleanup(func() {
		for _, name := range []string{"addEventListener", "removeEventListener", "document"} {
			global.Delete(name)
		}
	})
	return p
}

func dispatch(target js.Value, event string) {
	target.Call("dispatchEvent", js.Global().Get("Event").New(event))
}

// onPage runs f with a connected Socket. JavaScript's callbacks are outside of any
// synctest bubble, so that this waits in real time.
func onPage(t *testing.T, address string, cfg client.Config, f func(t *testing.T, p page, server *script.Server, peer *script.Peer, s *client.Socket)) {
	t.Helper()
	p := newPage(t)
	server := script.New()
	cfg.Transports = []engine.Transport{server.Transport("websocket")}
	cfg.Reconnect = client.Reconnect{Delay: time.Hour, MaxDelay: time.Hour}
	conn, err := client.New(address, cfg)
	require.NoError(t, err)
	defer func() { assert.NoError(t, conn.Close()) }()
	s := conn.Main()
	conn.Connect()
	peer := server.Accept(t)
	peer.Join(t, "/", "x")
	eventually(t, s.Connected)
	f(t, p, server, peer, s)
}

func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, 5*time.Second, time.Millisecond)
}

// Rows: F11
func TestEventsOfAPage(t *testing.T) {
	onPage(t, "http://far.example", client.Config{}, func(t *testing.T, p page, server *script.Server, _ *script.Peer, s *client.Socket) {
		lost := make(chan error, 1)
		s.OnDisconnect(func(_ engineio.Reason, err error) { lost <- err })
		waiting := func() bool { return s.Conn().State().Phase == client.Waiting }
		dispatch(p.window, "offline")
		assert.ErrorContains(t, <-lost, "network connection lost")
		eventually(t, waiting)

		server.Refuse(func(engine.Request) error { return errors.New("not yet") })
		for i, try := range []func(){
			func() { dispatch(p.window, "online") },
			func() { dispatch(p.window, "pageshow") },
			func() { dispatch(p.document, "resume") },
			func() {
				dispatch(p.document, "visibilitychange") // hidden: nothing to do
				p.document.Set("visibilityState", "visible")
				dispatch(p.document, "visibilitychange")
			},
		} {
			try()
			eventually(t, func() bool { return server.Dials() == i+2 && waiting() })
		}
		server.Refuse(nil)
		dispatch(p.window, "online")
		peer := server.Accept(t)
		peer.Join(t, "/", "y")
		eventually(t, s.Connected)

		dispatch(p.window, "pageshow") // on a connection that stands
		answerProbe(t, peer)
		require.NoError(t, s.Conn().Close())
		dispatch(p.window, "online")
		dispatch(p.window, "offline")
		assert.Equal(t, client.Closed, s.Conn().State().Phase)
	})
	onPage(t, "http://localhost:3000", client.Config{}, func(t *testing.T, p page, _ *script.Server, _ *script.Peer, s *client.Socket) {
		dispatch(p.window, "offline")
		s.Conn().Retry()
		assert.True(t, s.Connected(), "the same machine is reachable without a network")
	})
}

// Rows: G10
func TestCloseOnUnload(t *testing.T) {
	for _, on := range []bool{true, false} {
		onPage(t, "http://far.example", client.Config{CloseOnUnload: on}, func(t *testing.T, p page, _ *script.Server, peer *script.Peer, s *client.Socket) {
			dispatch(p.window, "beforeunload")
			if !on {
				assert.True(t, s.Connected())
				return
			}
			peer.Expect(t, "41")
			assert.True(t, peer.AwaitClosed(t))
		})
	}
}
