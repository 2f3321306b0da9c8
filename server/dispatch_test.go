package server_test

import (
	"context"
	"fmt"
	"regexp"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/adapter"
	"parley/shared/engineio"
	"parley/shared/event"
)

// A handler that is added while an event is on its way, before the handlers are called, is called for that event.
// Rows: L03 N18
func TestHandlerAddedWhileTheEventIsDispatched(t *testing.T) {
	for name, prepare := range map[string]func(*server.Socket){
		"a socket that has nothing of its own": func(*server.Socket) {},
		"one that has":                         func(s *server.Socket) { s.Set("k", 1) },
	} {
		for how, add := range map[string]func(f *fixture, once func(*server.Socket)){
			"middleware": func(f *fixture, once func(*server.Socket)) {
				f.UseEvent(func(next server.EventFunc) server.EventFunc {
					return func(ctx context.Context, e *server.Event) error {
						once(e.Socket())
						return next(ctx, e)
					}
				})
			},
			"catch-all": func(f *fixture, once func(*server.Socket)) {
				f.OnAny(func(s *server.Socket, _ string, _ event.Args) { once(s) })
			},
		} {
			t.Run(how+", "+name, func(t *testing.T) {
				f := start(t, server.Config{})
				got := make(chan string, 8)
				added := false
				add(f, func(s *server.Socket) {
					if added {
						return
					}
					added = true
					s.OnAny(func(_ string, args event.Args) { got <- "any " + args.String(0) })
					s.On("x", func(args event.Args) { got <- args.String(0) })
				})
				p, s := f.join("/")
				prepare(s)
				p.send(`2["x","1"]`)
				p.send(`2["x","2"]`)
				for _, want := range []string{"any 1", "1", "any 2", "2"} {
					require.Equal(t, want, await(t, got))
				}
			})
		}
	}
}

// A function of the application that ends its goroutine, as require does in a test, ends what it was called for and
// nothing else.
// Rows: L03 L04 N04 N16 N21
func TestGoexit(t *testing.T) {
	const internal = `"message":"internal error"`
	begin := func(t *testing.T, cfg server.Config) (*fixture, chan server.Fault, chan string) {
		faults, log := make(chan server.Fault, 16), make(chan string, 16)
		cfg.OnFault = func(f server.Fault) { faults <- f }
		return start(t, cfg), faults, log
	}
	exited := func(t *testing.T, f server.Fault) {
		t.Helper()
		require.ErrorContains(t, f.Err, "runtime.Goexit")
	}
	t.Run("handlers", func(t *testing.T) {
		for _, atOnce := range []int{1, 3} {
			f, faults, log := begin(t, server.Config{})
			f.Concurrency(atOnce)
			reasons := ended(f)
			f.OnConnect(func(s *server.Socket) {
				s.OnAck("x", func(event.Args, func(...any)) { runtime.Goexit() })
				s.On("y", func(args event.Args) { log <- args.String(0) })
			})
			server.On(f, event.NewToServer[event.None](event.NewNamespace("/"), "typed"),
				func(context.Context, *server.Socket, event.None) error { runtime.Goexit(); return nil })
			f.UseEvent(func(next server.EventFunc) server.EventFunc {
				return func(ctx context.Context, e *server.Event) error {
					if e.Name == "middleware" {
						runtime.Goexit()
					}
					return next(ctx, e)
				}
			})
			p, s := f.join("/")
			for _, name := range []string{"x", "typed", "middleware"} {
				p.send(`27["` + name + `"]`)
				p.expect(`37[{"error":{"code":"internal",` + internal + `}}]`)
				fault := await(t, faults)
				exited(t, fault)
				require.Equal(t, name, fault.Event)
				require.Same(t, s, fault.Socket)
				require.Contains(t, string(fault.Stack), "dispatch_test.go")
				p.send(`2["y","after ` + name + `"]`)
				require.Equal(t, "after "+name, await(t, log))
			}
			p.close()
			require.Equal(t, engineio.ReasonTransportClose, await(t, reasons))
			require.NoError(t, f.Close())
		}
	})
	t.Run("Admit", func(t *testing.T) { // on the goroutine that reads: its connection ends
		f, _, _ := begin(t, server.Config{Admit: func(server.AdmitFunc) server.AdmitFunc {
			return func(*server.Event) server.Verdict { runtime.Goexit(); return server.Accept }
		}})
		reasons := ended(f)
		p, _ := f.join("/")
		p.send(`2["x"]`)
		p.expectClosed()
		require.Equal(t, engineio.ReasonForcedClose, await(t, reasons))
		require.NoError(t, f.Close())
	})
	t.Run("OnConnect and OnDisconnect", func(t *testing.T) {
		f, faults, log := begin(t, server.Config{})
		say := func(word string) func(*server.Socket) { return func(*server.Socket) { log <- word } }
		end := func(word string) func(*server.Socket, engineio.Reason, error) {
			return func(*server.Socket, engineio.Reason, error) {
				if log <- word; word == "exit" {
					runtime.Goexit()
				}
			}
		}
		f.OnConnect(say("connect 1"))
		f.OnConnect(func(*server.Socket) { runtime.Goexit() })
		f.OnConnect(say("connect 2"))
		f.OnAny(func(_ *server.Socket, name string, _ event.Args) { log <- name })
		f.OnDisconnecting(end("exit"))
		f.OnDisconnecting(end("disconnecting"))
		f.OnDisconnect(end("exit"))
		f.OnDisconnect(end("disconnect"))
		p, _ := f.join("/")
		p.send(`2["event"]`)
		p.send("1")
		for _, want := range []string{"connect 1", "connect 2", "event", "exit", "disconnecting", "exit", "disconnect"} {
			require.Equal(t, want, await(t, log))
		}
		require.NoError(t, f.Close())
		require.Len(t, faults, 3)
		exited(t, <-faults)
		require.Empty(t, log)
	})
	t.Run("connect middleware", func(t *testing.T) {
		f, faults, _ := begin(t, server.Config{})
		exit := true
		f.Use(func(next server.ConnectFunc) server.ConnectFunc {
			return func(ctx context.Context, s *server.Socket) error {
				if exit {
					exit = false
					runtime.Goexit()
				}
				return next(ctx, s)
			}
		})
		p := f.dial()
		p.send("0")
		p.expect(`4{` + internal + `,"data":{"code":"internal"}}`)
		exited(t, await(t, faults))
		s := f.connect(p, "/")
		p.silent(s)
	})
	t.Run("OnNamespace", func(t *testing.T) {
		f, faults, _ := begin(t, server.Config{CleanupNamespaces: true})
		f.Match(regexp.MustCompile("^/room-"))
		f.OnNamespace(func(*server.Namespace) { runtime.Goexit() })
		f.OnNamespace(func(ns *server.Namespace) {
			ns.Use(func(server.ConnectFunc) server.ConnectFunc {
				return func(context.Context, *server.Socket) error { return &server.Refusal{Message: "locked"} }
			})
		})
		p := f.dial()
		p.send("0/room-1,")
		p.expect(`4/room-1,{` + internal + `,"data":{"code":"internal"}}`)
		exited(t, await(t, faults))
		require.NoError(t, f.Close())
		require.Empty(t, f.Namespaces()[0].Name()[1:], "only the main one is left")
	})
}

// A listener of the adapter that ends the goroutine on which a socket is let in, or leaves, leaves nothing behind and
// wedges nobody: neither who comes back for the session nor the other sockets of the connection.
func TestGoexitInOnRoom(t *testing.T) {
	for _, recovery := range []time.Duration{0, time.Minute} {
		for _, kind := range []adapter.RoomEventKind{adapter.JoinRoom, adapter.LeaveRoom} {
			t.Run(fmt.Sprint(kind, " ", recovery), func(t *testing.T) {
				faults := make(chan server.Fault, 4)
				f := start(t, server.Config{Recovery: recovery, OnFault: func(x server.Fault) { faults <- x }})
				f.Of(event.NewNamespace("/other"))
				var exit atomic.Bool
				f.OnRoom(func(e adapter.RoomEvent) {
					if e.Kind == kind && exit.Swap(false) {
						runtime.Goexit()
					}
				})
				c := &comer{f: f}
				if recovery > 0 {
					c = lost(t, f)
				}
				exit.Store(true)
				p := f.dial()
				p.send(fmt.Sprintf(`0{"pid":%q}`, c.pid))
				if kind == adapter.LeaveRoom {
					require.Contains(t, p.read(), `0{"sid"`)
					other := f.connect(p, "/other")
					p.cut()
					gone(t, other)
				} else {
					p.expectClosed()
					require.ErrorContains(t, await(t, faults).Err, "Goexit")
				}
				require.Eventually(t, func() bool { return f.Connections() == 0 && f.Len() == 0 }, 5*time.Second, time.Millisecond)
				p = f.dial()
				p.send(fmt.Sprintf(`0{"pid":%q}`, c.pid))
				require.Contains(t, p.read(), `0{"sid"`)
				require.Equal(t, 1, f.Len())
			})
		}
	}
}

// lateReturn is an adapter that rests when it has taken a session back.
type lateReturn struct {
	*adapter.Local
	returned, release chan struct{}
}

func (a lateReturn) Return(m adapter.Member, s adapter.Session) {
	a.Local.Return(m, s)
	close(a.returned)
	<-a.release
}

// A listener that ends the goroutine in a replay leaves no member behind, whom the client would meet when it comes again.
// Rows: K04 L03
func TestGoexitInTheReplay(t *testing.T) {
	var exit atomic.Bool
	returned, release := make(chan struct{}), make(chan struct{})
	f := start(t, server.Config{Recovery: time.Minute, Adapter: func(k adapter.Sink) adapter.Adapter {
		return lateReturn{adapter.NewLocal(k, adapter.LocalConfig{Recovery: time.Minute}), returned, release}
	}})
	f.OnRoom(func(adapter.RoomEvent) {
		if exit.CompareAndSwap(true, false) {
			runtime.Goexit()
		}
	})
	c := lost(t, f)
	exit.Store(true)
	first := c.ask()
	await(t, returned)
	require.Contains(t, c.ask().read(), `0{"sid":"`+c.id)
	close(release)
	first.expectClosed()
	require.Equal(t, 1, f.Len())
}

// A connection that is to be closed is closed.
// Rows: N04 L03
func TestGoexitInDisconnect(t *testing.T) {
	var exit atomic.Bool
	f := start(t, server.Config{})
	f.OnRoom(func(adapter.RoomEvent) {
		if exit.CompareAndSwap(true, false) {
			runtime.Goexit()
		}
	})
	f.Of(event.NewNamespace("/other"))
	p, s := f.join("/")
	f.connect(p, "/other")
	exit.Store(true)
	go s.Disconnect(true)
	require.ElementsMatch(t, []string{"41", "41/other,"}, p.expectClosed())
	require.Zero(t, f.Len())
}
