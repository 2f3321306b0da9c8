package engine_test

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"parley/server/engine"
)

// shout answers in capitals.
type shout struct{ session *engine.Session }

func (s shout) Receive(binary bool, data []byte) engine.Task {
	_ = s.session.Send(engine.SendOptions{}, engine.NewMessage(binary, append(data, '!')))
	return nil
}

func (s shout) Closed(reason engine.Reason, err error) {
	log.Println("gone:", reason, err)
}

// The smallest server: every message comes back.
func Example() {
	srv := engine.New(engine.Config{
		Open: func(s *engine.Session) engine.Receiver { return shout{s} },
	})
	defer srv.Close() //nolint:errcheck // always nil
	http.Handle("/socket.io/", srv)
	// log.Fatal(http.ListenAndServe(":3000", nil))
	fmt.Println(srv.Count(), "sessions")
	// Output: 0 sessions
}

// One message for many receivers is encoded once.
func ExampleNewMessage() {
	m := engine.NewMessage(false, []byte("news"))
	var sessions []*engine.Session // of all who want to know
	for _, s := range sessions {
		// Batched messages leave together with others; an error means that this
		// receiver has gone or is too slow, which its Receiver is told.
		_ = s.Send(engine.SendOptions{Batch: true}, m)
	}
	fmt.Printf("%s, %d bytes on the wire\n", m.Data(), m.Size())
	// Output: news, 7 bytes on the wire
}

// A server that faces the internet, and is reached through a proxy of its own, too,
// which adds the address that it sees to X-Forwarded-For.
func ExampleConnectionLimits() {
	const proxy = "10.0.0.2"
	srv := engine.New(engine.Config{
		Open: func(s *engine.Session) engine.Receiver { return shout{s} },
		Connections: engine.ConnectionLimits{
			Total:       20_000,
			PerAddress:  50,
			Rate:        engine.Rate{PerSecond: 500, Burst: 2000},
			AddressRate: engine.Rate{PerSecond: 20},
		},
		RemoteAddr: func(r *http.Request) string {
			host, _, _ := net.SplitHostPort(r.RemoteAddr)
			if host != proxy {
				return host // and nobody believes what it says about others
			}
			hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
			return strings.TrimSpace(hops[len(hops)-1])
		},
		OnRefuse: func(f *engine.Refusal) {
			if f.Context == "ADDRESS_LIMIT" || f.Context == "ADDRESS_RATE" {
				log.Println("too many of one address, or of one office")
			}
		},
	})
	defer srv.Close() //nolint:errcheck // always nil
	web := &http.Server{
		Addr:              ":3000",
		Handler:           srv,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
	}
	defer web.Close() //nolint:errcheck // it ends anyway
	// log.Fatal(web.ListenAndServe())
}

// Pages of another site may use the server, a slow client is told of, and a
// handshake needs a key.
func ExampleConfig() {
	srv := engine.New(engine.Config{
		Open:         func(s *engine.Session) engine.Receiver { return shout{s} },
		CORS:         &engine.CORS{Origins: []string{"https://app.example.org"}, Credentials: true},
		Cookie:       &http.Cookie{Secure: true},
		PingInterval: 10 * time.Second,
		AllowRequest: func(r *http.Request) error {
			if r.URL.Query().Get("key") == "" {
				return fmt.Errorf("no key")
			}
			return nil
		},
		OnSlow: func(_ *engine.Session, messages, bytes int) {
			log.Println("evicted with", messages, "messages of", bytes, "bytes")
		},
	})
	defer srv.Close() //nolint:errcheck // always nil
}
