package server_test

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/adapter"
	"parley/shared/engineio"
	"parley/shared/event"
)

// Rows: N10 N14
func TestOf(t *testing.T) {
	f := start(t, server.Config{})
	var made []string
	stop := f.OnNamespace(func(ns *server.Namespace) { made = append(made, ns.Name()) })
	a := f.Of(event.NewNamespace("a"))
	require.Same(t, a, f.Of(event.NewNamespace("/a")))
	require.Same(t, f.Namespace, f.Of(event.NewNamespace("")))
	f.Match(regexp.MustCompile(`^/dyn-\d+$`))
	p := f.dial()
	f.connect(p, "/dyn-1")
	stop()
	f.Of(event.NewNamespace("/late"))
	require.Equal(t, []string{"/a", "/dyn-1"}, made)
	require.Len(t, f.Namespaces(), 4)
	require.Panics(t, func() { f.Of(event.Namespace{}) })
}

// Rows: N11
func TestDynamicNamespaces(t *testing.T) {
	f := start(t, server.Config{})
	f.Of(event.NewNamespace("/room-static"))
	var order []string
	first := f.Match(regexp.MustCompile(`^/room-`))
	f.MatchFunc(func(_ context.Context, name string, auth event.Value) (bool, error) {
		var who struct{ Token string }
		assert.NoError(t, auth.Decode(&who))
		order = append(order, name)
		if who.Token == "bad" {
			return false, event.Errorf(event.CodeForbidden, "no")
		}
		return who.Token == "good", nil
	})
	connected := make(chan string, 8)
	first.OnConnect(func(s *server.Socket) { connected <- s.Namespace().Name() })
	first.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error { s.Set("by", "parent"); return next(ctx, s) }
	})
	p := f.dial()
	static := f.connect(p, "/room-static")
	require.Equal(t, "parent", f.connect(p, "/room-7").Get("by"))
	require.Equal(t, "/room-7", await(t, connected))
	require.Nil(t, static.Get("by"), "a namespace that was there before the pattern is not its child")
	p.send(`0/free,{"token":"good"}`)
	require.Contains(t, p.read(), `0/free,{"sid":`)
	p.send(`0/closed,{"token":"x"}`)
	p.expect(`4/closed,{"message":"Invalid namespace"}`)
	p.send(`0/bad,{"token":"bad"}`)
	p.expect(`4/bad,{"message":"no","data":{"code":"forbidden"}}`)
	require.Equal(t, []string{"/free", "/closed", "/bad"}, order)

	late := f.Of(event.NewNamespace("/room-9")) // made by hand, but fits the pattern
	s := f.connect(p, "/room-9")
	require.Same(t, late, s.Namespace())
	require.Equal(t, "parent", s.Get("by"))
	require.Equal(t, "/room-9", await(t, connected))
}

// Rows: N11 N12
func TestParentReachesItsChildren(t *testing.T) {
	f := start(t, server.Config{})
	parent := f.Match(regexp.MustCompile(`^/d\d$`))
	p := f.dial()
	a, b := f.connect(p, "/d1"), f.connect(p, "/d2")
	require.NoError(t, a.Join("r"))
	require.NoError(t, parent.Emit("all", 1))
	got := map[string]bool{p.read(): true, p.read(): true}
	require.Equal(t, map[string]bool{`2/d1,["all",1]`: true, `2/d2,["all",1]`: true}, got)
	require.NoError(t, parent.To("r").Emit("some"))
	p.expect(`2/d1,["some"]`)
	require.NoError(t, parent.Except("r").Local().Emit("others"))
	p.expect(`2/d2,["others"]`)

	heard := make(chan string, 2) // handlers added after the child was made count too
	parent.OnAny(func(s *server.Socket, name string, _ event.Args) { heard <- s.Namespace().Name() + " " + name })
	p.send(`2/d2,["x"]`)
	require.Equal(t, "/d2 x", await(t, heard))
	second := f.Match(regexp.MustCompile(`^/d\d$`)) // the first parent that fits wins
	c := f.connect(p, "/d3")
	require.Empty(t, second.Children())
	require.ElementsMatch(t, []*server.Namespace{a.Namespace(), b.Namespace(), c.Namespace()}, parent.Children())
}

// What a child has of its own comes after what its parent has, whichever was added first.
// Rows: N12 N15
func TestHooksOfTheParentComeFirst(t *testing.T) {
	f := start(t, server.Config{})
	parent := f.Match(regexp.MustCompile(`^/d$`))
	log := make(chan string, 32)
	add := func(r interface {
		server.Router
		OnAny(func(*server.Socket, string, event.Args)) (stop func())
		OnAnyOutgoing(func(*server.Socket, string, event.Args)) (stop func())
	}, who string) {
		note := func(what string) { log <- who + " " + what }
		r.Use(func(next server.ConnectFunc) server.ConnectFunc {
			return func(ctx context.Context, s *server.Socket) error { note("use"); return next(ctx, s) }
		})
		r.OnConnect(func(*server.Socket) { note("connect") })
		r.UseEvent(func(next server.EventFunc) server.EventFunc {
			return func(ctx context.Context, e *server.Event) error { note("event"); return next(ctx, e) }
		})
		r.OnAny(func(*server.Socket, string, event.Args) { note("any") })
		server.On(r, event.NewToServer[string](event.NewNamespace("/d"), "x"), func(context.Context, *server.Socket, string) error {
			note("on")
			return nil
		})
		r.OnAnyOutgoing(func(*server.Socket, string, event.Args) { note("outgoing") })
		r.OnDisconnecting(func(*server.Socket, engineio.Reason, error) { note("disconnecting") })
		r.OnDisconnect(func(*server.Socket, engineio.Reason, error) { note("disconnect") })
	}
	add(f.Of(event.NewNamespace("/d")), "child")
	add(parent, "parent")
	p, s := f.join("/d")
	inTurn := func(whats ...string) {
		t.Helper()
		for _, what := range whats {
			require.Equal(t, "parent "+what, await(t, log))
			require.Equal(t, "child "+what, await(t, log))
		}
	}
	inTurn("use", "connect")
	p.send(`2/d,["x",""]`)
	inTurn("event", "any", "on")
	require.NoError(t, s.Emit("y"))
	inTurn("outgoing")
	p.send("1/d,")
	inTurn("disconnecting", "disconnect")
}

// Rows: N12
func TestRacingClientsShareOneChild(t *testing.T) {
	f := start(t, server.Config{})
	f.MatchFunc(func(context.Context, string, event.Value) (bool, error) { return true, nil })
	var made []string
	var mu sync.Mutex
	f.OnNamespace(func(ns *server.Namespace) { mu.Lock(); made = append(made, ns.Name()); mu.Unlock() })
	var peers []*peer
	for range 8 {
		peers = append(peers, f.dial())
	}
	for _, p := range peers {
		p.send("0/shared,")
	}
	for _, p := range peers {
		require.True(t, strings.HasPrefix(p.read(), "0/shared,"))
	}
	require.Equal(t, []string{"/shared"}, made)
}

// closingAdapter tells when it is closed.
type closingAdapter struct {
	adapter.Adapter
	closed func()
}

func (a closingAdapter) Close() error { a.closed(); return a.Adapter.Close() }

// Rows: N13
func TestCleanupOfChildren(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed := make(chan string, 16)
		f := startPipe(t, server.Config{CleanupNamespaces: true, Adapter: func(sink adapter.Sink) adapter.Adapter {
			return closingAdapter{adapter.NewLocal(sink, adapter.LocalConfig{}), func() { closed <- sink.Namespace() }}
		}})
		parent := f.Match(regexp.MustCompile(`^/dyn`))
		parent.Use(func(next server.ConnectFunc) server.ConnectFunc {
			return func(ctx context.Context, s *server.Socket) error {
				if s.Namespace().Name() == "/dyn-closed" {
					return &server.Refusal{Message: "closed"}
				}
				return next(ctx, s)
			}
		})
		f.Of(event.NewNamespace("/dyn-static"))
		p, q := f.dial(), f.dial()
		a := f.connect(p, "/dyn-1")
		b := f.connect(q, "/dyn-1")
		first := a.Namespace()
		static := f.connect(p, "/dyn-static")
		p.send("0/dyn-closed,")
		p.expect(`4/dyn-closed,{"message":"closed"}`)
		synctest.Wait()
		require.Len(t, f.Namespaces(), 3, "a refused socket leaves nothing")
		require.Len(t, closed, 1)
		require.Equal(t, "/dyn-closed", <-closed)
		a.Disconnect(false)
		p.expect("1/dyn-1,")
		static.Disconnect(false)
		p.expect("1/dyn-static,")
		synctest.Wait()
		require.Len(t, f.Namespaces(), 3, "one is in use, the other was not made for a client")
		require.Empty(t, closed)
		b.Disconnect(false)
		q.expect("1/dyn-1,")
		synctest.Wait()
		require.Len(t, f.Namespaces(), 2)
		require.Len(t, closed, 1)
		require.Equal(t, "/dyn-1", <-closed)
		require.NotSame(t, first, f.connect(q, "/dyn-1").Namespace(), "made again on demand")
		require.Empty(t, closed)

		keep := startPipe(t, server.Config{})
		keep.Match(regexp.MustCompile(`^/dyn`))
		r, s := keep.join("/dyn-1")
		s.Disconnect(false)
		r.expect("1/dyn-1,")
		synctest.Wait()
		require.Len(t, keep.Namespaces(), 2)
	})
}

// Rows: N13 K01
func TestCleanupWaitsForWhoMayComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, server.Config{CleanupNamespaces: true, Recovery: time.Minute})
		f.Match(regexp.MustCompile(`^/dyn$`))
		come := func(auth string) (*peer, string) {
			p := f.dial()
			p.send("0/dyn," + auth)
			return p, p.read()
		}
		p, answer := come("")
		pid := strings.Split(answer, `"`)[7]
		p.cut()
		time.Sleep(50 * time.Second)
		p, answer = come(`{"pid":"` + pid + `"}`)
		require.Contains(t, answer, `"pid":"`+pid+`"`)
		p.cut()
		time.Sleep(55 * time.Second)
		require.Len(t, f.Namespaces(), 2)
		time.Sleep(10 * time.Second)
		require.Len(t, f.Namespaces(), 1)
	})
}

// Rows: N11
func TestMatchFuncThatPanics(t *testing.T) {
	faults := make(chan server.Fault, 1)
	f := start(t, server.Config{OnFault: func(f server.Fault) { faults <- f }})
	f.MatchFunc(func(context.Context, string, event.Value) (bool, error) { panic("oh") })
	p := f.dial()
	p.send("0/x,")
	p.expect(`4/x,{"message":"internal error","data":{"code":"internal"}}`)
	require.ErrorContains(t, await(t, faults).Err, "oh")
}

func TestNamespaceLimit(t *testing.T) {
	f := start(t, server.Config{Limits: server.Limits{Namespaces: 2}})
	f.Match(regexp.MustCompile(`.`))
	p := f.dial()
	f.connect(p, "/")
	f.connect(p, "/a")
	p.send("0/b,")
	p.expect(`4/b,{"message":"too many namespaces","data":{"code":"too_large"}}`)
	p.send("1/a,")
	p.send("0/b,")
	require.True(t, strings.HasPrefix(p.read(), "0/b,"))
}
