//go:build !js

package webtransport

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"slices"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/webtransport-go"

	"parley/shared/client/engine"
)

// Native is what only programs outside a browser can set.
type Native struct {
	// TLS is the TLS configuration; may be nil.
	TLS *tls.Config
	// QUIC is the QUIC configuration; may be nil. Datagrams and partial delivery
	// of reset streams are switched on in any case, WebTransport needs them.
	QUIC *quic.Config
}

func (t *Transport) open(ctx context.Context, r engine.Request) (stream, error) {
	if r.URL.Scheme != "https" {
		return nil, errors.New("WebTransport needs an https address")
	}
	dialer := &webtransport.Transport{TLSClientConfig: t.tls(), QUICConfig: t.quic(), DialAddr: dialAddr}
	ctx, opened := context.WithCancelCause(ctx)
	defer opened(errOpened)
	resp, session, err := dialer.Dial(ctx, r.Address("https"), http.Header(r.Header))
	if err != nil {
		_ = dialer.Close()
		if resp != nil {
			return nil, &engine.Error{Transport: "webtransport", Op: engine.OpDial, Status: resp.StatusCode, Err: err}
		}
		return nil, err
	}
	s, err := session.OpenStreamSync(ctx)
	if err != nil {
		_ = session.CloseWithError(0, "")
		_ = dialer.Close()
		return nil, err
	}
	n := &nativeStream{
		dialer: dialer, session: session, s: s,
		chunks: make(chan []byte, maxChunks), closed: make(chan struct{}), ended: make(chan struct{}),
	}
	go n.pump()
	return n, nil
}

// dialAddr makes a QUIC connection that does not outlive ctx before a session is
// open: the library waits for the server's answer without regard to it.
func dialAddr(ctx context.Context, addr string, t *tls.Config, q *quic.Config) (*quic.Conn, error) {
	conn, err := quic.DialAddrEarly(ctx, addr, t, q)
	if err == nil {
		context.AfterFunc(ctx, func() {
			if opened := context.Cause(ctx); !errors.Is(opened, errOpened) {
				_ = conn.CloseWithError(0, "")
			}
		})
	}
	return conn, err
}

// errOpened is the cause with which the context of a dial that succeeded ends.
var errOpened = errors.New("opened")

func (t *Transport) tls() *tls.Config {
	cfg := t.TLS.Clone()
	if cfg == nil {
		cfg = &tls.Config{}
	}
	cfg.NextProtos = []string{"h3"}
	if len(t.CertificateHashes) == 0 {
		return cfg
	}
	// The hashes are checked instead of the chain; a certificate that has none of
	// them must pass the usual verification.
	roots := cfg.RootCAs
	cfg.InsecureSkipVerify = true
	cfg.VerifyConnection = func(state tls.ConnectionState) error {
		sum := sha256.Sum256(state.PeerCertificates[0].Raw)
		if slices.ContainsFunc(t.CertificateHashes, func(h []byte) bool { return string(h) == string(sum[:]) }) {
			return nil
		}
		between := x509.NewCertPool()
		for _, c := range state.PeerCertificates[1:] {
			between.AddCert(c)
		}
		_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{
			DNSName: state.ServerName, Roots: roots, Intermediates: between,
		})
		return err
	}
	return cfg
}

func (t *Transport) quic() *quic.Config {
	cfg := &quic.Config{}
	if t.QUIC != nil {
		cfg = t.QUIC.Clone()
	}
	cfg.EnableDatagrams, cfg.EnableStreamResetPartialDelivery = true, true
	return cfg
}

// What is received before somebody reads it: at most maxChunks pieces of at most
// maxChunk bytes. Beyond that the peer is held up by flow control.
const (
	maxChunk  = 16 << 10
	maxChunks = 64
)

type nativeStream struct {
	dialer  *webtransport.Transport
	session *webtransport.Session
	s       *webtransport.Stream

	chunks chan []byte   // what pump has received; closed at the end
	closed chan struct{} // by close: nobody wants the chunks any more
	ended  chan struct{} // by pump: it has ended
	err    error         // why pump ended; set before chunks is closed
}

// pump reads ahead: when the peer closes the session, the library drops what has
// arrived and was not read.
func (n *nativeStream) pump() {
	defer close(n.ended)
	defer close(n.chunks)
	buf := make([]byte, maxChunk)
	for {
		k, err := n.s.Read(buf)
		if k > 0 {
			select {
			case n.chunks <- append([]byte(nil), buf[:k]...):
			case <-n.closed:
				n.err = net.ErrClosed
				return
			}
		}
		if err != nil {
			n.err = err
			return
		}
	}
}

func (n *nativeStream) read(ctx context.Context) ([]byte, error) {
	select {
	case chunk, ok := <-n.chunks:
		if ok {
			return chunk, nil
		}
		return nil, n.cause(ctx, n.err)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (n *nativeStream) write(ctx context.Context, data []byte) error {
	stop := context.AfterFunc(ctx, func() { n.s.CancelWrite(0) })
	defer stop()
	if _, err := n.s.Write(data); err != nil {
		return n.cause(ctx, err)
	}
	return nil
}

func (n *nativeStream) cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if e, ok := errors.AsType[*webtransport.SessionError](err); ok && e.Remote {
		return closedBy(int(e.ErrorCode), e.Message)
	}
	if e, ok := errors.AsType[*quic.ApplicationError](err); ok && e.Remote {
		return closedBy(0, e.ErrorMessage)
	}
	return err
}

// close waits until the peer has been told, or ctx is done.
func (n *nativeStream) close(ctx context.Context) error {
	defer func() {
		n.dialer.Close()
		<-n.ended
	}()
	close(n.closed)
	closed := make(chan error, 1)
	go func() { closed <- n.session.CloseWithError(0, "") }()
	select {
	case err := <-closed:
		return err
	case <-ctx.Done():
	}
	n.s.CancelRead(0)
	n.s.CancelWrite(0)
	return <-closed
}
