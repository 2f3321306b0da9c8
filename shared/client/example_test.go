//go:build !js

package client_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"regexp"
	"sync"
	"time"

	"parley/server"
	"parley/shared/client"
	"parley/shared/event"
)

// The contract, which client and server import.
var (
	lobby = event.NewNamespace("/lobby")
	greet = event.NewCall[string, string](lobby, "greet")     // the client asks, the server answers
	news  = event.NewToClient[string](lobby, "news")          // the server tells
	typed = event.NewToServer[event.None](lobby, "is typing") // the client tells
)

// startLobby is a server of the contract.
func startLobby() (address string, stop func()) {
	srv := server.New(server.Config{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	ns := srv.Of(lobby)
	server.Handle(ns, greet, func(ctx context.Context, s *server.Socket, name string) (string, error) {
		return "welcome, " + name, server.Emit(ctx, s, news, name+" is here")
	})
	web := httptest.NewServer(srv)
	return web.URL, func() {
		_ = srv.Close()
		web.Close()
	}
}

// A whole client: it connects, asks, tells and listens, and comes back by itself
// when the connection is lost. The same source runs in a browser.
func Example() {
	address, stop := startLobby()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	conn, err := client.Dial(ctx, address, client.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	sock := conn.Of(lobby)
	heard := make(chan string, 1)
	client.On(sock, news, func(text string) { heard <- text })
	answer, err := client.Call(ctx, sock, greet, "Ada")
	fmt.Println(answer, err)
	fmt.Println(client.Emit(sock, typed, event.None{}))
	fmt.Println(<-heard)
	// Output:
	// welcome, Ada <nil>
	// <nil>
	// Ada is here
}

// The contract of dynamic namespaces: every game has a namespace of its own, and
// all of them share these declarations. Nothing is ever called "/game".
var (
	game = event.NewNamespace("/game")
	play = event.NewCall[string, int](game, "play") // the answer counts the moves
)

// On the server a Match takes the declarations for all its children; a client says
// with As whose child a namespace is.
func ExampleSocket_As() {
	srv := server.New(server.Config{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	var mu sync.Mutex
	moves := map[string]int{}
	server.Handle(srv.Match(regexp.MustCompile(`^/game-\d+$`)), play,
		func(_ context.Context, s *server.Socket, step string) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			moves[s.Namespace().Name()]++
			return moves[s.Namespace().Name()], nil
		})
	web := httptest.NewServer(srv)
	defer web.Close()
	defer srv.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	conn, err := client.Dial(ctx, web.URL, client.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	for _, name := range []string{"/game-4", "/game-7", "/game-4"} {
		ns, err := event.ParseNamespace(name) // a name that comes from elsewhere
		if err != nil {
			fmt.Println(err)
			return
		}
		n, err := client.Call(ctx, conn.Of(ns).As(game), play, "e4")
		fmt.Println(name, n, err)
	}
	// Output:
	// /game-4 1 <nil>
	// /game-7 1 <nil>
	// /game-4 2 <nil>
}

// What a user interface shows: the state of the connection, and what to do when
// it is refused.
func ExampleConn_OnState() {
	conn, err := client.New("http://127.0.0.1:1", client.Config{Reconnect: client.Reconnect{Off: true}})
	if err != nil {
		fmt.Println(err)
		return
	}
	done := make(chan struct{})
	conn.OnState(func(s client.State) {
		switch s.Phase {
		case client.Waiting:
			fmt.Printf("offline, next attempt in %v\n", s.Retry)
		case client.Idle:
			fmt.Println("offline")
			close(done)
		default:
			fmt.Println(s.Phase)
		}
	})
	conn.Connect()
	<-done
	_ = conn.Close()
	// Output:
	// connecting
	// offline
	// closed
}

// A load client: many connections in one program, which share nothing. (For
// measuring, the command parley has "parley bench".)
func Example_load() {
	address, stop := startLobby()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	var wg sync.WaitGroup
	var mu sync.Mutex
	answers := 0
	for n := range 50 {
		wg.Go(func() {
			conn, err := client.Dial(ctx, address, client.Config{})
			if err != nil {
				return
			}
			defer conn.Close()
			for i := range 10 {
				if _, err := client.Call(ctx, conn.Of(lobby), greet, fmt.Sprint(n, i)); err != nil {
					return
				}
				mu.Lock()
				answers++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	fmt.Println(answers, "answers")
	// Output: 500 answers
}
