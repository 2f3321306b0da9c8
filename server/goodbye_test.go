package server_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/adapter"
	"parley/server/engine"
	"parley/shared/engineio"
	"parley/shared/event"
	"parley/shared/socketio"
)

// lost is a comer whose connection is cut.
func lost(t *testing.T, f *fixture) *comer {
	c := &comer{f: f}
	s := c.come()
	c.p.cut()
	gone(t, s)
	return c
}

// ask sends CONNECT with the comer's session on a connection of its own.
func (c *comer) ask() *peer {
	p := c.f.dial()
	p.send(fmt.Sprintf(`0{"pid":%q}`, c.pid))
	return p
}

// Who says goodbye does not come back, whatever became of him in the meantime.
// Rows: K04 K12
func TestGoodbyeInTheMiddleware(t *testing.T) {
	for name, verdict := range map[string]error{"let in": nil, "refused": event.Errorf(event.CodeForbidden, "no")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := startPipe(t, server.Config{Recovery: time.Minute})
				c := lost(t, f)
				release := make(chan error)
				f.Use(func(next server.ConnectFunc) server.ConnectFunc {
					return func(ctx context.Context, s *server.Socket) error {
						if err := <-release; err != nil {
							return err
						}
						return next(ctx, s)
					}
				})
				p := c.ask()
				synctest.Wait()
				p.send("1")
				synctest.Wait()
				release <- verdict
				synctest.Wait()
				require.Zero(t, f.Adapter().(*adapter.Local).Stats().Sessions)
				close(release)
				c.come()
				require.False(t, c.recovered)
				c.p.cut()
				p.cut()
			})
		})
	}
}

// brokenReplay is an adapter whose replays last until the connection ends.
type brokenReplay struct {
	*adapter.Local
	broken bool
}

func (a *brokenReplay) Replay(
	ctx context.Context, m adapter.Member, s adapter.Session, rooms []event.Room, flush func(context.Context) error,
) error {
	if a.broken {
		<-ctx.Done()
		return ctx.Err()
	}
	return a.Local.Replay(ctx, m, s, rooms, flush)
}

// Rows: K04 K12
func TestGoodbyeInTheReplay(t *testing.T) {
	for name, end := range map[string]func(*peer){
		"goodbye": func(p *peer) { p.send("1") },
		"cut":     func(p *peer) { p.cut() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				slow := &brokenReplay{}
				f := startPipe(t, server.Config{Recovery: time.Minute, Adapter: func(k adapter.Sink) adapter.Adapter {
					slow.Local = adapter.NewLocal(k, adapter.LocalConfig{Recovery: time.Minute})
					return slow
				}})
				c := lost(t, f)
				slow.broken = true
				p := c.ask()
				synctest.Wait()
				end(p)
				synctest.Wait()
				slow.broken = false
				c.come()
				require.Equal(t, name == "cut", c.recovered)
				c.p.cut()
				p.cut()
			})
		})
	}
}

// Who leaves one namespace, or is put out of it, while the replay is sent keeps the connection and the others.
// Rows: K04 N17
func TestGoodbyeInTheReplayKeepsTheConnection(t *testing.T) {
	for name, end := range map[string]func(*peer, *server.Socket){
		"client":      func(p *peer, s *server.Socket) { p.send("1"); <-s.Context().Done() },
		"application": func(_ *peer, s *server.Socket) { s.Disconnect(false) },
	} {
		t.Run(name, func(t *testing.T) {
			inReplay, release := make(chan *server.Socket, 1), make(chan struct{})
			f := start(t, server.Config{Recovery: time.Minute, Adapter: func(k adapter.Sink) adapter.Adapter {
				local := adapter.NewLocal(k, adapter.LocalConfig{Recovery: time.Minute})
				return aroundReplay{local, func(*server.Socket) {}, func(s *server.Socket) { inReplay <- s; <-release }}
			}})
			f.Of(event.NewNamespace("/other"))
			before := ended(f)
			c := lost(t, f)
			await(t, before) // else its end might be told below
			reasons := ended(f)
			p, other := f.join("/other")
			p.send(fmt.Sprintf(`0{"pid":%q}`, c.pid))
			end(p, await(t, inReplay))
			close(release)
			if name == "application" {
				require.Contains(t, p.read(), c.pid)
				p.expect("1")
				require.Equal(t, engineio.ReasonServerNamespaceDisconnect, await(t, reasons), "the application is told what the client is told")
			}
			f.connect(p, "/") // as a new socket
			require.True(t, other.Connected())
			require.Empty(t, reasons)
		})
	}
}

// The DISCONNECT of a socket comes before the CONNECT of its successor on the same connection, for the client takes the
// later one for its own.
// Rows: N17
func TestGoodbyeComesBeforeTheSuccessor(t *testing.T) {
	f := start(t, server.Config{})
	leaving, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	f.OnRoom(func(e adapter.RoomEvent) {
		if e.Kind == adapter.LeaveRoom {
			once.Do(func() { close(leaving); <-release })
		}
	})
	in := make(chan *server.Socket, 2)
	f.OnConnect(func(s *server.Socket) { in <- s })
	p := f.dial()
	p.send("0")
	p.read()
	left := make(chan struct{})
	s := await(t, in)
	go func() { defer close(left); s.Disconnect(false) }()
	await(t, leaving)
	p.send("1") // the client leaves by itself and comes again
	p.send("0")
	successor := await(t, in)
	close(release)
	await(t, left)
	p.expect("1")
	require.Contains(t, p.read(), successor.ID())
	p.silent(successor)
}

// The DISCONNECT is the last that a client gets from a socket, whoever emits to it at that moment, alone or among others:
// what came behind it a successor would take for its own.
// Rows: N17
func TestNothingFollowsTheGoodbye(t *testing.T) {
	f := start(t, server.Config{})
	ended := make(chan *server.Socket, 1)
	f.OnConnect(func(s *server.Socket) {
		var emitters sync.WaitGroup
		for _, to := range []server.Emitter{f, s} {
			emitters.Go(func() {
				for s.Connected() {
					_ = server.Emit(t.Context(), to, news, event.None{})
				}
			})
		}
		for range 100 {
			runtime.Gosched()
		}
		s.Disconnect(false)
		emitters.Wait()
		ended <- s
	})
	for range 30 {
		p := f.dial()
		p.send("0")
		for p.read() != "1" {
		}
		p.nothingMore(await(t, ended))
		p.cut()
	}
}

// nothingMore proves that nothing has come from a socket that has ended, whose connection goes on.
func (p *peer) nothingMore(s *server.Socket) {
	p.t.Helper()
	require.NoError(p.t, s.Conn().Send(engine.SendOptions{}, engine.NewMessage(false, []byte("9end"))))
	p.expect("9end")
}

var news = event.NewToClient[event.None](event.NewNamespace("/"), "news")

// What was held for a socket until it is told that it is connected is sent before its DISCONNECT or not at all.
// Rows: N17
func TestHeldIsNotSentAfterTheGoodbye(t *testing.T) {
	f := start(t, server.Config{})
	f.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			for range 256 {
				_ = s.Emit("held")
			}
			return next(ctx, s)
		}
	})
	ended := make(chan *server.Socket, 1)
	f.OnConnect(func(s *server.Socket) {
		s.OnDisconnect(func(engineio.Reason, error) { ended <- s }) // it is let in, and what was held is sent or given up
	})
	run := 0
	f.OnRoom(func(e adapter.RoomEvent) {
		s, ok := f.Socket(e.Socket)
		if e.Kind != adapter.JoinRoom || !ok {
			return
		}
		run++
		pauses := run % 100
		go func() {
			for range pauses {
				runtime.Gosched()
			}
			s.Disconnect(false)
		}()
	})
	for range 300 {
		p := f.dial()
		p.send("0")
		s := await(t, ended)
		for p.read() != "1" {
		}
		p.nothingMore(s)
		p.cut()
	}
}

// slowAck is a parser that rests when it has to write an acknowledgement.
type slowAck struct {
	socketio.Parser
	resting, release chan struct{}
}

func (s slowAck) Encode(dst []socketio.Frame, p *socketio.Packet) ([]socketio.Frame, error) {
	if p.Type == socketio.PacketAck {
		close(s.resting)
		<-s.release
	}
	return s.Parser.Encode(dst, p)
}

// An acknowledgement that comes too late does not reach the successor, which may have asked with the same id.
// Rows: N17
func TestLateAckIsNotForTheSuccessor(t *testing.T) {
	parser := slowAck{socketio.JSON(), make(chan struct{}), make(chan struct{})}
	f := start(t, server.Config{Parser: parser})
	answered := make(chan struct{})
	f.OnConnect(func(s *server.Socket) {
		s.OnAck("q", func(_ event.Args, ack func(...any)) { ack(s.ID()); close(answered) })
	})
	p, _ := f.join("/")
	p.send(`20["q"]`)
	await(t, parser.resting)
	p.send("1")
	s := f.connect(p, "/")
	close(parser.release)
	await(t, answered)
	p.silent(s)
}

// restingReplay is an adapter whose first replay rests when a portion has left.
type restingReplay struct {
	*adapter.Local
	resting, release, ended chan struct{}
	once                    *sync.Once
}

func (a restingReplay) Replay(
	ctx context.Context, m adapter.Member, s adapter.Session, rooms []event.Room, flush func(context.Context) error,
) error {
	defer func() {
		select {
		case <-a.resting:
			close(a.ended)
		default:
		}
	}()
	return a.Local.Replay(ctx, m, s, rooms, func(ctx context.Context) error {
		err := flush(ctx)
		a.once.Do(func() { close(a.resting); <-a.release })
		return err
	})
}

// Who leaves in the middle of a replay and comes again gets no more of it.
// Rows: K04 N17
func TestReplayEndsBeforeTheSuccessor(t *testing.T) {
	a := restingReplay{resting: make(chan struct{}), release: make(chan struct{}), ended: make(chan struct{}), once: &sync.Once{}}
	f := start(t, server.Config{Recovery: time.Minute, Adapter: func(k adapter.Sink) adapter.Adapter {
		a := a
		a.Local = adapter.NewLocal(k, adapter.LocalConfig{Recovery: time.Minute})
		return a
	}})
	c := lost(t, f)
	for i := range 150 {
		require.NoError(t, f.Emit("missed", i))
	}
	p := c.ask()
	await(t, a.resting)
	for range 64 {
		require.Contains(t, p.read(), "missed")
	}
	p.send("1")
	s := f.connect(p, "/")
	close(a.release)
	await(t, a.ended)
	require.NoError(t, s.Emit("mine"))
	require.Contains(t, p.read(), "mine")
}
