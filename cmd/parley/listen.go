package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"parley/shared/client"
	"parley/shared/event"
)

type listenCommand struct {
	link
	Events []string      `arg:"" optional:"" name:"event" help:"Names of the events to show; all when none is given."`
	JSON   bool          `help:"One JSON object a line: time, event and args."`
	Ack    string        `help:"Acknowledge the named events with this JSON value." placeholder:"JSON"`
	Count  int           `help:"End after so many events; 0 does not end." placeholder:"N"`
	For    time.Duration `help:"End after so long; 0 does not end." placeholder:"TIME"`
}

// Help is shown by --help.
func (listenCommand) Help() string {
	return "Each event is a line: its name, a tab, and its arguments as a JSON array. Binary is shown as " +
		`{"base64":"…"}. How the connection does is told on standard error; a lost one is made again.`
}

// Run shows events until it is told to end, by a flag or by ctx; the latter is no error.
func (c *listenCommand) Run(ctx context.Context, std streams) error {
	if c.Ack != "" && (len(c.Events) == 0 || !json.Valid([]byte(c.Ack))) {
		return fmt.Errorf("%w: --ack needs a JSON value, and the names of the events", errUsage)
	}
	if c.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.For)
		defer cancel()
	}
	full := make(chan struct{})
	shown := 0 // events are handled one at a time
	conn, _, err := c.open(ctx, true, func(sock *client.Socket) {
		watch(sock, c.URL, std.err)
		sock.OnAny(func(name string, args event.Args) {
			if len(c.Events) > 0 && !slices.Contains(c.Events, name) || c.Count > 0 && shown == c.Count {
				return
			}
			c.print(std, name, args)
			if shown++; shown == c.Count {
				close(full)
			}
		})
		if c.Ack != "" {
			for _, name := range c.Events {
				sock.OnAck(name, func(_ event.Args, ack func(...any)) { ack(json.RawMessage(c.Ack)) })
			}
		}
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	select {
	case <-full:
	case <-ctx.Done():
	}
	return nil
}

func (c *listenCommand) print(std streams, name string, args event.Args) {
	if !c.JSON {
		fmt.Fprintf(std.out, "%s\t%s\n", name, showAll(args))
		return
	}
	line, err := json.Marshal(struct {
		Time  string          `json:"time"`
		Event string          `json:"event"`
		Args  json.RawMessage `json:"args"`
	}{time.Now().UTC().Format(time.RFC3339Nano), name, json.RawMessage(showAll(args))})
	if err != nil {
		fmt.Fprintln(std.err, "parley:", err)
		return
	}
	fmt.Fprintln(std.out, string(line))
}
