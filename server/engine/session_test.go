package engine_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"parley/server/engine"
	"parley/server/engine/internal/pipe"
	"parley/shared/engineio"
)

// peer is a client on some transport. Packets are in text form, binary messages
// as 'b' and base64.
type peer interface {
	send(packets ...string)
	next() string // blocks
	leave()       // in an orderly way
	gone()        // reads to the end, which must come
}

// wsPeer is a client on WebSocket.
type wsPeer struct{ *socket }

func (p wsPeer) send(packets ...string) {
	for _, packet := range packets {
		if data, ok := strings.CutPrefix(packet, "b"); ok {
			b, err := base64.StdEncoding.DecodeString(data)
			require.NoError(p.t, err)
			p.sendBinary(b...)
		} else {
			p.socket.send(packet)
		}
	}
}

func (p wsPeer) next() string {
	kind, b, err := p.ws.Read(context.Background())
	require.NoError(p.t, err)
	if kind == websocket.MessageBinary {
		return "b" + base64.StdEncoding.EncodeToString(b)
	}
	return string(b)
}

func (p wsPeer) leave() { p.socket.send("1") }
func (p wsPeer) gone()  { p.end() }

// pollPeer is a client that polls.
type pollPeer struct {
	*poller
	queue []string
}

func (p *pollPeer) send(packets ...string) {
	require.Equal(p.f.t, "ok", p.post(strings.Join(packets, "\x1e")).body)
}

func (p *pollPeer) next() string {
	if len(p.queue) == 0 {
		a := p.get()
		require.Equal(p.f.t, 200, a.status)
		p.queue = strings.Split(a.body, "\x1e")
	}
	first := p.queue[0]
	p.queue = p.queue[1:]
	return first
}

func (p *pollPeer) leave() { p.send("1") }

func (p *pollPeer) gone() {
	for range 100 {
		if p.get().status == 400 {
			return
		}
	}
	require.Fail(p.f.t, "the session goes on")
}

// startTLS is start over TLS, where nothing can be written without blocking.
func startTLS(t testing.TB, cfg engine.Config) *fixture {
	f := &fixture{t: t}
	f.Server = engine.New(f.config(cfg))
	web := httptest.NewUnstartedServer(f.Server)
	web.TLS = &tls.Config{NextProtos: []string{"http/1.1"}}
	web.StartTLS()
	f.url, f.http = web.URL+"/socket.io/", web.Client()
	t.Cleanup(func() {
		require.NoError(t, f.Close())
		web.CloseClientConnections()
		web.Close()
	})
	return f
}

// overEveryTransport runs one test over each way a session can be carried.
func overEveryTransport(t *testing.T, cfg engine.Config, test func(t *testing.T, f *fixture, p peer, a *app)) {
	ws := func(f *fixture) (peer, *app) { c, a := f.connect(); return wsPeer{c}, a }
	poll := func(f *fixture) (peer, *app) { p, a := f.poll(); return &pollPeer{poller: p}, a }
	upgraded := func(f *fixture) (peer, *app) {
		p, a := f.poll()
		c := p.probe()
		c.send("5")
		return wsPeer{c}, a
	}
	for _, c := range []struct {
		name  string
		start func(testing.TB, engine.Config) *fixture
		open  func(f *fixture) (peer, *app)
	}{
		{"websocket", start, ws}, {"websocket over TLS", startTLS, ws}, {"websocket over a pipe", startPipe, ws},
		{"polling", start, poll}, {"polling over TLS", startTLS, poll},
		{"upgraded", start, upgraded}, {"upgraded over TLS", startTLS, upgraded},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := c.start(t, cfg)
			p, a := c.open(f)
			test(t, f, p, a)
		})
	}
}

// Rows: E03 E04 E05 E08 E09
func TestEcho(t *testing.T) {
	overEveryTransport(t, engine.Config{}, func(t *testing.T, f *fixture, p peer, a *app) {
		for _, packet := range []string{"4", "4hello", "4häß €😀", "b", "bAQID", "4" + strings.Repeat("long ", 10_000)} {
			p.send(packet)
			require.Equal(t, packet, p.next())
		}
		p.send("4a", "bAQ==", "4b")
		require.Equal(t, []string{"4a", "bAQ==", "4b"}, []string{p.next(), p.next(), p.next()})
	})
}

// Rows: M22 D01
func TestOrderAndGroups(t *testing.T) {
	overEveryTransport(t, engine.Config{}, func(t *testing.T, f *fixture, p peer, a *app) {
		const n = 300
		go func() {
			for i := range n {
				_ = a.Send(engine.SendOptions{Batch: i%2 == 0},
					engine.NewMessage(false, []byte(fmt.Sprint(i))), engine.NewMessage(true, []byte{byte(i)}))
			}
		}()
		for i := range n {
			require.Equal(t, fmt.Sprint("4", i), p.next())
			require.Equal(t, "b"+base64.StdEncoding.EncodeToString([]byte{byte(i)}), p.next())
		}
	})
}

// Rows: E16 A15
func TestEndings(t *testing.T) {
	t.Run("the client leaves", func(t *testing.T) {
		overEveryTransport(t, engine.Config{}, func(t *testing.T, f *fixture, p peer, a *app) {
			p.leave()
			require.Equal(t, ending{engineio.ReasonTransportClose, nil}, await(t, a.closed))
			p.gone()
		})
	})
	t.Run("a broken packet", func(t *testing.T) {
		overEveryTransport(t, engine.Config{}, func(t *testing.T, f *fixture, p peer, a *app) {
			if poll, ok := p.(*pollPeer); ok {
				require.Equal(t, 400, poll.post("9").status)
			} else {
				p.send("9")
			}
			require.Equal(t, ending{engineio.ReasonParseError, engineio.ErrUnknownType}, await(t, a.closed))
			p.gone()
		})
	})
	t.Run("the server closes", func(t *testing.T) {
		overEveryTransport(t, engine.Config{}, func(t *testing.T, f *fixture, p peer, a *app) {
			send(t, a, "last")
			a.Close(engineio.ReasonServerNamespaceDisconnect)
			require.Equal(t, ending{engineio.ReasonServerNamespaceDisconnect, nil}, await(t, a.closed))
			<-a.Done()
			require.Equal(t, "4last", p.next())
			p.gone()
			require.Zero(t, f.Count())
		})
	})
	t.Run("shutdown", func(t *testing.T) {
		overEveryTransport(t, engine.Config{}, func(t *testing.T, f *fixture, p peer, a *app) {
			send(t, a, "last")
			done := make(chan error, 1)
			go func() { done <- f.Shutdown(context.Background()) }()
			require.Equal(t, ending{engineio.ReasonServerShuttingDown, nil}, await(t, a.closed))
			require.Equal(t, "4last", p.next())
			if poll, ok := p.(*pollPeer); ok {
				require.Equal(t, "1", poll.next())
			} else {
				p.gone()
			}
			require.NoError(t, await(t, done))
		})
	})
}

// Rows: E19
func TestSecureIsTold(t *testing.T) {
	f := startTLS(t, engine.Config{})
	_, a := f.poll()
	require.True(t, a.Handshake().Secure)
	_, a = f.connect()
	require.True(t, a.Handshake().Secure)
}

// Over HTTP/2 there is polling; a WebSocket needs a connection of its own.
// Rows: A03 A16
func TestPollingOverHTTP2(t *testing.T) {
	f := &fixture{t: t}
	f.Server = engine.New(f.config(engine.Config{}))
	web := httptest.NewUnstartedServer(f.Server)
	web.EnableHTTP2 = true
	web.StartTLS()
	defer web.Close()
	defer f.Close() //nolint:errcheck // always nil
	f.url, f.http = web.URL+"/socket.io/", web.Client()
	p, _ := f.poll()
	waiting := p.start()
	require.Equal(t, "ok", p.post("4x").body)
	require.Equal(t, "4x", await(t, waiting).body)
	resp, err := f.http.Get(f.url)
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, 2, resp.ProtoMajor)
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
}

// A client that resets its streams as fast as it opens them leaves nothing: neither the polls
// that it gives up, nor the sessions that it would not have.
// Rows: A16 E07
// Advisories: CVE-2023-44487 CVE-2023-39325
func TestResetsOverHTTP2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fixture{t: t, url: "http://pipe/socket.io/"}
		f.Server = engine.New(f.config(engine.Config{}))
		l := pipe.Listen()
		var h2 http.Protocols
		h2.SetUnencryptedHTTP2(true)
		web := &http.Server{Handler: f.Server, Protocols: &h2}
		served := make(chan struct{})
		go func() {
			defer close(served)
			_ = web.Serve(l)
		}()
		f.http = l.Client()
		f.http.Transport.(*http.Transport).Protocols = &h2
		defer func() {
			require.NoError(t, f.Close())
			f.http.CloseIdleConnections()
			require.NoError(t, web.Close())
			<-served
		}()
		p, a := f.poll()
		synctest.Wait()
		before := bubbled()
		for range 50 {
			ctx, cancel := context.WithCancel(t.Context())
			var resets sync.WaitGroup
			var apps []*app
			for range 10 {
				q, a := f.poll()
				apps = append(apps, a)
				resets.Go(func() { _, _ = f.request(ctx, "GET", q.query(), "") })
			}
			synctest.Wait()
			for range 10 { // so fast that the server may not have begun
				resets.Go(func() { _, _ = f.request(ctx, "GET", pollQuery, "") })
			}
			runtime.Gosched()
			cancel()
			resets.Wait()
			for _, a := range apps {
				require.Equal(t, ending{engineio.ReasonTransportError, engine.ErrAborted}, await(t, a.closed))
			}
			synctest.Wait()
			for len(f.open) > 0 {
				<-f.open // sessions whose client does not know of them
			}
		}
		require.Equal(t, "ok", p.post("4still here").body)
		require.Equal(t, "4still here", p.get().body)
		require.Equal(t, engineio.ReasonPingTimeout, await(t, a.closed).reason, "nobody polls any more")
		synctest.Wait()
		require.Zero(t, f.Count())
		require.LessOrEqual(t, bubbled(), before)
	})
}

// bubbled returns how many goroutines there are in synctest bubbles, not counting those that
// have returned and are not quite gone.
func bubbled() int {
	buf := make([]byte, 1<<20)
	return strings.Count(string(buf[:runtime.Stack(buf, true)]), ", synctest bubble ")
}
