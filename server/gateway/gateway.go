package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"time"

	"parley/server"
	service "parley/server/chat"
	"parley/shared/chat"
	"parley/shared/engineio"
	"parley/shared/event"
)

// postTimeout is how long a message may wait for its turn to be stored.
const postTimeout = 15 * time.Second

// Config configures a [Gateway]. The zero value works.
type Config struct {
	// Build identifies the release in the greeting, so that a page of another release can offer to reload.
	Build string

	// Grace is how long a user whose connection broke is still shown as present, so that a short break or a reload
	// of the page makes no noise. Default 5 s; negative means none. Who leaves on purpose leaves at once.
	Grace time.Duration

	// Sends limits the messages of one user, over all of the user's connections. Default 10 a second, burst 20.
	Sends Rate

	// Rooms limits the rooms that one user may create. Default 0.1 a second, burst 5.
	Rooms Rate

	// Typing limits the typing notices of one user; those above it are dropped. Default 5 a second, burst 10.
	Typing Rate

	// Connections is how many connections one user may have. Default 20.
	Connections int

	// Logger gets failures of the store at warn level, at most one a second. Default slog.Default().
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Grace == 0 {
		c.Grace = 5 * time.Second
	}
	if c.Sends == (Rate{}) {
		c.Sends = Rate{PerSecond: 10, Burst: 20}
	}
	if c.Rooms == (Rate{}) {
		c.Rooms = Rate{PerSecond: 0.1, Burst: 5}
	}
	if c.Typing == (Rate{}) {
		c.Typing = Rate{PerSecond: 5, Burst: 10}
	}
	if c.Connections == 0 {
		c.Connections = 20
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// Gateway is the chat on a server. It needs no attention but [Gateway.Close].
type Gateway struct {
	cfg      Config
	ns       *server.Namespace
	chats    *service.Service
	users    *users
	presence *presence
	logs     *limiter
}

// New binds the chat's events on srv. The service must publish through a [Publisher] of the same server. New starts
// nothing.
func New(srv *server.Server, chats *service.Service, cfg Config) *Gateway {
	cfg = cfg.withDefaults()
	g := &Gateway{cfg: cfg, ns: srv.Of(chat.NS), chats: chats, users: newUsers(cfg), logs: newLimiter(Rate{PerSecond: 1, Burst: 1})}
	g.presence = newPresence(cfg.Grace, g.notify)
	g.ns.Use(g.authenticate)
	g.ns.OnConnect(g.connected)
	g.ns.OnDisconnect(g.disconnected)
	server.Handle(g.ns, chat.ListRooms, g.listRooms)
	server.Handle(g.ns, chat.CreateRoom, g.createRoom)
	server.Handle(g.ns, chat.Join, g.join)
	server.Handle(g.ns, chat.Leave, g.leave)
	server.Handle(g.ns, chat.Page, g.page)
	server.Handle(g.ns, chat.Send, g.send)
	server.On(g.ns, chat.Typing, g.typing)
	return g
}

// Close ends the waiting for users who may come back; after it nobody is told about them. Call it when the server has
// shut down.
func (g *Gateway) Close() { g.presence.close() }

func (g *Gateway) connected(s *server.Socket) {
	me := memberOf(s)
	g.users.add(me.ID)
	if g.users.crowded(me.ID, 1) { // others of this user came at the same moment
		s.Disconnect(true)
		return
	}
	// A recovered socket is still in the rooms where its user is waited for.
	for _, room := range s.Rooms() {
		if id, ok := roomOf(room); ok {
			g.presence.enter(id, me, place(s))
		}
	}
	g.report("greet", server.Emit(s.Context(), s, chat.Hello, chat.ServerInfo{
		Build: g.cfg.Build, Me: me,
		Limits: chat.Limits{Text: chat.MaxText, Name: chat.MaxName, History: chat.MaxPage},
	}))
}

func (g *Gateway) disconnected(s *server.Socket, reason engineio.Reason, _ error) {
	g.users.remove(memberOf(s).ID)
	onPurpose := reason == engineio.ReasonClientNamespaceDisconnect
	g.presence.gone(place(s), onPurpose)
}

func (g *Gateway) listRooms(ctx context.Context, _ *server.Socket, _ event.None) (chat.RoomList, error) {
	rooms, err := g.chats.Rooms(ctx)
	if err != nil {
		return chat.RoomList{}, g.failed(err)
	}
	for i := range rooms {
		rooms[i].Online = g.presence.count(rooms[i].ID)
	}
	return chat.RoomList{Rooms: rooms}, nil
}

func (g *Gateway) createRoom(ctx context.Context, s *server.Socket, r chat.NewRoom) (chat.RoomInfo, error) {
	if err := g.users.allow(memberOf(s).ID, creating); err != nil {
		return chat.RoomInfo{}, err
	}
	room, err := g.chats.CreateRoom(ctx, s.ID(), r)
	return room, g.failed(err)
}

func (g *Gateway) join(ctx context.Context, s *server.Socket, j chat.JoinRequest) (chat.History, error) {
	if _, err := g.chats.Room(ctx, j.Room); err != nil { // before anything is done for a room that is none
		return chat.History{}, g.failed(err)
	}
	// First a receiver, then the history: so nothing falls between the two.
	switch err := s.Join(j.Room.Key()); {
	case errors.Is(err, server.ErrTooManyRooms):
		return chat.History{}, event.Errorf(event.CodeForbidden, "you are in too many rooms")
	case err != nil:
		return chat.History{}, err
	}
	h, err := g.chats.Join(ctx, j)
	if err != nil {
		if !g.presence.has(j.Room, place(s)) { // it was no member before
			s.Leave(j.Room.Key())
		}
		return chat.History{}, g.failed(err)
	}
	h.Members = g.presence.enter(j.Room, memberOf(s), place(s))
	h.Room.Online = len(h.Members)
	h.Members = h.Members[:min(len(h.Members), chat.MaxMembers)]
	return h, nil
}

func (g *Gateway) leave(_ context.Context, s *server.Socket, l chat.LeaveRequest) (event.None, error) {
	s.Leave(l.Room.Key())
	g.presence.leave(l.Room, place(s))
	return event.None{}, nil
}

func (g *Gateway) page(ctx context.Context, _ *server.Socket, p chat.PageRequest) (chat.History, error) {
	h, err := g.chats.Page(ctx, p)
	if err != nil {
		return chat.History{}, g.failed(err)
	}
	h.Room.Online = g.presence.count(p.Room)
	return h, nil
}

func (g *Gateway) send(ctx context.Context, s *server.Socket, d chat.Draft) (chat.Message, error) {
	me := memberOf(s)
	if err := g.users.allow(me.ID, sending); err != nil {
		return chat.Message{}, err
	}
	// A message that has been sent counts, even if its sender is gone before it is stored.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), postTimeout)
	defer cancel()
	m, err := g.chats.Post(ctx, me, s.ID(), d)
	return m, g.failed(err)
}

func (g *Gateway) typing(ctx context.Context, s *server.Socket, t chat.TypingState) error {
	me := memberOf(s)
	if !g.presence.has(t.Room, place(s)) || g.users.allow(me.ID, typing) != nil {
		return nil // it has no answer, and nobody misses it
	}
	return server.Emit(ctx, s.To(t.Room.Key()).Volatile(), chat.IsTyping, chat.TypingNotice{Room: t.Room, Member: me, On: t.On})
}

// place is what presence knows a socket by. The id alone would not do: a recovered socket has that of its predecessor,
// whose end may be handled later.
func place(s *server.Socket) string { return s.ID() + "/" + s.Conn().ID() }

// notify tells a room who came or went; except is the place of the socket that knows.
func (g *Gateway) notify(room chat.RoomID, member chat.Member, here bool, except string) {
	ev, to := chat.Left, g.ns.To(room.Key())
	if here {
		ev = chat.Joined
	}
	if id, _, ok := strings.Cut(except, "/"); ok {
		to = to.Except(event.Room(id))
	}
	notice := chat.Notice{Room: room, Member: member, At: time.Now().UnixMilli()}
	g.report("notify", server.Emit(context.Background(), to, ev, notice))
}

// failed passes err on to the caller and says in the log why the store did not work, which the caller is not told.
func (g *Gateway) failed(err error) error {
	if err != nil && errors.Is(err, service.ErrUnavailable) && g.logs.allow(time.Now()) == 0 {
		g.cfg.Logger.Warn("chat: store unavailable", "error", errors.Unwrap(err))
	}
	return err
}

// report logs an emit that reached nobody, which a broken connection does not count as.
func (g *Gateway) report(what string, err error) {
	if err != nil && !errors.Is(err, server.ErrDisconnected) {
		g.cfg.Logger.Warn("chat: "+what, "error", err)
	}
}

// limited is the answer to a user who does something too often, with the time to wait in milliseconds.
func limited(wait time.Duration) error {
	e := event.Errorf(event.CodeRateLimited, "too many at once, try again in a moment")
	e.Data, _ = json.Marshal(map[string]int64{"retryAfter": max(1, wait.Milliseconds())})
	return e
}
