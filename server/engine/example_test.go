package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"parley/server/engine"
	client "parley/shared/client/engine"
	"parley/shared/client/websocket"
	"parley/shared/engineio"
)

// shout answers in capitals.
type shout struct {
	session *engine.Session
	gone    chan engine.Reason
}

func (s shout) Receive(binary bool, data []byte) engine.Task {
	_ = s.session.Send(engine.SendOptions{}, engine.NewMessage(binary, bytes.ToUpper(data)))
	return nil
}

func (s shout) Closed(reason engine.Reason, _ error) { s.gone <- reason }

// The smallest server.
func Example() {
	gone := make(chan engine.Reason, 1)
	srv := engine.New(engine.Config{
		Open:   func(s *engine.Session) engine.Receiver { return shout{s, gone} },
		Logger: slog.New(slog.DiscardHandler),
	})
	web := httptest.NewServer(srv) // http.Handle("/socket.io/", srv) in a program
	defer web.Close()

	conn, got := connect(web.URL)
	_ = conn.Send(engineio.Packet{Type: engineio.PacketMessage, Data: []byte("hello")})
	fmt.Println("client:", <-got)
	_ = conn.Close(context.Background())
	fmt.Println("server:", <-gone)
	_ = srv.Close()
	// Output:
	// client: HELLO
	// server: transport close
}

// listener hands what a client receives to a channel, and closes it at the end.
type listener chan string

func (l listener) Receive(_ bool, data []byte)   { l <- string(data) }
func (l listener) Closed(engineio.Reason, error) { close(l) }

// connect opens a session of package parley/shared/client/engine over a WebSocket.
func connect(address string) (*client.Session, <-chan string) {
	u, _ := url.Parse(address + "/socket.io/")
	conn, err := client.Dial(context.Background(), client.Config{
		URL:        u,
		Transports: []client.Transport{&websocket.Transport{}},
	})
	if err != nil {
		panic(err)
	}
	got := make(listener, 16)
	conn.Start(got)
	return conn, got
}

// newServer returns a server whose sessions appear in a channel. It does not log.
func newServer(cfg engine.Config) (*engine.Server, <-chan *engine.Session) {
	opened := make(chan *engine.Session, 16)
	cfg.Open = func(s *engine.Session) engine.Receiver {
		opened <- s
		return silent{}
	}
	cfg.Logger = slog.New(slog.DiscardHandler)
	return engine.New(cfg), opened
}

// silent takes messages and says nothing.
type silent struct{}

func (silent) Receive(bool, []byte) engine.Task { return nil }
func (silent) Closed(engine.Reason, error)      {}

// ask sends the first request of a client that polls, and prints an answer that is
// a refusal.
func ask(srv http.Handler, header ...string) *http.Response {
	r := httptest.NewRequest("GET", "/socket.io/?EIO=4&transport=polling", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	srv.ServeHTTP(w, r)
	resp := w.Result()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		fmt.Println(resp.StatusCode, string(body))
	}
	return resp
}

// One message for many receivers is encoded once.
func ExampleNewMessage() {
	srv, opened := newServer(engine.Config{})
	web := httptest.NewServer(srv)
	defer web.Close()
	defer srv.Close() //nolint:errcheck // always nil
	_, ada := connect(web.URL)
	_, bob := connect(web.URL)

	m := engine.NewMessage(false, []byte("news"))
	for _, s := range []*engine.Session{<-opened, <-opened} {
		// Batched messages leave together with others; an error means that this
		// receiver has gone or is too slow, which its Receiver is told.
		if err := s.Send(engine.SendOptions{Batch: true}, m); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(<-ada, <-bob, m.Size(), "bytes on the wire")
	// Output: news news 7 bytes on the wire
}

// A server that faces the internet, and is reached through a proxy of its own, which
// adds the address that it sees to X-Forwarded-For.
func ExampleConnectionLimits() {
	const proxy = "192.0.2.1"
	srv, _ := newServer(engine.Config{
		Connections: engine.ConnectionLimits{
			Total:       20_000,
			PerAddress:  2, // 50 is a better number
			Rate:        engine.Rate{PerSecond: 500, Burst: 2000},
			AddressRate: engine.Rate{PerSecond: 20},
		},
		RemoteAddr: func(r *http.Request) string {
			host, _, _ := net.SplitHostPort(r.RemoteAddr)
			if host != proxy {
				return host // nobody believes what it says about others
			}
			hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
			return strings.TrimSpace(hops[len(hops)-1])
		},
		OnRefuse: func(r *engine.Refusal) { fmt.Println("refused:", r.Context) },
	})
	defer srv.Close() //nolint:errcheck // always nil
	for _, from := range []string{"203.0.113.7", "203.0.113.7", "198.51.100.1, 203.0.113.7", "203.0.113.8"} {
		fmt.Println(from, ask(srv, "X-Forwarded-For", from).StatusCode)
	}
	// Output:
	// 203.0.113.7 200
	// 203.0.113.7 200
	// refused: ADDRESS_LIMIT
	// 429 {"code":3,"message":"too many connections"}
	// 198.51.100.1, 203.0.113.7 429
	// 203.0.113.8 200
}

// Pages of another site may use the server, each session gets a cookie, and a
// handshake needs a key.
func ExampleConfig() {
	srv, _ := newServer(engine.Config{
		CORS:   &engine.CORS{Origins: []string{"https://app.example.org"}, Credentials: true},
		Cookie: &http.Cookie{Secure: true},
		AllowRequest: func(r *http.Request) error {
			if r.Header.Get("X-Key") != "secret" {
				return errors.New("no key")
			}
			return nil
		},
		OnRefuse: func(r *engine.Refusal) { fmt.Println("refused:", r.Message) },
	})
	defer srv.Close() //nolint:errcheck // always nil
	ask(srv, "Origin", "https://evil.example.org", "X-Key", "secret")
	ask(srv, "Origin", "https://app.example.org")
	resp := ask(srv, "Origin", "https://app.example.org", "X-Key", "secret")
	fmt.Println(resp.Status, resp.Header.Get("Access-Control-Allow-Origin"))
	cookie := resp.Cookies()[0]
	fmt.Println(cookie.Name, cookie.HttpOnly, cookie.Secure)
	// Output:
	// refused: Origin not allowed
	// 403 {"code":4,"message":"Origin not allowed"}
	// refused: no key
	// 403 {"code":4,"message":"no key"}
	// 200 OK https://app.example.org
	// io true true
}

// A middleware sees every request, upgrades included, and may answer by itself.
func ExampleConfig_middleware() {
	onlyFrom := func(address string) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Frame-Options", "DENY")
				if r.Header.Get("X-Forwarded-For") != address {
					engine.Refuse(w, engineio.Forbidden, "not from there")
					return
				}
				next.ServeHTTP(w, r)
			})
		}
	}
	srv, _ := newServer(engine.Config{Middleware: []func(http.Handler) http.Handler{onlyFrom("192.0.2.7")}})
	defer srv.Close() //nolint:errcheck // always nil
	ask(srv, "X-Forwarded-For", "192.0.2.66")
	resp := ask(srv, "X-Forwarded-For", "192.0.2.7")
	fmt.Println(resp.StatusCode, resp.Header.Get("X-Frame-Options"), srv.Count())
	// Output:
	// 403 {"code":4,"message":"not from there"}
	// 200 DENY 1
}

// Headers adds to the answers, and knows which one opens a session.
func ExampleConfig_headers() {
	srv, _ := newServer(engine.Config{Headers: func(h http.Header, _ *http.Request, first bool) {
		h.Set("X-Node", "berlin-1")
		if first {
			h.Set("X-Welcome", "yes")
		}
	}})
	defer srv.Close() //nolint:errcheck // always nil
	resp := ask(srv)
	fmt.Println(resp.Header.Get("X-Node"), resp.Header.Get("X-Welcome"))
	// Output: berlin-1 yes
}

// A client that reads too slowly is evicted, and others are not held up. This one
// polls, and has no poll open.
func ExampleQueueLimits() {
	slow := make(chan string)
	srv, opened := newServer(engine.Config{
		Queue:  engine.QueueLimits{Messages: 2, Burst: -1},
		OnSlow: func(_ *engine.Session, messages, _ int) { slow <- fmt.Sprint(messages, " messages waited") },
	})
	defer srv.Close() //nolint:errcheck // always nil
	ask(srv)
	s := <-opened
	for range 3 {
		fmt.Println(s.Send(engine.SendOptions{}, engine.NewMessage(false, []byte("tick"))))
	}
	fmt.Println(<-slow)
	<-s.Done()
	// Output:
	// <nil>
	// <nil>
	// engine: the peer reads too slowly
	// 2 messages waited
}

// Volatile messages are dropped for who cannot take them now.
func ExampleSendOptions() {
	srv, opened := newServer(engine.Config{})
	defer srv.Close() //nolint:errcheck // always nil
	ask(srv)          // a client that has no poll open
	s, tick := <-opened, engine.NewMessage(false, []byte("tick"))
	fmt.Println(s.Writable(), s.Send(engine.SendOptions{Volatile: true}, tick))
	fmt.Println(s.Send(engine.SendOptions{}, tick))
	messages, _ := s.Buffered()
	fmt.Println(messages, "waits")
	// Output:
	// false engine: session not writable
	// <nil>
	// 1 waits
}

// What is too much for the queue at once is sent in parts, with Flush between.
func ExampleSession_Flush() {
	srv, opened := newServer(engine.Config{Queue: engine.QueueLimits{Messages: 2, Burst: -1}})
	web := httptest.NewServer(srv)
	defer web.Close()
	defer srv.Close() //nolint:errcheck // always nil
	_, got := connect(web.URL)
	s := <-opened
	for n := range 6 {
		if err := s.Send(engine.SendOptions{}, engine.NewMessage(false, fmt.Append(nil, n))); err != nil {
			fmt.Println(err)
		}
		if n%2 == 1 {
			if err := s.Flush(context.Background()); err != nil {
				fmt.Println(err)
			}
		}
	}
	for range 6 {
		fmt.Print(<-got, " ")
	}
	// Output: 0 1 2 3 4 5
}

// Close ends one session, after what was sent before.
func ExampleSession_Close() {
	srv, opened := newServer(engine.Config{})
	web := httptest.NewServer(srv)
	defer web.Close()
	defer srv.Close() //nolint:errcheck // always nil
	_, got := connect(web.URL)
	s := <-opened
	_ = s.Send(engine.SendOptions{}, engine.NewMessage(false, []byte("bye")))
	s.Close(engineio.ReasonForcedClose)
	fmt.Println(s.Send(engine.SendOptions{}, engine.NewMessage(false, []byte("late"))))
	for text := range got {
		fmt.Println(text)
	}
	// Output:
	// engine: session closed
	// bye
}

// What the first request of a session said.
func ExampleSession_Handshake() {
	srv, opened := newServer(engine.Config{
		RemoteAddr: func(r *http.Request) string { return r.Header.Get("X-Forwarded-For") }, // behind a proxy
	})
	defer srv.Close() //nolint:errcheck // always nil
	ask(srv, "X-Forwarded-For", "192.0.2.7")
	s := <-opened
	h := s.Handshake()
	fmt.Println(s.Transport(), h.RemoteAddr, h.Host, h.Query.Get("EIO"), h.Secure)
	// Output: polling 192.0.2.7 example.com 4 false
}

// Before serves the path of the server, and leaves the others to the next handler.
func ExampleServer_Before() {
	srv, _ := newServer(engine.Config{Path: "/live/"})
	defer srv.Close() //nolint:errcheck // always nil
	all := srv.Before(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { fmt.Println("page", r.URL.Path) }))
	for _, path := range []string{"/", "/live/?EIO=4&transport=polling", "/lives"} {
		all.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
	}
	fmt.Println(srv.Count(), "session")
	// Output:
	// page /
	// page /lives
	// 1 session
}

// Shutdown closes every session in order and delivers what was queued.
func ExampleServer_Shutdown() {
	srv, opened := newServer(engine.Config{})
	web := httptest.NewServer(srv)
	defer web.Close()
	_, got := connect(web.URL)
	_ = (<-opened).Send(engine.SendOptions{Batch: true}, engine.NewMessage(false, []byte("bye")))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println(srv.Shutdown(ctx), srv.Count())
	fmt.Println(<-got)
	ask(srv)
	// Output:
	// <nil> 0
	// bye
	// 503 server is shutting down
}

// Long messages are compressed for clients that accept it, unless they are sent
// with NoCompress.
func ExampleCompression() {
	srv, opened := newServer(engine.Config{Compression: engine.Compression{HTTP: 100}})
	defer srv.Close() //nolint:errcheck // always nil
	ask(srv)
	s, long := <-opened, engine.NewMessage(false, bytes.Repeat([]byte("news "), 100))
	for _, o := range []engine.SendOptions{{}, {NoCompress: true}} {
		_ = s.Send(o, long)
		poll := httptest.NewRequest("GET", "/socket.io/?EIO=4&transport=polling&sid="+s.ID(), nil)
		poll.Header.Set("Accept-Encoding", "gzip")
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, poll)
		fmt.Printf("%q, shorter: %v\n", w.Header().Get("Content-Encoding"), w.Body.Len() < 100)
	}
	// Output:
	// "gzip", shorter: true
	// "", shorter: false
}

// CORS is also for what else is served to the same pages.
func ExampleServer_CORS() {
	srv, _ := newServer(engine.Config{CORS: &engine.CORS{Origins: []string{"https://app.example.org"}}})
	defer srv.Close() //nolint:errcheck // always nil
	prices := func(w http.ResponseWriter, r *http.Request) {
		if !srv.CORS(w, r) {
			fmt.Fprint(w, "42")
		}
	}
	for _, method := range []string{"OPTIONS", "GET"} {
		r, w := httptest.NewRequest(method, "/prices", nil), httptest.NewRecorder()
		r.Header.Set("Origin", "https://app.example.org")
		prices(w, r)
		fmt.Printf("%d %q %s\n", w.Code, w.Body, w.Header().Get("Access-Control-Allow-Origin"))
	}
	// Output:
	// 204 "" https://app.example.org
	// 200 "42" https://app.example.org
}

// patient answers a message that says "slow" when another has arrived.
type patient struct {
	session *engine.Session
	another chan struct{}
}

func (p patient) Receive(_ bool, data []byte) engine.Task {
	reply := func(text string) { _ = p.session.Send(engine.SendOptions{}, engine.NewMessage(false, []byte(text))) }
	if string(data) == "slow" {
		return task(func() {
			<-p.another
			reply("slow, at last")
		})
	}
	reply(string(data))
	close(p.another)
	return nil
}

func (patient) Closed(engine.Reason, error) {}

type task func()

func (t task) Run() { t() }

// A Task may take long: it does not hold up the messages that follow.
func ExampleTask() {
	srv := engine.New(engine.Config{
		Open:   func(s *engine.Session) engine.Receiver { return patient{s, make(chan struct{})} },
		Logger: slog.New(slog.DiscardHandler),
	})
	web := httptest.NewServer(srv)
	defer web.Close()
	defer srv.Close() //nolint:errcheck // always nil
	conn, got := connect(web.URL)
	for _, text := range []string{"slow", "quick"} {
		_ = conn.Send(engineio.Packet{Type: engineio.PacketMessage, Data: []byte(text)})
	}
	fmt.Println(<-got)
	fmt.Println(<-got)
	// Output:
	// quick
	// slow, at last
}
