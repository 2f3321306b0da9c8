package interop_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/engine"

	"parley/shared/engineio"
	"parley/shared/event"
)

// fixture is our server, set up as peers/fixture_server.mjs sets up the official one.
type fixture struct {
	*server.Server
	url string

	mu      sync.Mutex
	reasons map[string]*departure
}

// departure is the end of a socket, which may lie ahead.
type departure struct {
	done   chan struct{}
	reason engineio.Reason // valid when done is closed
}

// startFixture serves until the test ends.
func startFixture(t *testing.T, cfg server.Config) *fixture {
	t.Helper()
	f := newFixture(cfg)
	f.listen(t, f)
	return f
}

// listen serves a handler that leads to the fixture until the test ends.
func (f *fixture) listen(t *testing.T, h http.Handler) {
	t.Helper()
	web := httptest.NewServer(h)
	f.url = web.URL
	t.Cleanup(func() {
		require.NoError(t, f.Close())
		web.CloseClientConnections()
		web.Close()
	})
}

// newFixture returns a fixture that is not served yet.
func newFixture(cfg server.Config) *fixture {
	cfg.Logger = slog.New(slog.DiscardHandler)
	cfg.CleanupNamespaces = true
	cfg.Engine.CORS = &engine.CORS{AnyOrigin: true} // the cases in a browser come from another site
	f := &fixture{Server: server.New(cfg), reasons: map[string]*departure{}}
	for _, name := range []string{"/", "/custom", "/auth", "/slow"} {
		ns := f.Of(event.NewNamespace(name))
		ns.OnConnect(func(s *server.Socket) { f.serve(s) })
	}
	f.Of(event.NewNamespace("/auth")).Use(f.requireToken)
	f.Of(event.NewNamespace("/slow")).Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			<-time.After(20 * time.Millisecond)
			return next(ctx, s)
		}
	})
	rooms := f.Match(regexp.MustCompile(`^/room-\d+$`))
	rooms.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			var auth struct{ Deny bool }
			_ = s.Handshake().Auth.Decode(&auth)
			if auth.Deny {
				return &server.Refusal{Message: "denied"}
			}
			return next(ctx, s)
		}
	})
	rooms.OnConnect(func(s *server.Socket) { f.serve(s) })
	clubs := f.MatchFunc(func(_ context.Context, name string, auth event.Value) (bool, error) {
		var card struct{ Club string }
		_ = auth.Decode(&card)
		return name == "/club-"+card.Club, nil
	})
	clubs.OnConnect(func(s *server.Socket) { f.serve(s) })
	f.Of(event.NewNamespace("/control")).OnConnect(f.control)
	serveTyped(f.Server)
	return f
}

func (f *fixture) requireToken(next server.ConnectFunc) server.ConnectFunc {
	return func(ctx context.Context, s *server.Socket) error {
		var auth struct{ Token string }
		_ = s.Handshake().Auth.Decode(&auth)
		if auth.Token != "secret" {
			return &server.Refusal{Message: "not authorized", Data: map[string]any{"code": "unauthenticated", "attempts": 3}}
		}
		return next(ctx, s)
	}
}

// of returns the departure of a socket.
func (f *fixture) of(id string) *departure {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.reasons[id]
	if d == nil {
		d = &departure{done: make(chan struct{})}
		f.reasons[id] = d
	}
	return d
}

func (f *fixture) control(s *server.Socket) {
	s.OnAck("reason", func(args event.Args, ack func(...any)) {
		d := f.of(args.String(0))
		select {
		case <-d.done:
			ack(string(d.reason))
		case <-s.Context().Done():
		}
	})
	s.OnAck("namespaces", func(_ event.Args, ack func(...any)) {
		var names []string
		for _, ns := range f.Namespaces() {
			names = append(names, ns.Name())
		}
		slices.Sort(names)
		ack(names)
	})
}

// rooms decodes a room or a list of rooms.
func rooms(v event.Value) []event.Room {
	var list []event.Room
	if v.Decode(&list) == nil {
		return list
	}
	var one event.Room
	_ = v.Decode(&one)
	return []event.Room{one}
}

// in addresses the sockets in any of the rooms, and all when there are none, as in the reference.
func in(ns *server.Namespace, v event.Value) server.Target {
	if list := rooms(v); len(list) > 0 {
		return ns.To(list...)
	}
	return ns.Except()
}

func number(v event.Value) (n int) {
	_ = v.Decode(&n)
	return n
}

func flag(v event.Value) (b bool) {
	_ = v.Decode(&b)
	return b
}

// serve is what the fixture does for each client; the comments of fixture_server.mjs hold here too.
func (f *fixture) serve(s *server.Socket) {
	ns := s.Namespace()
	s.OnDisconnect(func(reason engineio.Reason, _ error) {
		d := f.of(s.ID())
		select {
		case <-d.done: // a recovered socket, which has left before
		default:
			d.reason = reason
			close(d.done)
		}
	})
	s.Use(func(next server.EventFunc) server.EventFunc {
		return func(ctx context.Context, e *server.Event) error {
			if e.Name != "echo" {
				return next(ctx, e)
			}
			if e.WantsAck() {
				return e.Ack(e.Args...)
			}
			return s.Emit("echo-back", e.Args...)
		}
	})
	s.OnAck("me", func(_ event.Args, ack func(...any)) {
		h := s.Handshake()
		auth := h.Auth
		if auth.IsNull() {
			auth = event.Value{JSON: []byte("{}")}
		}
		ack(map[string]any{
			"id": s.ID(), "recovered": s.Recovered(), "auth": auth, "x": h.Query.Get("x"),
			"header": h.Header.Get("X-Fixture"), "transport": s.Conn().Transport(),
		})
	})
	f.serveRooms(s, ns)
	f.serveQuestions(s, ns)
	s.On("burst", func(args event.Args) {
		for i := range number(args.Value(0)) {
			if i%3 == 0 {
				_ = s.Emit("burst", i, []byte{byte(i)})
			} else {
				_ = s.Emit("burst", i)
			}
		}
	})
	s.On("kick", func(args event.Args) { s.Disconnect(flag(args.Value(0))) })
	s.On("cut", func(event.Args) { s.Conn().Close(engineio.ReasonForcedClose) })
}

func (f *fixture) serveRooms(s *server.Socket, ns *server.Namespace) {
	s.OnAck("join", func(args event.Args, ack func(...any)) { _ = s.Join(rooms(args.Value(0))...); ack() })
	s.OnAck("leave", func(args event.Args, ack func(...any)) { s.Leave(rooms(args.Value(0))...); ack() })
	s.OnAck("rooms", func(_ event.Args, ack func(...any)) {
		names := append(s.Rooms(), event.Room(s.ID()))
		slices.Sort(names)
		ack(slices.Compact(names))
	})
	s.On("to", func(args event.Args) { _ = s.To(rooms(args.Value(0))...).Emit(args.String(1), args[2:]...) })
	s.On("to-except", func(args event.Args) {
		_ = in(ns, args.Value(0)).Except(rooms(args.Value(1))...).Emit(args.String(2), args[3:]...)
	})
	s.On("broadcast", func(args event.Args) { _ = s.Broadcast().Emit(args.String(0), args[1:]...) })
	s.On("everyone", func(args event.Args) { _ = ns.Emit(args.String(0), args[1:]...) })
	s.On("volatile", func(args event.Args) { _ = s.Volatile().Emit(args.String(0), args[1:]...) })
	s.OnAck("fetch", func(args event.Args, ack func(...any)) {
		sockets, err := in(ns, args.Value(0)).Fetch(s.Context())
		ids := make([]string, 0, len(sockets))
		for _, other := range sockets {
			ids = append(ids, other.ID())
		}
		slices.Sort(ids)
		if err == nil {
			ack(ids)
		}
	})
	s.OnAck("sockets-join", func(args event.Args, ack func(...any)) {
		_ = in(ns, args.Value(0)).Join(rooms(args.Value(1))...)
		ack()
	})
	s.OnAck("sockets-leave", func(args event.Args, ack func(...any)) {
		_ = in(ns, args.Value(0)).Leave(rooms(args.Value(1))...)
		ack()
	})
	s.On("disconnect-sockets", func(args event.Args) {
		_ = in(ns, args.Value(0)).Disconnect(flag(args.Value(1)))
	})
}

func (f *fixture) serveQuestions(s *server.Socket, ns *server.Namespace) {
	s.OnAck("ask-me", func(args event.Args, ack func(...any)) {
		if answer, err := s.EmitAck(s.Context(), "question", args...); err == nil {
			ack(answer...)
		}
	})
	s.OnAck("ask-silence", func(args event.Args, ack func(...any)) {
		ctx, cancel := context.WithTimeout(s.Context(), time.Duration(number(args.Value(0)))*time.Millisecond)
		defer cancel()
		if _, err := s.EmitAck(ctx, "silence"); err != nil {
			ack("timeout")
			return
		}
		ack("answer")
	})
	s.OnAck("ask-room", func(args event.Args, ack func(...any)) {
		wait := time.Duration(number(args.Value(2))) * time.Millisecond
		var result struct {
			Timeout bool     `json:"timeout"`
			Answers []string `json:"answers"`
		}
		result.Answers = []string{}
		for answer, err := range in(ns, args.Value(0)).Timeout(wait).EmitAck(s.Context(), "question", args.Value(1)) {
			if errors.Is(err, server.ErrAckTimeout) {
				result.Timeout = true
			} else if err == nil {
				result.Answers = append(result.Answers, answer.Args.String(0))
			}
		}
		slices.Sort(result.Answers)
		ack(result)
	})
}
