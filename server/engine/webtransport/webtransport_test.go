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
	"strings"
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

func (e echo) Receive(binary bool, data []byte) {
	_ = e.Send(engine.SendOptions{}, engine.NewMessage(binary, data))
}
func (e echo) Closed(reason engine.Reason, err error) { e.ended <- end{reason, err} }

func start(t *testing.T, cfg engine.Config) *fixture {
	f := &fixture{t: t, ended: make(chan end, 10), refused: make(chan engine.Refusal, 10)}
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
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(udp)
	}()
	f.url = "https://" + udp.LocalAddr().String() + "/socket.io/"
	web := httptest.NewServer(f.Server)
	f.tcp = web.URL + "/socket.io/?EIO=4&transport=polling"
	t.Cleanup(func() {
		require.NoError(t, f.Close())
		web.Close()
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

// dial opens a session and its stream and sends the first packet.
func (f *fixture) dial(first string) *client {
	f.t.Helper()
	d := &wt.Transport{
		TLSClientConfig: &tls.Config{RootCAs: f.pool, NextProtos: []string{http3.NextProtoH3}},
		QUICConfig:      &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true},
	}
	f.t.Cleanup(func() { _ = d.Close() })
	ctx, cancel := context.WithTimeout(f.t.Context(), 10*time.Second)
	defer cancel()
	resp, session, err := d.Dial(ctx, f.url, nil)
	require.NoError(f.t, err)
	require.Equal(f.t, 200, resp.StatusCode)
	f.t.Cleanup(func() { _ = session.CloseWithError(0, "") })
	stream, err := session.OpenStreamSync(ctx)
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

// Rows: E11
func TestSession(t *testing.T) {
	f := start(t, engine.Config{})
	c := f.dial("0")
	h, err := engineio.ParseHandshake([]byte(c.read()[1:]))
	require.NoError(t, err)
	require.Empty(t, h.Upgrades)
	for _, n := range []int{1, 124, 125, 126, 65_534, 65_535, 65_536, 300_000} {
		body := strings.Repeat("x", n)
		c.text("4" + body)
		require.Equal(t, "4"+body, c.read())
		c.raw(append(engineio.AppendFrameHeader(nil, true, n), body...))
		require.Equal(t, "b:"+body, c.read())
	}
	c.text("bAQI=")
	require.Equal(t, "b:\x01\x02", c.read())
	require.NoError(t, c.session.CloseWithError(0, "bye"))
	e := await(t, f.ended)
	require.Equal(t, engineio.ReasonTransportClose, e.reason, "%T %v", e.err, e.err)
}

// Rows: E11 E09 E10
func TestUpgrade(t *testing.T) {
	f := start(t, engine.Config{})
	get := func(query string) (int, string) {
		resp, err := http.Get(f.tcp + query)
		require.NoError(t, err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(b)
	}
	_, body := get("")
	require.Contains(t, body, `"upgrades":["websocket","webtransport"]`)
	h, err := engineio.ParseHandshake([]byte(body[1:]))
	require.NoError(t, err)
	c := f.dial(`0{"sid":"` + h.SID + `"}`)
	c.text("2probe")
	require.Equal(t, "3probe", c.read())
	second := f.dial(`0{"sid":"` + h.SID + `"}`)
	second.gone()
	c.text("5")
	c.text("4x")
	require.Equal(t, "4x", c.read())
	status, _ := get("&sid=" + h.SID)
	require.Equal(t, 400, status)
	f.dial(`0{"sid":"` + h.SID + `"}`).gone()
	c.text("1")
	c.gone()
	require.Equal(t, engineio.ReasonTransportClose, await(t, f.ended).reason)
}

// Rows: E11 E12
func TestHeartbeat(t *testing.T) {
	f := start(t, engine.Config{PingInterval: 50 * time.Millisecond, PingTimeout: 100 * time.Millisecond})
	c := f.dial("0")
	c.read()
	for range 3 {
		require.Equal(t, "2", c.read())
		c.text("3")
	}
	c.gone()
	require.Equal(t, engineio.ReasonPingTimeout, await(t, f.ended).reason)
}

// Rows: E11 E13 E23
func TestMisuse(t *testing.T) {
	for name, c := range map[string]struct {
		bytes  string
		reason engine.Reason
	}{
		"unknown packet":      {"\x019", engineio.ReasonParseError},
		"zero length":         {"\x00", engineio.ReasonParseError},
		"zero length, binary": {"\x80", engineio.ReasonParseError},
		"above the limit":     {"\x7e\x27\x11", engineio.ReasonParseError},
		"enormous":            {"\x7f\xff\xff\xff\xff\xff\xff\xff\xff", engineio.ReasonParseError},
		"not UTF-8":           {"\x024\xff", engineio.ReasonTransportError},
		"ping":                {"\x012", engineio.ReasonTransportError},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, engine.Config{MaxPayload: 10_000})
			s := f.dial("0")
			s.read()
			s.raw([]byte(c.bytes))
			require.Equal(t, c.reason, await(t, f.ended).reason)
			s.gone()
		})
	}
	t.Run("bad first packet", func(t *testing.T) {
		f := start(t, engine.Config{UpgradeTimeout: 100 * time.Millisecond})
		f.dial("4x").gone()
		require.Equal(t, "no open packet", await(t, f.refused).Message)
		f.dial(`0{"sid":"none"}`).gone()
		require.Equal(t, engineio.UnknownSID, await(t, f.refused).Code)
		f.dial(`0nonsense`).gone()
		require.Equal(t, engineio.UnknownSID, await(t, f.refused).Code)
		c := f.dial("")
		c.raw([]byte{5}) // a header and nothing after it
		c.gone()
		require.Equal(t, "no open packet", await(t, f.refused).Message)
		require.Zero(t, f.Count())
	})
}

// Rows: E11 E17
func TestServerCloses(t *testing.T) {
	f := start(t, engine.Config{})
	c := f.dial("0")
	c.read()
	c.text("4last")
	require.Equal(t, "4last", c.read())
	done := make(chan error, 1)
	go func() { done <- f.Shutdown(t.Context()) }()
	require.Equal(t, engineio.ReasonServerShuttingDown, await(t, f.ended).reason)
	c.gone()
	require.NoError(t, c.session.CloseWithError(0, ""))
	require.NoError(t, await(t, done))
}

// Rows: E11 A08 A09
func TestRefused(t *testing.T) {
	dial := func(f *fixture, header http.Header) int {
		d := &wt.Transport{
			TLSClientConfig: &tls.Config{RootCAs: f.pool, NextProtos: []string{http3.NextProtoH3}},
			QUICConfig:      &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true},
		}
		defer d.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		resp, _, err := d.Dial(ctx, f.url, header)
		require.Error(t, err)
		require.NotNil(t, resp)
		return resp.StatusCode
	}
	require.Equal(t, 400, dial(start(t, engine.Config{Transports: []string{"polling"}}), nil), "not configured")
	require.Equal(t, 403, dial(start(t, engine.Config{}), http.Header{"Origin": {"https://evil.org"}}))
	require.Equal(t, 403, dial(start(t, engine.Config{AllowRequest: func(*http.Request) error { return io.EOF }}), nil))
}
