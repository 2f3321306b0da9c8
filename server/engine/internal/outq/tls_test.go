package outq

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server/engine/frame"
	"parley/server/engine/internal/track"
)

// tlsConfigs returns what a server needs, and a client that trusts anybody.
func tlsConfigs(t *testing.T) (server, client *tls.Config) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	server = &tls.Config{
		Certificates:           []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		SessionTicketsDisabled: true, // they would wait in the pipe
	}
	return server, &tls.Config{InsecureSkipVerify: true} //nolint:gosec // it talks to the test
}

// No kind of end waits for a peer that does not read what TLS has to say at last.
func TestTLSEndsWithoutThePeer(t *testing.T) {
	for name, end := range map[string]func(p *pair){
		"abort": func(p *pair) { p.Abort(frame.ErrSlow) },
		"cut":   func(p *pair) { p.group.Cut() },
		"cut, while something is to be written": func(p *pair) {
			p.End(frame.Close(1001, ""))
			p.group.Cut()
		},
		"cut, while something is being written": func(p *pair) {
			require.NoError(t, p.Send(false, nil, text("never read")))
			synctest.Wait()
			p.group.Cut()
		},
		"too slow": func(p *pair) {
			for p.Control(frame.Pong(make([]byte, 100))) == nil {
				synctest.Wait()
			}
		},
		"close, and cut": func(p *pair) {
			require.NoError(t, p.Close())
			synctest.Wait()
			p.group.Cut()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, _ := tlsPair(t)
				begin := time.Now()
				end(p)
				require.NoError(t, p.track.Wait(context.Background()))
				require.Zero(t, time.Since(begin))
				require.Error(t, p.Err())
				require.Nil(t, p.group.first)
				_, err := p.Read(make([]byte, 1))
				require.Error(t, err)
			})
		})
	}
}

// Close does not wait either, but a peer that reads is told that nothing was cut off.
func TestTLSSaysGoodbye(t *testing.T) {
	for name, end := range map[string]func(p *pair){
		"close": func(*pair) {},
		"close after what waits": func(p *pair) {
			require.NoError(t, p.Send(true, nil, text("x")))
			p.End(frame.Close(1000, ""))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, peer := tlsPair(t)
				begin := time.Now()
				end(p)
				require.NoError(t, p.Close())
				require.Zero(t, time.Since(begin))
				_, err := io.ReadAll(peer)
				require.NoError(t, err, "an end without a word is io.ErrUnexpectedEOF")
				require.NoError(t, p.track.Wait(context.Background()))
			})
		})
	}
}

// tlsPair returns a Conn over TLS over a pipe, and the peer's side of it.
func tlsPair(t *testing.T) (*pair, net.Conn) {
	serverConfig, clientConfig := tlsConfigs(t)
	near, far := net.Pipe()
	server, client := tls.Server(near, serverConfig), tls.Client(far, clientConfig)
	shaken := make(chan error, 1)
	go func() { shaken <- client.Handshake() }()
	require.NoError(t, server.Handshake())
	require.NoError(t, <-shaken)
	tr := &track.Group{}
	l := bounded(1000, 10)
	g := NewGroup(l, tr)
	p := &pair{New(server, g), g, tr, far}
	t.Cleanup(func() { far.Close() })
	return p, client
}
