package engine_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
	"weak"

	"github.com/stretchr/testify/require"

	"parley/server/engine"
)

// stages are the states in which clients vanish. Each leaves one client behind
// that never says or reads anything again.
func stages(f *fixture) map[string]func() {
	return map[string]func(){
		"polling, no poll": func() { f.poll() },
		"polling, a poll waits": func() {
			p, _ := f.poll()
			nc := f.dialConn()
			_, err := fmt.Fprintf(nc, "GET /socket.io/%s HTTP/1.1\r\nHost: x\r\n\r\n", p.query())
			require.NoError(f.t, err)
			go io.Copy(io.Discard, nc) //nolint:errcheck // a real connection has buffers
		},
		"polling, half a post": func() {
			p, _ := f.poll()
			nc := f.dialConn()
			_, err := fmt.Fprintf(nc, "POST /socket.io/%s HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n4x", p.query())
			require.NoError(f.t, err)
		},
		"polling, closing": func() {
			_, a := f.poll()
			a.Close("forced close")
		},
		"upgrade, connected": func() {
			p, _ := f.poll()
			f.dialRaw("&sid=" + p.sid)
		},
		"upgrade, probing": func() {
			p, _ := f.poll()
			c := f.dialRaw("&sid=" + p.sid)
			c.write(maskedFrame(0x81, []byte("2probe"))...)
			_, _, err := c.frame()
			require.NoError(f.t, err)
		},
		"upgraded": func() {
			p, _ := f.poll()
			c := f.dialRaw("&sid=" + p.sid)
			c.write(maskedFrame(0x81, []byte("2probe"))...)
			_, _, err := c.frame()
			require.NoError(f.t, err)
			c.write(maskedFrame(0x81, []byte("5"))...)
		},
		"websocket": func() { f.connectRaw() },
		"websocket, half a frame": func() {
			c, _ := f.connectRaw()
			c.write(0x81, 0x85, 0, 0, 0, 0, '4')
		},
		"websocket, with a queue": func() {
			_, a := f.connectRaw()
			send(f.t.(*testing.T), a, "never read")
		},
		"websocket, closing": func() {
			_, a := f.connectRaw()
			a.Close("forced close")
		},
	}
}

// A hundred clients that vanish without a word, in each state, leave nothing
// behind once the heartbeat has noticed.
// Rows: E07 E10 E12
// Advisories: googollee-engine.io-46 zishang520-156
func TestAbandonedSessions(t *testing.T) {
	for name := range stages(nil) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := startPipe(t, engine.Config{})
				synctest.Wait()
				before := runtime.NumGoroutine()
				vanish := stages(f)[name]
				for range 100 {
					vanish()
				}
				f.http.CloseIdleConnections()
				time.Sleep(45*time.Second + 32*time.Second) // ping, pong, and the rest of a message
				synctest.Wait()
				require.Zero(t, f.Count())
				f.http.CloseIdleConnections()
				synctest.Wait()
				// What is left is the HTTP server's: connections that carry no request at the moment.
				left := strings.Count(stacks(), "server/engine") - strings.Count(stacks(), "engine_test")
				require.LessOrEqual(t, left, 0, "%d goroutines before, %d after", before, runtime.NumGoroutine())
			})
		})
	}
}

// stacks returns the innermost frames of all goroutines that are not tests.
func stacks() string {
	buf := make([]byte, 8<<20)
	var b strings.Builder
	for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(g, "engine_test") || strings.Contains(g, "pipe.(*Listener)") {
			continue
		}
		b.WriteString(g)
	}
	return b.String()
}

// An idle session on WebSocket has at most one goroutine, which reads. On Linux
// it has none: one for each shard waits for all of them. A session that polls
// has none but those of the HTTP server.
func TestGoroutinesOfIdleSessions(t *testing.T) {
	f := start(t, engine.Config{})
	count := func() int { return strings.Count(stacks(), "track.(*Group).Go.func1(") }
	base := count()
	for range 50 {
		f.poll()
		f.connectRaw()
	}
	limit := 50
	if runtime.GOOS == "linux" {
		limit = runtime.GOMAXPROCS(0)
	}
	require.Eventually(t, func() bool { return count()-base <= limit }, 5*time.Second, 10*time.Millisecond)
	require.Equal(t, 100, f.Count())
}

// Connections come and go, half of them cut without a word, over and over: after
// each round everything is as before. `make test-long` does it with 9,000.
// Rows: E07
// Advisories: googollee-engine.io-46 googollee-442
func TestChurn(t *testing.T) {
	const n, rounds = churnConnections, churnRounds
	f := start(t, engine.Config{})
	var heap [rounds]uint64
	base := runtime.NumGoroutine()
	for round := range rounds {
		t.Run(fmt.Sprint(round), func(t *testing.T) { // what the test itself keeps ends with the round
			in := &fixture{f.Server, t, f.url, f.http, f.open}
			conns := make([]*rawSocket, n)
			var wg sync.WaitGroup
			for part := range 8 {
				wg.Go(func() {
					for i := part; i < n; i += 8 {
						conns[i] = in.dialRaw("")
					}
				})
			}
			wg.Wait()
			require.Eventually(t, func() bool { return f.Count() == n }, 20*time.Second, time.Millisecond)
			for i, c := range conns {
				if i%2 == 0 {
					c.write(closeFrame(1000, "")...)
					c.reaction()
				}
				require.NoError(t, c.nc.(*net.TCPConn).SetLinger(0))
				require.NoError(t, c.nc.Close())
			}
			for range n {
				await(t, in.opened().closed)
			}
			require.Zero(t, f.Count())
			require.Eventually(t, func() bool { return runtime.NumGoroutine() <= base+10 }, 20*time.Second, time.Millisecond)
		})
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		heap[round] = m.HeapAlloc
	}
	require.Less(t, float64(heap[rounds-1]), 1.1*float64(heap[1])+float64(1<<20), "%v", heap)
	t.Log("bytes in use after each round", heap)
}

// Slow receivers cost no more than their queues, and the healthy ones go on.
// Rows: E17
func TestSlowAmongHealthy(t *testing.T) {
	f := start(t, engine.Config{Queue: engine.QueueLimits{Bytes: 256 << 10}})
	const each = 10
	var slow, healthy []*app
	for range each {
		_, a := f.connectRaw()
		slow = append(slow, a)
	}
	var wg sync.WaitGroup
	for range each {
		c, a := f.connect()
		healthy = append(healthy, a)
		wg.Go(func() {
			for {
				if _, _, err := c.ws.Read(context.Background()); err != nil {
					return
				}
			}
		})
	}
	m := engine.NewMessage(true, make([]byte, 64<<10))
	for range 300 { // 19 MB for each
		for _, a := range slow {
			_ = a.Send(engine.SendOptions{Batch: true}, m)
		}
		for _, a := range healthy {
			require.NoError(t, a.Send(engine.SendOptions{Batch: true}, m))
			require.NoError(t, a.Flush(t.Context()))
		}
	}
	for _, a := range slow {
		require.Equal(t, engine.ErrSlow, await(t, a.closed).err)
	}
	require.Equal(t, each, f.Count())
	for _, a := range healthy {
		a.Close("forced close")
	}
	wg.Wait()
}

// A connection that has nothing to say holds none of what it said last.
func TestIdleConnectionsDoNotKeepTheirLastMessage(t *testing.T) {
	got := make(chan weak.Pointer[byte], 1)
	f := start(t, engine.Config{Open: func(s *engine.Session) engine.Receiver {
		return receiver(func(data []byte) {
			got <- weak.Make(unsafe.SliceData(data))
			_ = s.Send(engine.SendOptions{}, engine.NewMessage(false, []byte("thanks")))
		})
	}})
	c := f.dial("")
	c.text() // the open packet
	for _, size := range []int{900_000, 60_000, 60_000, 20_000, 20_000, 20_000} {
		c.sendBinary(make([]byte, size)...)
		w := await(t, got)
		require.Equal(t, "4thanks", c.text())
		for until := time.Now().Add(30 * time.Second); w.Value() != nil; runtime.GC() {
			require.True(t, time.Now().Before(until), "still in memory")
		}
	}
}

// receiver takes messages.
type receiver func(data []byte)

func (r receiver) Receive(_ bool, data []byte) engine.Task { r(data); return nil }
func (receiver) Closed(engine.Reason, error)               {}
