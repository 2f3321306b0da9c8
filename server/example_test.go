package server_test

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"log/slog"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"time"

	"parley/server"
	"parley/server/adapter"
	"parley/shared/client"
	"parley/shared/engineio"
	"parley/shared/event"
	"parley/shared/socketio/msgpack"
)

// The chat of the classic tutorial: what one sends, everybody gets.
func Example() {
	srv := server.New(server.Config{Logger: slog.New(slog.DiscardHandler)})
	srv.OnConnect(func(s *server.Socket) {
		s.On("userMessage", func(args event.Args) { srv.Emit("userMessage", args...) })
		s.OnDisconnect(func(reason engineio.Reason, _ error) { fmt.Println("left:", reason) })
	})
	web := httptest.NewServer(srv) // http.Handle("/socket.io/", srv) in a program
	defer web.Close()

	conn := dial(web.URL)
	sock := conn.Of(event.NewNamespace("/"))
	got := make(chan string)
	sock.On("userMessage", func(args event.Args) { got <- args.String(0) })
	sock.Emit("userMessage", "hello")
	fmt.Println(<-got)
	conn.Close()
	srv.Close()
	// Output:
	// hello
	// left: client namespace disconnect
}

// dial connects a client of package parley/shared/client.
func dial(url string) *client.Conn {
	conn, err := client.Dial(context.Background(), url, client.Config{})
	if err != nil {
		panic(err)
	}
	return conn
}

// run serves srv to what fn does and closes everything.
func run(srv *server.Server, fn func(conn *client.Conn)) {
	web := httptest.NewServer(srv)
	conn := dial(web.URL)
	fn(conn)
	conn.Close()
	srv.Close()
	web.Close()
}

func newServer(cfg server.Config) *server.Server { return server.New(quiet(cfg)) }

// A contract, declared once and used by both sides.
var (
	desk    = event.NewNamespace("/desk")
	Book    = event.NewCall[Seat, Ticket](desk, "book")
	Moved   = event.NewToServer[Seat](desk, "moved")
	Sold    = event.NewToClient[Seat](desk, "sold")
	Confirm = event.NewAsk[Seat, bool](desk, "confirm")
)

type Seat struct {
	Row  int    `json:"row"`
	Hall string `json:"hall"`
}

func (s Seat) Validate() error {
	if s.Row < 1 {
		return event.Errorf(event.CodeInvalid, "there is no row %d", s.Row)
	}
	return nil
}

type Ticket struct {
	Number int `json:"number"`
}

// Handle answers a call of the client: the result is the acknowledgement, an *event.Error travels to the client.
func ExampleHandle() {
	srv := newServer(server.Config{})
	server.Handle(srv.Of(desk), Book, func(ctx context.Context, s *server.Socket, seat Seat) (Ticket, error) {
		if seat.Row > 9 {
			return Ticket{}, event.Errorf(event.CodeNotFound, "row %d is not built", seat.Row)
		}
		return Ticket{Number: seat.Row * 100}, server.Emit(ctx, s.Broadcast(), Sold, seat)
	})
	run(srv, func(conn *client.Conn) {
		for _, row := range []int{3, 12, 0} {
			ticket, err := client.Call(context.Background(), conn.Of(desk), Book, Seat{Row: row})
			fmt.Println(ticket.Number, err)
		}
	})
	// Output:
	// 300 <nil>
	// 0 not_found: row 12 is not built
	// 0 invalid: there is no row 0
}

// On handles an event that has no answer.
func ExampleOn() {
	srv := newServer(server.Config{})
	done := make(chan struct{})
	server.On(srv.Of(desk), Moved, func(_ context.Context, _ *server.Socket, to Seat) error {
		fmt.Println("moved to row", to.Row)
		close(done)
		return nil
	})
	run(srv, func(conn *client.Conn) {
		client.Emit(conn.Of(desk), Moved, Seat{Row: 4})
		<-done
	})
	// Output: moved to row 4
}

// HandleLent is for large attachments that are done with when the handler returns: their memory serves the next one.
func ExampleHandleLent() {
	checksum := event.NewCall[[]byte, string](desk, "checksum")
	srv := newServer(server.Config{})
	server.HandleLent(srv.Of(desk), checksum, func(_ context.Context, _ *server.Socket, file []byte) (string, error) {
		return fmt.Sprintf("%08x", crc32.ChecksumIEEE(file)), nil // a file that is kept would have to be copied
	})
	run(srv, func(conn *client.Conn) {
		fmt.Println(client.Call(context.Background(), conn.Of(desk), checksum, bytes.Repeat([]byte("parley"), 10_000)))
	})
	// Output: d6cc2635 <nil>
}

// Emit sends a declared event; a wrong payload or direction does not compile.
func ExampleEmit() {
	srv := newServer(server.Config{})
	ns := srv.Of(desk)
	ns.OnConnect(func(s *server.Socket) {
		s.Join("hall:A")
		server.Emit(s.Context(), s, Sold, Seat{Row: 1})               // to this client
		server.Emit(s.Context(), ns.To("hall:A"), Sold, Seat{Row: 2}) // to a room
		server.Emit(s.Context(), s.To("hall:A"), Sold, Seat{Row: 3})  // to the others in it
		server.Emit(s.Context(), ns.Volatile(), Sold, Seat{Row: 4})   // to all who can take it now
	})
	run(srv, func(conn *client.Conn) {
		sold := make(chan Seat, 4)
		client.On(conn.Of(desk), Sold, func(seat Seat) { sold <- seat })
		fmt.Println((<-sold).Row, (<-sold).Row)
	})
	// Output: 1 2
}

// Ask puts a question to many clients and yields their replies as they arrive.
func ExampleAsk() {
	srv := newServer(server.Config{})
	ns := srv.Of(desk)
	run(srv, func(conn *client.Conn) {
		sock := conn.Of(desk)
		client.Answer(sock, Confirm, func(_ context.Context, seat Seat) (bool, error) { return seat.Row < 5, nil })
		connected := make(chan struct{})
		sock.OnConnect(func() { close(connected) })
		<-connected
		for reply, err := range server.Ask(context.Background(), ns.Timeout(time.Second), Confirm, Seat{Row: 4}) {
			fmt.Println(reply.Value, err)
		}
		for s := range ns.Sockets() {
			yes, err := server.AskOne(context.Background(), s, Confirm, Seat{Row: 7})
			fmt.Println(yes, err)
		}
	})
	// Output:
	// true <nil>
	// false <nil>
}

// A connect middleware lets clients in or refuses them; what it puts into the context reaches the handlers.
func ExampleConnectFunc() {
	type userKey struct{}
	srv := newServer(server.Config{})
	ns := srv.Of(desk)
	ns.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			var auth struct{ Token string }
			if s.Handshake().Auth.Decode(&auth) != nil || auth.Token != "secret" {
				return event.Errorf(event.CodeUnauthenticated, "show your ticket")
			}
			return next(context.WithValue(ctx, userKey{}, "ada"), s)
		}
	})
	server.Handle(ns, Book, func(ctx context.Context, _ *server.Socket, _ Seat) (Ticket, error) {
		fmt.Println("booked by", ctx.Value(userKey{}))
		return Ticket{}, nil
	})
	run(srv, func(conn *client.Conn) {
		sock := conn.Of(desk)
		refused := make(chan error, 1)
		sock.OnConnectError(func(err error) { refused <- err })
		fmt.Println(<-refused)
		sock.SetAuth(func(context.Context) (any, error) { return map[string]string{"token": "secret"}, nil })
		sock.Connect()
		client.Call(context.Background(), sock, Book, Seat{Row: 1})
	})
	// Output:
	// client: connect /desk: show your ticket
	// booked by ada
}

// An event middleware sees every event of a namespace before its handlers.
func ExampleEventFunc() {
	srv := newServer(server.Config{})
	srv.UseEvent(func(next server.EventFunc) server.EventFunc {
		return func(ctx context.Context, e *server.Event) error {
			fmt.Println("event", e.Name)
			if e.Name == "reset" {
				return event.Errorf(event.CodeForbidden, "not you")
			}
			return next(ctx, e)
		}
	})
	srv.OnConnect(func(s *server.Socket) {
		s.OnAck("add", func(args event.Args, ack func(...any)) {
			var a, b int
			if err := args.Decode(&a, &b); err != nil {
				return
			}
			ack(a + b)
		})
	})
	run(srv, func(conn *client.Conn) {
		sock := conn.Of(event.NewNamespace("/"))
		reply, err := sock.EmitAck(context.Background(), "add", 1, 2)
		fmt.Println(string(reply.Value(0).JSON), err)
		reply, _ = sock.EmitAck(context.Background(), "reset")
		fmt.Println(string(reply.Value(0).JSON))
	})
	// Output:
	// event add
	// 3 <nil>
	// event reset
	// {"error":{"code":"forbidden","message":"not you"}}
}

// Namespaces can be made on demand, by pattern or by asking.
func ExampleServer_Match() {
	srv := newServer(server.Config{CleanupNamespaces: true})
	halls := srv.Match(regexp.MustCompile(`^/hall-\d+$`))
	connected := make(chan struct{})
	halls.OnConnect(func(s *server.Socket) {
		fmt.Println("in", s.Namespace().Name())
		close(connected)
	})
	run(srv, func(conn *client.Conn) {
		conn.Of(event.NewNamespace("/hall-7"))
		<-connected
		fmt.Println(len(halls.Children()))
	})
	// Output:
	// in /hall-7
	// 1
}

// Rooms are sets of sockets that only the server knows.
func ExampleSocket_Join() {
	srv := newServer(server.Config{})
	done := make(chan struct{})
	srv.OnRoom(func(e adapter.RoomEvent) {
		if e.Room == "lobby" {
			fmt.Println(e.Kind)
		}
	})
	srv.OnConnect(func(s *server.Socket) {
		s.Join("lobby", "vip")
		s.Leave("vip")
		fmt.Println(s.In("lobby"), s.In("vip"), srv.RoomLen("lobby"))
		close(done)
	})
	run(srv, func(conn *client.Conn) {
		conn.Of(event.NewNamespace("/"))
		<-done
	})
	// Output:
	// create-room
	// join-room
	// true false 1
	// leave-room
	// delete-room
}

// Targets are values: each step makes a new one, and a stored one can be used again.
func ExampleTarget() {
	srv := newServer(server.Config{})
	room := srv.To("lobby")
	quiet := room.Except("muted").Volatile()
	_ = quiet.Emit("typing", "ada")
	_ = room.Emit("message", "hello", []byte{1, 2, 3})
	for s := range room.Sockets() {
		fmt.Println(s.ID())
	}
	srv.Close()
	// Output:
}

// Fetch describes sockets on every server of the cluster.
func ExampleTarget_Fetch() {
	srv := newServer(server.Config{})
	ready := make(chan struct{})
	srv.OnConnect(func(s *server.Socket) {
		s.Set("name", "ada")
		s.Join("lobby")
		close(ready)
	})
	run(srv, func(conn *client.Conn) {
		conn.Of(event.NewNamespace("/"))
		<-ready
		list, err := srv.To("lobby").Fetch(context.Background())
		for _, s := range list {
			fmt.Println(s.Data()["name"], slices.Contains(s.Rooms(), "lobby"), err)
		}
	})
	// Output: ada true <nil>
}

// OnDisconnect says why a client has gone.
func ExampleSocket_OnDisconnect() {
	srv := newServer(server.Config{})
	srv.OnConnect(func(s *server.Socket) {
		s.OnDisconnecting(func(engineio.Reason, error) { fmt.Println("rooms:", len(s.Rooms())) })
		s.OnDisconnect(func(reason engineio.Reason, _ error) { fmt.Println(reason) })
		s.Join("lobby")
		s.Disconnect(false)
	})
	run(srv, func(conn *client.Conn) {
		gone := make(chan engineio.Reason)
		conn.Of(event.NewNamespace("/")).OnDisconnect(func(r engineio.Reason, _ error) { gone <- r })
		fmt.Println("client:", <-gone)
	})
	// Unordered output:
	// client: io server disconnect
	// rooms: 2
	// server namespace disconnect
}

// With recovery a client that comes back in time has its id, rooms and data, and every event it missed.
func ExampleSocket_Recovered() {
	srv := newServer(server.Config{Recovery: 2 * time.Minute})
	srv.OnConnect(func(s *server.Socket) {
		if !s.Recovered() {
			s.Join("lobby") // and send the whole state
		}
	})
	srv.Close()
	// Output:
}

// A server for browsers with the official client, both parsers being a matter of configuration.
func ExampleConfig() {
	srv := server.New(server.Config{
		Client:     os.DirFS("node_modules/socket.io-client/dist"), // <script src="/socket.io/socket.io.min.js">
		Parser:     msgpack.New(),                                  // clients use socket.io.msgpack.min.js then
		AckTimeout: 5 * time.Second,
		Limits:     server.Limits{EventRate: server.Rate{PerSecond: 50, Burst: 100}},
		OnFault:    func(f server.Fault) { fmt.Println("fault:", f.Err) },
	})
	srv.Close()
	// Output:
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
		s.On("click", func(event.Args) { fmt.Println("click"); close(done) })
	})
	run(srv, func(conn *client.Conn) {
		sock := conn.Of(event.NewNamespace("/"))
		for _, at := range []string{"1,1", "2,2", "3,3"} {
			sock.Emit("pointer", at)
		}
		sock.Emit("click")
		<-done
	})
	// Output:
	// pointer at 1,1
	// pointer at 2,2
	// click
}

// Shutdown lets running handlers finish and clients come back to the next server.
func ExampleServer_Shutdown() {
	srv := newServer(server.Config{})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println(srv.Shutdown(ctx)) // then http.Server.Shutdown
	// Output: <nil>
}

// ServerEmit talks to the other servers of a cluster.
func ExampleNamespace_ServerEmit() {
	srv := newServer(server.Config{}) // with Config.Adapter, in a cluster
	srv.OnServer(func(name string, args event.Args, reply func(...any)) { reply("pong") })
	for answer, err := range srv.ServerEmitAck(context.Background(), "ping") {
		fmt.Println(answer.Node, answer.Args.String(0), err)
	}
	srv.Close()
	// Output:
}

// OnAny and OnAnyOutgoing see everything that comes and goes.
func ExampleSocket_OnAny() {
	srv := newServer(server.Config{})
	srv.OnConnect(func(s *server.Socket) {
		s.OnAny(func(name string, args event.Args) { fmt.Println("in: ", name, len(args)) })
		s.OnAnyOutgoing(func(name string, args event.Args) { fmt.Println("out:", name, len(args)) })
		s.On("ping", func(event.Args) { s.Emit("pong") })
	})
	run(srv, func(conn *client.Conn) {
		sock := conn.Of(event.NewNamespace("/"))
		pong := make(chan struct{})
		sock.On("pong", func(event.Args) { close(pong) })
		sock.Emit("ping", 1, 2)
		<-pong
	})
	// Output:
	// in:  ping 2
	// out: pong 0
}

// What servers of a cluster tell one another is declared as what clients exchange is.
func ExampleEmitServers() {
	type Ban struct {
		User string `json:"user"`
	}
	ns := event.NewNamespace("/")
	banned := event.NewServerSide[Ban](ns, "banned")

	srv := server.New(server.Config{})
	defer srv.Close()
	server.OnServers(srv.Of(ns), banned, func(b Ban) error {
		return srv.Local().To(event.Room("user:" + b.User)).Disconnect(true)
	})
	// With a single server it reaches nobody.
	fmt.Println(server.EmitServers(context.Background(), srv.Of(ns), banned, Ban{User: "mallory"}))
	// Output: <nil>
}

// A Key gives what belongs to a socket its type.
func ExampleKey() {
	type User struct{ Name string }
	user := server.NewKey[User]("user")

	srv := server.New(server.Config{})
	defer srv.Close()
	srv.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			user.Set(s, User{Name: "Ann"}) // who the token says it is
			return next(ctx, s)
		}
	})
	srv.OnConnect(func(s *server.Socket) {
		u, _ := user.Get(s)
		s.On("say", func(args event.Args) { _ = s.Broadcast().Emit("said", u.Name, args.String(0)) })
	})
}
