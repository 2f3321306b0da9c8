package server_test

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"parley/server"
	"parley/shared/client"
	"parley/shared/engineio"
	"parley/shared/event"
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

	conn := dial(web.URL, client.Config{})
	sock := conn.Main()
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

// newServer is server.New without a log.
func newServer(cfg server.Config) *server.Server {
	cfg.Logger = slog.New(slog.DiscardHandler)
	return server.New(cfg)
}

// dial connects a client of package parley/shared/client.
func dial(url string, cfg client.Config) *client.Conn {
	conn, err := client.Dial(context.Background(), url, cfg)
	if err != nil {
		panic(err)
	}
	return conn
}

// run serves srv to what fn does with a client, and closes everything.
func run(srv *server.Server, fn func(conn *client.Conn)) {
	runAs(srv, client.Config{}, fn)
}

// runAs is run with a client of that configuration.
func runAs(srv *server.Server, cfg client.Config, fn func(conn *client.Conn)) {
	web := httptest.NewServer(srv)
	conn := dial(web.URL, cfg)
	fn(conn)
	conn.Close()
	srv.Close()
	web.Close()
}

// join connects one more client to "/" of a server that is closed after it.
func join(srv *server.Server) (sock *client.Socket, leave func()) {
	web := httptest.NewServer(srv)
	sock = dial(web.URL, client.Config{}).Main()
	connected := make(chan struct{})
	stop := sock.OnConnect(func() { close(connected) })
	<-connected
	stop()
	return sock, func() {
		sock.Conn().Close()
		srv.Close()
		web.Close()
	}
}

// told collects the events that sock gets until one is called "end", and what they say.
func told(sock *client.Socket) (wait func() []string) {
	var list []string
	end := make(chan struct{})
	sock.OnAny(func(name string, args event.Args) {
		if name == "end" {
			close(end)
			return
		}
		list = append(list, name+" "+args.String(0))
	})
	return func() []string {
		<-end
		return list
	}
}

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
	server.Handle(srv.Of(desk), Book, func(_ context.Context, _ *server.Socket, seat Seat) (Ticket, error) {
		if seat.Row > 9 {
			return Ticket{}, event.Errorf(event.CodeNotFound, "row %d is not built", seat.Row)
		}
		return Ticket{Number: seat.Row * 100}, nil
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

// What an OnLent function keeps of its event it copies.
func ExampleOnLent() {
	photo := event.NewToServer[[]byte](desk, "photo")
	srv := newServer(server.Config{})
	kept := make(chan []byte, 1)
	server.OnLent(srv.Of(desk), photo, func(_ context.Context, _ *server.Socket, jpeg []byte) error {
		kept <- bytes.Clone(jpeg)
		return nil
	})
	run(srv, func(conn *client.Conn) {
		client.Emit(conn.Of(desk), photo, bytes.Repeat([]byte{7}, 60_000))
		fmt.Println(len(<-kept), "bytes")
	})
	// Output: 60000 bytes
}

// Emit sends a declared event; a wrong payload or direction does not compile.
func ExampleEmit() {
	srv := newServer(server.Config{})
	ns := srv.Of(desk)
	ns.OnConnect(func(s *server.Socket) {
		s.Join("hall:A")
		server.Emit(s.Context(), s, Sold, Seat{Row: 1})               // to this client
		server.Emit(s.Context(), ns.To("hall:A"), Sold, Seat{Row: 2}) // to a room
		server.Emit(s.Context(), s.To("hall:A"), Sold, Seat{Row: 3})  // to the others in it: nobody
		server.Emit(s.Context(), ns, Sold, Seat{Row: 4})              // to all
	})
	run(srv, func(conn *client.Conn) {
		sold := make(chan Seat, 3)
		client.On(conn.Of(desk), Sold, func(seat Seat) { sold <- seat })
		fmt.Println((<-sold).Row, (<-sold).Row, (<-sold).Row)
	})
	// Output: 1 2 4
}

// Ask puts a question to many clients and yields their replies as they arrive.
func ExampleAsk() {
	srv := newServer(server.Config{})
	ns := srv.Of(desk)
	run(srv, func(conn *client.Conn) {
		sock := conn.Of(desk)
		client.Answer(sock, Confirm, func(_ context.Context, seat Seat) (bool, error) {
			if seat.Hall == "" {
				return false, event.Errorf(event.CodeInvalid, "in which hall?")
			}
			return seat.Row < 5, nil
		})
		connected := make(chan struct{})
		sock.OnConnect(func() { close(connected) })
		<-connected
		for _, seat := range []Seat{{Row: 4, Hall: "A"}, {Row: 4}} {
			for reply, err := range server.Ask(context.Background(), ns, Confirm, seat) {
				fmt.Println(reply.Socket == sock.ID(), reply.Value, err)
			}
		}
	})
	// Output:
	// true true <nil>
	// true false invalid: in which hall?
}

// AskOne asks a single client; a handler may do so, too, and wait for the answer.
func ExampleAskOne() {
	srv := newServer(server.Config{})
	server.Handle(srv.Of(desk), Book, func(ctx context.Context, s *server.Socket, seat Seat) (Ticket, error) {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second) // without: Config.AckTimeout
		defer cancel()
		if sure, err := server.AskOne(ctx, s, Confirm, seat); err != nil || !sure {
			return Ticket{}, event.Errorf(event.CodeConflict, "not confirmed")
		}
		return Ticket{Number: 700}, nil
	})
	run(srv, func(conn *client.Conn) {
		client.Answer(conn.Of(desk), Confirm, func(context.Context, Seat) (bool, error) { return true, nil })
		fmt.Println(client.Call(context.Background(), conn.Of(desk), Book, Seat{Row: 7}))
	})
	// Output: {700} <nil>
}

// poller is a raw client that polls when it is told to, and never by itself.
func poller(srv *server.Server) (poll func() string, post func(packet string), leave func()) {
	web := httptest.NewServer(srv)
	address := web.URL + "/socket.io/?EIO=4&transport=polling"
	read := func(resp *http.Response, err error) string {
		if err != nil {
			panic(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return string(body)
	}
	open, _ := engineio.ParseHandshake([]byte(read(web.Client().Get(address))[1:]))
	address += "&sid=" + open.SID
	poll = func() string { return read(web.Client().Get(address)) }
	post = func(packet string) { read(web.Client().Post(address, "text/plain", strings.NewReader(packet))) }
	return poll, post, func() {
		srv.Close()
		web.Close()
	}
}
