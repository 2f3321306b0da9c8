package engine_test

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"parley/server/engine"
	"parley/shared/engineio"
)

// Rows: E12
func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{})
		c, a := f.connect()
		begin := time.Now()
		for i := range 3 {
			require.Equal(t, "2", c.text())
			require.Equal(t, time.Duration(i)*30*time.Second+25*time.Second, time.Since(begin))
			time.Sleep(5 * time.Second)
			c.send("3") // the next ping counts from here
		}
		require.Equal(t, "2", c.text())
		last := time.Now()
		require.Equal(t, ending{engineio.ReasonPingTimeout, nil}, await(t, a.closed))
		require.Equal(t, 20*time.Second, time.Since(last))
		require.Equal(t, websocket.StatusPolicyViolation, c.end())
	})
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{})
		p, a := f.poll()
		begin := time.Now()
		for i := range 3 {
			require.Equal(t, "2", p.get().body)
			require.Equal(t, time.Duration(i+1)*25*time.Second, time.Since(begin))
			require.Equal(t, "ok", p.post("3").body)
		}
		require.Equal(t, "2", p.get().body)
		require.Equal(t, "1", p.get().body, "the poll that waits is told of the end")
		require.Equal(t, ending{engineio.ReasonPingTimeout, nil}, await(t, a.closed))
		require.Equal(t, 120*time.Second, time.Since(begin))
		require.Equal(t, 400, p.get().status)
	})
}

// Pongs that nobody asked for change nothing.
func TestUnsolicitedPong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{})
		c, _ := f.connect()
		begin := time.Now()
		time.Sleep(20 * time.Second)
		c.send("3")
		require.Equal(t, "2", c.text())
		require.Equal(t, 25*time.Second, time.Since(begin))
	})
}

// Whoever sends something is alive, and is pinged often enough to know that we
// are, too.
// Rows: E12
func TestMessagesCountAsLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{})
		c, a := f.connect()
		a.silent = true
		begin := time.Now()
		var pings []time.Duration
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				_, b, err := c.ws.Read(t.Context())
				if err != nil {
					return
				}
				if string(b) == "2" {
					pings = append(pings, time.Since(begin))
				}
			}
		}()
		for range 20 {
			time.Sleep(10 * time.Second)
			c.send("4busy, never a pong")
		}
		require.Empty(t, a.closed)
		require.Equal(t, engineio.ReasonPingTimeout, await(t, a.closed).reason)
		require.LessOrEqual(t, time.Since(begin), 200*time.Second+65*time.Second)
		<-done
		require.NotEmpty(t, pings)
		for i := 1; i < len(pings); i++ {
			require.LessOrEqual(t, pings[i]-pings[i-1], 45*time.Second, "the client would give up")
		}
	})
}

// A slow upload is life, as long as it stays within its own deadline.
// Rows: E12 E13
func TestUploadsCountAsLife(t *testing.T) {
	t.Run("websocket", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := startPipe(t, engine.Config{MessageTimeout: 60 * time.Second})
			c, a := f.connectRaw()
			go c.reaction()
			time.Sleep(26 * time.Second)
			c.write(append(frameHeader(0x81, 12, true), 0, 0, 0, 0, '4', 's', 'l', 'o', 'w')...)
			time.Sleep(50 * time.Second)
			require.Empty(t, a.closed)
			c.write([]byte(" upload")...)
			require.Equal(t, "slow upload", (await(t, a.got)).data)
		})
	})
	t.Run("polling", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := startPipe(t, engine.Config{MessageTimeout: 60 * time.Second})
			p, a := f.poll()
			require.Equal(t, "2", p.get().body)
			body, w := io.Pipe()
			go func() {
				_, _ = w.Write([]byte("4slow"))
				time.Sleep(50 * time.Second)
				_, _ = w.Write([]byte(" upload"))
				_ = w.Close()
			}()
			resp, err := f.http.Post(f.url+p.query(), "text/plain", body)
			require.NoError(t, err)
			resp.Body.Close()
			require.Equal(t, 200, resp.StatusCode)
			require.Equal(t, "slow upload", (await(t, a.got)).data)
			require.Empty(t, a.closed)
		})
	})
}

// A receiver that takes its time does not kill its client, whose pong cannot be
// read meanwhile.
func TestBusyReceiverCountsAsLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		f := startPipe(t, engine.Config{Open: func(s *engine.Session) engine.Receiver { return blocks{s, release} }})
		c := f.dial("")
		c.text()
		c.send("4x")
		go c.end()
		time.Sleep(200 * time.Second)
		require.Equal(t, 1, f.Count())
		close(release)
		time.Sleep(100 * time.Second)
		require.Zero(t, f.Count())
	})
}

// Rows: E12 E09
func TestHeartbeatAcrossTheUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{})
		p, a := f.poll()
		require.Equal(t, "2", p.get().body)
		time.Sleep(19 * time.Second)
		c := p.probe()
		c.send("5") // counts as an answer
		require.Equal(t, "2", c.text())
		c.send("3")
		require.Equal(t, "2", c.text())
		require.Empty(t, a.closed)
	})
}

// Many sessions share a timer; each keeps its own time.
func TestTimersOfManySessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{})
		var all []*app
		begin := time.Now()
		for range 200 {
			_, a := f.poll()
			all = append(all, a)
			time.Sleep(7 * time.Millisecond)
		}
		for i, a := range all {
			require.Equal(t, engineio.ReasonPingTimeout, await(t, a.closed).reason)
			require.Equal(t, 45*time.Second+time.Duration(i)*7*time.Millisecond, time.Since(begin))
		}
		require.Zero(t, f.Count())
	})
}

// The same over polling, where a client that polls on is kept, and one that has
// gone is not.
// Rows: E12 E07
func TestBusyReceiverOverPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := make(chan struct{})
		f := startPipe(t, engine.Config{Open: func(s *engine.Session) engine.Receiver { return blocks{s, never} }})
		p := &poller{f, sidOf(t, f.do("GET", pollQuery, ""))}
		go func() { _, _ = f.request(context.Background(), "POST", p.query(), "4x") }()
		synctest.Wait()
		for range 5 {
			require.Equal(t, "2", p.get().body) // and no pong, since the post before is not over
		}
		require.Equal(t, 1, f.Count())
		time.Sleep(120 * time.Second)
		require.Zero(t, f.Count(), "it does not poll any more")
	})
}

// A client that leaves while the receiver waits for the session's end, so that
// nobody reads, is noticed with the next ping.
// Rows: E12
func TestClientLeavesABusyReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := make(chan struct{})
		f := startPipe(t, engine.Config{Open: func(s *engine.Session) engine.Receiver { return blocks{s, never} }})
		c := f.dial("")
		c.text()
		c.send("4x")
		synctest.Wait()
		_ = c.ws.CloseNow()
		time.Sleep(90 * time.Second)
		require.Zero(t, f.Count())
	})
}
