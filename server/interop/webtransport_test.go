package interop_test

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	wtserver "parley/server/engine/webtransport"
	"parley/shared/client"
	"parley/shared/client/engine"
	clientpolling "parley/shared/client/polling"
	wtclient "parley/shared/client/webtransport"
	"parley/shared/engineio"
	"parley/shared/event"
)

// startSecure serves one of our servers over TLS and, on the same port, over HTTP/3.
func startSecure(t *testing.T) *httptest.Server {
	t.Helper()
	cfg := server.Config{Logger: slog.New(slog.DiscardHandler)}
	cfg.Engine.Transports = []string{"polling", "websocket", "webtransport"}
	srv := server.New(cfg)
	srv.Of(event.NewNamespace("/")).OnConnect(func(s *server.Socket) {
		s.OnAck("echo", func(args event.Args, ack func(...any)) { ack(args...) })
		s.OnAck("transport", func(_ event.Args, ack func(...any)) { ack(s.Conn().Transport()) })
	})
	web := httptest.NewTLSServer(srv)
	serveHTTP3(t, srv, web.Listener.Addr().String(), web.TLS.Certificates[0])
	t.Cleanup(func() {
		require.NoError(t, srv.Close())
		web.Close()
	})
	return web
}

// serveHTTP3 serves srv's WebTransport at a UDP address until the test ends.
func serveHTTP3(t *testing.T, srv *server.Server, addr string, cert tls.Certificate) {
	t.Helper()
	mux := http.NewServeMux()
	h3 := &http3.Server{Handler: mux, TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{cert}})}
	wt := wtserver.New(srv.Engine(), h3)
	mux.Handle("/socket.io/", wt)
	udp, err := net.ListenPacket("udp", addr)
	require.NoError(t, err)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = wt.Serve(udp)
	}()
	t.Cleanup(func() {
		_ = wt.Close()
		_ = udp.Close()
		<-served
	})
}

// Rows: E11 G01 G03
func TestOurClientOverWebTransport(t *testing.T) {
	web := startSecure(t)
	trust := web.Client().Transport.(*http.Transport).TLSClientConfig
	overUDP := &wtclient.Transport{Native: wtclient.Native{TLS: trust}}
	polling := &clientpolling.Transport{Native: clientpolling.Native{HTTPClient: web.Client()}}
	for name, transports := range map[string][]engine.Transport{
		"alone":      {overUDP},
		"an upgrade": {polling, overUDP},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := client.Dial(t.Context(), web.URL, client.Config{Transports: transports, FirstOnly: true})
			require.NoError(t, err)
			defer conn.Close()
			s := conn.Main()
			s.OnDisconnect(func(r engineio.Reason, err error) { t.Log(r, err) })
			for i := range 200 { // while the upgrade happens
				answer, err := s.EmitAck(t.Context(), "echo", i, []byte{byte(i)}, []byte{})
				require.NoError(t, err)
				require.Equal(t, []byte{byte(i)}, answer.Bytes(1))
				require.Empty(t, answer.Bytes(2))
			}
			require.Eventually(t, func() bool { return conn.State().Transport == "webtransport" }, faultPatience, 5*time.Millisecond)
			answer, err := s.EmitAck(t.Context(), "transport")
			require.NoError(t, err)
			assert.Equal(t, "webtransport", answer.String(0))
			large := make([]byte, 500_000)
			answer, err = s.EmitAck(t.Context(), "echo", large)
			require.NoError(t, err)
			assert.Len(t, answer.Bytes(0), len(large))
			id := s.ID()
			s.Disconnect()
			s.Connect()
			_, err = s.EmitAck(t.Context(), "echo")
			require.NoError(t, err)
			assert.NotEqual(t, id, s.ID())
			require.NoError(t, conn.Close())
		})
	}
}
