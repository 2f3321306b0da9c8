package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"parley/server"
	"parley/shared/client"
	"parley/shared/engineio"
	"parley/shared/event"
)

// On gets the arguments as they came; Decode reads them into variables, one after the other.
func ExampleSocket_On() {
	srv := newServer(server.Config{})
	done := make(chan struct{})
	srv.OnConnect(func(s *server.Socket) {
		s.On("move", func(args event.Args) {
			var x, y int
			var board []byte // an attachment
			if err := args.Decode(&x, &y, &board); err != nil {
				fmt.Println(err)
				return
			}
			fmt.Println(x, y, board)
			close(done)
		})
	})
	run(srv, func(conn *client.Conn) {
		conn.Main().Emit("move", "left")
		conn.Main().Emit("move", 3, 4, []byte{1, 2})
		<-done
	})
	// Output:
	// event: decode argument 0: json: cannot unmarshal string into Go value of type int
	// 3 4 [1 2]
}

// OnAck answers the acknowledgement that the client asks for.
func ExampleSocket_OnAck() {
	srv := newServer(server.Config{})
	srv.OnConnect(func(s *server.Socket) {
		s.OnAck("add", func(args event.Args, ack func(...any)) {
			var a, b int
			if args.Decode(&a, &b) == nil {
				ack(a+b, "done")
			}
		})
	})
	run(srv, func(conn *client.Conn) {
		reply, err := conn.Main().EmitAck(context.Background(), "add", 1, 2)
		fmt.Println(reply.Value(0), reply.String(1), err)
	})
	// Output: 3 done <nil>
}

// Arguments are what encoding/json writes; a []byte anywhere in them travels as an attachment.
func ExampleSocket_Emit() {
	type Photo struct {
		Title string `json:"title"`
		JPEG  []byte `json:"jpeg"`
	}
	srv := newServer(server.Config{})
	failed := make(chan error, 1)
	srv.OnConnect(func(s *server.Socket) {
		s.Emit("photo", 1, Photo{"sunset", []byte{0xFF, 0xD8}})
		failed <- s.Emit("disconnect") // that name belongs to the protocol
	})
	run(srv, func(conn *client.Conn) {
		got := make(chan event.Args)
		conn.Main().On("photo", func(args event.Args) { got <- args })
		var n int
		var p Photo
		fmt.Println((<-got).Decode(&n, &p), n, p)
		fmt.Println(<-failed)
	})
	// Output:
	// <nil> 1 {sunset [255 216]}
	// server: reserved event name: "disconnect"
}

// EmitAck waits for the client's answer, until the deadline or the client's end.
func ExampleSocket_EmitAck() {
	srv := newServer(server.Config{})
	done := make(chan struct{})
	srv.OnConnect(func(s *server.Socket) {
		answer, err := s.EmitAck(s.Context(), "name?")
		fmt.Println(answer.String(0), err)
		ctx, cancel := context.WithTimeout(s.Context(), time.Millisecond)
		defer cancel()
		_, err = s.EmitAck(ctx, "nobody handles this")
		fmt.Println(errors.Is(err, server.ErrAckTimeout))
		_, err = s.EmitAck(s.Context(), "go away")
		fmt.Println(errors.Is(err, server.ErrDisconnected))
		close(done)
	})
	run(srv, func(conn *client.Conn) {
		sock := conn.Main()
		sock.OnAck("name?", func(_ event.Args, ack func(...any)) { ack("ada") })
		sock.On("go away", func(event.Args) { sock.Disconnect() })
		<-done
	})
	// Output:
	// ada <nil>
	// true
	// true
}

// Volatile events are dropped when the client cannot take them now: this one polls, and has no poll open.
func ExampleSocket_Volatile() {
	srv := newServer(server.Config{})
	dropped := make(chan error, 1)
	srv.OnConnect(func(s *server.Socket) {
		s.On("ready", func(event.Args) {
			dropped <- s.Volatile().Emit("typing", "bob")
			s.Emit("message", "hello")
		})
	})
	poll, post, leave := poller(srv)
	defer leave()
	post("40")          // CONNECT to "/"
	poll()              // its answer
	post(`42["ready"]`) // an event
	fmt.Println(<-dropped)
	fmt.Println(poll())
	// Output:
	// engine: session not writable
	// 42["message","hello"]
}

// What the client said when it connected: in the first request, and as credentials of the namespace.
func ExampleSocket_Handshake() {
	srv := newServer(server.Config{})
	done := make(chan struct{})
	srv.OnConnect(func(s *server.Socket) {
		h := s.Handshake()
		var auth struct{ Token string }
		err := h.Auth.Decode(&auth)
		fmt.Println(h.Address, h.Secure, h.Query.Get("room"), h.Header.Get("X-Version"), auth.Token, err)
		close(done)
	})
	runAs(srv, client.Config{
		Query:  url.Values{"room": {"lobby"}},
		Header: http.Header{"X-Version": {"7"}},
		Auth:   func(context.Context) (any, error) { return map[string]string{"token": "secret"}, nil },
	}, func(conn *client.Conn) {
		conn.Main()
		<-done
	})
	// Output: 127.0.0.1 false lobby 7 secret <nil>
}

// Rooms are sets of sockets that only the server knows.
func ExampleSocket_Join() {
	srv := newServer(server.Config{Limits: server.Limits{Rooms: 2}})
	done := make(chan struct{})
	srv.OnConnect(func(s *server.Socket) {
		fmt.Println(s.Join("lobby", "vip"))
		fmt.Println(s.Join("chess"))
		s.Leave("vip")
		fmt.Println(s.In("lobby"), s.In("vip"), s.Rooms()[0] == event.Room(s.ID()), s.Rooms()[1:])
		close(done)
	})
	run(srv, func(conn *client.Conn) {
		conn.Main()
		<-done
	})
	// Output:
	// <nil>
	// server: too many rooms
	// true false true [lobby]
}

// Broadcast and To of a socket leave the sender out.
func ExampleSocket_Broadcast() {
	srv := newServer(server.Config{})
	srv.OnConnect(func(s *server.Socket) {
		s.On("say", func(args event.Args) {
			s.Broadcast().Emit("said", args...)
			s.Emit("sent", args...)
			srv.Emit("end")
		})
	})
	ada, leave := join(srv)
	defer leave()
	bob, leave := join(srv)
	defer leave()
	toAda, toBob := told(ada), told(bob)
	ada.Emit("say", "hello")
	fmt.Println("ada:", toAda())
	fmt.Println("bob:", toBob())
	// Output:
	// ada: [sent hello]
	// bob: [said hello]
}

// An event middleware of one socket.
func ExampleSocket_Use() {
	srv := newServer(server.Config{})
	srv.OnConnect(func(s *server.Socket) {
		if s.Handshake().Query.Get("role") == "guest" {
			s.Use(func(next server.EventFunc) server.EventFunc {
				return func(ctx context.Context, e *server.Event) error {
					if e.Name == "write" {
						return event.Errorf(event.CodeForbidden, "guests read only")
					}
					return next(ctx, e)
				}
			})
		}
		s.OnAck("write", func(_ event.Args, ack func(...any)) { ack("written") })
		s.OnAck("read", func(_ event.Args, ack func(...any)) { ack("a page") })
	})
	runAs(srv, client.Config{Query: url.Values{"role": {"guest"}}}, func(conn *client.Conn) {
		for _, name := range []string{"read", "write"} {
			reply, err := conn.Main().EmitAck(context.Background(), name)
			fmt.Println(reply.Value(0), err)
		}
	})
	// Output:
	// "a page" <nil>
	// {"error":{"code":"forbidden","message":"guests read only"}} <nil>
}

// OnAny and OnAnyOutgoing see everything that comes and goes.
func ExampleSocket_OnAny() {
	srv := newServer(server.Config{})
	srv.OnConnect(func(s *server.Socket) {
		s.OnAny(func(name string, args event.Args) { fmt.Println("in: ", name, args.Value(0)) })
		s.OnAnyOutgoing(func(name string, args event.Args) { fmt.Println("out:", name, args.Value(0)) })
		s.PrependAny(func(string, event.Args) { fmt.Println("first") })
		s.On("ping", func(args event.Args) {
			s.Emit("pong", args...)
			srv.Emit("news", "ping seen")
		})
	})
	run(srv, func(conn *client.Conn) {
		sock := conn.Main()
		news := make(chan struct{})
		sock.On("news", func(event.Args) { close(news) })
		sock.Emit("ping", 1)
		<-news
	})
	// Output:
	// first
	// in:  ping 1
	// out: pong 1
	// out: news "ping seen"
}

// Disconnect takes the client out of the namespace; it does not come back by itself.
func ExampleSocket_Disconnect() {
	srv := newServer(server.Config{})
	srv.OnConnect(func(s *server.Socket) {
		s.Emit("bye")
		s.Disconnect(false)
		fmt.Println("connected:", s.Connected(), s.Emit("late"))
	})
	run(srv, func(conn *client.Conn) {
		sock := conn.Main()
		gone := make(chan engineio.Reason)
		sock.On("bye", func(event.Args) { fmt.Println("bye") })
		sock.OnDisconnect(func(reason engineio.Reason, _ error) { gone <- reason })
		reason := <-gone
		fmt.Println("client:", reason, reason.Reconnects())
	})
	// Unordered output:
	// connected: false server: socket disconnected
	// bye
	// client: io server disconnect false
}

// OnDisconnect says why a client has gone; OnDisconnecting still knows its rooms.
func ExampleSocket_OnDisconnect() {
	srv := newServer(server.Config{})
	gone := make(chan struct{})
	srv.OnConnect(func(s *server.Socket) {
		s.Join("lobby")
		s.OnDisconnecting(func(engineio.Reason, error) { fmt.Println("was in", s.Rooms()[1:]) })
		s.OnDisconnect(func(reason engineio.Reason, _ error) {
			fmt.Println(reason, s.Rooms())
			close(gone)
		})
		s.OnAck("hello", func(_ event.Args, ack func(...any)) { ack() })
	})
	run(srv, func(conn *client.Conn) {
		conn.Main().EmitAck(context.Background(), "hello")
		conn.Main().Disconnect()
		<-gone
	})
	// Output:
	// was in [lobby]
	// client namespace disconnect []
}

// The context of a socket, which handlers get, ends with the client; what must be finished does without.
func ExampleSocket_Context() {
	srv := newServer(server.Config{})
	saved := make(chan struct{})
	server.On(srv.Of(desk), Moved, func(ctx context.Context, s *server.Socket, _ Seat) error {
		s.Emit("go away")
		<-ctx.Done()
		fmt.Println(ctx.Err(), context.WithoutCancel(ctx).Err())
		close(saved)
		return nil
	})
	run(srv, func(conn *client.Conn) {
		sock := conn.Of(desk)
		sock.On("go away", func(event.Args) { sock.Disconnect() })
		client.Emit(sock, Moved, Seat{Row: 1})
		<-saved
	})
	// Output: context canceled <nil>
}

// Conn is the connection below, which several namespaces may share.
func ExampleSocket_Conn() {
	srv := newServer(server.Config{})
	here := make(chan *server.Socket)
	srv.OnConnect(func(s *server.Socket) { here <- s })
	srv.Of(desk).OnConnect(func(s *server.Socket) { here <- s })
	run(srv, func(conn *client.Conn) {
		conn.Main()
		main := <-here
		conn.Of(desk)
		fmt.Println(main.Conn().Transport(), (<-here).Conn() == main.Conn(), srv.Connections())
		main.Conn().Close(engineio.ReasonForcedClose) // of both sockets
		<-main.Context().Done()
	})
	// Output: websocket true 1
}

// With recovery a client that comes back in time has its id, rooms and data, and every event it missed.
func ExampleSocket_Recovered() {
	srv := newServer(server.Config{Recovery: 2 * time.Minute})
	network, back := make(chan bool, 2), make(chan struct{})
	srv.OnConnect(func(s *server.Socket) {
		if s.Recovered() {
			fmt.Println("back as", s.Get("name"), "in", s.Rooms()[1:])
			close(back)
			return
		}
		s.Set("name", "ada")
		s.Join("lobby") // and send the whole state
		s.OnDisconnect(func(reason engineio.Reason, _ error) {
			fmt.Println("lost:", reason)
			srv.To("lobby").Emit("news", "you were missed")
			network <- true
		})
		s.Conn().Abort(engineio.ReasonTransportError) // as a network does that breaks
	})
	network <- true
	runAs(srv, client.Config{
		Reconnect: client.Reconnect{Delay: time.Millisecond},
		Prepare:   func(context.Context, url.Values, map[string][]string) error { <-network; return nil },
	}, func(conn *client.Conn) {
		news := make(chan string)
		conn.Main().On("news", func(args event.Args) { news <- args.String(0) })
		text := <-news
		<-back
		fmt.Println("client:", text)
	})
	// Output:
	// lost: transport error
	// back as ada in [lobby]
	// client: you were missed
}

// A Key gives what belongs to a socket its type.
func ExampleKey() {
	type User struct{ Name string }
	user := server.NewKey[User]("user")

	srv := newServer(server.Config{})
	srv.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			user.Set(s, User{Name: "Ann"}) // who the token says it is
			return next(ctx, s)
		}
	})
	srv.OnConnect(func(s *server.Socket) {
		s.OnAck("who am I?", func(_ event.Args, ack func(...any)) {
			u, ok := user.Get(s)
			ack(fmt.Sprintln(u.Name, ok))
		})
	})
	run(srv, func(conn *client.Conn) {
		reply, _ := conn.Main().EmitAck(context.Background(), "who am I?")
		fmt.Print(reply.String(0))
		list, _ := srv.Fetch(context.Background()) // also of other servers, where it travels as JSON
		fmt.Println(user.Of(list[0]))
	})
	// Output:
	// Ann true
	// {Ann} true <nil>
}

// Set and Get keep any value under any key; those under a string are what RemoteSocket.Data has.
func ExampleSocket_Set() {
	type private struct{}
	srv := newServer(server.Config{})
	done := make(chan struct{})
	srv.OnConnect(func(s *server.Socket) {
		s.Set("lang", "en")
		s.Set(private{}, &bytes.Buffer{})
		list, err := srv.To(event.Room(s.ID())).Fetch(s.Context())
		fmt.Println(s.Get("lang"), s.Get(private{}) != nil, s.Get("other"), list[0].Data(), err)
		close(done)
	})
	run(srv, func(conn *client.Conn) {
		conn.Main()
		<-done
	})
	// Output: en true <nil> map[lang:en] <nil>
}
