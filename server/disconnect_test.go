package server_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/shared/engineio"
	"parley/shared/event"
)

// ended collects the reasons with which a server's sockets end.
func ended(f *fixture) <-chan engineio.Reason {
	reasons := make(chan engineio.Reason, 16)
	f.OnDisconnect(func(_ *server.Socket, r engineio.Reason, _ error) { reasons <- r })
	return reasons
}

// Rows: N04 reason/server-namespace-disconnect reason/client-namespace-disconnect reason/transport-close
// Rows: reason/parse-error reason/transport-error reason/forced-close reason/server-shutting-down
func TestDisconnectReasons(t *testing.T) {
	for name, c := range map[string]struct {
		act    func(f *fixture, p *peer, s *server.Socket)
		reason engineio.Reason
		packet []string // what the client gets before the end
		open   bool     // the connection stays
	}{
		"server leaves": {
			act:    func(_ *fixture, _ *peer, s *server.Socket) { s.Disconnect(false) },
			reason: engineio.ReasonServerNamespaceDisconnect, packet: []string{"1"}, open: true,
		},
		"server closes": {
			act:    func(_ *fixture, _ *peer, s *server.Socket) { s.Disconnect(true) },
			reason: engineio.ReasonServerNamespaceDisconnect, packet: []string{"1"},
		},
		"client leaves": {
			act:    func(_ *fixture, p *peer, _ *server.Socket) { p.send("1") },
			reason: engineio.ReasonClientNamespaceDisconnect, open: true,
		},
		"client closes":     {act: func(_ *fixture, p *peer, _ *server.Socket) { p.close() }, reason: engineio.ReasonTransportClose},
		"close packet":      {act: func(_ *fixture, p *peer, _ *server.Socket) { p.sendRaw("1") }, reason: engineio.ReasonTransportClose},
		"malformed packet":  {act: func(_ *fixture, p *peer, _ *server.Socket) { p.sendRaw("9") }, reason: engineio.ReasonParseError},
		"client pings":      {act: func(_ *fixture, p *peer, _ *server.Socket) { p.sendRaw("2") }, reason: engineio.ReasonTransportError},
		"undecodable":       {act: func(_ *fixture, p *peer, _ *server.Socket) { p.send("2{}") }, reason: engineio.ReasonForcedClose},
		"own code closes":   {act: func(_ *fixture, _ *peer, s *server.Socket) { s.Conn().Close(engineio.ReasonForcedClose) }, reason: engineio.ReasonForcedClose},
		"server shuts down": {act: func(f *fixture, _ *peer, _ *server.Socket) { assert.NoError(f.t, f.Close()) }, reason: engineio.ReasonServerShuttingDown},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, server.Config{})
			reasons := ended(f)
			p, s := f.join("/")
			c.act(f, p, s)
			require.Equal(t, c.reason, await(t, reasons))
			require.False(t, s.Connected())
			p.expect(c.packet...)
			if c.open {
				f.connect(p, "/")
				return
			}
			p.expectClosed()
		})
	}
}

// Rows: reason/ping-timeout
func TestPingTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, server.Config{})
		reasons := ended(f)
		begin := time.Now()
		p, _ := f.join("/")
		require.Equal(t, "2", p.rawPing())
		require.Equal(t, engineio.ReasonPingTimeout, <-reasons)
		require.Equal(t, 45*time.Second, time.Since(begin))
	})
}

// Rows: L03
func TestWhatArrivedBeforeTheEndIsHandled(t *testing.T) {
	f := start(t, server.Config{})
	release := make(chan struct{})
	log := make(chan string, 4)
	f.OnConnect(func(s *server.Socket) {
		<-release
		s.On("save", func(args event.Args) { log <- args.String(0) })
		s.OnDisconnect(func(r engineio.Reason, _ error) { log <- string(r) })
	})
	p, s := f.join("/")
	p.send(`2["save","a"]`)
	p.send(`2["save","b"]`)
	p.send("1")
	<-s.Context().Done()
	close(release)
	require.Equal(t, "a", await(t, log))
	require.Equal(t, "b", await(t, log))
	require.Equal(t, "client namespace disconnect", await(t, log))
}

// Rows: L03
func TestServerDisconnectDropsWhatWaits(t *testing.T) {
	f := start(t, server.Config{})
	log := make(chan string, 4)
	release := make(chan struct{})
	p, s := f.join("/")
	s.On("first", func(event.Args) { <-release; s.Disconnect(false) })
	s.On("second", func(event.Args) { log <- "second" })
	s.OnDisconnect(func(r engineio.Reason, _ error) { log <- string(r) })
	p.send(`2["first"]`)
	p.send(`2["second"]`)
	p.send(`2["second"]`)
	close(release)
	p.expect("1")
	require.Equal(t, "server namespace disconnect", await(t, log))
	require.NoError(t, f.Close())
	require.Empty(t, log)
}

// Rows: A15 reason/server-shutting-down
func TestShutdown(t *testing.T) {
	f := start(t, server.Config{})
	other := f.Of(event.NewNamespace("/other"))
	reasons := ended(f)
	others := make(chan engineio.Reason, 16)
	other.OnDisconnect(func(_ *server.Socket, r engineio.Reason, _ error) { others <- r })
	p, s := f.join("/")
	f.connect(p, "/other")
	working, release := make(chan struct{}), make(chan struct{})
	s.OnAck("work", func(_ event.Args, ack func(...any)) { close(working); <-release })
	p.send(`20["work"]`)
	await(t, working)

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, f.Shutdown(ctx), context.DeadlineExceeded, "a handler is running")
	close(release)
	require.NoError(t, f.Shutdown(t.Context()))
	require.Equal(t, engineio.ReasonServerShuttingDown, await(t, reasons))
	require.Equal(t, engineio.ReasonServerShuttingDown, await(t, others), "each namespace is told")
	require.Empty(t, others)
	for _, packet := range p.expectClosed() {
		require.NotContains(t, packet, "41", "no DISCONNECT packet: clients come back")
	}
	require.Zero(t, f.Connections())
	require.NoError(t, f.Shutdown(t.Context()), "twice is harmless")
	require.NoError(t, f.Close())
}

// Rows: L03 N19
func TestPanicsAreContained(t *testing.T) {
	faults := make(chan server.Fault, 8)
	f := start(t, server.Config{OnFault: func(f server.Fault) { faults <- f }})
	f.OnConnect(func(*server.Socket) { panic("in connect") })
	p, s := f.join("/")
	require.Equal(t, "server: panic in handler: in connect", await(t, faults).Err.Error())
	s.On("x", func(event.Args) { panic(errors.New("in handler")) })
	after := make(chan struct{}, 1)
	s.On("x", func(event.Args) { after <- struct{}{} })
	p.send(`2["x"]`)
	fault := await(t, faults)
	require.Equal(t, "x", fault.Event)
	require.Same(t, s, fault.Socket)
	require.ErrorContains(t, fault.Err, "in handler")
	await(t, after)
	p.send(`2["error",{"a":1}]`) // an event like any other
	p.silent(s)

	s.OnAck("ask", func(event.Args, func(...any)) { panic("in ack") })
	p.send(`25["ask"]`)
	p.expect(`35[{"error":{"code":"internal","message":"internal error"}}]`)
	await(t, faults)

	p.send("2x")
	require.ErrorContains(t, await(t, faults).Err, "decode packet")
	p.expectClosed()
	require.Empty(t, faults)
}

// Rows: N18 N19
func TestEventMiddleware(t *testing.T) {
	faults := make(chan server.Fault, 8)
	f := start(t, server.Config{OnFault: func(f server.Fault) { faults <- f }})
	f.UseEvent(func(next server.EventFunc) server.EventFunc {
		return func(ctx context.Context, e *server.Event) error {
			if e.Name == "admin" {
				return event.Errorf(event.CodeForbidden, "not you")
			}
			return next(context.WithValue(ctx, userKey{}, "ada"), e)
		}
	})
	p, s := f.join("/")
	seen := make(chan string, 2)
	s.Use(func(next server.EventFunc) server.EventFunc {
		return func(ctx context.Context, e *server.Event) error {
			seen <- e.Name + " " + ctx.Value(userKey{}).(string)
			if e.Name == "broken" {
				return errors.New("secret detail")
			}
			return next(ctx, e)
		}
	})
	s.OnAck("x", func(_ event.Args, ack func(...any)) { ack(1) })
	s.OnAny(func(name string, _ event.Args) { assert.Equal(t, "x", name) })
	p.send(`20["x"]`)
	p.expect("30[1]")
	require.Equal(t, "x ada", await(t, seen))
	p.send(`21["admin"]`)
	p.expect(`31[{"error":{"code":"forbidden","message":"not you"}}]`)
	p.send(`22["broken"]`)
	p.expect(`32[{"error":{"code":"internal","message":"internal error"}}]`)
	fault := await(t, faults)
	require.ErrorContains(t, fault.Err, "secret detail")
	require.Equal(t, "broken", fault.Event)
	require.Equal(t, "broken ada", await(t, seen))

	go func() { p.expect(`20["ask"]`); p.send(`30["yes"]`) }()
	_, err := s.EmitAck(t.Context(), "ask")
	require.NoError(t, err)
	p.send(`23["x"]`)
	p.expect("33[1]")
	require.Equal(t, "x ada", await(t, seen))
	require.Empty(t, seen, "an acknowledgement is no event")
}

// Rows: N05
func TestPacketsThatCrossTheServersGoodbye(t *testing.T) {
	f := start(t, server.Config{})
	p, s := f.join("/")
	s.Disconnect(false)
	p.send(`2["sent before it knew"]`)
	p.send(`30[]`)
	p.send("1")
	p.expect("1")
	_ = f.connect(p, "/")
	p.send("1")
	p.send(`2["sent although it left"]`)
	p.expectClosed()
}

// Who has ended cannot be ended: what else is on the connection has nothing to do with it.
// Rows: N04 reason/client-namespace-disconnect
func TestDisconnectOfASocketThatHasEnded(t *testing.T) {
	t.Run("the connection stays, and its other namespaces", func(t *testing.T) {
		f := start(t, server.Config{})
		f.Of(event.NewNamespace("/other"))
		done := make(chan struct{})
		f.OnDisconnect(func(s *server.Socket, _ engineio.Reason, _ error) {
			defer close(done)
			s.Disconnect(true)
		})
		p, _ := f.join("/")
		other := f.connect(p, "/other")
		p.send("1")
		await(t, done)
		require.True(t, other.Connected())
		p.silent(other)
	})
	t.Run("who left by itself has nothing to be forgiven", func(t *testing.T) {
		f := start(t, server.Config{})
		f.Of(event.NewNamespace("/other"))
		reasons := ended(f)
		p, s := f.join("/")
		f.connect(p, "/other")
		p.send("1")
		require.Equal(t, engineio.ReasonClientNamespaceDisconnect, await(t, reasons))
		s.Disconnect(false)
		p.send(`2["stray"]`)
		require.Empty(t, p.expectClosed())
	})
	t.Run("who was put out has", func(t *testing.T) {
		f := start(t, server.Config{})
		f.Of(event.NewNamespace("/other"))
		p, s := f.join("/")
		other := f.connect(p, "/other")
		s.Disconnect(false)
		s.Disconnect(false)
		p.send(`2["stray"]`)
		p.expect("1")
		p.send(`2["stray"]`)
		s.Disconnect(true)
		p.silent(other)
	})
}
