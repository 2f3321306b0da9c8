package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"parley/cmd/parley/internal/load"
	"parley/shared/client"
	"parley/shared/client/engine"
	"parley/shared/client/polling"
	"parley/shared/client/websocket"
)

type benchCommand struct {
	URL         string        `help:"Address of the server." default:"http://localhost:3000"`
	Connections int           `help:"Users, each with a connection of its own." short:"c" default:"100"`
	Rooms       int           `help:"Rooms, over which the users are spread evenly." short:"r" default:"10"`
	RoomsEach   int           `help:"Rooms that every user joins." default:"1"`
	Rate        float64       `help:"Messages a second, all users together." default:"50"`
	Payload     int           `help:"Characters of a message." default:"100"`
	Ramp        float64       `help:"Connections a second at the start." default:"200"`
	Duration    time.Duration `help:"How long to send." short:"d" default:"20s"`
	Drain       time.Duration `help:"How long to wait at the end for a delivery when none arrives." default:"3s"`
	Timeout     time.Duration `help:"How long a connection, or an answer, may take." default:"20s"`
	Transport   string        `help:"Transport: websocket or polling." enum:"websocket,polling" default:"websocket"`
	Pid         int           `help:"Process of the server, to tell what it spends. 0 finds it by its port, -1 does not look." default:"0"`
	JSON        bool          `help:"The report as JSON."`
	Quiet       bool          `help:"No progress." short:"q"`
}

// Help is shown by --help.
func (benchCommand) Help() string {
	return "For Parley's chat: other Socket.IO servers do not know its events. Users are spread over rooms bench-1, " +
		"bench-2, …, which are made when they are missing. The chat removes no rooms: these stay, with their messages, in " +
		"everybody's list, so use a server with a --data folder to throw away. Messages " +
		"are due at an even pace, and all times count from the moment a message was due. The exit code is 1 when an " +
		"answered message was lost or came twice. A server limits what one user may send (ten messages a second), " +
		"so a high rate needs many connections. Ctrl-C ends the run early and reports."
}

var errFaulty = errors.New("answered messages were lost or repeated")

// Run runs the load and writes the report.
func (c *benchCommand) Run(ctx context.Context, std streams) error {
	cfg := load.Config{
		URL: c.URL, Connections: c.Connections, Rooms: min(c.Rooms, c.Connections), RoomsEach: c.RoomsEach,
		Rate: c.Rate, Payload: c.Payload, Ramp: c.Ramp, Duration: c.Duration, Drain: c.Drain, Timeout: c.Timeout, PID: c.Pid,
		Client: client.Config{Timeout: c.Timeout, AckTimeout: c.Timeout},
	}
	switch c.Transport {
	case "polling":
		cfg.Client.Transports = []engine.Transport{&polling.Transport{}}
	default:
		cfg.Client.Transports = []engine.Transport{&websocket.Transport{}}
	}
	if err := cfg.Validate(); err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	if !c.Quiet {
		cfg.Progress = progress(std.err)
	}
	report, err := load.Run(ctx, cfg)
	if err != nil {
		return err
	}
	if !c.Quiet {
		fmt.Fprintln(std.err)
	}
	if c.JSON {
		out := json.NewEncoder(std.out)
		out.SetIndent("", "  ")
		err = out.Encode(report)
	} else {
		err = report.Write(std.out)
	}
	if err == nil && report.Faulty() {
		err = errFaulty
	}
	return err
}

// progress writes a line every second, in a terminal always the same one.
func progress(w io.Writer) func(load.Progress) {
	begin, end := "", "\n"
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		begin, end = "\r\x1b[K", ""
	}
	return func(p load.Progress) {
		server := ""
		if p.RSS > 0 {
			server = fmt.Sprintf("  server %.0f MB %.0f%%", float64(p.RSS)/(1<<20), 100*p.CPU)
		}
		fmt.Fprintf(w, "%s%4.0fs %-10s %d users  %d sent %d answered %d delivered  p99 %v%s%s", begin,
			p.Elapsed.Seconds(), p.Phase, p.Connected, p.Sent, p.Answered, p.Delivered, p.P99.Round(10*time.Microsecond), server, end)
	}
}
