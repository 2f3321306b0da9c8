package server_test

import (
	"context"
	"errors"
	"fmt"

	"parley/server"
	"parley/server/adapter"
	"parley/server/adapter/adaptertest"
	"parley/shared/engineio"
	"parley/shared/event"
)

// pair returns two servers of one cluster, which share a bus in memory; in a program Config.Adapter makes the adapter
// of a message broker, the same for each server.
func pair() (one, two *server.Server) {
	bus := adaptertest.NewBus(adaptertest.Config{}) // of the namespace "/"
	cfg := server.Config{Adapter: bus.Open}
	return newServer(cfg), newServer(cfg)
}

// ServerEmit talks to the other servers of a cluster.
func ExampleNamespace_ServerEmit() {
	one, two := pair()
	defer one.Close()
	defer two.Close()
	heard := make(chan string, 2)
	for name, srv := range map[string]*server.Server{"one": one, "two": two} {
		srv.OnServer(func(event string, args event.Args, _ func(...any)) {
			heard <- fmt.Sprintf("%s heard %s %s", name, event, args.String(0))
		})
	}
	fmt.Println(one.ServerEmit(context.Background(), "reload", "prices"))
	fmt.Println(<-heard)
	// Output:
	// <nil>
	// two heard reload prices
}

// ServerEmitAck yields the answers as they arrive, and who stayed silent until the context ended.
func ExampleNamespace_ServerEmitAck() {
	bus := adaptertest.NewBus(adaptertest.Config{})
	cfg := server.Config{Adapter: bus.Open}
	one, two, three := newServer(cfg), newServer(cfg), newServer(cfg)
	for _, srv := range []*server.Server{one, two, three} {
		defer srv.Close()
		srv.OnServer(func(_ string, _ event.Args, reply func(...any)) { reply("fine", srv.Len()) })
	}
	bus.Silence(three.Adapter()) // it hangs

	ctx, cancel := context.WithCancel(context.Background()) // usually WithTimeout
	defer cancel()
	for answer, err := range one.ServerEmitAck(ctx, "how are you?") {
		if partial, ok := errors.AsType[*adapter.PartialError](err); ok {
			fmt.Println(partial.Answered, "of", partial.Wanted, "answered, but not", partial.Missing)
			break
		}
		fmt.Println(answer.Node, answer.Args.String(0), answer.Args.Value(1), err)
		cancel() // one answer is enough
	}
	// Output:
	// node-2 fine 0 <nil>
	// 1 of 2 answered, but not [node-3]
}

// What servers of a cluster tell one another is declared as what clients exchange is.
func ExampleEmitServers() {
	type Ban struct {
		User string `json:"user"`
	}
	banned := event.NewServerSide[Ban](event.NewNamespace("/"), "banned")

	one, two := pair()
	defer one.Close()
	for _, srv := range []*server.Server{one, two} {
		server.OnServers(srv.Namespace, banned, func(b Ban) error {
			return srv.Local().To(event.Room("user:" + b.User)).Disconnect(true)
		})
	}
	mallory, leave := join(two)
	defer leave()
	two.Join("user:mallory")
	gone := make(chan engineio.Reason)
	mallory.OnDisconnect(func(reason engineio.Reason, _ error) { gone <- reason })

	fmt.Println(server.EmitServers(context.Background(), one.Namespace, banned, Ban{User: "mallory"}))
	fmt.Println(<-gone)
	// Output:
	// <nil>
	// io server disconnect
}

// A question to all other servers: here, how many clients they have.
func ExampleAskServers() {
	clients := event.NewServerCall[event.None, int](event.NewNamespace("/"), "clients")

	one, two := pair()
	defer one.Close()
	server.HandleServers(two.Namespace, clients, func(event.None) (int, error) { return two.Len(), nil })
	_, leave := join(one)
	defer leave()
	_, leave = join(two)
	defer leave()

	sum := one.Len() // a server does not ask itself
	for reply, err := range server.AskServers(context.Background(), one.Namespace, clients, event.None{}) {
		fmt.Println(reply.Node, reply.Value, err)
		sum += reply.Value
	}
	fmt.Println(sum, "clients")
	// Output:
	// node-2 1 <nil>
	// 2 clients
}

// An *event.Error of a HandleServers function travels to the server that asked.
func ExampleHandleServers() {
	locate := event.NewServerCall[string, string](event.NewNamespace("/"), "locate")

	one, two := pair()
	defer one.Close()
	defer two.Close()
	server.HandleServers(two.Namespace, locate, func(file string) (string, error) {
		if file != "map.png" {
			return "", event.Errorf(event.CodeNotFound, "no %s here", file)
		}
		return "/srv/map.png", nil
	})
	for _, file := range []string{"map.png", "cat.png"} {
		for reply, err := range server.AskServers(context.Background(), one.Namespace, locate, file) {
			fmt.Printf("%q %v\n", reply.Value, err)
		}
	}
	// Output:
	// "/srv/map.png" <nil>
	// "" not_found: no cat.png here
}

// A RemoteSocket may be connected to any server of the cluster.
func ExampleRemoteSocket() {
	one, two := pair()
	defer one.Close()
	ada, leave := join(two)
	defer leave()
	ada.OnAck("name?", func(_ event.Args, ack func(...any)) { ack("ada") })
	gone := make(chan engineio.Reason)
	ada.OnDisconnect(func(reason engineio.Reason, _ error) { gone <- reason })

	list, err := one.Fetch(context.Background())
	fmt.Println(len(list), err)
	for _, s := range list {
		answer, err := s.EmitAck(context.Background(), "name?")
		fmt.Println(s.Node(), s.ID() == ada.ID(), answer.String(0), err)
		s.Disconnect(false)
	}
	fmt.Println(<-gone)
	// Output:
	// 1 <nil>
	// node-2 true ada <nil>
	// io server disconnect
}

// In a cluster targets reach the clients of every server; those of Local only its own.
func ExampleTarget_Local() {
	one, two := pair()
	ada, leave := join(one)
	defer leave()
	bob, leave := join(two)
	defer leave()
	toAda, toBob := told(ada), told(bob)
	one.Emit("news", "for all")
	one.Local().Emit("restart", "in a minute")
	one.Emit("end")
	fmt.Println("ada:", toAda())
	fmt.Println("bob:", toBob())
	// Output:
	// ada: [news for all restart in a minute]
	// bob: [news for all]
}
