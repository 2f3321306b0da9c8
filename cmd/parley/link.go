package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"parley/cmd/parley/internal/talk"
	"parley/shared/client"
	"parley/shared/client/engine"
	"parley/shared/client/polling"
	"parley/shared/client/websocket"
	"parley/shared/engineio"
	"parley/shared/event"
)

// link is how a command reaches any Socket.IO server.
type link struct {
	URL       string            `help:"Address of the server; a path in it is the namespace." default:"http://localhost:3000"`
	Namespace string            `help:"Namespace to connect to, instead of the path of --url." short:"n" placeholder:"NAME"`
	Path      string            `help:"Where the server listens." default:"/socket.io/"`
	Auth      string            `help:"What CONNECT carries, as JSON." placeholder:"JSON"`
	Header    map[string]string `help:"Additional HTTP headers." short:"H" placeholder:"NAME=VALUE" mapsep:"none"`
	Transport string            `help:"Transport: auto, websocket or polling." enum:"auto,websocket,polling" default:"auto"`
	Timeout   time.Duration     `help:"How long to wait for the connection, and for an answer." default:"10s"`
}

// open connects to the namespace and waits until the server lets it in. It does not come back from a lost connection
// unless reconnect is set. prepare registers handlers before anything can arrive.
func (l *link) open(ctx context.Context, reconnect bool, prepare func(*client.Socket)) (*client.Conn, *client.Socket, error) {
	of := (*client.Conn).Main
	if l.Namespace != "" {
		ns, err := event.ParseNamespace(l.Namespace)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %w", errUsage, err)
		}
		of = func(c *client.Conn) *client.Socket { return c.Of(ns) }
	}
	cfg := client.Config{
		Path: l.Path, Timeout: l.Timeout, AckTimeout: l.Timeout, Header: map[string][]string{},
		Reconnect: client.Reconnect{Off: !reconnect}, Logger: slog.New(slog.DiscardHandler),
	}
	for name, value := range l.Header {
		cfg.Header[name] = []string{value}
	}
	switch l.Transport {
	case "websocket":
		cfg.Transports = []engine.Transport{&websocket.Transport{}}
	case "polling":
		cfg.Transports = []engine.Transport{&polling.Transport{}}
	}
	if l.Auth != "" {
		if !json.Valid([]byte(l.Auth)) {
			return nil, nil, fmt.Errorf("%w: --auth is not JSON", errUsage)
		}
		cfg.Auth = func(context.Context) (any, error) { return json.RawMessage(l.Auth), nil }
	}
	conn, err := client.New(l.URL, cfg)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	sock := of(conn)
	if prepare != nil {
		prepare(sock)
	}
	if err := l.wait(ctx, conn, sock); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("connect to %s: %s", l.URL, talk.Brief(err)), conn.Close())
	}
	return conn, sock, nil
}

// wait connects and returns when the namespace is connected or the first failure is known.
func (l *link) wait(ctx context.Context, conn *client.Conn, sock *client.Socket) error {
	ctx, cancel := context.WithTimeout(ctx, l.Timeout)
	defer cancel()
	outcome := make(chan error, 1)
	report := func(err error) {
		select {
		case outcome <- err:
		default:
		}
	}
	defer sock.OnConnect(func() { report(nil) })()
	defer sock.OnConnectError(report)()
	defer conn.OnState(func(s client.State) {
		if s.Err != nil && s.Phase != client.Open {
			report(s.Err)
		}
	})()
	conn.Connect()
	select {
	case err := <-outcome:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// watch tells on a writer how the connection does.
func watch(sock *client.Socket, address string, to io.Writer) (stop func()) {
	on := sock.OnConnect(func() {
		fmt.Fprintf(to, "connected to %s %s as %s\n", address, sock.Namespace(), sock.ID())
	})
	off := sock.OnDisconnect(func(r engineio.Reason, err error) {
		if err != nil {
			fmt.Fprintf(to, "disconnected: %s: %v\n", r, err)
			return
		}
		fmt.Fprintf(to, "disconnected: %s\n", r)
	})
	return func() { on(); off() }
}

// parseArgument reads an argument of an event from the command line: the bytes of a file for @FILE (standard input for
// @-), a JSON value where it is one, and otherwise the string itself.
func parseArgument(s string, in io.Reader) (any, error) {
	if path, ok := strings.CutPrefix(s, "@"); ok {
		if path == "-" {
			return io.ReadAll(in)
		}
		return os.ReadFile(path)
	}
	if json.Valid([]byte(s)) {
		return json.RawMessage(s), nil
	}
	return s, nil
}

// show writes a received value as JSON on one line. Binary becomes {"base64":"…"}.
func show(v event.Value) string {
	var decoded any
	if len(v.Attachments) == 0 || v.Decode(&decoded) != nil {
		return string(v.JSON)
	}
	text, err := json.Marshal(printable(decoded))
	if err != nil {
		return string(v.JSON)
	}
	return string(text)
}

func printable(v any) any {
	switch v := v.(type) {
	case []byte:
		return map[string][]byte{"base64": v} // which encoding/json writes as base64
	case []any:
		for i := range v {
			v[i] = printable(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = printable(v[k])
		}
	}
	return v
}

func showAll(args event.Args) string {
	parts := make([]string, len(args))
	for i := range args {
		parts[i] = show(args.Value(i))
	}
	return "[" + strings.Join(parts, ",") + "]"
}
