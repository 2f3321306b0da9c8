package webtransport_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"time"

	"github.com/quic-go/quic-go/http3"

	"parley/server"
	"parley/server/engine"
	"parley/server/engine/webtransport"
	parley "parley/shared/client"
	transports "parley/shared/client/engine"
	transport "parley/shared/client/webtransport"
	"parley/shared/event"
)

// A Socket.IO server over WebTransport. Its certificate is self-signed and short-lived: clients, browsers too, know it
// by its hash.
func Example() {
	srv := server.New(server.Config{
		Engine: engine.Config{Transports: []string{"polling", "websocket", "webtransport"}},
		Logger: slog.New(slog.DiscardHandler),
	})
	srv.OnConnect(func(s *server.Socket) { s.Emit("hello", "over "+s.Conn().Transport()) })

	cert := selfSigned(10 * 24 * time.Hour) // browsers take two weeks at most
	h3 := &http3.Server{TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{cert}})}
	wt := webtransport.New(srv.Engine(), h3)
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", wt)
	h3.Handler = mux
	udp, _ := net.ListenPacket("udp", "127.0.0.1:0")
	served := make(chan error)
	go func() { served <- wt.Serve(udp) }() // wt.ListenAndServe() listens on h3.Addr

	hash := sha256.Sum256(cert.Certificate[0])
	conn, err := parley.Dial(context.Background(), "https://"+udp.LocalAddr().String(), parley.Config{
		Transports: []transports.Transport{&transport.Transport{CertificateHashes: [][]byte{hash[:]}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	hello := make(chan string)
	conn.Main().On("hello", func(args event.Args) { hello <- args.String(0) })
	fmt.Println(<-hello)

	conn.Close()
	srv.Close()
	wt.Close()
	udp.Close()
	<-served
	// Output: over webtransport
}

// selfSigned makes a certificate for this machine.
func selfSigned(valid time.Duration) tls.Certificate {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // browsers want ECDSA
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(valid),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
