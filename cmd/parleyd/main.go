// Command parleyd serves the chat: the page, the Socket.IO endpoint, and a
// SQLite store in a data folder.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"parley/app/page"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	page.Register(page.Config{})
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// options is the command line. Every flag has an environment variable too.
type options struct {
	Addr      string        `help:"Address to listen on. Default: port $$PORT, or 3000." placeholder:"HOST:PORT"`
	Data      string        `help:"Folder for what is stored; made when missing." default:"data" type:"path"`
	Web       string        `help:"Folder to serve the page from, laid out like web/ in the source. Default: what is built in." type:"existingdir" placeholder:"DIR"`
	Origin    []string      `help:"Pages of another origin that may use the realtime endpoint, like https://chat.example." placeholder:"ORIGIN"`
	Internal  string        `help:"Address for metrics and health checks, not for the public. Default: none." placeholder:"HOST:PORT"`
	Pprof     bool          `help:"Serve profiles under /debug/pprof/ of the internal address."`
	Grace     time.Duration `help:"How long work under way may take when stopping." default:"15s"`
	Recovery  time.Duration `help:"How long after a lost connection it can be taken up again." default:"2m"`
	LogLevel  slog.Level    `help:"debug, info, warn or error." default:"info"`
	LogFormat string        `help:"text or json." enum:"text,json" default:"text"`
}

// Validate is called by kong.
func (o *options) Validate() error {
	if o.Pprof && o.Internal == "" {
		return errors.New("--pprof needs --internal: profiles are not for the public")
	}
	return nil
}

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// exit is what kong panics with instead of ending the process, after --help.
type exit int

// run is main without the process: it serves until ctx is done and returns the
// exit code. The page must have been registered.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	defer func() {
		if v := recover(); v != nil {
			e, ok := v.(exit)
			if !ok {
				panic(v)
			}
			code = int(e)
		}
	}()
	var o options
	parser, err := kong.New(&o,
		kong.Name("parleyd"),
		kong.Description("Serves the Parley chat: page, realtime endpoint and store in one program."),
		kong.DefaultEnvars("PARLEYD"),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { panic(exit(code)) }),
	)
	if err == nil {
		_, err = parser.Parse(args)
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "parleyd: %v\nparleyd: `parleyd --help` tells more\n", err)
		return exitUsage
	}
	o.Addr = address(o.Addr, os.Getenv("PORT"))
	log := slog.New(handler(stderr, o))
	if err := serve(ctx, o, log); err != nil && !errors.Is(err, context.Canceled) {
		log.Error("parleyd ends", "error", err)
		return exitFailed
	}
	return exitDone
}

// address is where to listen: where the flag says, else on the port that a
// hosting platform gives in $PORT, else on 3000.
func address(flag, port string) string {
	switch {
	case flag != "":
		return flag
	case port != "":
		return ":" + port
	default:
		return ":3000"
	}
}

func handler(w io.Writer, o options) slog.Handler {
	opts := &slog.HandlerOptions{Level: o.LogLevel}
	if o.LogFormat == "json" {
		return slog.NewJSONHandler(w, opts)
	}
	return slog.NewTextHandler(w, opts)
}
