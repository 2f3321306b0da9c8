// Command classic is the chat that everybody's first Socket.IO program is: one page, one list, one input.
// The page is plain HTML and the official JavaScript client; only the server is Go. It shows that
// parley/server serves clients it has never heard of, with the untyped half of its API.
//
//	make npm            # the official client, as npm has it
//	go run ./cmd/classic
//	open http://localhost:3000
package main

import (
	"context"
	_ "embed"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"

	"parley/server"
	"parley/shared/engineio"
	"parley/shared/event"
)

//go:embed index.html
var page []byte

func main() {
	addr := flag.String("addr", "localhost:3000", "where to listen")
	bundles := flag.String("client", "server/interop/node_modules/socket.io/client-dist", "folder with the official client's files")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *addr, *bundles, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, addr, bundles string, out io.Writer) error {
	say := log.New(out, "", 0)
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}

	io := server.New(server.Config{Client: os.DirFS(bundles)})
	io.OnConnect(func(socket *server.Socket) {
		say.Println("a user connected")
		socket.On("userMessage", func(args event.Args) {
			if err := io.Emit("userMessage", args...); err != nil {
				say.Println("emit:", err)
			}
		})
		socket.OnDisconnect(func(reason engineio.Reason, _ error) {
			say.Println("a user disconnected:", reason)
		})
	})

	mux := http.NewServeMux()
	mux.Handle("/socket.io/", io)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page)
	})
	web := &http.Server{Handler: mux}
	context.AfterFunc(ctx, func() {
		_ = io.Close()
		_ = web.Close()
	})
	say.Printf("listening on http://%s", ln.Addr())
	if err := web.Serve(ln); err != http.ErrServerClosed {
		return err
	}
	return nil
}
