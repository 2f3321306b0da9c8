package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing/fstest"
	"time"

	"parley/server"
	"parley/server/engine"
	"parley/shared/client"
	"parley/shared/engineio"
	"parley/shared/event"
	"parley/shared/socketio/msgpack"
)

// The zero Config works. This server has another path, WebSocket alone, and pages of another site among its clients.
func ExampleConfig() {
	srv := newServer(server.Config{
		Engine: engine.Config{
			Path:         "/live/",
			Transports:   []string{"websocket"},
			PingInterval: 10 * time.Second,
			CORS:         &engine.CORS{Origins: []string{"https://app.example.org"}},
		},
		AckTimeout: 5 * time.Second,
		Limits:     server.Limits{Rooms: 10},
	})
	cfg := client.Config{Path: "/live/", Header: http.Header{"Origin": {"https://app.example.org"}}}
	runAs(srv, cfg, func(conn *client.Conn) {
		fmt.Println(conn.Engine().Handshake().PingInterval, "ms")
		answer := httptest.NewRecorder()
		srv.ServeHTTP(answer, httptest.NewRequest("GET", "/live/?EIO=4&transport=polling", nil))
		fmt.Println(answer.Code, answer.Body)
	})
	// Output:
	// 10000 ms
	// 400 {"code":0,"message":"Transport unknown"}
}

// The browser's scripts come from a folder, usually os.DirFS("node_modules/socket.io-client/dist"):
// <script src="/socket.io/socket.io.min.js"></script>
func ExampleConfig_client() {
	srv := newServer(server.Config{
		Client: fstest.MapFS{"socket.io.min.js": {Data: []byte("var io=…")}},
	})
	run(srv, func(conn *client.Conn) {
		get := func(name string) {
			answer := httptest.NewRecorder()
			srv.ServeHTTP(answer, httptest.NewRequest("GET", "/socket.io/"+name, nil))
			line, _ := answer.Body.ReadString('\n')
			fmt.Println(answer.Code, answer.Header().Get("Content-Type"), line)
		}
		get("socket.io.min.js")
		get("socket.io.esm.min.js")
	})
	// Output:
	// 200 application/javascript; charset=utf-8 var io=…
	// 404 text/plain; charset=utf-8 This server's copy of the browser client has no socket.io.esm.min.js.
}

// Both ends must use the same parser; browsers then load socket.io.msgpack.min.js.
func ExampleConfig_parser() {
	srv := newServer(server.Config{Parser: msgpack.New()})
	srv.OnConnect(func(s *server.Socket) {
		s.OnAck("echo", func(args event.Args, ack func(...any)) { ack(args...) })
	})
	runAs(srv, client.Config{Parser: msgpack.New()}, func(conn *client.Conn) {
		reply, err := conn.Main().EmitAck(context.Background(), "echo", "text", []byte("binary"))
		fmt.Printf("%s %s %v\n", reply.String(0), reply.Bytes(1), err)
	})
	// Output: text binary <nil>
}

// OnFault hears of errors and panics that nobody is there to receive; the client learns "internal" and no more.
func ExampleConfig_onFault() {
	srv := newServer(server.Config{OnFault: func(f server.Fault) {
		if p, ok := errors.AsType[*server.PanicError](f.Err); ok {
			fmt.Println("fault:", f.Event, "panicked with", p.Value, f.Stack != nil)
			return
		}
		fmt.Println("fault:", f.Event, f.Err)
	}})
	server.Handle(srv.Of(desk), Book, func(_ context.Context, _ *server.Socket, seat Seat) (Ticket, error) {
		if seat.Row == 13 {
			panic("unlucky")
		}
		return Ticket{}, errors.New("disk full")
	})
	run(srv, func(conn *client.Conn) {
		for _, row := range []int{12, 13} {
			_, err := client.Call(context.Background(), conn.Of(desk), Book, Seat{Row: row})
			fmt.Println("client:", event.CodeOf(err))
		}
	})
	// Output:
	// fault: book disk full
	// client: internal
	// fault: book panicked with unlucky true
	// client: internal
}

// HTTP middleware of net/http stands in front of every request. What it finds out about the client goes to the
// handshake in a header.
func ExampleConfig_middleware() {
	login := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			cookie, err := r.Cookie("login")
			if err != nil || cookie.Value != "3f9c" {
				engine.Refuse(w, engineio.Forbidden, "log in first")
				return
			}
			r = r.Clone(r.Context())
			r.Header.Set("X-User", "ada") // in the place of what the client may have said
			next.ServeHTTP(w, r)
		})
	}
	srv := newServer(server.Config{Engine: engine.Config{Middleware: []func(http.Handler) http.Handler{login}}})
	user := make(chan string)
	srv.OnConnect(func(s *server.Socket) { user <- s.Handshake().Header.Get("X-User") })

	answer := httptest.NewRecorder()
	srv.ServeHTTP(answer, httptest.NewRequest("GET", "/socket.io/?EIO=4&transport=polling", nil))
	fmt.Println(answer.Code, answer.Body)
	runAs(srv, client.Config{Header: http.Header{"Cookie": {"login=3f9c"}}}, func(conn *client.Conn) {
		conn.Main()
		fmt.Println(<-user)
	})
	// Output:
	// 403 {"code":4,"message":"log in first"}
	// ada
}

// Admit decides about events before they are queued: here staff is not limited, and pointer positions have a limit of
// their own, above which they are dropped and nobody is told.
func ExampleConfig_admit() {
	type pointers struct{}
	srv := newServer(server.Config{
		Limits: server.Limits{EventRate: server.Rate{PerSecond: 50, Burst: 100}},
		Admit: func(next server.AdmitFunc) server.AdmitFunc {
			return func(e *server.Event) server.Verdict {
				if e.Name == "pointer" {
					if e.Socket().Get(pointers{}).(*server.Bucket).Take() {
						return server.Accept
					}
					return server.Drop
				}
				if e.Socket().In("staff") {
					return server.Accept
				}
				return next(e) // Limits.EventRate
			}
		},
	})
	srv.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			s.Set(pointers{}, &server.Bucket{Rate: server.Rate{PerSecond: 0.001, Burst: 2}})
			return next(ctx, s)
		}
	})
	done := make(chan struct{})
	srv.OnConnect(func(s *server.Socket) {
		s.On("pointer", func(args event.Args) { fmt.Println("pointer at", args.String(0)) })
		s.On("click", func(event.Args) { close(done) })
	})
	run(srv, func(conn *client.Conn) {
		for _, at := range []string{"1,1", "2,2", "3,3"} {
			conn.Main().Emit("pointer", at)
		}
		conn.Main().Emit("click")
		<-done
	})
	// Output:
	// pointer at 1,1
	// pointer at 2,2
}

// A client that sends more events than EventRate allows is told so, in the acknowledgements it wants.
func ExampleLimits() {
	srv := newServer(server.Config{
		Limits:  server.Limits{EventRate: server.Rate{PerSecond: 0.001, Burst: 2}},
		OnFault: func(f server.Fault) { fmt.Println("fault:", f.Event, f.Client) },
	})
	server.Handle(srv.Of(desk), Book, func(context.Context, *server.Socket, Seat) (Ticket, error) {
		return Ticket{Number: 1}, nil
	})
	run(srv, func(conn *client.Conn) {
		for range 3 {
			ticket, err := client.Call(context.Background(), conn.Of(desk), Book, Seat{Row: 1})
			fmt.Printf("%d %q\n", ticket.Number, event.CodeOf(err))
		}
	})
	// Output:
	// 1 ""
	// 1 ""
	// fault: book true
	// 0 "rate_limited"
}

// A Bucket limits anything else, such as what one user does over several connections.
func ExampleBucket() {
	messages := &server.Bucket{Rate: server.Rate{PerSecond: 0.001, Burst: 2}}
	fmt.Println(messages.Take(), messages.Take(), messages.Take())
	// Output: true true false
}

// A Server is an http.Handler among others.
func ExampleServer() {
	srv := newServer(server.Config{})
	srv.OnConnect(func(s *server.Socket) { s.Emit("hello", "live") })
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "the page") })
	web := httptest.NewServer(mux) // http.ListenAndServe(":3000", mux) in a program
	defer web.Close()
	defer srv.Close()

	page, _ := web.Client().Get(web.URL)
	text, _ := io.ReadAll(page.Body)
	page.Body.Close()
	conn := dial(web.URL, client.Config{})
	defer conn.Close()
	hello := make(chan string)
	conn.Main().On("hello", func(args event.Args) { hello <- args.String(0) })
	fmt.Println(string(text), "is", <-hello)
	// Output: the page is live
}

// Shutdown lets running handlers finish, and sends what is queued. The clients come back to the next server.
func ExampleServer_Shutdown() {
	srv := newServer(server.Config{})
	begun := make(chan struct{})
	server.On(srv.Of(desk), Moved, func(ctx context.Context, s *server.Socket, _ Seat) error {
		s.Emit("last words")
		close(begun)
		<-ctx.Done() // the shutdown
		fmt.Println("handler: saved")
		return nil
	})
	run(srv, func(conn *client.Conn) {
		sock := conn.Of(desk)
		heard, gone := make(chan struct{}), make(chan engineio.Reason)
		sock.On("last words", func(event.Args) { close(heard) })
		sock.OnDisconnect(func(reason engineio.Reason, _ error) { gone <- reason })
		client.Emit(sock, Moved, Seat{Row: 1})
		<-begun

		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		fmt.Println("server:", srv.Shutdown(ctx)) // then http.Server.Shutdown
		<-heard
		reason := <-gone
		fmt.Println("client:", reason, reason.Reconnects())
	})
	// Output:
	// handler: saved
	// server: <nil>
	// client: transport close true
}
