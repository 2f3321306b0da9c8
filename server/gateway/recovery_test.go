package gateway_test

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/gateway"
	"parley/shared/chat"
	"parley/shared/client"
	"parley/shared/client/engine"
	"parley/shared/client/websocket"
	"parley/shared/event"
)

// scissors make connections that can be cut.
type scissors struct {
	mu   sync.Mutex
	open []net.Conn // guarded by mu
}

func (s *scissors) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err == nil {
		s.mu.Lock()
		s.open = append(s.open, c)
		s.mu.Unlock()
	}
	return c, err
}

func (s *scissors) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.open {
		_ = c.Close()
	}
	s.open = nil
}

// A socket whose state the server has recovered is still in its rooms, without asking for them again: so is its user.
func TestARecoveredSocketIsStillPresent(t *testing.T) {
	address := startWith(t, server.Config{Recovery: time.Minute}, gateway.Config{
		Build: "build-1", Grace: time.Hour, Typing: gateway.Rate{PerSecond: 1000, Burst: 1000},
	})
	bob := dial(t, address, "Bob", token("b"))
	bob.join("lobby")

	var shears scissors
	web := &http.Client{Transport: &http.Transport{DialContext: shears.dial}}
	defer web.CloseIdleConnections()
	conn, err := client.New(address, client.Config{
		Auth:       func(context.Context) (any, error) { return chat.Credentials{Name: "Ann", Token: token("a")}, nil },
		Transports: []engine.Transport{&websocket.Transport{Native: websocket.Native{HTTPClient: web}}},
		Reconnect:  client.Reconnect{Delay: time.Millisecond},
	})
	require.NoError(t, err)
	defer conn.Close()
	sock := conn.Of(chat.NS)
	connects, posted := make(chan string, 10), make(chan chat.Batch, 10)
	sock.OnConnect(func() { connects <- sock.ID() })
	client.On(sock, chat.Posted, func(b chat.Batch) { posted <- b })
	conn.Connect()
	id := <-connects
	_, err = client.Call(t.Context(), sock, chat.Join, chat.JoinRequest{Room: "lobby"})
	require.NoError(t, err)
	bob.expect("Ann joined lobby")

	shears.cut()
	m := bob.say("lobby", "did you get this?")
	require.Equal(t, id, <-connects)
	require.True(t, sock.Recovered())
	assert.Equal(t, []chat.Message{m}, (<-posted).Messages)
	bob.say("lobby", "and this?")
	assert.Len(t, (<-posted).Messages, 1)
	for range 100 { // only who is present is shown to type; a volatile notice may be dropped
		require.NoError(t, client.Emit(sock, chat.Typing, chat.TypingState{Room: "lobby", On: true}))
		_, err := client.Call(t.Context(), sock, chat.ListRooms, event.None{})
		require.NoError(t, err)
		call(bob, chat.ListRooms, event.None{})
		if bob.count() > 0 {
			break
		}
	}
	bob.expect("Ann types true in lobby")
	sock.Disconnect()
	bob.expect("Ann left lobby")
}
