package engine_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"parley/shared/client/engine"
	"parley/shared/client/internal/script"
	"parley/shared/engineio"
)

func TestMain(m *testing.M) {
	// In js/wasm the runtime itself keeps a goroutine for the events of the page.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("runtime.handleEvent"))
}

// recorder is a Handler that keeps what it gets.
type recorder struct {
	mu       sync.Mutex
	messages []string
	reason   engineio.Reason
	err      error
	closes   int
	closed   chan struct{}
}

func newRecorder() *recorder { return &recorder{closed: make(chan struct{})} }

func (r *recorder) Receive(binary bool, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := string(data)
	if binary {
		text = "binary:" + text
	}
	r.messages = append(r.messages, text)
}

func (r *recorder) Closed(reason engineio.Reason, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reason, r.err = reason, err
	if r.closes++; r.closes == 1 {
		close(r.closed)
	}
}

func (r *recorder) got() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.messages...)
}

func config(transports ...engine.Transport) engine.Config {
	return engine.Config{URL: &url.URL{Scheme: "http", Host: "test", Path: "/engine.io/"}, Transports: transports}
}

func message(s string) engineio.Packet {
	return engineio.Packet{Type: engineio.PacketMessage, Data: []byte(s)}
}

// start dials and starts a session on a scripted server.
func start(t *testing.T, server *script.Server, cfg engine.Config) (*engine.Session, *script.Peer, *recorder) {
	t.Helper()
	s, err := engine.Dial(t.Context(), cfg)
	require.NoError(t, err)
	r := newRecorder()
	s.Start(r)
	return s, server.Accept(t), r
}

func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// Rows: G06 G14
func TestHandshakeAndMessages(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := script.New()
		cfg := config(server.Transport("websocket"))
		cfg.Query = url.Values{"token": {"a b"}, "sid": {"evil"}, "EIO": {"3"}, "transport": {"x"}, "t": {"1"}}
		s, peer, r := start(t, server, cfg)
		assert.Equal(t, url.Values{"EIO": {"4"}, "transport": {"websocket"}, "token": {"a b"}}, peer.Request.Query)
		assert.Equal(t, "ws://test/engine.io/?EIO=4&token=a+b&transport=websocket", peer.Request.Address("ws"))
		assert.Equal(t, "engine-sid", s.Handshake().SID)
		assert.Equal(t, "websocket", s.Transport())

		peer.Send("4hello", "2", "4again", "6")
		peer.SendBinary([]byte{1, 2})
		peer.Expect(t, "3")
		synctest.Wait()
		assert.Equal(t, []string{"hello", "again", "binary:\x01\x02"}, r.got())

		require.NoError(t, s.Send(message("a"), message("b")))
		require.NoError(t, s.Send(engineio.Packet{Type: engineio.PacketMessage, Binary: true, Data: []byte("c")}))
		peer.Expect(t, "4a", "4b", "bYw==")
		require.NoError(t, s.Close(t.Context()))
		assert.True(t, peer.AwaitClosed(t), "the server is told")
		assert.Equal(t, engineio.ReasonForcedClose, r.reason)
		assert.ErrorIs(t, s.Send(message("late")), engine.ErrClosed)
		assert.Equal(t, 1, r.closes)
	})
}

// Rows: F13
func TestHeartbeatDeadline(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := script.New()
		s, peer, r := start(t, server, config(server.Transport("websocket")))
		began := time.Now()
		time.Sleep(44 * time.Second)
		peer.Send("4any packet is a sign of life")
		time.Sleep(44 * time.Second)
		peer.Send("2")
		peer.Expect(t, "3")
		<-r.closed
		assert.Equal(t, engineio.ReasonPingTimeout, r.reason)
		assert.ErrorIs(t, r.err, engine.ErrHeartbeat)
		assert.InDelta(t, 133, time.Since(began).Seconds(), 0.1)
		assert.False(t, peer.AwaitClosed(t), "nobody is there to be told")
		<-s.Done()
	})
}

// Rows: F12
func TestWallClockFindsASleep(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := script.New()
		var slept time.Duration
		var mu sync.Mutex
		cfg := config(server.Transport("websocket"))
		cfg.Now = func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return time.Now().Round(0).Add(slept)
		}
		s, _, r := start(t, server, cfg)
		assert.False(t, s.Expired())
		mu.Lock()
		slept = time.Hour
		mu.Unlock()
		assert.True(t, s.Expired())
		<-r.closed
		assert.Equal(t, engineio.ReasonPingTimeout, r.reason)
	})
}

// Rows: H05 G11
func TestReasonsOfClosing(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		do     func(*script.Peer)
		reason engineio.Reason
		err    error
		polite bool
	}{
		"server closes":      {(*script.Peer).Hang, engineio.ReasonTransportClose, nil, false},
		"close packet":       {func(p *script.Peer) { p.Send("1") }, engineio.ReasonTransportClose, nil, false},
		"link fails":         {func(p *script.Peer) { p.Break(broken) }, engineio.ReasonTransportError, broken, false},
		"unknown packet":     {func(p *script.Peer) { p.Send("9") }, engineio.ReasonParseError, nil, true},
		"second handshake":   {func(p *script.Peer) { p.Send("0{}") }, engineio.ReasonParseError, nil, true},
		"unparsable on link": {func(p *script.Peer) { p.Break(engineio.ErrUnknownType) }, engineio.ReasonParseError, engineio.ErrUnknownType, true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := script.New()
				_, peer, r := start(t, server, config(server.Transport("websocket")))
				peer.Send("4before")
				c.do(peer)
				<-r.closed
				assert.Equal(t, c.reason, r.reason)
				if c.err != nil {
					assert.ErrorIs(t, r.err, c.err)
				}
				assert.Equal(t, []string{"before"}, r.got(), "what came before is delivered")
				assert.Equal(t, c.polite, peer.AwaitClosed(t))
			})
		})
	}
}

// Rows: G02
func TestTryAll(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := script.New()
		refused := errors.New("refused")
		server.Refuse(func(r engine.Request) error {
			if r.Query.Get("transport") == "websocket" {
				return refused
			}
			return nil
		})
		cfg := config(server.Transport("websocket"), server.Transport("polling"))
		_, err := engine.Dial(t.Context(), cfg)
		require.ErrorIs(t, err, refused)
		require.ErrorContains(t, err, "websocket dial")

		cfg.TryAll = true
		server.Handshake.Upgrades = []string{"websocket"}
		s, peer, _ := start(t, server, cfg)
		assert.Equal(t, "polling", s.Transport())
		require.NoError(t, s.Close(t.Context()))
		assert.True(t, peer.AwaitClosed(t))
		assert.Equal(t, 3, server.Dials(), "what failed is not tried as an upgrade")
	})
}

// Rows: F05
func TestDialIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := script.New()
		server.Raw()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		cfg := config(server.Transport("websocket"), server.Transport("polling"))
		cfg.TryAll = true
		began := time.Now()
		_, err := engine.Dial(ctx, cfg)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 20*time.Second, time.Since(began))
		assert.Equal(t, 2, server.Dials(), "a silent transport leaves half of the time to the next")
	})
}

func TestHandshakeIsChecked(t *testing.T) {
	for _, first := range []string{"4hello", `0{"sid":""}`, "0", "2"} {
		bubble(t, func(t *testing.T) {
			server := script.New()
			server.Raw()
			failed := make(chan error)
			go func() {
				_, err := engine.Dial(t.Context(), config(server.Transport("websocket")))
				failed <- err
			}()
			peer := server.Accept(t)
			peer.Send(first)
			assert.Error(t, <-failed, first)
			peer.AwaitClosed(t)
		})
	}
}

// Rows: G09
func TestCloseSendsWhatIsQueued(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := script.New()
		s, peer, r := start(t, server, config(server.Transport("websocket")))
		release := peer.Block()
		require.NoError(t, s.Send(message("1")))
		synctest.Wait()
		require.NoError(t, s.Send(message("2")))
		done := make(chan error)
		go func() { done <- s.Close(t.Context()) }()
		time.Sleep(time.Second)
		assert.ErrorIs(t, s.Send(message("3")), engine.ErrClosed)
		release()
		require.NoError(t, <-done)
		peer.Expect(t, "41", "42")
		assert.True(t, peer.AwaitClosed(t))
		assert.Equal(t, engineio.ReasonForcedClose, r.reason)
	})
}

func TestCloseIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := script.New()
		s, peer, _ := start(t, server, config(server.Transport("websocket")))
		defer peer.Block()()
		require.NoError(t, s.Send(message("1")))
		synctest.Wait()
		began := time.Now()
		require.NoError(t, s.Close(t.Context()))
		assert.Equal(t, 3*time.Second, time.Since(began))
	})
	bubble(t, func(t *testing.T) {
		server := script.New()
		s, peer, _ := start(t, server, config(server.Transport("websocket")))
		defer peer.Block()()
		require.NoError(t, s.Send(message("1")))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, s.Close(ctx), context.DeadlineExceeded)
		assert.False(t, peer.AwaitClosed(t))
	})
}

// Rows: H09
func TestQueueBoundAndVolatile(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := script.New()
		cfg := config(server.Transport("websocket"))
		cfg.MaxQueued = 100
		s, peer, _ := start(t, server, cfg)
		require.True(t, s.Writable())
		require.NoError(t, s.SendVolatile(message("v1")))
		peer.Expect(t, "4v1")
		synctest.Wait()

		release := peer.Block()
		require.NoError(t, s.Send(message(strings.Repeat("x", 200))), "alone it may exceed the bound")
		assert.ErrorIs(t, s.Send(message("y")), engine.ErrQueueFull)
		assert.ErrorIs(t, s.SendVolatile(message("v2")), engine.ErrNotWritable)
		require.NoError(t, s.Flush(message("z")))
		assert.False(t, s.Writable())
		assert.Positive(t, s.Buffered())
		release()
		peer.Expect(t, "4"+strings.Repeat("x", 200), "4z")
		synctest.Wait()
		assert.Zero(t, s.Buffered())
		require.NoError(t, s.Close(t.Context()))
	})
}

// Rows: G14
func TestTrace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := script.New()
		var mu sync.Mutex
		var log []string
		note := func(s string) {
			mu.Lock()
			defer mu.Unlock()
			log = append(log, s)
		}
		cfg := config(server.Transport("websocket"))
		cfg.Trace = &engine.Trace{
			Opened:   func(transport string, h engineio.Handshake) { note("opened " + transport + " " + h.SID) },
			Received: func(p engineio.Packet) { note("received " + p.Type.String()) },
			Sent:     func(p engineio.Packet) { note("sent " + p.Type.String()) },
			Drained:  func() { note("drained") },
		}
		s, peer, _ := start(t, server, cfg)
		peer.Send("2")
		peer.Expect(t, "3")
		synctest.Wait()
		require.NoError(t, s.Close(t.Context()))
		assert.Equal(t, []string{"opened websocket engine-sid", "received ping", "sent pong", "drained"}, log)
	})
}

func TestConfigIsChecked(t *testing.T) {
	_, err := engine.Dial(t.Context(), engine.Config{})
	require.Error(t, err)
	_, err = engine.Dial(t.Context(), config())
	require.Error(t, err)
	_, err = engine.Dial(t.Context(), engine.Config{URL: &url.URL{Scheme: "ftp", Host: "x"}})
	require.Error(t, err)
}

// Rows: G11
func TestErrors(t *testing.T) {
	forbidden := &engine.Error{Transport: "polling", Op: engine.OpDial, Status: 403,
		Refusal: &engineio.Error{Code: engineio.Forbidden, Message: "no entry"}}
	assert.False(t, engine.Retryable(forbidden))
	assert.Contains(t, forbidden.Error(), "polling dial: HTTP status 403")
	assert.Contains(t, forbidden.Error(), "no entry")
	gone := &engine.Error{Status: 400, Refusal: &engineio.Error{Code: engineio.UnknownSID}}
	assert.True(t, engine.Retryable(gone), "the next attempt makes a new session")
	full := &engine.Error{Status: 429, Refusal: &engineio.Error{Code: engineio.BadRequest, Message: "too many connections"}}
	assert.True(t, engine.Retryable(full), "there may be a place later")
	assert.False(t, engine.Retryable(&engine.Error{Status: 401}))
	assert.True(t, engine.Retryable(&engine.Error{Status: 502}))
	assert.True(t, engine.Retryable(errors.New("any")))
	tooLarge := &engine.Error{Transport: "websocket", Op: engine.OpClosed, CloseCode: 1009, CloseReason: "Max payload size exceeded"}
	assert.True(t, tooLarge.TooLarge())
	assert.Contains(t, tooLarge.Error(), "close code 1009 (Max payload size exceeded)")
	assert.True(t, (&engine.Error{Status: 413}).TooLarge())
	refusal, ok := errors.AsType[*engineio.Error](error(forbidden))
	require.True(t, ok)
	assert.Equal(t, engineio.Forbidden, refusal.Code)
}
