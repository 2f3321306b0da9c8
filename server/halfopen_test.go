package server_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/engine"
	"parley/server/interop/faultnet"
	"parley/shared/engineio"
	"parley/shared/event"
)

// startBehind runs a server that clients reach through a proxy, until the test ends.
func startBehind(t *testing.T, cfg server.Config) (*fixture, *faultnet.Proxy) {
	srv := server.New(quiet(cfg))
	web := httptest.NewUnstartedServer(srv)
	web.Config.IdleTimeout = 500 * time.Millisecond
	web.Start()
	t.Cleanup(func() {
		require.NoError(t, srv.Close())
		web.CloseClientConnections()
		web.Close()
	})
	p := faultnet.Start(t, web.URL)
	return &fixture{Server: srv, t: t, url: p.URL, http: web.Client()}, p
}

// quick is a heartbeat that notices soon, but not before a client on a busy machine has got where the test wants it.
func quick() engine.Config {
	return engine.Config{
		PingInterval:   300 * time.Millisecond,
		PingTimeout:    3 * time.Second,
		UpgradeTimeout: 3 * time.Second,
	}
}

// serverGoroutines counts those of servers, of this package and of net/http.
func serverGoroutines() (n int) {
	buf := make([]byte, 8<<20)
	for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(g, "parley/server.") || strings.Contains(g, "parley/server/engine") || strings.Contains(g, "http.(*conn).serve") {
			n++
		}
	}
	return n
}

// alone returns the fixture for a client that shares no connection with others.
func (f *fixture) alone() *fixture {
	one := *f
	transport := &http.Transport{}
	one.http = &http.Client{Transport: transport}
	f.t.Cleanup(transport.CloseIdleConnections)
	return &one
}

// upgrading joins over long-polling and stops in the middle of an upgrade, or
// behind its end.
func (f *fixture) upgrading(complete bool) *server.Socket {
	f.t.Helper()
	l, s := f.joinPolling()
	url := strings.Replace(l.(*pollingLine).url, "transport=polling", "transport=websocket", 1)
	p := f.dialURL(url)
	p.sendRaw("2probe")
	require.Equal(f.t, "3probe", p.raw())
	if complete {
		p.sendRaw("5")
		require.NoError(f.t, s.Emit("upgraded"))
		p.expect(`2["upgraded"]`)
	}
	return s
}

// The network between a server and its clients becomes a black hole: connections stand,
// and nothing passes. The server notices by its heartbeat, in each state of a client, and
// lets go of all that it has of them, while the clients believe in their connections yet.
//
// Rows: E10 E12
// Advisories: googollee-engine.io-46 zishang520-156
func TestHalfOpenClients(t *testing.T) {
	const each = 20
	for name, come := range map[string]func(*fixture) (joined bool){
		"websocket":             func(f *fixture) bool { f.joinWebSocket(); return true },
		"websocket, not joined": func(f *fixture) bool { f.dial(); return false },
		"polling":               func(f *fixture) bool { f.joinPolling(); return true },
		"polling, a poll waits": func(f *fixture) bool {
			l, s := f.joinPolling()
			go func() { // again when a ping has come already
				for status := http.StatusOK; status == http.StatusOK; {
					resp, err := f.http.Get(l.(*pollingLine).url)
					if err != nil {
						return
					}
					_ = resp.Body.Close()
					status = resp.StatusCode
				}
			}()
			require.Eventually(f.t, s.Conn().Writable, 10*time.Second, time.Millisecond)
			return true
		},
		"upgrading": func(f *fixture) bool { f.upgrading(false); return true },
		"upgraded":  func(f *fixture) bool { f.upgrading(true); return true },
	} {
		t.Run(name, func(t *testing.T) {
			f, p := startBehind(t, server.Config{Engine: quick()})
			reasons := make(chan engineio.Reason, 2*each)
			f.OnDisconnect(func(_ *server.Socket, r engineio.Reason, _ error) { reasons <- r })
			f.OnConnect(func(s *server.Socket) { assert.NoError(t, s.Join("r")) })
			l, first := f.joinWebSocket() // starts what all clients share
			l.leave()
			gone(t, first)
			<-reasons
			require.Eventually(t, func() bool { return p.Held() == 0 }, 10*time.Second, time.Millisecond)
			before := serverGoroutines()
			joined := 0
			for range each {
				if come(f.alone()) {
					joined++
				}
				p.Freeze()
			}
			for range joined {
				require.Equal(t, engineio.ReasonPingTimeout, await(t, reasons))
			}
			require.Eventually(t, func() bool {
				return f.Engine().Count() == 0 && p.Held() == 0 && serverGoroutines() <= before
			}, 10*time.Second, 10*time.Millisecond)
			require.Zero(t, f.Len())
			require.Empty(t, reasons)
			in, err := f.To("r").Fetch(t.Context())
			require.NoError(t, err)
			require.Empty(t, in)
		})
	}
}

// A client whose network has become a black hole comes back over another connection: before
// the server has noticed, and then it takes over from itself, or after. Either way it is
// recovered, gets what it has missed once, and the old connection is let go of.
//
// Rows: K11 K12 E12
func TestHalfOpenClientComesBack(t *testing.T) {
	for name, c := range map[string]struct {
		heartbeat engine.Config
		polling   bool
		reason    engineio.Reason
	}{
		"before it was noticed":          {engine.Config{CloseTimeout: time.Second}, false, engineio.ReasonTransportClose},
		"before it was noticed, polling": {engine.Config{CloseTimeout: time.Second}, true, engineio.ReasonTransportClose},
		"after it was noticed":           {quick(), false, engineio.ReasonPingTimeout},
		"after it was noticed, polling":  {quick(), true, engineio.ReasonPingTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, p := startBehind(t, server.Config{Recovery: time.Minute, Engine: c.heartbeat})
			reasons := ended(f)
			f.OnConnect(func(s *server.Socket) {
				if !s.Recovered() {
					assert.NoError(t, s.Join("r"))
					assert.NoError(t, s.Emit("hello"))
				}
			})
			client := &comer{f: f}
			if c.polling {
				client.comePolling()
			} else {
				client.come()
				client.expect(`["hello"]`)
			}
			p.Freeze()
			missed := []string{`["into the void"]`}
			require.NoError(t, f.To("r").Emit("into the void"))
			noticed := c.reason == engineio.ReasonPingTimeout
			if noticed {
				require.Equal(t, c.reason, await(t, reasons))
				require.NoError(t, f.To("r").Emit("to nobody"))
				missed = append(missed, `["to nobody"]`)
			}
			s := client.come()
			require.True(t, client.recovered)
			require.Equal(t, missed, client.early)
			if !noticed {
				require.Equal(t, c.reason, await(t, reasons))
			}
			require.Contains(t, s.Rooms(), event.Room("r"))
			require.NoError(t, f.To("r").Emit("live"))
			client.expect(`["live"]`)
			require.Equal(t, 1, f.Len())
			require.Eventually(t, func() bool { return f.Engine().Count() == 1 && p.Held() == 1 }, 10*time.Second, time.Millisecond)
			require.Empty(t, reasons)
		})
	}
}

// comePolling connects over long-polling and reads the first event.
func (c *comer) comePolling() {
	c.f.t.Helper()
	l := c.f.alone().openPolling()
	l.write(`40{"token":"t"}`)
	var answer struct{ SID, PID string }
	require.NoError(c.f.t, json.Unmarshal([]byte(l.until("40{")[2:]), &answer))
	c.pid, c.id = answer.PID, answer.SID
	require.Equal(c.f.t, `["hello"]`, c.note(l.until("42")))
}
