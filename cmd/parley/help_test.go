package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"parley/server"
	service "parley/server/chat"
	"parley/server/chat/sqlite"
	"parley/server/gateway"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of these tests.
const patience = 30 * time.Second

// site is a chat server that can be stopped and started again at the same address with the same data.
type site struct {
	t       *testing.T
	file    string
	address string // host:port

	// wrap, if set, stands between the service and the publisher.
	wrap func(service.Publisher) service.Publisher

	stop func()
	srv  *server.Server
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, file: filepath.Join(t.TempDir(), "chat.db"), address: "127.0.0.1:0"}
	s.start()
	t.Cleanup(func() { s.down() })
	return s
}

func (s *site) url() string { return "http://" + s.address }

func (s *site) start() {
	s.t.Helper()
	store, err := sqlite.Open(context.Background(), s.file)
	require.NoError(s.t, err)
	quiet := slog.New(slog.DiscardHandler)
	srv := server.New(server.Config{Logger: quiet})
	var publisher service.Publisher = gateway.NewPublisher(srv, quiet)
	if s.wrap != nil {
		publisher = s.wrap(publisher)
	}
	chats, err := service.Open(context.Background(), service.Config{Store: store, Publisher: publisher})
	require.NoError(s.t, err)
	gate := gateway.New(srv, chats, gateway.Config{Build: "test", Grace: 50 * time.Millisecond, Logger: quiet})
	listener, err := net.Listen("tcp", s.address)
	require.NoError(s.t, err)
	s.address, s.srv = listener.Addr().String(), srv
	web := &http.Server{Handler: srv, ReadHeaderTimeout: patience}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = web.Serve(listener) // ends with Close
	}()
	s.stop = func() {
		assert.NoError(s.t, srv.Close())
		assert.NoError(s.t, web.Close())
		<-done
		gate.Close()
		assert.NoError(s.t, store.Close())
	}
}

// down cuts every connection and stops the server.
func (s *site) down() {
	if s.stop != nil {
		s.stop()
		s.stop = nil
	}
}

// output collects what a command writes.
type output struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{}
}

func newOutput() *output { return &output{more: make(chan struct{})} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.more)
	o.more = make(chan struct{})
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// until waits for a text in the output.
func (o *output) until(t *testing.T, want string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		o.mu.Lock()
		got, more := o.text.String(), o.more
		o.mu.Unlock()
		if strings.Contains(got, want) {
			return
		}
		select {
		case <-more:
		case <-deadline:
			require.Contains(t, got, want)
		}
	}
}

// program is a command that runs in this process.
type program struct {
	t        *testing.T
	in       *io.PipeWriter
	out, err *output
	cancel   context.CancelFunc
	done     chan struct{}
	code     int
}

// launch starts a command; the test ends it if it does not end itself.
func launch(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	in, typed := io.Pipe()
	p := &program{t: t, in: typed, out: newOutput(), err: newOutput(), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.code = run(ctx, args, streams{in, p.out, p.err})
		_ = in.Close()
	}()
	t.Cleanup(func() { p.interrupt() })
	return p
}

func (p *program) typed(lines ...string) {
	p.t.Helper()
	for _, l := range lines {
		_, err := io.WriteString(p.in, l+"\n")
		require.NoError(p.t, err)
	}
}

func (p *program) until(want string) { p.t.Helper(); p.out.until(p.t, want) }

// wait returns the exit code.
func (p *program) wait() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		require.Fail(p.t, "the command does not end", "%s\n%s", p.out, p.err)
	}
	_ = p.in.Close()
	return p.code
}

// interrupt is Ctrl-C.
func (p *program) interrupt() int {
	p.cancel()
	return p.wait()
}

// end is the end of the input.
func (p *program) end() int {
	p.t.Helper()
	require.NoError(p.t, p.in.Close())
	return p.wait()
}

// execute runs a command with an input and returns what it wrote.
func execute(t *testing.T, input string, args ...string) (code int, out, errs string) {
	t.Helper()
	o, e := newOutput(), newOutput()
	code = run(t.Context(), args, streams{strings.NewReader(input), o, e})
	return code, o.String(), e.String()
}
