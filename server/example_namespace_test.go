package server_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"parley/server"
	"parley/shared/client"
	"parley/shared/event"
)

// Namespaces share a connection and nothing else.
func ExampleServer_Of() {
	srv := newServer(server.Config{})
	news := event.NewNamespace("/news")
	for _, ns := range []*server.Namespace{srv.Namespace, srv.Of(news)} {
		ns.OnConnect(func(s *server.Socket) { s.Emit("hello", ns.Name(), srv.Of(news) == ns) })
	}
	run(srv, func(conn *client.Conn) {
		for _, sock := range []*client.Socket{conn.Main(), conn.Of(news)} {
			hello := make(chan event.Args)
			sock.On("hello", func(args event.Args) { hello <- args })
			args := <-hello
			fmt.Println(args.String(0), args.Value(1), srv.Connections())
		}
	})
	// Output:
	// / false 1
	// /news true 1
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

// Middlewares run in the order in which they were added, each around the next; the error of one refuses the client.
func ExampleNamespace_Use() {
	srv := newServer(server.Config{})
	named := func(name string) func(server.ConnectFunc) server.ConnectFunc {
		return func(next server.ConnectFunc) server.ConnectFunc {
			return func(ctx context.Context, s *server.Socket) error {
				fmt.Println(name)
				err := next(ctx, s)
				fmt.Println(name, "knows:", err)
				return err
			}
		}
	}
	srv.Use(named("first"))
	srv.Use(named("second"))
	srv.Use(func(server.ConnectFunc) server.ConnectFunc {
		return func(context.Context, *server.Socket) error { return errors.New("database is down") }
	})
	run(srv, func(conn *client.Conn) {
		refused := make(chan error, 1)
		conn.Main().OnConnectError(func(err error) { refused <- err })
		fmt.Println(<-refused) // what is not meant for clients stays here
	})
	// Output:
	// first
	// second
	// second knows: database is down
	// first knows: database is down
	// client: connect /: internal error
}

// A Refusal says what it likes to a client whose contract is not ours: err.message and err.data in JavaScript.
func ExampleRefusal() {
	srv := newServer(server.Config{})
	srv.Use(func(server.ConnectFunc) server.ConnectFunc {
		return func(context.Context, *server.Socket) error {
			return &server.Refusal{Message: "full", Data: map[string]int{"waiting": 12}}
		}
	})
	run(srv, func(conn *client.Conn) {
		refused := make(chan error, 1)
		conn.Main().OnConnectError(func(err error) { refused <- err })
		err, _ := errors.AsType[*client.ConnectError](<-refused)
		fmt.Println(err.Message, string(err.Data), err.Refused())
	})
	// Output: full {"waiting":12} true
}

// An event middleware sees every event of a namespace before its handlers. Its error is the acknowledgement.
func ExampleEventFunc() {
	srv := newServer(server.Config{})
	srv.UseEvent(func(next server.EventFunc) server.EventFunc {
		return func(ctx context.Context, e *server.Event) error {
			fmt.Println("event", e.Name, e.WantsAck())
			switch e.Name {
			case "reset":
				return event.Errorf(event.CodeForbidden, "not you")
			case "version":
				return e.Ack("7")
			}
			return next(ctx, e)
		}
	})
	srv.OnConnect(func(s *server.Socket) {
		s.OnAck("upper", func(args event.Args, ack func(...any)) { ack(strings.ToUpper(args.String(0))) })
	})
	run(srv, func(conn *client.Conn) {
		for _, name := range []string{"upper", "reset", "version"} {
			reply, err := conn.Main().EmitAck(context.Background(), name, "abc")
			fmt.Println(reply.Value(0), err)
		}
	})
	// Output:
	// event upper true
	// "ABC" <nil>
	// event reset true
	// {"error":{"code":"forbidden","message":"not you"}} <nil>
	// event version true
	// "7" <nil>
}

// OnAny of a namespace, and OnAnyOutgoing, see the events of all its sockets.
func ExampleNamespace_OnAny() {
	srv := newServer(server.Config{})
	srv.OnAny(func(s *server.Socket, name string, _ event.Args) { fmt.Println("in: ", name, s.Namespace().Name()) })
	srv.OnAnyOutgoing(func(_ *server.Socket, name string, _ event.Args) { fmt.Println("out:", name) })
	srv.OnConnect(func(s *server.Socket) {
		s.On("say", func(event.Args) { srv.Emit("end") })
	})
	ada, leave := join(srv)
	defer leave()
	bob, leave := join(srv)
	defer leave()
	toAda, toBob := told(ada), told(bob)
	ada.Emit("say", "hello")
	toAda()
	toBob()
	// Output:
	// in:  say /
	// out: end
	// out: end
}

// Handlers of one socket run one at a time. With Concurrency the second one may begin before the first has ended.
func ExampleNamespace_Concurrency() {
	srv := newServer(server.Config{})
	ns := srv.Of(desk)
	ns.Concurrency(2)
	second := make(chan struct{})
	server.Handle(ns, Book, func(_ context.Context, _ *server.Socket, seat Seat) (Ticket, error) {
		if seat.Row == 1 {
			<-second // else it would wait for ever
		} else {
			close(second)
		}
		return Ticket{Number: seat.Row}, nil
	})
	run(srv, func(conn *client.Conn) {
		sock := conn.Of(desk)
		first := make(chan Ticket)
		go func() {
			ticket, _ := client.Call(context.Background(), sock, Book, Seat{Row: 1})
			first <- ticket
		}()
		fmt.Println(client.Call(context.Background(), sock, Book, Seat{Row: 2}))
		fmt.Println(<-first)
	})
	// Output:
	// {2} <nil>
	// {1}
}

// Namespaces can be made on demand, by pattern. The parent speaks to all of them, and its handlers are theirs.
func ExampleServer_Match() {
	srv := newServer(server.Config{})
	halls := srv.Match(regexp.MustCompile(`^/hall-\d+$`))
	halls.OnConnect(func(s *server.Socket) {
		s.OnAck("where", func(_ event.Args, ack func(...any)) { ack(s.Namespace().Name()) })
	})
	run(srv, func(conn *client.Conn) {
		var wait []func() []string
		for _, name := range []string{"/hall-7", "/hall-8"} {
			sock := conn.Of(event.NewNamespace(name))
			reply, err := sock.EmitAck(context.Background(), "where")
			fmt.Println(reply.String(0), err)
			wait = append(wait, told(sock))
		}
		halls.Emit("news", "doors close")
		halls.Emit("end")
		fmt.Println(wait[0](), wait[1](), len(halls.Children()))
	})
	// Output:
	// /hall-7 <nil>
	// /hall-8 <nil>
	// [news doors close] [news doors close] 2
}

// A function may ask a database whether there is such a namespace, and for whom.
func ExampleServer_MatchFunc() {
	srv := newServer(server.Config{CleanupNamespaces: true})
	owners := map[string]string{"/doc-1": "ada", "/doc-2": "bob"}
	docs := srv.MatchFunc(func(_ context.Context, name string, auth event.Value) (bool, error) {
		owner, exists := owners[name]
		var who struct{ Name string }
		if auth.Decode(&who) != nil || exists && who.Name != owner {
			return false, event.Errorf(event.CodeForbidden, "not yours")
		}
		return exists, nil
	})
	docs.OnConnect(func(s *server.Socket) { s.Emit("open", s.Namespace().Name()) })
	asAda := client.Config{Auth: func(context.Context) (any, error) { return map[string]string{"name": "ada"}, nil }}
	runAs(srv, asAda, func(conn *client.Conn) {
		for _, name := range []string{"/doc-1", "/doc-2", "/doc-3"} {
			sock := conn.Of(event.NewNamespace(name))
			outcome := make(chan any, 1)
			sock.On("open", func(args event.Args) { outcome <- args.String(0) })
			sock.OnConnectError(func(err error) { outcome <- err })
			fmt.Println(<-outcome)
		}
	})
	// Output:
	// /doc-1
	// client: connect /doc-2: not yours
	// client: connect /doc-3: Invalid namespace
}

// OnNamespace prepares every namespace that comes to be, before its first client is let in.
func ExampleServer_OnNamespace() {
	srv := newServer(server.Config{})
	srv.OnNamespace(func(ns *server.Namespace) {
		fmt.Println("new:", ns.Name())
		ns.OnConnect(func(s *server.Socket) { s.Emit("rules", "be kind in "+ns.Name()) })
	})
	srv.Of(event.NewNamespace("/news"))
	srv.Match(regexp.MustCompile(`^/hall-\d+$`))
	run(srv, func(conn *client.Conn) {
		rules := make(chan string)
		conn.Of(event.NewNamespace("/hall-7")).On("rules", func(args event.Args) { rules <- args.String(0) })
		fmt.Println(<-rules)
	})
	// Output:
	// new: /news
	// new: /hall-7
	// be kind in /hall-7
}

// A Family is a part of a parent's clients, in whatever child they are.
func ExampleFamily() {
	srv := newServer(server.Config{})
	halls := srv.Match(regexp.MustCompile(`^/hall-\d+$`))
	halls.OnConnect(func(s *server.Socket) {
		s.OnAck("sit", func(args event.Args, ack func(...any)) {
			s.Join(event.Room(args.String(0)))
			ack()
		})
	})
	run(srv, func(conn *client.Conn) {
		var wait []func() []string
		for name, seat := range map[string]string{"/hall-1": "box", "/hall-2": "box", "/hall-3": "stalls"} {
			sock := conn.Of(event.NewNamespace(name))
			sock.EmitAck(context.Background(), "sit", seat)
			wait = append(wait, told(sock))
		}
		halls.To("box").Emit("served", "tea")
		halls.Except("box").Emit("sold", "ice")
		halls.Emit("end")
		for _, list := range wait {
			fmt.Println(list())
		}
	})
	// Unordered output:
	// [served tea]
	// [served tea]
	// [sold ice]
}
