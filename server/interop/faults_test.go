package interop_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/interop/faultnet"
	"parley/shared/client"
	"parley/shared/client/engine"
	"parley/shared/client/outbox"
	clientpolling "parley/shared/client/polling"
	clientwebsocket "parley/shared/client/websocket"
	"parley/shared/engineio"
	"parley/shared/event"
)

// These tests put a network that fails between our client and a server: whatever happens, every emit ends
// in an acknowledgement, an error, or an item that still waits in the outbox; none is lost without a trace
// or arrives under another id.

const faultPatience = 20 * time.Second

// faultyServers are both servers, with a heartbeat that notices silence within a second.
func faultyServers(t *testing.T) map[string]string {
	t.Helper()
	cfg := server.Config{}
	cfg.Engine.PingInterval, cfg.Engine.PingTimeout = 400*time.Millisecond, 600*time.Millisecond
	return map[string]string{
		"ours":     startFixture(t, cfg).url,
		"official": officialFixture(t, map[string]any{"pingInterval": 400, "pingTimeout": 600}),
	}
}

func faultModes() map[string][]engine.Transport {
	return map[string][]engine.Transport{
		"websocket": {&clientwebsocket.Transport{}},
		"polling":   {&clientpolling.Transport{}},
		"upgrade":   {&clientpolling.Transport{}, &clientwebsocket.Transport{}},
	}
}

// onFaultyNetwork runs f for every server and mode with a client behind a proxy.
func onFaultyNetwork(t *testing.T, modes []string, f func(t *testing.T, p *faultnet.Proxy, s *client.Socket)) {
	for name, url := range faultyServers(t) {
		for _, mode := range modes {
			t.Run(name+"/"+mode, func(t *testing.T) {
				p := faultnet.Start(t, url)
				f(t, p, faultySocket(t, p.URL, client.Config{Transports: faultModes()[mode]}))
			})
		}
	}
}

// faultySocket is the root socket of a client with quick reconnection, not yet connecting.
func faultySocket(t *testing.T, url string, cfg client.Config) *client.Socket {
	t.Helper()
	cfg.FirstOnly = true
	cfg.Timeout = 2 * time.Second
	cfg.Reconnect = client.Reconnect{Delay: 20 * time.Millisecond, MaxDelay: 60 * time.Millisecond}
	if cfg.AckTimeout == 0 {
		cfg.AckTimeout = 5 * time.Second
	}
	conn, err := client.New(url, cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn.Main()
}

// requireWorks waits until the connection works in both directions.
func requireWorks(t *testing.T, s *client.Socket) {
	t.Helper()
	require.Eventually(t, func() bool {
		answer, err := s.EmitAck(t.Context(), "echo", "works")
		return err == nil && answer.String(0) == "works"
	}, faultPatience, 10*time.Millisecond)
}

// disconnects collects the reasons.
func disconnects(t *testing.T, s *client.Socket) <-chan engineio.Reason {
	ch := make(chan engineio.Reason, 1000)
	t.Cleanup(s.OnDisconnect(func(reason engineio.Reason, _ error) { ch <- reason }))
	return ch
}

// Rows: H08 H11 F06 F09
func TestEveryCallEndsWhenTheNetworkIsCut(t *testing.T) {
	onFaultyNetwork(t, []string{"websocket", "polling", "upgrade"}, func(t *testing.T, p *faultnet.Proxy, s *client.Socket) {
		s.Conn().Connect()
		requireWorks(t, s)
		var wg sync.WaitGroup
		var mu sync.Mutex
		answered, failed := 0, 0
		for caller := range 8 {
			wg.Go(func() {
				for i := range 40 {
					want := fmt.Sprint(caller, i)
					answer, err := s.EmitAck(t.Context(), "echo", want)
					mu.Lock()
					if err == nil {
						answered++
						assert.Equal(t, want, answer.String(0))
					} else {
						failed++
						assert.True(t, errors.Is(err, client.ErrDisconnected) || errors.Is(err, client.ErrAckTimeout), "%v", err)
					}
					mu.Unlock()
				}
			})
		}
		done := make(chan struct{})
		go func() {
			wg.Wait()
			close(done)
		}()
		for cuts := 0; ; cuts++ {
			select {
			case <-done:
				t.Logf("%d answered, %d failed, %d cuts", answered, failed, cuts)
				assert.Equal(t, 320, answered+failed)
				requireWorks(t, s)
				return
			case <-time.After(time.Duration(60+5*cuts) * time.Millisecond): // ever rarer, so that slow machines get through too
				p.Cut()
			}
		}
	})
}

// Rows: F13 H05
func TestABlackHoleIsNoticed(t *testing.T) {
	onFaultyNetwork(t, []string{"websocket", "polling"}, func(t *testing.T, p *faultnet.Proxy, s *client.Socket) {
		s.Conn().Connect()
		requireWorks(t, s)
		lost := disconnects(t, s)
		p.Set(faultnet.Fault{SwallowUp: true, SwallowDown: true})
		began := time.Now()
		select {
		case reason := <-lost:
			assert.Contains(t, []engineio.Reason{engineio.ReasonPingTimeout, engineio.ReasonTransportClose, engineio.ReasonTransportError}, reason)
			assert.Less(t, time.Since(began), 5*time.Second)
		case <-time.After(faultPatience):
			require.Fail(t, "nobody noticed")
		}
		require.NoError(t, s.Emit("echo", "buffered meanwhile"))
		p.Set(faultnet.Fault{})
		requireWorks(t, s)
		assert.Zero(t, s.Buffered())
	})
}

// Rows: F12 F13
func TestHalfOpenConnections(t *testing.T) {
	for name, f := range map[string]faultnet.Fault{"up": {SwallowUp: true}, "down": {SwallowDown: true}} {
		t.Run(name, func(t *testing.T) {
			onFaultyNetwork(t, []string{"websocket"}, func(t *testing.T, p *faultnet.Proxy, s *client.Socket) {
				s.Conn().Connect()
				requireWorks(t, s)
				lost := disconnects(t, s)
				p.Set(f)
				select {
				case <-lost:
				case <-time.After(faultPatience):
					require.Fail(t, "nobody noticed")
				}
				p.Set(faultnet.Fault{})
				requireWorks(t, s)
			})
		})
	}
}

// With the usual heartbeat a black hole would go unnoticed for 45 seconds; a probe finds it out in four.
//
// Rows: F11
func TestAProbeFindsABlackHole(t *testing.T) {
	p := faultnet.Start(t, startFixture(t, server.Config{}).url)
	s := faultySocket(t, p.URL, client.Config{})
	s.Conn().Connect()
	requireWorks(t, s)
	s.Conn().Retry()
	lost := disconnects(t, s)
	select {
	case reason := <-lost:
		require.Fail(t, "a connection that works was dropped", reason)
	case <-time.After(500 * time.Millisecond):
	}
	p.Set(faultnet.Fault{SwallowDown: true})
	began := time.Now()
	s.Conn().Retry()
	select {
	case <-lost:
		assert.Less(t, time.Since(began), 8*time.Second)
	case <-time.After(faultPatience):
		require.Fail(t, "nobody noticed")
	}
	p.Set(faultnet.Fault{})
	requireWorks(t, s)
}

// Rows: F05 F09
func TestCutAtTheHandshake(t *testing.T) {
	onFaultyNetwork(t, []string{"websocket", "polling"}, func(t *testing.T, p *faultnet.Proxy, s *client.Socket) {
		p.Set(faultnet.Fault{Refuse: func(n int, _ []byte) bool { return n <= 3 }})
		failures := make(chan error, 100)
		defer s.OnConnectError(func(err error) { failures <- err })()
		s.Conn().Connect()
		requireWorks(t, s)
		require.GreaterOrEqual(t, len(failures), 3)
		refused, ok := errors.AsType[*client.ConnectError](<-failures)
		require.True(t, ok)
		assert.False(t, refused.Refused())
		assert.True(t, refused.Retryable)
	})
}

// isWebSocket reports whether the first bytes of a connection ask for one.
func isWebSocket(first []byte) bool { return bytes.Contains(first, []byte("transport=websocket")) }

// Rows: G03
func TestCutAtTheUpgrade(t *testing.T) {
	onFaultyNetwork(t, []string{"upgrade"}, func(t *testing.T, p *faultnet.Proxy, s *client.Socket) {
		p.Set(faultnet.Fault{Refuse: func(_ int, first []byte) bool { return isWebSocket(first) }})
		s.Conn().Connect()
		requireWorks(t, s)
		assert.Equal(t, "polling", s.Conn().State().Transport)
		lost := disconnects(t, s)
		p.Set(faultnet.Fault{})
		for cut := true; cut; {
			p.Cut() // between two polls nobody notices: the next one takes a new connection
			select {
			case <-lost:
				cut = false
			case <-time.After(200 * time.Millisecond):
			}
		}
		requireWorks(t, s)
		require.Eventually(t, func() bool { return s.Conn().State().Transport == "websocket" }, faultPatience, 10*time.Millisecond)
	})
}

// Rows: D01 E13
func TestASlowNetwork(t *testing.T) {
	// With the usual heartbeat: how slow the network is in the end, the machine decides.
	for name, url := range map[string]string{"ours": startFixture(t, server.Config{}).url, "official": officialFixture(t, nil)} {
		for _, mode := range []string{"websocket", "polling"} {
			t.Run(name+"/"+mode, func(t *testing.T) {
				p := faultnet.Start(t, url)
				p.Set(faultnet.Fault{Chunk: 1000, Pause: time.Millisecond})
				s := faultySocket(t, p.URL, client.Config{Transports: faultModes()[mode], AckTimeout: time.Minute})
				s.Conn().Connect()
				requireWorks(t, s)
				text := strings.Repeat("slow ", 20_000)
				answer, err := s.EmitAck(t.Context(), "echo", text, []byte(text))
				require.NoError(t, err)
				assert.Equal(t, text, answer.String(0))
				assert.Equal(t, text, string(answer.Bytes(1)))
			})
		}
	}
}

// ledger is a server's memory of what it was told.
type ledger struct {
	mu      sync.Mutex
	stored  []string // each id once, in the order of arrival
	arrived map[string]int
}

var (
	books = event.NewNamespace("/books")
	enter = event.NewCall[string, int](books, "enter")
)

func startLedger(t *testing.T) (*ledger, *faultnet.Proxy) {
	t.Helper()
	f := startFixture(t, server.Config{})
	l := &ledger{arrived: map[string]int{}}
	server.Handle(f.Of(books), enter, func(_ context.Context, _ *server.Socket, id string) (int, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.arrived[id]++; l.arrived[id] == 1 {
			l.stored = append(l.stored, id)
		}
		return len(l.stored), nil
	})
	return l, faultnet.Start(t, f.url)
}

func (l *ledger) entries() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.stored...)
}

// cutUntil cuts the network every now and then until done is closed, ever more rarely: on a slow machine a connection
// may take longer than the first pauses.
func cutUntil(p *faultnet.Proxy, done <-chan struct{}) {
	for pause := 40 * time.Millisecond; ; pause += 5 * time.Millisecond {
		select {
		case <-done:
			return
		case <-time.After(pause):
			p.Cut()
		}
	}
}

// Rows: H12 D04
func TestRetriedEmitsArriveInOrderUnderCuts(t *testing.T) {
	l, p := startLedger(t)
	conn := faultySocket(t, p.URL, client.Config{Retries: 1000, AckTimeout: time.Second}).Conn()
	s := conn.Of(books)
	var want []string
	for i := range 150 {
		want = append(want, fmt.Sprintf("id-%03d", i))
		require.NoError(t, s.Emit("enter", want[i]))
	}
	done := make(chan struct{})
	conn.Connect()
	go func() {
		defer close(done)
		_, err := s.EmitAck(t.Context(), "enter", "the end")
		assert.NoError(t, err)
	}()
	cutUntil(p, done)
	assert.Equal(t, append(want, "the end"), l.entries())
}

// Rows: D12 D05
func TestOutboxUnderCuts(t *testing.T) {
	l, p := startLedger(t)
	conn := faultySocket(t, p.URL, client.Config{Buffer: client.Buffer{None: true}, AckTimeout: time.Second}).Conn()
	s := conn.Of(books)
	done := make(chan struct{})
	var mu sync.Mutex
	sent := 0
	const items = 150
	box, err := outbox.New(outbox.Config{
		Store: outbox.NewMemory(),
		Send: func(ctx context.Context, it outbox.Item) (json.RawMessage, error) {
			_, err := client.Call(ctx, s, enter, it.ID)
			return nil, err
		},
		OnChange: func(c outbox.Change) {
			mu.Lock()
			defer mu.Unlock()
			if c.Status == outbox.Sent {
				if sent++; sent == items {
					close(done)
				}
			}
		},
		RetryMin: 5 * time.Millisecond, RetryMax: 20 * time.Millisecond,
	})
	require.NoError(t, err)
	var want []string
	for i := range items {
		want = append(want, fmt.Sprintf("id-%03d", i))
		_, err := box.Add(t.Context(), want[i], "lane", nil)
		require.NoError(t, err)
	}
	defer s.OnConnect(func() { box.SetOnline(true) })()
	defer s.OnDisconnect(func(engineio.Reason, error) { box.SetOnline(false) })()
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { box.Run(ctx) })
	conn.Connect()
	cutUntil(p, done)
	stop()
	running.Wait()
	assert.Equal(t, want, l.entries(), "once each, in order")
	left, err := box.Items(t.Context())
	require.NoError(t, err)
	assert.Empty(t, left)
}

// What was buffered and handed to a connection that breaks is lost at most; nothing is doubled or overtaken.
//
// Rows: H07 D01 D02
func TestPlainEmitsUnderCuts(t *testing.T) {
	l, p := startLedger(t)
	conn := faultySocket(t, p.URL, client.Config{}).Conn()
	s := conn.Of(books)
	for i := range 300 {
		require.NoError(t, s.Emit("enter", fmt.Sprintf("id-%03d", i)))
	}
	conn.Connect()
	for range 5 {
		<-time.After(20 * time.Millisecond)
		p.Cut()
	}
	_, err := s.Timeout(-1).EmitAck(t.Context(), "enter", "last")
	for errors.Is(err, client.ErrDisconnected) {
		_, err = s.Timeout(-1).EmitAck(t.Context(), "enter", "last")
	}
	require.NoError(t, err)
	// What came over the connection before may still be handled, beside the last.
	l.mu.Lock()
	defer l.mu.Unlock()
	assert.IsIncreasing(t, slices.DeleteFunc(slices.Clone(l.stored), func(id string) bool { return id == "last" }))
	for id, n := range l.arrived {
		if id != "last" {
			assert.Equal(t, 1, n, id)
		}
	}
}
