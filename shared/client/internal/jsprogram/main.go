// Command jsprogram is a small program for the browser that uses the client as
// programs do. A test builds it to see what gets linked.
package main

import (
	"context"
	"fmt"
	"os"

	"parley/shared/client"
	"parley/shared/event"
)

var (
	ns      = event.NewNamespace("/")
	say     = event.NewCall[string, string](ns, "say")
	said    = event.NewToClient[string](ns, "said")
	whisper = event.NewToServer[string](ns, "whisper")
)

func main() {
	if err := talk(context.Background(), os.Args[0]); err != nil {
		fmt.Println(err)
	}
}

func talk(ctx context.Context, address string) error {
	conn, err := client.Dial(ctx, address, client.Config{})
	if err != nil {
		return err
	}
	defer conn.Close()
	sock := conn.Of(ns)
	if _, err := client.Call(ctx, sock, say, "hello"); err != nil {
		return err
	}
	if err := client.Emit(sock, whisper, "psst"); err != nil {
		return err
	}
	for s, err := range client.Stream(ctx, sock, said) {
		if err != nil {
			return err
		}
		fmt.Println(s)
	}
	return nil
}
