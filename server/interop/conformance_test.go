package interop_test

import (
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/engine"
	"parley/shared/engineio"
	"parley/shared/event"
)

// The official servers run the same cases: what they do not pass, we must not demand.
func TestConformanceCasesHoldForTheOfficialServers(t *testing.T) {
	var at struct{ Engine, Socket string }
	node(t, "conformance_server.mjs").next(t, &at)
	t.Run("engine", func(t *testing.T) { engineSuite(t, endpoint{at.Engine, "/engine.io/"}, true) })
	t.Run("engine below socket", func(t *testing.T) { engineSuite(t, endpoint{at.Socket, "/socket.io/"}, false) })
	t.Run("socket", func(t *testing.T) { socketSuite(t, endpoint{at.Socket, "/socket.io/"}) })
}

// Rows: E01 E02 E03 E04 E05 E06 E07 E08 E09 E10 E12 E16 A12
func TestEngineConformance(t *testing.T) {
	srv := engine.New(engine.Config{
		Path:         "/engine.io/",
		PingInterval: pingInterval,
		PingTimeout:  pingTimeout,
		Logger:       slog.New(slog.DiscardHandler),
		Open:         func(s *engine.Session) engine.Receiver { return echoing{s} },
	})
	web := httptest.NewServer(srv)
	t.Cleanup(func() {
		require.NoError(t, srv.Close())
		web.Close()
	})
	engineSuite(t, endpoint{web.URL, "/engine.io/"}, true)
}

// echoing sends every message back.
type echoing struct{ *engine.Session }

func (e echoing) Receive(binary bool, data []byte) engine.Task {
	_ = e.Send(engine.SendOptions{}, engine.NewMessage(binary, data))
	return nil
}

func (e echoing) Closed(engineio.Reason, error) {}

// Rows: N01 N02 N03 N04 N05 L04 B01 B02 B03
func TestSocketConformance(t *testing.T) {
	cfg := server.Config{ConnectTimeout: 8 * time.Second, Logger: slog.New(slog.DiscardHandler)}
	cfg.Engine.PingInterval, cfg.Engine.PingTimeout = pingInterval, pingTimeout
	srv := server.New(cfg)
	for _, name := range []string{"/", "/custom"} {
		srv.Of(event.NewNamespace(name)).OnConnect(func(s *server.Socket) {
			auth := s.Handshake().Auth
			if auth.IsNull() {
				auth = event.Value{JSON: []byte("{}")}
			}
			require.NoError(t, s.Emit("auth", auth))
			s.On("message", func(args event.Args) { _ = s.Emit("message-back", args...) })
			s.OnAck("message-with-ack", func(args event.Args, ack func(...any)) { ack(args...) })
		})
	}
	web := httptest.NewServer(srv)
	t.Cleanup(func() {
		require.NoError(t, srv.Close())
		web.Close()
	})
	t.Run("engine", func(t *testing.T) { engineSuite(t, endpoint{web.URL, "/socket.io/"}, false) })
	t.Run("socket", func(t *testing.T) { socketSuite(t, endpoint{web.URL, "/socket.io/"}) })
}
