package server_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/engine"
	"parley/shared/engineio"
	"parley/shared/event"
)

// Who asks why a socket has ended is told the details, at the socket and at its namespace; an end in order has none.
// Rows: R03 reason/transport-error reason/client-namespace-disconnect reason/parse-error
func TestDetailsOfAnEnd(t *testing.T) {
	for name, c := range map[string]struct {
		packet string
		reason engineio.Reason
		cause  func(error) bool
	}{
		"too large":    {`42["x","` + strings.Repeat("x", 1000) + `"]`, engineio.ReasonTransportError, func(err error) bool { return errors.Is(err, engine.ErrTooLarge) }},
		"unknown type": {"9", engineio.ReasonParseError, func(err error) bool { return err != nil }},
		"goodbye":      {"41", engineio.ReasonClientNamespaceDisconnect, func(err error) bool { return err == nil }},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, server.Config{Engine: engine.Config{MaxPayload: 1000}})
			type told struct {
				where  string
				reason engineio.Reason
				fits   bool
			}
			ends := make(chan told, 8)
			own := func(where string) func(engineio.Reason, error) {
				return func(r engineio.Reason, err error) { ends <- told{where, r, c.cause(err)} }
			}
			all := func(where string) func(*server.Socket, engineio.Reason, error) {
				return func(_ *server.Socket, r engineio.Reason, err error) { ends <- told{where, r, c.cause(err)} }
			}
			f.OnDisconnecting(all("namespace, disconnecting"))
			f.OnDisconnect(all("namespace"))
			p, s := f.join("/")
			s.OnDisconnecting(own("disconnecting"))
			s.OnDisconnect(own("own"))
			p.sendRaw(c.packet)
			for _, where := range []string{"disconnecting", "namespace, disconnecting", "own", "namespace"} {
				require.Equal(t, told{where, c.reason, true}, await(t, ends))
			}
		})
	}
}

// The client is told in every namespace that it is out, and then that the connection ends.
// Rows: N04 reason/server-namespace-disconnect
func TestDisconnectLeavesEveryNamespace(t *testing.T) {
	f := start(t, server.Config{})
	reasons := make(chan string, 8)
	note := func(s *server.Socket, r engineio.Reason, _ error) { reasons <- s.Namespace().Name() + " " + string(r) }
	f.OnDisconnect(note)
	f.Of(event.NewNamespace("/a")).OnDisconnect(note)
	f.Of(event.NewNamespace("/b")).OnDisconnect(note)
	p, _ := f.join("/")
	s := f.connect(p, "/a")
	f.connect(p, "/b")
	s.Disconnect(true)
	require.ElementsMatch(t, []string{"41", "41/a,", "41/b,"}, p.expectClosed())
	require.ElementsMatch(t, []string{"/ server namespace disconnect", "/a server namespace disconnect", "/b server namespace disconnect"},
		[]string{await(t, reasons), await(t, reasons), await(t, reasons)})
}

// A forced close that finds no open poll says so, whatever it is for.
// Rows: reason/forced-close reason/forced-server-close
func TestForcedCloseWhilePolling(t *testing.T) {
	for name, act := range map[string]func(l line, s *server.Socket){
		"undecodable":     func(l line, _ *server.Socket) { l.write("42{}") },
		"out of place":    func(l line, _ *server.Socket) { l.write(`42/nope,["x"]`) },
		"own code closes": func(_ line, s *server.Socket) { s.Conn().Close(engineio.ReasonForcedClose) },
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, server.Config{})
			reasons := ended(f)
			l, s := f.joinPolling()
			act(l, s)
			require.Equal(t, engineio.ReasonForcedServerClose, await(t, reasons))
			l.closed()
		})
	}
}
