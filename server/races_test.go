package server_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/adapter"
	"parley/server/engine"
	"parley/shared/engineio"
	"parley/shared/event"
)

// lateKeep is an adapter whose second Keep is overtaken by the end of the socket, if the server lets that happen.
type lateKeep struct {
	*adapter.Local
	keeps   int
	begun   chan struct{}
	dropped chan struct{}
}

func (a *lateKeep) Keep(m adapter.Member) {
	if a.keeps++; a.keeps == 2 {
		close(a.begun)
		select {
		case <-a.dropped:
		case <-time.After(200 * time.Millisecond):
		}
	}
	a.Local.Keep(m)
}

func (a *lateKeep) Drop(m adapter.Member) {
	a.Local.Drop(m)
	close(a.dropped)
}

// Rows: K04
func TestChangeAtTheEndKeepsNoSession(t *testing.T) {
	late := &lateKeep{begun: make(chan struct{}), dropped: make(chan struct{})}
	f := start(t, server.Config{Recovery: time.Minute, Adapter: func(s adapter.Sink) adapter.Adapter {
		late.Local = adapter.NewLocal(s, adapter.LocalConfig{Recovery: time.Minute})
		return late
	}})
	in := make(chan struct{})
	f.OnConnect(func(*server.Socket) { close(in) })
	c := &comer{f: f}
	s := c.come()
	await(t, in)
	set := make(chan struct{})
	go func() {
		defer close(set)
		s.Set("k", "v")
	}()
	await(t, late.begun)
	c.p.send("1")
	await(t, late.dropped)
	await(t, set)
	require.Zero(t, late.Stats().Sessions, "the client has said goodbye")
}

// An acknowledgement that a middleware has asked for ends with the refusal.
func TestRefusalEndsAcknowledgements(t *testing.T) {
	f := start(t, server.Config{})
	failed := make(chan error, 1)
	f.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(_ context.Context, s *server.Socket) error {
			asked := make(chan struct{})
			s.OnAnyOutgoing(func(string, event.Args) { close(asked) })
			go func() {
				_, err := s.EmitAck(context.Background(), "sure?")
				failed <- err
			}()
			await(t, asked)
			return event.Errorf(event.CodeForbidden, "no")
		}
	})
	p := f.dial()
	p.send("0")
	require.Contains(t, p.read(), "4{")
	require.ErrorIs(t, await(t, failed), server.ErrDisconnected)
}

// eager is an adapter whose members are put out the moment they are in.
type eager struct{ *adapter.Local }

func (a eager) Add(m adapter.Member, rooms []event.Room) string {
	position := a.Local.Add(m, rooms)
	m.(*server.Socket).Disconnect(false)
	return position
}

// Rows: N17
func TestGoodbyeComesAfterTheWelcome(t *testing.T) {
	f := start(t, server.Config{Adapter: func(s adapter.Sink) adapter.Adapter {
		return eager{adapter.NewLocal(s, adapter.LocalConfig{})}
	}})
	reasons := ended(f)
	p := f.dial()
	p.send("0")
	require.Contains(t, p.read(), `0{"sid"`)
	p.expect("1")
	require.Equal(t, engineio.ReasonServerNamespaceDisconnect, await(t, reasons))
	p.send("0")
	require.Contains(t, p.read(), `0{"sid"`)
	p.expect("1")
}

// What the application is told of while a broadcast is under way may broadcast as well.
func TestEmitFromTheSlowHook(t *testing.T) {
	told := make(chan error, 4)
	var f *fixture
	f = start(t, server.Config{Recovery: time.Minute, Engine: engine.Config{
		Queue:  engine.QueueLimits{Bytes: 1 << 10},
		OnSlow: func(*engine.Session, int, int) { told <- f.Emit("slow") },
	}})
	p, s := f.join("/")
	text := strings.Repeat("x", 256<<10)
	for s.Connected() {
		require.NoError(t, f.Emit("big", text))
	}
	require.NoError(t, await(t, told))
	p.cut()
}

// A client that connects and leaves again and again has no more middlewares running than it may have namespaces.
// Rows: N03 N06
func TestMiddlewaresOfOneClientAreBounded(t *testing.T) {
	f := start(t, server.Config{Limits: server.Limits{Namespaces: 4}})
	release := make(chan struct{})
	defer close(release)
	var running, most atomic.Int32
	f.Of(event.NewNamespace("/slow")).Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			if n := running.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer running.Add(-1)
			<-release // it does not look at its context
			return next(ctx, s)
		}
	})
	p := f.dial()
	for range 4 {
		p.send("0/slow,")
		p.send("1/slow,")
	}
	p.send("0/slow,")
	p.expect(`4/slow,{"message":"too many namespaces at once","data":{"code":"rate_limited"}}`)
	require.LessOrEqual(t, most.Load(), int32(4))
	f.connect(p, "/")
}

// threshold is an adapter that lets something happen right before a socket becomes a member.
type threshold struct {
	*adapter.Local
	before func(*server.Socket)
}

func (a threshold) Add(m adapter.Member, rooms []event.Room) string {
	a.before(m.(*server.Socket))
	return a.Local.Add(m, rooms)
}

func (a threshold) Replay(ctx context.Context, m adapter.Member, s adapter.Session, rooms []event.Room, flush func(context.Context) error) error {
	a.before(m.(*server.Socket))
	return a.Local.Replay(ctx, m, s, rooms, flush)
}

// A goroutine that a middleware has started may join and emit at any moment.
// Rows: K10 N16
func TestNothingIsLostOnTheThreshold(t *testing.T) {
	for _, recovery := range []time.Duration{0, time.Minute} {
		t.Run(recovery.String(), func(t *testing.T) {
			f := start(t, server.Config{Recovery: recovery, Adapter: func(k adapter.Sink) adapter.Adapter {
				local := adapter.NewLocal(k, adapter.LocalConfig{Recovery: recovery})
				return threshold{local, func(s *server.Socket) {
					require.NoError(t, s.Join("a", "b"))
					s.Leave("b")
					require.NoError(t, s.Emit("late"))
				}}
			}})
			if recovery == 0 {
				p, s := f.join("/")
				p.expect(`2["late"]`)
				require.ElementsMatch(t, []event.Room{event.Room(s.ID()), "a"}, s.Rooms())
				return
			}
			c := &comer{f: f}
			s := c.come()
			c.expect(`["late"]`)
			require.True(t, s.In("a") && !s.In("b"))
			s.Leave("a")
			c.p.cut()
			gone(t, s)
			s = c.come()
			require.True(t, c.recovered)
			c.expect(`["late"]`)
			require.True(t, s.In("a") && !s.In("b"))
		})
	}
}

// A client that says goodbye while it is being let in, and comes again on the same connection, keeps the connection.
// Rows: K04 K12
func TestGoodbyeDuringRecoveryOnOneConnection(t *testing.T) {
	f := start(t, server.Config{Recovery: time.Minute})
	c := &comer{f: f}
	s := c.come()
	c.p.cut()
	gone(t, s)
	entered, release := make(chan struct{}, 2), make(chan struct{})
	f.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			entered <- struct{}{}
			<-release
			return next(ctx, s)
		}
	})
	p := f.dial()
	p.send(`0{"pid":"` + c.pid + `"}`)
	await(t, entered)
	p.send("1")
	p.send(`0{"pid":"` + c.pid + `"}`)
	await(t, entered)
	close(release)
	answer := p.read()
	require.Contains(t, answer, `0{"sid":"`)
	require.NotContains(t, answer, c.pid, "who says goodbye does not come back")
}

// Everything that may be called from any goroutine is, at once, while clients come and go over
// both transports: rooms change and are read, broadcasts and single events are sent, to sockets
// as they end as well, and some are put out. Run it with the race detector.
//
// Rows: R04 M01
// Advisories: googollee-393 googollee-190
func TestEverythingAtOnce(t *testing.T) {
	f := start(t, server.Config{Recovery: time.Minute, Engine: engine.Config{
		PingInterval: 50 * time.Millisecond, // who was put out has something to read as well
	}})
	var users, clients sync.WaitGroup
	over := make(chan struct{})
	use := func(each func(i int)) {
		users.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-over:
					return
				default:
					each(i)
					time.Sleep(100 * time.Microsecond)
				}
			}
		})
	}
	room := func(i int) event.Room { return event.Room(fmt.Sprint("room", i%5)) }
	orGone := func(err error) {
		if err != nil && !errors.Is(err, server.ErrDisconnected) {
			assert.NoError(t, err)
		}
	}
	use(func(i int) { orGone(f.To(room(i)).Emit("some", i)) })
	use(func(i int) { orGone(f.Except(room(i)).Volatile().Emit("others", i)) })
	use(func(i int) {
		for s := range f.Sockets() {
			orGone(s.Join(room(i), room(i+1)))
			orGone(s.Emit("one", i))
			s.Leave(room(i + 2))
			_ = s.Rooms()
			s.Set("i", i)
		}
	})
	use(func(i int) {
		_, err := f.Fetch(t.Context())
		orGone(err)
		orGone(f.To(room(i)).Join(room(i + 1)))
		_, _ = f.Rooms(), f.RoomLen(room(i))
	})
	use(func(i int) {
		for s := range f.Sockets() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			_, _ = s.EmitAck(ctx, "ask") // an answer, the end of the socket, or nothing in time
			cancel()
			if i%100 == 0 {
				s.Disconnect(i%200 == 0)
			}
		}
	})
	var came atomic.Int32
	f.OnConnect(func(s *server.Socket) {
		came.Add(1)
		s.On("hello", func(event.Args) { orGone(s.Emit("hello")) })
	})
	const each = 40
	for range 2 {
		clients.Go(func() {
			for i := range each {
				ws, _, err := websocket.Dial(t.Context(), f.url+"/socket.io/?EIO=4&transport=websocket", nil)
				if !assert.NoError(t, err) {
					return
				}
				_ = ws.Write(t.Context(), websocket.MessageText, []byte("40"))
				for range 20 {
					_, b, err := ws.Read(t.Context())
					if err != nil || string(b) == "41" {
						break // it was put out
					}
					if strings.HasPrefix(string(b), `40{"sid"`) {
						_ = ws.Write(t.Context(), websocket.MessageText, []byte(`42["hello"]`))
					}
				}
				if i%2 == 0 {
					_ = ws.Close(websocket.StatusNormalClosure, "")
				}
				_ = ws.CloseNow()
			}
		})
		clients.Go(func() {
			for i := range each {
				l := f.openPolling()
				l.write("40")
				for n := range 5 {
					status, body := l.poll()
					if status != http.StatusOK || strings.Contains(body, "41") {
						break
					}
					if n == 1 {
						l.write(`42["hello"]`)
					}
				}
				if i%2 == 0 {
					l.leave()
				}
			}
		})
	}
	clients.Wait()
	close(over)
	users.Wait()
	// Clients are told before OnConnect is called.
	require.Eventually(t, func() bool { return came.Load() == 4*each }, 10*time.Second, time.Millisecond)
}
