package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// commands is the command line.
type commands struct {
	Chat    chatCommand    `cmd:"" help:"Chat in this terminal, or in a script through pipes."`
	Emit    emitCommand    `cmd:"" help:"Send one event to a Socket.IO server."`
	Listen  listenCommand  `cmd:"" help:"Show the events that a Socket.IO server sends."`
	Bench   benchCommand   `cmd:"" help:"Put load on a chat server and measure what comes of it."`
	Version versionCommand `cmd:"" help:"Tell what this program is built from."`
}

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// exit is what kong panics with instead of ending the process, after --help.
type exit int

// run is main without the process. It returns the exit code.
func run(ctx context.Context, args []string, std streams) (code int) {
	defer func() {
		if v := recover(); v != nil {
			e, ok := v.(exit)
			if !ok {
				panic(v)
			}
			code = int(e)
		}
	}()
	parser, err := kong.New(&commands{},
		kong.Name("parley"),
		kong.Vars{"user": cmp.Or(os.Getenv("USER"), os.Getenv("USERNAME"), "guest")},
		kong.Description("Realtime chat over Socket.IO, and tools for any Socket.IO server."),
		kong.UsageOnError(),
		kong.DefaultEnvars("PARLEY"),
		kong.Writers(std.out, std.err),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(std),
	)
	if err != nil {
		return complain(std, err)
	}
	command, err := parser.Parse(args)
	if err != nil {
		complain(std, err)
		fmt.Fprintln(std.err, "parley: `parley --help` tells more")
		return exitUsage
	}
	if err := command.Run(); err != nil {
		return complain(std, err)
	}
	return exitDone
}

// errUsage is wrapped by errors about how a command was called.
var errUsage = errors.New("usage")

func complain(std streams, err error) int {
	fmt.Fprintln(std.err, "parley:", err)
	if errors.Is(err, errUsage) {
		return exitUsage
	}
	return exitFailed
}
