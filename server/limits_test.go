package server_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/shared/engineio"
	"parley/shared/event"
)

func TestFullInboxHoldsTheClientBack(t *testing.T) {
	f := start(t, server.Config{Limits: server.Limits{Inbox: 10}})
	release, handled := make(chan struct{}), make(chan int, 10_000)
	f.OnConnect(func(s *server.Socket) {
		s.On("n", func(args event.Args) {
			<-release
			var n int
			assert.NoError(t, args.Decode(&n))
			handled <- n
		})
	})
	p, s := f.join("/")
	sent := make(chan struct{})
	text := strings.Repeat("x", 50_000)
	go func() { // far more than an inbox and the kernel's buffers hold
		defer close(sent)
		for i := range 500 {
			p.send(fmt.Sprintf(`2["n",%d,"%s"]`, i, text))
		}
	}()
	select {
	case <-sent:
		t.Error("the client was not held back")
	case <-time.After(200 * time.Millisecond):
	}
	require.True(t, s.Connected())
	close(release)
	for i := range 500 {
		require.Equal(t, i, await(t, handled))
	}
	await(t, sent)
}

func TestFullInboxIsReleasedByTheEnd(t *testing.T) {
	f := start(t, server.Config{Limits: server.Limits{InboxBytes: 1}})
	reasons := ended(f)
	entered, release := make(chan struct{}, 8), make(chan struct{})
	p, s := f.join("/")
	s.On("x", func(event.Args) { entered <- struct{}{}; <-release })
	for range 5 {
		p.send(`2["x"]`)
	}
	await(t, entered)
	s.Conn().Close(engineio.ReasonForcedClose)
	<-s.Context().Done()
	close(release)
	require.Equal(t, engineio.ReasonForcedClose, await(t, reasons))
}

// The reader waits for room in the inbox of one socket; the others of the connection must not wait for ever when the
// server puts that one out.
func TestFullInboxIsReleasedByTheServersGoodbye(t *testing.T) {
	f := start(t, server.Config{Limits: server.Limits{Inbox: 1}})
	f.Of(event.NewNamespace("/other"))
	entered, release := make(chan struct{}, 8), make(chan struct{})
	p, s := f.join("/")
	defer close(release)
	s.On("x", func(event.Args) { entered <- struct{}{}; <-release })
	for range 5 {
		p.send(`2["x"]`)
	}
	await(t, entered)
	p.send("0/other,")
	s.Disconnect(false)
	answers := p.read() + p.read() // in any order: the reader goes on as soon as the socket has ended
	require.Contains(t, answers, `0/other,{"sid":`)
	require.Regexp(t, `^10|}1$`, answers)
}

func TestConcurrentHandlers(t *testing.T) {
	f := start(t, server.Config{})
	f.Concurrency(3)
	log := make(chan string, 16)
	release := make(chan struct{})
	f.OnConnect(func(s *server.Socket) {
		log <- "connect"
		<-release
		log <- "connected"
	})
	all := make(chan struct{})
	f.OnDisconnect(func(*server.Socket, engineio.Reason, error) { log <- "end" })
	p, s := f.join("/")
	s.On("x", func(event.Args) { log <- "x"; <-all; log <- "done" })
	for range 4 {
		p.send(`2["x"]`)
	}
	p.send("1")
	<-s.Context().Done()
	require.Equal(t, "connect", await(t, log))
	close(release)
	require.Equal(t, "connected", await(t, log))
	for range 3 {
		require.Equal(t, "x", await(t, log))
	}
	require.Empty(t, log, "not more than three at once")
	close(all)
	rest := map[string]int{}
	for range 5 {
		rest[await(t, log)]++
	}
	require.Equal(t, map[string]int{"x": 1, "done": 4}, rest)
	require.Equal(t, "end", await(t, log))
}

func TestEventRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faults := make(chan server.Fault, 32)
		f := startPipe(t, server.Config{
			Limits:  server.Limits{EventRate: server.Rate{PerSecond: 2, Burst: 3}},
			OnFault: func(f server.Fault) { faults <- f },
		})
		f.OnConnect(func(s *server.Socket) {
			s.OnAck("x", func(_ event.Args, ack func(...any)) { ack() })
		})
		p, s := f.join("/")
		p.send(`21["x"]`)
		p.expect(`31[]`)
		p.send(`22["x"]`)
		p.expect(`32[]`)
		p.send(`23["x"]`)
		p.expect(`33[]`)
		p.send(`24["x"]`)
		p.expect(`34[{"error":{"code":"rate_limited","message":"too many events"}}]`)
		require.Equal(t, event.CodeRateLimited, event.CodeOf((<-faults).Err))
		time.Sleep(time.Second)
		p.send(`25["x"]`)
		p.expect(`35[]`)
		p.send(`26["x"]`)
		p.expect(`36[]`)
		for range 4 { // a whole burst more
			p.send(`2["x"]`)
		}
		p.expectClosed()
		synctest.Wait()
		require.False(t, s.Connected())
	})
}

// What the hook lets through costs nothing of the limit, unless it asks.
// Rows: L03
func TestAdmit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faults := make(chan server.Fault, 32)
		f := startPipe(t, server.Config{
			Limits: server.Limits{EventRate: server.Rate{PerSecond: 1, Burst: 2}},
			Admit: func(next server.AdmitFunc) server.AdmitFunc {
				return func(e *server.Event) server.Verdict {
					switch e.Name {
					case "free":
						return server.Accept
					case "typing":
						if e.Socket().Get(quota{}).(*server.Bucket).Take() {
							return server.Accept
						}
						return server.Drop
					case "own words":
						assert.NoError(t, e.Ack("not you"))
						return server.Drop
					case "forbidden":
						return server.Refuse
					case "fatal":
						return server.Disconnect
					case "broken":
						panic("hook")
					}
					return next(e)
				}
			},
			OnFault: func(f server.Fault) { faults <- f },
		})
		f.Use(func(next server.ConnectFunc) server.ConnectFunc {
			return func(ctx context.Context, s *server.Socket) error {
				s.Set(quota{}, &server.Bucket{Rate: server.Rate{PerSecond: 0.5}})
				return next(ctx, s)
			}
		})
		handled := make(chan string, 32)
		f.UseEvent(func(next server.EventFunc) server.EventFunc {
			return func(_ context.Context, e *server.Event) error { handled <- e.Name; return e.Ack() }
		})
		reasons := ended(f)
		p, s := f.join("/")
		other, _ := f.join("/")
		for range 5 {
			p.send(`21["free"]`)
			p.expect(`31[]`)
		}
		const refused = `[{"error":{"code":"rate_limited","message":"too many events"}}]`
		p.send(`21["plain"]`)
		p.send(`22["plain"]`)
		p.expect(`31[]`, `32[]`)
		p.send(`23["plain"]`)
		p.expect(`33` + refused)
		other.send(`21["plain"]`) // each socket has its own limit
		other.expect(`31[]`)
		p.send(`21["forbidden"]`)
		p.send(`22["own words"]`)
		p.send(`23["broken"]`)
		p.expect(`31`+refused, `32["not you"]`, `33[{"error":{"code":"internal","message":"internal error"}}]`)
		for range 3 {
			p.send(`2["typing"]`)
		}
		time.Sleep(2 * time.Second)
		p.send(`2["typing"]`)
		synctest.Wait()
		close(handled)
		counts := map[string]int{}
		for name := range handled {
			counts[name]++
		}
		require.Equal(t, map[string]int{"free": 5, "plain": 3, "typing": 2}, counts)
		require.Len(t, faults, 3, "plain, forbidden, broken; what is dropped is not told")
		require.True(t, s.Connected())
		p.send(`24["fatal"]`)
		require.Equal(t, []string{`434` + refused}, p.expectClosed())
		require.Equal(t, engineio.ReasonForcedClose, <-reasons)
		other.cut()
	})
}

type quota struct{}

func TestBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		take := func(b *server.Bucket, n int) (got int) {
			for range n {
				if b.Take() {
					got++
				}
			}
			return got
		}
		require.Equal(t, 1000, take(&server.Bucket{}, 1000), "the zero Rate is no limit")
		require.Equal(t, 50, take(&server.Bucket{Rate: server.Rate{PerSecond: 50}}, 100))
		require.Equal(t, 3, take(&server.Bucket{Rate: server.Rate{PerSecond: 2.5}}, 100))
		b := &server.Bucket{Rate: server.Rate{PerSecond: 2, Burst: 10}}
		require.Equal(t, 10, take(b, 100))
		time.Sleep(2 * time.Second)
		require.Equal(t, 4, take(b, 100))
		time.Sleep(time.Hour)
		require.Equal(t, 10, take(b, 100), "never more than the burst")
	})
}

// Advisories: CVE-2026-33151
func TestAttachmentsThatNeverCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, server.Config{Limits: server.Limits{PacketTime: 5 * time.Second}})
		reasons := ended(f)
		p, s := f.join("/")
		got := make(chan struct{}, 2)
		s.On("x", func(event.Args) { got <- struct{}{} })
		p.send(`51-["x",{"_placeholder":true,"num":0}]`)
		time.Sleep(4 * time.Second)
		p.sendBinary(1)
		<-got
		time.Sleep(10 * time.Second)
		require.True(t, s.Connected())
		begin := time.Now()
		p.send(`51-["x",{"_placeholder":true,"num":0}]`)
		p.expectClosed()
		require.Equal(t, 5*time.Second, time.Since(begin))
		require.Equal(t, engineio.ReasonForcedClose, <-reasons)
	})
}

func TestTooMuchBeforeConnect(t *testing.T) {
	f := start(t, server.Config{Limits: server.Limits{Held: 2}})
	f.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			assert.NoError(t, s.Emit("a"))
			assert.NoError(t, s.Emit("b"))
			assert.ErrorIs(t, s.Emit("c"), server.ErrHeld)
			return next(ctx, s)
		}
	})
	p, s := f.join("/")
	p.expect(`2["a"]`, `2["b"]`)
	p.silent(s)
}
