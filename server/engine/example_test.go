package engine_test

import (
	"fmt"
	"log"
	"net/http"
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
