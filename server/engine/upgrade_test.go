package engine_test

import (
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"parley/server/engine"
	"parley/shared/engineio"
)

// probe opens a WebSocket for the session and has it probed.
func (p *poller) probe() *socket {
	p.f.t.Helper()
	c := p.f.dial("&sid=" + p.sid)
	c.send("2probe")
	require.Equal(p.f.t, "3probe", c.text())
	return c
}

func send(t *testing.T, a *app, text string) {
	t.Helper()
	require.NoError(t, a.Send(engine.SendOptions{}, engine.NewMessage(false, []byte(text))))
}

// Rows: E09
func TestUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{})
		p, a := f.poll()
		waiting := p.start()
		synctest.Wait()
		c := p.probe()
		require.Equal(t, "6", await(t, waiting).body, "the poll is let go")

		begin := time.Now()
		require.Equal(t, "6", p.get().body, "the next one too, after a while")
		require.Equal(t, 100*time.Millisecond, time.Since(begin))
		require.Equal(t, "polling", a.Transport())

		send(t, a, "over polling")
		require.Equal(t, "4over polling", p.get().body)
		for i := range 3 {
			send(t, a, fmt.Sprint("queued", i))
		}
		c.send("5")
		for i := range 3 {
			require.Equal(t, fmt.Sprint("4queued", i), c.text())
		}
		require.Equal(t, "websocket", a.Transport())
		send(t, a, "direct")
		require.Equal(t, "4direct", c.text())
		c.send("4hello")
		require.Equal(t, "4hello", c.text())
		require.Equal(t, "2", c.text(), "the heartbeat goes on")
		c.send("3")

		a.Close(engineio.ReasonForcedClose)
		require.Equal(t, engineio.ReasonForcedClose, await(t, a.closed).reason)
		require.Equal(t, websocket.StatusNormalClosure, c.end())
	})
}

// Rows: E10 E09
func TestRequestsAfterTheUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{})
		p, a := f.poll()
		c := p.probe()
		c.send("5")
		synctest.Wait()
		require.Equal(t, `{"code":3,"message":"Bad request"}`, p.get().body)
		require.Equal(t, 400, p.post("4x").status)
		second := f.dial("&sid=" + p.sid)
		require.Equal(t, websocket.StatusNormalClosure, second.end(), "accepted, then closed")
		c.send("4still here")
		require.Equal(t, "4still here", c.text())
		require.Empty(t, a.closed)
	})
}

// A poll that knew of the upgrade is refused when the upgrade completes; one
// that did not is let go.
func TestPollsThatWaitAtTheCompletion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{})
		p, _ := f.poll()
		c := p.probe()
		waiting := p.start()
		synctest.Wait()
		c.send("5")
		require.Equal(t, 400, await(t, waiting).status)

		p, _ = f.poll()
		waiting = p.start()
		synctest.Wait()
		c = f.dial("&sid=" + p.sid)
		c.send("5") // without a probe, as the reference allows
		require.Equal(t, "6", await(t, waiting).body)
		c.send("4x")
		require.Equal(t, "4x", c.text())
	})
}

// A post that is still being received when the upgrade completes is refused; the
// session goes on.
func TestPostDuringTheCompletion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{})
		p, a := f.poll()
		body, w := io.Pipe()
		status := make(chan int, 1)
		go func() {
			resp, err := f.http.Post(f.url+p.query(), "text/plain", body)
			if err != nil {
				status <- 0
				return
			}
			resp.Body.Close()
			status <- resp.StatusCode
		}()
		_, err := w.Write([]byte("4late"))
		require.NoError(t, err)
		c := p.probe()
		c.send("5")
		c.send("4first")
		require.Equal(t, "4first", c.text())
		require.NoError(t, w.Close())
		// 0: over a pipe the connection may be closed while the client writes its last bytes.
		require.Contains(t, []int{0, 400}, await(t, status))
		require.Equal(t, message{false, "first"}, await(t, a.got))
		require.Empty(t, a.got)
		require.Empty(t, a.closed)
	})
}

// Messages of a post that has begun to be handed on come before those of the
// WebSocket, and Receive is never called twice at a time.
func TestPostBeforeTheCompletionKeepsItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		order := make(chan string, 10)
		release := make(chan struct{})
		f := startPipe(t, engine.Config{Open: func(*engine.Session) engine.Receiver {
			return ordered{order, release}
		}})
		a := f.do("GET", pollQuery, "")
		p := &poller{f, sidOf(t, a)}
		done := make(chan reply, 1)
		go func() { r, _ := f.request(t.Context(), "POST", p.query(), "4one\x1e4two"); done <- r }()
		synctest.Wait()
		c := p.probe()
		c.send("5")
		c.send("4three")
		synctest.Wait()
		close(release)
		require.Equal(t, 200, await(t, done).status)
		require.Equal(t, []string{"one", "two", "three"}, []string{<-order, <-order, <-order})
	})
}

type ordered struct {
	got     chan string
	release chan struct{}
}

func (o ordered) Receive(_ bool, data []byte) engine.Task {
	<-o.release
	o.got <- string(data)
	return nil
}
func (o ordered) Closed(engine.Reason, error) {}

// Rows: E10
func TestUpgradeTimeout(t *testing.T) {
	for _, probed := range []bool{false, true} {
		t.Run(fmt.Sprint("probed ", probed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := startPipe(t, engine.Config{})
				p, a := f.poll()
				begin := time.Now()
				c := f.dial("&sid=" + p.sid)
				if probed {
					c.send("2probe")
					require.Equal(t, "3probe", c.text())
				}
				c.end()
				require.Equal(t, 10*time.Second, time.Since(begin))
				send(t, a, "polling goes on")
				require.Equal(t, "4polling goes on", p.get().body)
				c = p.probe() // and so does the right to upgrade
				c.send("5")
				c.send("4x")
				require.Equal(t, "4x", c.text())
			})
		})
	}
}

// Rows: E09 E10
// Advisories: CVE-2022-41940
func TestFailedUpgrades(t *testing.T) {
	for name, spoil := range map[string]func(c *socket){
		"a message while probing":       func(c *socket) { c.send("4too early") },
		"a pong":                        func(c *socket) { c.send("3") },
		"a ping that is no probe":       func(c *socket) { c.send("2other") },
		"a binary message":              func(c *socket) { c.sendBinary(1) },
		"no packet at all":              func(c *socket) { c.send("") },
		"an unknown packet":             func(c *socket) { c.send("x") },
		"a close packet":                func(c *socket) { c.send("1") },
		"the connection is closed":      func(c *socket) { _ = c.ws.Close(websocket.StatusNormalClosure, "") },
		"the connection is cut":         func(c *socket) { _ = c.ws.CloseNow() },
		"a message, after the probe":    func(c *socket) { c.send("2probe"); c.send("4x") },
		"cut after the probe":           func(c *socket) { c.send("2probe"); c.text(); _ = c.ws.CloseNow() },
		"text that is not UTF-8":        func(c *socket) { c.send("\xff") },
		"a second probe and a message":  func(c *socket) { c.send("2probe"); c.send("2probe"); c.send("4x") },
		"a message above the limit":     func(c *socket) { c.send(string(make([]byte, 2000))) },
		"one and a half upgrade packet": func(c *socket) { c.send("2probe"); c.send("6") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := startPipe(t, engine.Config{MaxPayload: 1000})
				p, a := f.poll()
				c := f.dial("&sid=" + p.sid)
				spoil(c)
				c.end()
				synctest.Wait()
				require.Equal(t, 1, f.Count())
				require.Empty(t, a.got)
				require.Equal(t, "polling", a.Transport())
				send(t, a, "polling goes on")
				require.Equal(t, "4polling goes on", p.get().body)
				c = p.probe()
				c.send("5")
				c.send("4x")
				require.Equal(t, "4x", c.text())
			})
		})
	}
}

// Rows: E10
func TestSecondCandidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{})
		p, _ := f.poll()
		first := p.probe()
		second := f.dial("&sid=" + p.sid)
		require.Equal(t, websocket.StatusNormalClosure, second.end())
		first.send("5")
		first.send("4x")
		require.Equal(t, "4x", first.text())

		c, a := f.connect() // a session that began on WebSocket has nothing to upgrade to
		other := f.dial("&sid=" + a.ID())
		require.Equal(t, websocket.StatusNormalClosure, other.end())
		c.send("4x")
		require.Equal(t, "4x", c.text())
	})
}

func TestUpgradesSwitchedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{NoUpgrades: true})
		p, a := f.poll()
		require.Equal(t, websocket.StatusNormalClosure, f.dial("&sid="+p.sid).end())
		send(t, a, "x")
		require.Equal(t, "4x", p.get().body)
	})
}

// Rows: E10
func TestSessionEndsDuringAnUpgrade(t *testing.T) {
	for name, c := range map[string]struct {
		end    func(p *poller, a *app)
		reason engine.Reason
	}{
		"the client says goodbye": {func(p *poller, a *app) { p.post("1") }, engineio.ReasonTransportClose},
		"a broken packet":         {func(p *poller, a *app) { p.post("x") }, engineio.ReasonParseError},
		"the server closes, a poll waits": {func(p *poller, a *app) {
			p.start()
			synctest.Wait()
			a.Close(engineio.ReasonForcedClose)
		}, engineio.ReasonForcedClose},
		"the server shuts down": {func(p *poller, a *app) { _ = p.f.Server.Close() }, engineio.ReasonServerShuttingDown},
		"silence":               {func(p *poller, a *app) {}, engineio.ReasonPingTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := startPipe(t, engine.Config{UpgradeTimeout: time.Hour})
				p, a := f.poll()
				ws := p.probe()
				c.end(p, a)
				ws.end()
				require.Equal(t, c.reason, await(t, a.closed).reason)
				require.Equal(t, 400+103*btoi(name == "the server shuts down"), orClosing(p))
			})
		})
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// orClosing is the status of a poll for a session that is gone: 400, or 503 from
// a server that accepts nobody.
func orClosing(p *poller) int {
	status := p.get().status
	if p.f.Count() == 0 && status == 400 && p.f.do("GET", pollQuery, "").status == 503 {
		return 503
	}
	return status
}

// A close that waits for the last poll is delivered over the WebSocket when the
// upgrade comes first.
func TestUpgradeOfAClosingSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{})
		p, a := f.poll()
		c := p.probe()
		send(t, a, "last words")
		a.Close(engineio.ReasonForcedClose)
		require.Equal(t, engineio.ReasonForcedServerClose, await(t, a.closed).reason)
		require.ErrorIs(t, a.Send(engine.SendOptions{}, engine.NewMessage(false, nil)), engine.ErrClosed)
		c.send("5")
		require.Equal(t, "4last words", c.text())
		require.Equal(t, websocket.StatusNormalClosure, c.end())
		require.Equal(t, `{"code":1,"message":"Session ID unknown"}`, p.get().body)
	})
}

// What may wait for a poll may also go over with the upgrade.
func TestUpgradeWithALargeMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{Queue: engine.QueueLimits{Bytes: 1000}})
		p, a := f.poll()
		c := f.dial("&sid=" + p.sid)
		c.send("2probe") // its answer stays in the queue: nobody reads yet
		synctest.Wait()
		large := string(make([]byte, 100_000))
		send(t, a, large)
		c.send("5")
		synctest.Wait()
		require.Empty(t, a.closed)
		require.Equal(t, "3probe", c.text())
		require.Equal(t, "4"+large, c.text())
	})
}
