package gateway_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	service "parley/server/chat"
	"parley/server/gateway"
	"parley/shared/chat"
	"parley/shared/client"
	"parley/shared/client/engine"
	"parley/shared/client/websocket"
	"parley/shared/engineio"
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

// ann is a client, not connected yet, whose connections can be cut.
func (s *scissors) ann(t *testing.T, address string) *client.Conn {
	web := &http.Client{Transport: &http.Transport{DialContext: s.dial}}
	conn, err := client.New(address, client.Config{
		Auth:       func(context.Context) (any, error) { return chat.Credentials{Name: "Ann", Token: token("a")}, nil },
		Transports: []engine.Transport{&websocket.Transport{Native: websocket.Native{HTTPClient: web}}},
		Reconnect:  client.Reconnect{Delay: time.Millisecond},
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, conn.Close())
		web.CloseIdleConnections()
	})
	return conn
}

// A socket whose state the server has recovered is still in its rooms, without asking for them again: so is its user.
func TestARecoveredSocketIsStillPresent(t *testing.T) {
	address := startWith(t, server.Config{Recovery: time.Minute}, gateway.Config{
		Build: "build-1", Grace: time.Hour, Typing: gateway.Rate{PerSecond: 1000, Burst: 1000},
	})
	bob := dial(t, address, "Bob", token("b"))
	bob.join("lobby")

	var shears scissors
	conn := shears.ann(t, address)
	sock := conn.Of(chat.NS)
	connects, posted := make(chan string, 10), make(chan chat.Batch, 10)
	sock.OnConnect(func() { connects <- sock.ID() })
	client.On(sock, chat.Posted, func(b chat.Batch) { posted <- b })
	conn.Connect()
	id := <-connects
	_, err := client.Call(t.Context(), sock, chat.Join, chat.JoinRequest{Room: "lobby"})
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
	last := func(what string) func() bool { // notices of typing may have come twice
		return func() bool {
			bob.mu.Lock()
			defer bob.mu.Unlock()
			return len(bob.seen) > 0 && bob.seen[len(bob.seen)-1] == what
		}
	}
	require.Eventually(t, last("Ann types true in lobby"), patience, time.Millisecond)
	sock.Disconnect()
	require.Eventually(t, last("Ann left lobby"), patience, time.Millisecond)
}

// The end of the connection before is handled late, when a handler of it was busy: after its successor has come, which
// has the same id.
func TestALateGoodbyeDoesNotConcernTheSuccessor(t *testing.T) {
	srv, address := serve(t, server.Config{Recovery: time.Minute}, gateway.Config{Build: "build-1", Grace: -1})
	entered, release := make(chan struct{}, 1), make(chan struct{})
	ended := make(chan struct{})
	ns := srv.Of(chat.NS)
	ns.OnConnect(func(s *server.Socket) {
		s.On("busy", func(event.Args) { entered <- struct{}{}; <-release })
	})
	ns.OnDisconnect(func(s *server.Socket, _ engineio.Reason, _ error) {
		if s.Get("ann") != nil && !s.Recovered() {
			close(ended)
		}
	})
	bob := dial(t, address, "Bob", token("b"))
	bob.join("lobby")
	var shears scissors
	conn := shears.ann(t, address)
	sock := conn.Of(chat.NS)
	connects := make(chan string, 10)
	sock.OnConnect(func() { connects <- sock.ID() })
	conn.Connect()
	id := <-connects
	_, err := client.Call(t.Context(), sock, chat.Join, chat.JoinRequest{Room: "lobby"})
	require.NoError(t, err)
	bob.expect("Ann joined lobby")
	old, ok := ns.Socket(id)
	require.True(t, ok)
	old.Set("ann", true)
	require.NoError(t, sock.Emit("busy"))
	<-entered
	shears.cut()
	require.Equal(t, id, <-connects)
	require.True(t, sock.Recovered())
	_, err = client.Call(t.Context(), sock, chat.ListRooms, event.None{}) // its OnConnect is over then
	require.NoError(t, err)
	close(release)
	<-ended
	bob.nothing()
	sock.Disconnect()
	bob.expect("Ann left lobby")
}

// Messages of several senders are shared in one event, which none of them gets. A sender who is away at that moment
// finds those of the others when coming back.
func TestASenderWhoWasAwayMissesNothing(t *testing.T) {
	srv := server.New(server.Config{Recovery: time.Minute, Logger: slog.New(slog.DiscardHandler)})
	web := httptest.NewServer(srv)
	defer web.Close()
	defer srv.Close()
	publisher := gateway.NewPublisher(srv, nil)
	ns := srv.Of(chat.NS)
	room := chat.RoomID("lobby")
	ns.OnConnect(func(s *server.Socket) {
		if !s.Recovered() {
			assert.NoError(t, s.Join(room.Key()))
		}
	})
	var shears scissors
	conn := shears.ann(t, web.URL)
	sock := conn.Of(chat.NS)
	connects, posted := make(chan string, 10), make(chan chat.Batch, 10)
	sock.OnConnect(func() { connects <- sock.ID() })
	client.On(sock, chat.Posted, func(b chat.Batch) { posted <- b })
	conn.Connect()
	id := <-connects
	require.Eventually(t, func() bool { return ns.RoomLen(room.Key()) == 1 }, patience, time.Millisecond)
	conn.SetReconnect(client.Reconnect{Delay: time.Second})
	shears.cut()
	require.Eventually(t, func() bool { return ns.Len() == 0 }, patience, time.Millisecond)
	publisher.MessagesPosted(t.Context(), room, []service.Posted{
		{Message: chat.Message{ID: "a", Room: room, Seq: 1, Text: "of Ann"}, Origin: id},
		{Message: chat.Message{ID: "b", Room: room, Seq: 2, Text: "of Bob"}, Origin: "bob"},
	})
	conn.Retry()
	require.Equal(t, id, <-connects)
	require.True(t, sock.Recovered())
	select {
	case b := <-posted:
		require.Len(t, b.Messages, 1)
		require.Equal(t, "of Bob", b.Messages[0].Text)
	case <-time.After(patience / 4):
		t.Fatal("Ann has not got the message of Bob")
	}
}
