// Command benchserver serves what load generators ask of a Socket.IO server, through the public API alone, so that
// what is measured is what everybody runs. On namespace "/":
//
//	bcast (payload)        is emitted to everybody, the sender too
//	join (room), acked     joins the room
//	room (room, payload)   is emitted to the room as "room" (payload)
//	echo (payload), acked  is the acknowledgement
//	binary (buffer), acked is the acknowledgement
//
// It listens on 127.0.0.1, on -addr or the port in $PORT, with the default options.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	_ "net/http/pprof" // on its own listener, see -pprof
	"os"
	"os/signal"
	"syscall"

	"parley/server"
	"parley/shared/event"
)

// The contract. A payload is an [event.Value] and so is passed on as it came, without being decoded.
var (
	root   = event.NewNamespace("/")
	bcast  = event.NewToServer[event.Value](root, "bcast")
	all    = event.NewToClient[event.Value](root, "bcast")
	join   = event.NewRawCall[event.Room, event.None](root, "join")
	room   = event.NewToServer[event.Args2[event.Room, event.Value]](root, "room")
	inRoom = event.NewToClient[event.Value](root, "room")
	echo   = event.NewRawCall[event.Value, event.Value](root, "echo")
	binary = event.NewRawCall[event.Value, event.Value](root, "binary")
)

func main() {
	port := os.Getenv("PORT")
	if port == "" {
		port = "3100"
	}
	addr := flag.String("addr", "127.0.0.1:"+port, "where to listen")
	profile := flag.String("pprof", "", "where to serve profiles, for instance 127.0.0.1:6060; empty: nowhere")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *profile != "" {
		go func() { log.Print(http.ListenAndServe(*profile, nil)) }()
	}
	if err := run(ctx, *addr); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, addr string) error {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	io := newServer()
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", io)
	web := &http.Server{Handler: mux}
	context.AfterFunc(ctx, func() {
		_ = io.Close()
		_ = web.Close()
	})
	fmt.Println("listening on", ln.Addr())
	if err := web.Serve(ln); err != http.ErrServerClosed {
		return err
	}
	return nil
}

func newServer() *server.Server {
	io := server.New(server.Config{Logger: slog.New(slog.DiscardHandler)})
	ns := io.Of(root)
	server.On(ns, bcast, func(ctx context.Context, _ *server.Socket, payload event.Value) error {
		return server.Emit(ctx, ns, all, payload)
	})
	server.Handle(ns, join, func(_ context.Context, s *server.Socket, room event.Room) (event.None, error) {
		return event.None{}, s.Join(room)
	})
	server.On(ns, room, func(ctx context.Context, _ *server.Socket, p event.Args2[event.Room, event.Value]) error {
		return server.Emit(ctx, ns.To(p.A), inRoom, p.B)
	})
	server.Handle(ns, echo, relay)
	server.HandleLent(ns, binary, relay)
	return io
}

func relay(_ context.Context, _ *server.Socket, payload event.Value) (event.Value, error) {
	return payload, nil
}
