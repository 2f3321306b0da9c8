package server_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"parley/server"
	"parley/server/adapter"
	"parley/shared/client"
	"parley/shared/engineio"
	"parley/shared/event"
)

// lobby is a server that lets its clients join rooms by themselves: sock.EmitAck(ctx, "join", room).
func lobby() *server.Server {
	srv := newServer(server.Config{})
	srv.OnConnect(func(s *server.Socket) {
		s.OnAck("join", func(args event.Args, ack func(...any)) {
			s.Join(event.Room(args.String(0)))
			ack()
		})
	})
	return srv
}

// Targets are values: each step makes a new one, and a stored one can be used again.
func ExampleTarget() {
	ctx := context.Background()
	srv := lobby()
	ada, leave := join(srv)
	defer leave()
	bob, leave := join(srv)
	defer leave()
	ada.EmitAck(ctx, "join", "chess")
	bob.EmitAck(ctx, "join", "chess")
	bob.EmitAck(ctx, "join", "muted")
	toAda, toBob := told(ada), told(bob)

	room := srv.To("chess")
	loud := room.Except("muted")
	room.Emit("move", "e4")
	loud.Emit("bell", "ding")
	room.To(event.Room(ada.ID())).Emit("clock", "12:00") // a union, in which ada is meant once
	srv.Except("chess").Emit("advert", "join us")
	srv.Emit("end")

	fmt.Println("ada:", toAda())
	fmt.Println("bob:", toBob())
	// Output:
	// ada: [move e4 bell ding clock 12:00]
	// bob: [move e4 clock 12:00]
}

// EmitAck asks many clients: each yields its answer, or why there is none.
func ExampleTarget_EmitAck() {
	srv := lobby()
	ada, leave := join(srv)
	defer leave()
	bob, leave := join(srv)
	defer leave()
	eve, leave := join(srv)
	defer leave()
	ada.OnAck("vote", func(args event.Args, ack func(...any)) { ack("for " + args.String(0)) })
	bob.OnAck("vote", func(_ event.Args, ack func(...any)) { ack("against") })
	eve.On("vote", func(event.Args) { eve.Disconnect() })

	names := map[string]string{ada.ID(): "ada", bob.ID(): "bob", eve.ID(): "eve"}
	for answer, err := range srv.EmitAck(context.Background(), "vote", "tea") {
		if err != nil {
			fmt.Println(names[answer.Socket], err)
			continue
		}
		fmt.Println(names[answer.Socket], answer.Args.String(0))
	}
	// Unordered output:
	// ada for tea
	// bob against
	// eve server: socket disconnected
}

// Timeout bounds the wait: the answers that came in time are yielded, and who gave none.
func ExampleTarget_Timeout() {
	srv := lobby()
	ada, leave := join(srv)
	defer leave()
	bob, leave := join(srv) // he never answers
	defer leave()
	ada.OnAck("ready?", func(_ event.Args, ack func(...any)) { ack("yes") })

	names := map[string]string{ada.ID(): "ada", bob.ID(): "bob"}
	for answer, err := range srv.Timeout(500*time.Millisecond).EmitAck(context.Background(), "ready?") {
		fmt.Println(names[answer.Socket], answer.Args.String(0), err)
	}
	// Output:
	// ada yes <nil>
	// bob  server: no acknowledgement in time
}

// Join and Leave change the rooms of all sockets of a target, on every server.
func ExampleTarget_Join() {
	srv := lobby()
	ada, leave := join(srv)
	defer leave()
	_, leave = join(srv)
	defer leave()

	srv.To(event.Room(ada.ID())).Join("staff")
	srv.Join("all") // of a namespace: everybody in it
	fmt.Println(srv.RoomLen("staff"), srv.RoomLen("all"))
	srv.Except("staff").Leave("all")
	fmt.Println(srv.RoomLen("staff"), srv.RoomLen("all"))
	// Output:
	// 1 2
	// 1 1
}

// Disconnect puts all sockets of a target out.
func ExampleTarget_Disconnect() {
	srv := lobby()
	ada, leave := join(srv)
	defer leave()
	bob, leave := join(srv)
	defer leave()
	bob.EmitAck(context.Background(), "join", "banned")

	gone := make(chan engineio.Reason)
	bob.OnDisconnect(func(reason engineio.Reason, _ error) { gone <- reason })
	srv.To("banned").Disconnect(true) // the connection, too
	fmt.Println("bob:", <-gone)
	fmt.Println("ada:", ada.Connected())
	// Output:
	// bob: io server disconnect
	// ada: true
}

// Sockets walks the sockets of a target that are connected to this server.
func ExampleTarget_Sockets() {
	srv := lobby()
	ada, leave := join(srv)
	defer leave()
	bob, leave := join(srv)
	defer leave()
	ada.EmitAck(context.Background(), "join", "chess")
	for s := range srv.To("chess").Sockets() {
		fmt.Println(s.ID() == ada.ID(), s.In("chess"))
	}
	s, ok := srv.Socket(bob.ID())
	fmt.Println(len(slices.Collect(srv.Sockets())), s.Rooms()[0] == event.Room(bob.ID()), ok)
	// Output:
	// true true
	// 2 true true
}

// Fetch describes sockets on every server of the cluster.
func ExampleTarget_Fetch() {
	srv := newServer(server.Config{})
	srv.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			s.Set("name", "ada")
			s.Join("lobby")
			return next(ctx, s)
		}
	})
	ada, leave := join(srv)
	defer leave()
	list, err := srv.To("lobby").Fetch(context.Background())
	for _, s := range list {
		fmt.Println(s.ID() == ada.ID(), s.Data()["name"], s.Rooms()[1:], s.Handshake().Address, err)
	}
	// Output: true ada [lobby] 127.0.0.1 <nil>
}

// Volatile packets are dropped for each receiver that cannot take them now: here for the one that has no poll open.
func ExampleTarget_Volatile() {
	srv := newServer(server.Config{})
	ada, leave := join(srv)
	defer leave()
	toAda := told(ada)
	poll, post, leave := poller(srv)
	defer leave()
	post("40") // CONNECT
	poll()

	srv.Volatile().Emit("position", "1,2")
	srv.Emit("end")
	fmt.Println(toAda())
	fmt.Println(poll())
	// Output:
	// [position 1,2]
	// 42["end"]
}

// OnRoom hears of every room that is made, joined, left and gone.
func ExampleNamespace_OnRoom() {
	srv := newServer(server.Config{})
	stop := srv.OnRoom(func(e adapter.RoomEvent) {
		if e.Room == "chess" {
			fmt.Println(e.Kind, e.Socket != "")
		}
	})
	defer stop()
	done := make(chan struct{})
	srv.OnConnect(func(s *server.Socket) {
		s.Join("chess")
		fmt.Println(len(srv.Rooms()), srv.RoomLen("chess")) // with the socket's own
		s.Leave("chess")
		close(done)
	})
	run(srv, func(conn *client.Conn) {
		conn.Main()
		<-done
	})
	// Output:
	// create-room false
	// join-room true
	// 2 1
	// leave-room true
	// delete-room false
}
