// Command server greets whoever asks, and tells everybody else.
package main

import (
	"context"
	"log"
	"net/http"

	"parley/cmd/hello"
	"parley/server"
)

func main() {
	srv := server.New(server.Config{}) // an http.Handler
	server.Handle(srv.Of(hello.NS), hello.Greet,
		func(ctx context.Context, s *server.Socket, n hello.Name) (hello.Greeting, error) {
			g := hello.Greeting{Text: "Hello, " + n.Name + "!"}
			return g, server.Emit(ctx, s.Broadcast(), hello.Greeted, g)
		})
	log.Fatal(http.ListenAndServe("localhost:3000", srv))
}
