//go:build !js

package webtransport_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	wt "github.com/quic-go/webtransport-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"parley/shared/client/engine"
	"parley/shared/client/transporttest"
	"parley/shared/client/webtransport"
	"parley/shared/engineio"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// certificate makes one that a browser would accept by its hash.
func certificate(t *testing.T) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "parley test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(13 * 24 * time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	sum := sha256.Sum256(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, sum[:]
}

// serve runs the suite's scripts over WebTransport.
func serve(t *testing.T) (address string, hash []byte) {
	t.Helper()
	cert, hash := certificate(t)
	mux := http.NewServeMux()
	h3 := &http3.Server{
		TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{cert}}), Handler: mux,
		QUICConfig: &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true},
	}
	wt.ConfigureHTTP3Server(h3)
	server := &wt.Server{H3: h3, CheckOrigin: func(*http.Request) bool { return true }}
	var scripts sync.WaitGroup
	mux.HandleFunc("/engine.io/", func(w http.ResponseWriter, r *http.Request) {
		scripts.Add(1)
		defer scripts.Done()
		switch r.URL.Query().Get("script") {
		case "refuse":
			w.WriteHeader(http.StatusForbidden)
			return
		case "never":
			<-r.Context().Done()
			return
		}
		session, err := server.Upgrade(w, r)
		if err != nil {
			return
		}
		defer func() { _ = session.CloseWithError(0, "") }()
		ctx, cancel := context.WithTimeout(session.Context(), 10*time.Second)
		defer cancel()
		stream, err := session.AcceptStream(ctx)
		if err != nil {
			return
		}
		play(&wire{session: session, stream: stream, ctx: ctx}, r)
	})
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- server.Serve(conn) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-served
		scripts.Wait()
		_ = conn.Close()
	})
	return "https://" + conn.LocalAddr().String(), hash
}

// play reads the client's hello first.
func play(w *wire, r *http.Request) {
	first, err := w.Receive()
	if err != nil || first[0].Type != engineio.PacketOpen {
		return
	}
	w.hello = string(first[0].Data)
	if r.URL.Query().Get("script") == "hello" {
		_ = w.Send(engineio.Packet{Type: engineio.PacketMessage, Data: []byte(w.hello)})
		_, _ = w.Receive()
		return
	}
	transporttest.Play(w, r)
}

type wire struct {
	session *wt.Session
	stream  *wt.Stream
	ctx     context.Context
	hello   string
	buf     []byte
}

func (w *wire) Send(packets ...engineio.Packet) error {
	var out []byte
	for _, p := range packets {
		out = engineio.AppendFrame(out, p)
	}
	_, err := w.stream.Write(out)
	return err
}

func (w *wire) Raw(text string) error {
	_, err := w.stream.Write(append(engineio.AppendFrameHeader(nil, false, len(text)), text...))
	return err
}

func (w *wire) Receive() ([]engineio.Packet, error) {
	for {
		h, err := engineio.ParseFrameHeader(w.buf, 10<<20)
		if err != nil {
			return nil, err
		}
		if h.Size > 0 && len(w.buf) >= h.Size+h.Length {
			frame := w.buf[h.Size : h.Size+h.Length]
			w.buf = w.buf[h.Size+h.Length:]
			p := engineio.ParseBinary(frame)
			if !h.Binary {
				p, err = engineio.ParseText(frame)
			}
			return []engineio.Packet{p}, err
		}
		chunk := make([]byte, 32<<10)
		n, err := w.stream.Read(chunk)
		w.buf = append(w.buf, chunk[:n]...)
		if err != nil && n == 0 {
			return nil, err
		}
	}
}

// Close lets the client have everything first: closing a session discards what
// is still on its way.
func (w *wire) Close(code int, reason string) error {
	<-time.After(400 * time.Millisecond)
	return w.session.CloseWithError(wt.SessionErrorCode(code), reason)
}

func (w *wire) Drop() {
	<-time.After(400 * time.Millisecond) // a reset overtakes what was written
	w.stream.CancelWrite(7)
}

func (w *wire) Stall() {
	select {
	case <-w.ctx.Done():
	case <-time.After(2 * time.Second):
	}
}

// Rows: E11 G01
func TestTransport(t *testing.T) {
	address, hash := serve(t)
	transporttest.Run(t, address, func() engine.Transport {
		return &webtransport.Transport{CertificateHashes: [][]byte{hash}, MaxMessage: 2 << 20}
	})
}

// Rows: E11 G03
func TestHelloNamesTheSessionToUpgrade(t *testing.T) {
	address, hash := serve(t)
	u, err := url.Parse(address + "/engine.io/")
	require.NoError(t, err)
	for sid, want := range map[string]string{"": "4", "abc": `4{"sid":"abc"}`} {
		q := url.Values{"script": {"hello"}}
		if sid != "" {
			q.Set("sid", sid)
		}
		tr := &webtransport.Transport{CertificateHashes: [][]byte{hash}}
		l, err := tr.Dial(t.Context(), engine.Request{URL: u, Query: q})
		require.NoError(t, err)
		p, err := l.Read(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, string(p[0].AppendText(nil)))
		require.NoError(t, l.Close(t.Context()))
	}
}

func TestTrust(t *testing.T) {
	address, hash := serve(t)
	u, err := url.Parse(address + "/engine.io/")
	require.NoError(t, err)
	r := engine.Request{URL: u, Query: url.Values{"script": {"echo"}}}
	for _, tr := range []*webtransport.Transport{{}, {CertificateHashes: [][]byte{make([]byte, 32)}}} {
		_, err := tr.Dial(t.Context(), r)
		require.ErrorContains(t, err, "certificate")
	}
	tr := &webtransport.Transport{CertificateHashes: [][]byte{make([]byte, 32), hash}}
	l, err := tr.Dial(t.Context(), r)
	require.NoError(t, err)
	require.NoError(t, l.Close(t.Context()))

	u.Scheme = "http"
	_, err = tr.Dial(t.Context(), r)
	require.ErrorContains(t, err, "https")
	require.NotErrorIs(t, err, io.EOF)
	_, isOurs := errors.AsType[*engine.Error](err)
	assert.True(t, isOurs)
}
