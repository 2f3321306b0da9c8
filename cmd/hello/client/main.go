// Command client asks to be greeted, and then shows who else is.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"

	"parley/cmd/hello"
	"parley/shared/client"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	conn, err := client.Dial(ctx, "http://localhost:3000", client.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	sock := conn.Of(hello.NS)
	g, err := client.Call(ctx, sock, hello.Greet, hello.Name{Name: os.Getenv("USER")})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(g.Text)
	for g, err := range client.Stream(ctx, sock, hello.Greeted) { // until Ctrl-C
		if err != nil {
			return
		}
		fmt.Println("someone else heard:", g.Text)
	}
}
