package client_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"parley/shared/client"
	"parley/shared/client/engine"
	"parley/shared/client/internal/script"
	"parley/shared/engineio"
	"parley/shared/event"
)

func TestMain(m *testing.M) {
	// In js/wasm the runtime itself keeps a goroutine for the events of the page.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("runtime.handleEvent"))
}

var (
	root  = event.NewNamespace("/")
	chat  = event.NewNamespace("/chat")
	admin = event.NewNamespace("/admin")
)

// rig is a Conn on a scripted server, in a bubble where time is the test's.
type rig struct {
	*testing.T
	server *script.Server
	conn   *client.Conn
	states *log
}

// with runs f in a bubble with an unconnected Conn and closes it afterwards.
func with(t *testing.T, cfg client.Config, f func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, server: script.New(), states: &log{}}
		if cfg.Transports == nil {
			cfg.Transports = []engine.Transport{r.server.Transport("websocket")}
		}
		if cfg.Logger == nil {
			cfg.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
		}
		var err error
		r.conn, err = client.New("http://test", cfg)
		require.NoError(t, err)
		defer func() { assert.NoError(t, r.conn.Close()) }()
		r.conn.OnState(func(s client.State) { r.states.add(s.Phase.String()) })
		f(t, r)
	})
}

// open connects and joins the namespaces, in the order of Of.
func (r *rig) open(sockets ...*client.Socket) *script.Peer {
	r.Helper()
	r.conn.Connect()
	p := r.server.Accept(r)
	for i, s := range sockets {
		p.Join(r, s.Namespace(), fmt.Sprintf("sid%d", i+1))
	}
	synctest.Wait()
	return p
}

// socket is Of with a log of what happens to it.
func (r *rig) socket(ns event.Namespace) (*client.Socket, *log) {
	s := r.conn.Of(ns)
	l := &log{}
	s.OnConnect(func() { l.add("connect") })
	s.OnDisconnect(func(reason engineio.Reason, err error) { l.add("disconnect: " + string(reason)) })
	s.OnConnectError(func(err error) { l.add("error: " + err.Error()) })
	s.OnAny(func(name string, args event.Args) { l.add(name + text(args)) })
	return s, l
}

func text(args event.Args) string {
	s := ""
	for i := range args {
		s += " " + args.Value(i).String()
	}
	return s
}

// log collects lines from any goroutine.
type log struct {
	mu    sync.Mutex
	lines []string
}

func (l *log) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

// take returns the lines since the last take, when everything has come to rest.
func (l *log) take() []string {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines = nil
	return lines
}

// clock is a wall clock that a test can move without moving the timers, as sleep
// does to a machine.
type clock struct {
	mu    sync.Mutex
	slept time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Round(0).Add(c.slept)
}

func (c *clock) sleep(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slept += d
}

// outcome is what a call returned that ran beside the test.
type outcome struct {
	args event.Args
	err  error
}

func beside(f func() (event.Args, error)) <-chan outcome {
	ch := make(chan outcome, 1)
	go func() {
		args, err := f()
		ch <- outcome{args, err}
	}()
	return ch
}

func assertPending(t testing.TB, ch <-chan outcome) {
	t.Helper()
	synctest.Wait()
	select {
	case o := <-ch:
		assert.Failf(t, "returned already", "%v %v", o.args, o.err)
	default:
	}
}

// box passes a value between goroutines.
type box struct {
	mu sync.Mutex
	v  any
}

func (b *box) set(v any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.v = v
}

func (b *box) get() any {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.v
}

func newUpgradable() *script.Server {
	s := script.New()
	s.Handshake.Upgrades = []string{"websocket"}
	return s
}

// answerProbe is what every server does.
func answerProbe(t testing.TB, p *script.Peer) {
	t.Helper()
	p.Expect(t, "40"+client.ProbeNamespace+",")
	p.Send("44" + client.ProbeNamespace + `,{"message":"Invalid namespace"}`)
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
