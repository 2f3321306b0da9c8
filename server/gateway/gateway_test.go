package gateway_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"parley/server"
	service "parley/server/chat"
	"parley/server/chat/sqlite"
	"parley/server/gateway"
	"parley/shared/chat"
	"parley/shared/client"
	"parley/shared/client/engine"
	"parley/shared/client/websocket"
	"parley/shared/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of these tests.
const patience = 20 * time.Second

// start runs a chat server and returns its address.
func start(t *testing.T, cfg gateway.Config) (address string) {
	t.Helper()
	return startWith(t, server.Config{}, cfg)
}

func startWith(t *testing.T, sc server.Config, cfg gateway.Config) (address string) {
	t.Helper()
	_, address = serve(t, sc, cfg)
	return address
}

func serve(t *testing.T, sc server.Config, cfg gateway.Config) (_ *server.Server, address string) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "chat.db"))
	require.NoError(t, err)
	quiet := slog.New(slog.DiscardHandler)
	sc.Logger = quiet
	srv := server.New(sc)
	chats, err := service.Open(t.Context(), service.Config{Store: store, Publisher: gateway.NewPublisher(srv, nil)})
	require.NoError(t, err)
	cfg.Logger = quiet
	gate := gateway.New(srv, chats, cfg)
	web := httptest.NewServer(srv)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		assert.NoError(t, srv.Shutdown(ctx))
		web.Close()
		gate.Close()
		assert.NoError(t, store.Close())
	})
	return srv, web.URL
}

// peer is a client of the tests, which remembers what it was told.
type peer struct {
	t    *testing.T
	conn *client.Conn
	sock *client.Socket

	mu   sync.Mutex
	seen []string
	more chan struct{} // closed and replaced when something is added to seen
}

// dial connects and waits for the greeting.
func dial(t *testing.T, address, name, token string) *peer {
	t.Helper()
	p := &peer{t: t, more: make(chan struct{})}
	var err error
	p.conn, err = client.New(address, client.Config{
		Auth:       func(context.Context) (any, error) { return chat.Credentials{Name: name, Token: token}, nil },
		Transports: []engine.Transport{&websocket.Transport{}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, p.conn.Close()) })
	p.sock = p.conn.Of(chat.NS)
	client.On(p.sock, chat.Hello, func(h chat.ServerInfo) { p.add("hello " + h.Me.Name + " of " + h.Build) })
	client.On(p.sock, chat.Posted, func(b chat.Batch) {
		for _, m := range b.Messages {
			p.add(fmt.Sprintf("%s %d %s: %s", m.Room, m.Seq, m.From.Name, m.Text))
		}
	})
	client.On(p.sock, chat.Joined, func(n chat.Notice) { p.add(n.Member.Name + " joined " + string(n.Room)) })
	client.On(p.sock, chat.Left, func(n chat.Notice) { p.add(n.Member.Name + " left " + string(n.Room)) })
	client.On(p.sock, chat.RoomAdded, func(r chat.RoomInfo) { p.add("room " + r.Title) })
	client.On(p.sock, chat.IsTyping, func(n chat.TypingNotice) { p.add(fmt.Sprintf("%s types %v in %s", n.Member.Name, n.On, n.Room)) })
	p.conn.Connect()
	p.expect("hello " + strings.TrimSpace(name) + " of build-1")
	return p
}

func (p *peer) add(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, what)
	close(p.more)
	p.more = make(chan struct{})
}

// expect waits for exactly these notices, in this order, and forgets them.
func (p *peer) expect(want ...string) {
	p.t.Helper()
	deadline := time.After(patience)
	for {
		p.mu.Lock()
		got, more := p.seen, p.more
		if len(got) >= len(want) {
			p.seen = nil
			p.mu.Unlock()
			require.Equal(p.t, want, got)
			return
		}
		p.mu.Unlock()
		select {
		case <-more:
		case <-deadline:
			require.Equal(p.t, want, got)
		}
	}
}

// count is how many notices wait for expect.
func (p *peer) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.seen)
}

// settle waits until the handlers of all that was sent to this peer before now have run. Such events arrive before the
// server's answer, which does not wait for their handlers; what is sent after it is shown to OnAnyOutgoing in their order.
func (p *peer) settle() {
	p.t.Helper()
	call(p, chat.ListRooms, event.None{})
	mark, done := uuid.NewString(), make(chan struct{})
	defer p.sock.OnAnyOutgoing(func(name string, _ event.Args) {
		if name == mark {
			close(done)
		}
	})()
	require.NoError(p.t, p.sock.Emit(mark))
	select {
	case <-done:
	case <-time.After(patience):
		require.Fail(p.t, "the handlers have not come to an end")
	}
}

// nothing requires that no notice has come.
func (p *peer) nothing() {
	p.t.Helper()
	p.settle()
	p.mu.Lock()
	defer p.mu.Unlock()
	require.Empty(p.t, p.seen)
}

func call[Req, Res any](p *peer, c event.Call[Req, Res], req Req) Res {
	p.t.Helper()
	res, err := client.Call(p.t.Context(), p.sock, c, req)
	require.NoError(p.t, err)
	return res
}

func refused[Req, Res any](p *peer, c event.Call[Req, Res], req Req) *event.Error {
	p.t.Helper()
	_, err := client.Call(p.t.Context(), p.sock, c, req)
	require.Error(p.t, err)
	return event.AsError(err)
}

func (p *peer) join(room chat.RoomID) chat.History {
	p.t.Helper()
	return call(p, chat.Join, chat.JoinRequest{Room: room})
}

func (p *peer) say(room chat.RoomID, text string) chat.Message {
	p.t.Helper()
	return call(p, chat.Send, chat.Draft{ID: uuid.NewString(), Room: room, Text: text})
}

func token(c string) string { return strings.Repeat(c, 32) }

var build = gateway.Config{Build: "build-1", Grace: time.Hour}

// names lists members.
func names(members []chat.Member) (all []string) {
	for _, m := range members {
		all = append(all, m.Name)
	}
	return all
}

func TestPeopleTalk(t *testing.T) {
	address := start(t, build)
	ann, bob := dial(t, address, "Ann", token("a")), dial(t, address, " Bob ", token("b"))
	assert.Equal(t, []string{"Ann"}, names(ann.join("lobby").Members))
	h := bob.join("lobby")
	assert.Equal(t, []string{"Ann", "Bob"}, names(h.Members))
	assert.Equal(t, 2, h.Room.Online)
	assert.Equal(t, "Lobby", h.Room.Title)
	ann.expect("Bob joined lobby")

	m := ann.say("lobby", "hello")
	assert.EqualValues(t, 1, m.Seq)
	assert.Equal(t, "Ann", m.From.Name)
	assert.InDelta(t, time.Now().UnixMilli(), m.At, float64(time.Minute.Milliseconds()))
	bob.expect("lobby 1 Ann: hello")
	ann.nothing()
	bob.say("lobby", "hi")
	ann.expect("lobby 2 Bob: hi")

	carl := dial(t, address, "Carl", token("c"))
	carl.nothing()
	h = carl.join("lobby")
	require.Len(t, h.Messages, 2)
	assert.Equal(t, m, h.Messages[0])
	page := call(carl, chat.Page, chat.PageRequest{Room: "lobby", Before: 2})
	assert.Equal(t, h.Messages[:1], page.Messages)
	assert.Equal(t, 3, page.Room.Online)

	rooms := call(carl, chat.ListRooms, event.None{}).Rooms
	require.Len(t, rooms, 3)
	assert.Equal(t, chat.RoomInfo{ID: "lobby", Title: "Lobby", Topic: "Say hello", LastSeq: 2, Online: 3}, rooms[0])
	assert.Zero(t, rooms[1].Online)
}

func TestAUserIsWhoHasTheToken(t *testing.T) {
	address := start(t, build)
	me := func(p *peer) chat.Member { return p.say("lobby", "who am I").From }
	ann := me(dial(t, address, "Ann", token("a")))
	assert.Equal(t, ann, me(dial(t, address, "Ann", token("a"))))
	assert.NotEqual(t, ann.ID, me(dial(t, address, "Ann", token("b"))).ID)
	assert.Regexp(t, "^[0-9a-f]{16}$", ann.ID)
	guest := me(dial(t, address, "Ann", ""))
	assert.NotEqual(t, guest.ID, me(dial(t, address, "Ann", "")).ID, "guests are strangers to each other")
	// The first 16 hex digits of SHA-256("parley user " + token): other programs may compute it.
	assert.EqualValues(t, "58555e8f7be8a2a6", ann.ID)
}

func TestBadCredentialsAreRefused(t *testing.T) {
	address := start(t, build)
	for _, c := range []struct {
		auth any
		want string
	}{
		{nil, "argument 1 is missing"},
		{chat.Credentials{}, "invalid name"},
		{chat.Credentials{Name: "a\nb"}, "invalid name"},
		{chat.Credentials{Name: strings.Repeat("x", 41)}, "invalid name"},
		{chat.Credentials{Name: "Ann", Token: "short"}, "invalid token"},
	} {
		conn, err := client.New(address, client.Config{
			Auth:       func(context.Context) (any, error) { return c.auth, nil },
			Transports: []engine.Transport{&websocket.Transport{}},
		})
		require.NoError(t, err)
		failed := make(chan error, 1)
		conn.Of(chat.NS).OnConnectError(func(err error) { failed <- err })
		conn.Connect()
		select {
		case err = <-failed:
		case <-time.After(patience):
			require.Fail(t, "no answer")
		}
		var refusal *client.ConnectError
		require.ErrorAs(t, err, &refusal)
		assert.True(t, refusal.Refused())
		assert.False(t, refusal.Retryable)
		assert.JSONEq(t, `{"code":"invalid"}`, string(refusal.Data))
		if c.auth == nil {
			c.want = "invalid name"
		}
		assert.Equal(t, c.want, refusal.Message)
		require.NoError(t, conn.Close())
	}
}

func TestTabsOfOneUser(t *testing.T) {
	address := start(t, build)
	bob := dial(t, address, "Bob", token("b"))
	bob.join("lobby")
	one, two := dial(t, address, "Ann", token("a")), dial(t, address, "Ann", token("a"))
	one.join("lobby")
	bob.expect("Ann joined lobby")
	assert.Equal(t, []string{"Ann", "Bob"}, names(two.join("lobby").Members))
	bob.nothing()

	one.say("lobby", "hi")
	two.expect("lobby 1 Ann: hi")
	one.nothing()
	bob.expect("lobby 1 Ann: hi")

	call(one, chat.Leave, chat.LeaveRequest{Room: "lobby"})
	call(one, chat.Leave, chat.LeaveRequest{Room: "lobby"})
	bob.nothing()
	bob.say("lobby", "still there?")
	two.expect("lobby 2 Bob: still there?")
	one.nothing()
	two.sock.Disconnect()
	bob.expect("Ann left lobby")
}

func TestABrokenConnectionIsWaitedFor(t *testing.T) {
	address := start(t, gateway.Config{Build: "build-1", Grace: 100 * time.Millisecond})
	ann, bob := dial(t, address, "Ann", token("a")), dial(t, address, "Bob", token("b"))
	ann.join("lobby")
	bob.join("lobby")
	ann.expect("Bob joined lobby")
	require.NoError(t, bob.conn.Close())
	ann.expect("Bob left lobby")
}

// Rows: D05
func TestADraftSentTwice(t *testing.T) {
	address := start(t, build)
	ann, again, bob := dial(t, address, "Ann", token("a")), dial(t, address, "Ann", token("a")), dial(t, address, "Bob", token("b"))
	bob.join("lobby")
	d := chat.Draft{ID: uuid.NewString(), Room: "lobby", Text: "once"}
	first := call(ann, chat.Send, d)
	assert.Equal(t, first, call(again, chat.Send, d))
	bob.expect("lobby 1 Ann: once")
	bob.nothing()
}

func TestACrowdTalksAtOnce(t *testing.T) {
	address := start(t, build)
	const people, each = 6, 15
	var crowd []*peer
	for i := range people {
		p := dial(t, address, fmt.Sprint("p", i), token(fmt.Sprint(i)))
		p.join("lobby")
		crowd = append(crowd, p)
	}
	for i, p := range crowd {
		var want []string
		for later := i + 1; later < people; later++ {
			want = append(want, fmt.Sprintf("p%d joined lobby", later))
		}
		p.expect(want...)
	}
	said := make([][]chat.Message, people)
	var wg sync.WaitGroup
	for i, p := range crowd {
		wg.Go(func() {
			for n := range each {
				m, err := client.Call(t.Context(), p.sock, chat.Send, chat.Draft{ID: uuid.NewString(), Room: "lobby", Text: fmt.Sprint(n)})
				assert.NoError(t, err)
				said[i] = append(said[i], m)
			}
		})
	}
	wg.Wait()
	log := make([]string, people*each)
	for _, mine := range said {
		for _, m := range mine {
			log[m.Seq-1] = fmt.Sprintf("lobby %d %s: %s", m.Seq, m.From.Name, m.Text)
		}
	}
	for i, p := range crowd {
		var others []string
		for _, l := range log {
			if !strings.Contains(l, fmt.Sprintf(" p%d: ", i)) {
				others = append(others, l)
			}
		}
		p.expect(others...)
	}
}

func TestRooms(t *testing.T) {
	address := start(t, build)
	ann, bob := dial(t, address, "Ann", token("a")), dial(t, address, "Bob", token("b"))
	room := call(ann, chat.CreateRoom, chat.NewRoom{Title: "Go talk", Topic: "generics"})
	assert.Equal(t, chat.RoomInfo{ID: "go-talk", Title: "Go talk", Topic: "generics"}, room)
	bob.expect("room Go talk")
	ann.nothing()
	e := refused(bob, chat.CreateRoom, chat.NewRoom{Title: "go TALK"})
	assert.Equal(t, event.CodeConflict, e.Code)
	assert.JSONEq(t, `{"room":"go-talk"}`, string(e.Data))

	ann.join("go-talk")
	bob.join("lobby")
	ann.say("go-talk", "anybody?")
	bob.nothing()
	bob.say("go-talk", "from outside")
	ann.expect("go-talk 2 Bob: from outside")

	for i := range 4 {
		call(ann, chat.CreateRoom, chat.NewRoom{Title: fmt.Sprint("room ", i)})
	}
	assert.Equal(t, event.CodeRateLimited, refused(ann, chat.CreateRoom, chat.NewRoom{Title: "one more"}).Code)
}

func TestBadRequests(t *testing.T) {
	address := start(t, build)
	ann := dial(t, address, "Ann", token("a"))
	assert.Equal(t, event.CodeNotFound, refused(ann, chat.Join, chat.JoinRequest{Room: "gone"}).Code)
	assert.Equal(t, event.CodeInvalid, refused(ann, chat.Join, chat.JoinRequest{Room: "No!"}).Code)
	assert.Equal(t, event.CodeNotFound, refused(ann, chat.Page, chat.PageRequest{Room: "gone"}).Code)
	assert.Equal(t, event.CodeInvalid, refused(ann, chat.Page, chat.PageRequest{Room: "lobby", Limit: 1000}).Code)
	assert.Equal(t, event.CodeNotFound, refused(ann, chat.Send, chat.Draft{ID: uuid.NewString(), Room: "gone", Text: "x"}).Code)
	assert.Equal(t, event.CodeInvalid, refused(ann, chat.Send, chat.Draft{ID: "1", Room: "lobby", Text: "x"}).Code)
	assert.Equal(t, event.CodeTooLarge, refused(ann, chat.Send, chat.Draft{ID: uuid.NewString(), Room: "lobby", Text: strings.Repeat("x", 4001)}).Code)
	raw, err := ann.sock.EmitAck(t.Context(), "message:send", 5)
	require.NoError(t, err)
	assert.Contains(t, string(raw.Value(0).JSON), `"code":"invalid"`)
	raw, err = ann.sock.EmitAck(t.Context(), "message:send")
	require.NoError(t, err)
	assert.JSONEq(t, `{"error":{"code":"invalid","message":"argument 1 is missing"}}`, string(raw.Value(0).JSON))
}

func TestTyping(t *testing.T) {
	address := start(t, gateway.Config{Build: "build-1", Typing: gateway.Rate{PerSecond: 1000, Burst: 1000}})
	ann, bob, carl := dial(t, address, "Ann", token("a")), dial(t, address, "Bob", token("b")), dial(t, address, "Carl", token("c"))
	ann.join("lobby")
	bob.join("lobby")
	ann.expect("Bob joined lobby")
	// A volatile notice is dropped when the receiver's connection is busy at that moment, so it may take several.
	types := func(on bool) {
		for range 100 {
			require.NoError(t, client.Emit(bob.sock, chat.Typing, chat.TypingState{Room: "lobby", On: on}))
			call(bob, chat.ListRooms, event.None{}) // the server has handled it
			ann.settle()
			if ann.count() > 0 {
				break
			}
		}
		ann.expect(fmt.Sprintf("Bob types %v in lobby", on))
	}
	types(true)
	types(false)
	require.NoError(t, client.Emit(carl.sock, chat.Typing, chat.TypingState{Room: "lobby", On: true}))
	carl.nothing() // the server has handled it
	ann.nothing()
	bob.nothing()
}

func TestAUserWhoSendsTooMuch(t *testing.T) {
	address := start(t, gateway.Config{Build: "build-1", Sends: gateway.Rate{PerSecond: 0.01, Burst: 20}})
	one, two, bob := dial(t, address, "Ann", token("a")), dial(t, address, "Ann", token("a")), dial(t, address, "Bob", token("b"))
	for range 10 {
		one.say("lobby", "x")
		two.say("lobby", "x")
	}
	e := refused(one, chat.Send, chat.Draft{ID: uuid.NewString(), Room: "lobby", Text: "x"})
	assert.Equal(t, event.CodeRateLimited, e.Code)
	assert.True(t, e.Code.Retryable())
	assert.Contains(t, string(e.Data), "retryAfter")
	assert.Equal(t, event.CodeRateLimited, refused(two, chat.Send, chat.Draft{ID: uuid.NewString(), Room: "lobby", Text: "x"}).Code)
	bob.say("lobby", "I may")
}

func TestAUserWithTooManyConnections(t *testing.T) {
	address := start(t, gateway.Config{Build: "build-1", Connections: 1})
	ann := dial(t, address, "Ann", token("a"))
	conn, err := client.New(address, client.Config{
		Auth:       func(context.Context) (any, error) { return chat.Credentials{Name: "Ann", Token: token("a")}, nil },
		Transports: []engine.Transport{&websocket.Transport{}},
	})
	require.NoError(t, err)
	defer conn.Close()
	failed := make(chan error, 1)
	conn.Of(chat.NS).OnConnectError(func(err error) { failed <- err })
	conn.Connect()
	var refusal *client.ConnectError
	require.ErrorAs(t, <-failed, &refusal)
	assert.Equal(t, "too many connections of one user", refusal.Message)
	ann.nothing()
}
