package webtransport_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	wt "github.com/quic-go/webtransport-go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"parley/server/engine"
	"parley/server/engine/webtransport"
	"parley/shared/engineio"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// certificate returns a self-signed certificate for 127.0.0.1 and a pool that
// trusts it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// fixture is an engine that is served over HTTP/3 and over TCP.
type fixture struct {
	*engine.Server
	t        *testing.T
	url, tcp string
	pool     *x509.CertPool
	dialAddr func(context.Context, string, *tls.Config, *quic.Config) (*quic.Conn, error) // of clients; nil: a port each
	ended    chan end
	refused  chan engine.Refusal
}

type end struct {
	reason engine.Reason
	err    error
}

type echo struct {
	*engine.Session
	ended chan end
}

func (e echo) Receive(binary bool, data []byte) engine.Task {
	_ = e.Send(engine.SendOptions{}, engine.NewMessage(binary, data))
	return nil
}
func (e echo) Closed(reason engine.Reason, err error) { e.ended <- end{reason, err} }

// start serves over UDP, and over TCP, until the test ends.
func start(t *testing.T, cfg engine.Config) *fixture {
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	f := serve(t, cfg, udp)
	web := httptest.NewServer(f.Server)
	f.tcp = web.URL + "/socket.io/?EIO=4&transport=polling"
	t.Cleanup(func() {
		require.NoError(t, f.Close()) // answers polls that wait
		web.Close()
	})
	return f
}

// serve serves on udp until the test ends.
func serve(t *testing.T, cfg engine.Config, udp net.PacketConn) *fixture {
	f := &fixture{t: t, ended: make(chan end, 1000), refused: make(chan engine.Refusal, 1000)}
	if cfg.Transports == nil {
		cfg.Transports = []string{"polling", "websocket", "webtransport"}
	}
	cfg.Logger = slog.New(slog.DiscardHandler)
	cfg.Open = func(s *engine.Session) engine.Receiver { return echo{s, f.ended} }
	cfg.OnRefuse = func(r *engine.Refusal) { f.refused <- *r }
	f.Server = engine.New(cfg)

	cert, pool := certificate(t)
	f.pool = pool
	mux := http.NewServeMux()
	h3 := &http3.Server{Handler: mux, TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{cert}})}
	server := webtransport.New(f.Server, h3)
	mux.Handle("/socket.io/", server)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(udp)
	}()
	f.url = "https://" + udp.LocalAddr().String() + "/socket.io/"
	t.Cleanup(func() {
		require.NoError(t, f.Close())
		_ = server.Close()
		_ = udp.Close()
		<-served
	})
	return f
}

// client is the other end of a session.
type client struct {
	t       *testing.T
	session *wt.Session
	stream  *wt.Stream
	br      *bufio.Reader
}

// connect opens a session.
func (f *fixture) connect() *wt.Session {
	f.t.Helper()
	d := &wt.Transport{
		TLSClientConfig: f.trust(),
		QUICConfig:      &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true},
		DialAddr:        f.dialAddr,
	}
	f.t.Cleanup(func() { _ = d.Close() })
	ctx, cancel := context.WithTimeout(f.t.Context(), 10*time.Second)
	defer cancel()
	resp, session, err := d.Dial(ctx, f.url, nil)
	require.NoError(f.t, err)
	require.Equal(f.t, 200, resp.StatusCode)
	f.t.Cleanup(func() { _ = session.CloseWithError(0, "") })
	return session
}

func (f *fixture) trust() *tls.Config {
	return &tls.Config{RootCAs: f.pool, NextProtos: []string{http3.NextProtoH3}}
}

// dial opens a session and its stream and sends the first packet.
func (f *fixture) dial(first string) *client {
	f.t.Helper()
	session := f.connect()
	stream, err := session.OpenStreamSync(f.t.Context())
	require.NoError(f.t, err)
	require.NoError(f.t, stream.SetDeadline(time.Now().Add(20*time.Second)))
	c := &client{f.t, session, stream, bufio.NewReader(stream)}
	if first != "" {
		c.text(first)
	}
	return c
}

func (c *client) text(packet string) {
	c.t.Helper()
	c.raw(append(engineio.AppendFrameHeader(nil, false, len(packet)), packet...))
}

func (c *client) raw(b []byte) {
	c.t.Helper()
	_, err := c.stream.Write(b)
	require.NoError(c.t, err)
}

// read returns the next packet; "b:" stands in front of a binary one.
func (c *client) read() string {
	c.t.Helper()
	for n := 1; ; n++ {
		b, err := c.br.Peek(n)
		require.NoError(c.t, err)
		h, err := engineio.ParseFrameHeader(b, 0)
		require.NoError(c.t, err)
		if h.Size == 0 {
			continue
		}
		_, err = c.br.Discard(h.Size)
		require.NoError(c.t, err)
		data := make([]byte, h.Length)
		_, err = io.ReadFull(c.br, data)
		require.NoError(c.t, err)
		if h.Binary {
			return "b:" + string(data)
		}
		return string(data)
	}
}

// gone reads until the server has closed.
func (c *client) gone() {
	c.t.Helper()
	begin := time.Now()
	_, err := io.Copy(io.Discard, c.br)
	_ = err // an end or a cancelled stream
	require.Less(c.t, time.Since(begin), 15*time.Second)
}

func await[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(10 * time.Second):
		require.FailNow(t, "nothing came")
		panic("unreachable")
	}
}
