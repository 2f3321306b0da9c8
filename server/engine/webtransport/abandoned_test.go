package webtransport_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/testutils/simnet"
	wt "github.com/quic-go/webtransport-go"
	"github.com/stretchr/testify/require"

	"parley/server/engine"
	"parley/shared/engineio"
)

// network carries packets in memory until it is cut.
type network struct {
	simnet.PerfectRouter
	cut atomic.Bool
}

func (n *network) SendPacket(p simnet.Packet) error {
	if n.cut.Load() {
		return nil
	}
	return n.PerfectRouter.SendPacket(p)
}

// crowd is a server and a machine full of clients of it, with a network in
// memory between them.
type crowd struct {
	*fixture
	network   network
	machine   *quic.Transport
	keepAlive time.Duration // how often the clients' system says that it is there, if not 0

	mu    sync.Mutex // guards the field below
	conns []*quic.Conn
}

// gather starts both, for a test in a synctest bubble.
func gather(t *testing.T, cfg engine.Config) *crowd {
	c := &crowd{}
	near := simnet.NewSimConn(&net.UDPAddr{IP: net.IPv4(127, 0, 0, 2), Port: 1}, &c.network)
	c.machine = &quic.Transport{Conn: near}
	c.fixture = serve(t, cfg, simnet.NewSimConn(&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}, &c.network))
	c.dialAddr = c.open
	t.Cleanup(func() {
		_ = c.machine.Close()
		_ = near.Close()
	})
	return c
}

// open opens a QUIC connection to the server.
func (c *crowd) open(ctx context.Context, addr string, tlsConfig *tls.Config, cfg *quic.Config) (*quic.Conn, error) {
	udp, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, err
	}
	cfg = cfg.Clone()
	cfg.KeepAlivePeriod = c.keepAlive
	cfg.MaxIdleTimeout = time.Hour
	conn, err := c.machine.DialEarly(ctx, udp, tlsConfig, cfg)
	if err == nil {
		c.mu.Lock()
		c.conns = append(c.conns, conn)
		c.mu.Unlock()
	}
	return conn, err
}

// bare opens a QUIC connection and nothing on it.
func (c *crowd) bare() *quic.Conn {
	conn, err := c.open(c.t.Context(), "127.0.0.1:1", c.trust(), &quic.Config{})
	require.NoError(c.t, err)
	<-conn.HandshakeComplete()
	return conn
}

// join opens a session as clients do.
func (c *crowd) join() *client {
	j := c.dial("0")
	j.read()
	return j
}

// poll opens a session that polls and returns its id.
func (c *crowd) poll() string {
	w := httptest.NewRecorder()
	c.ServeHTTP(w, httptest.NewRequest("GET", "/socket.io/?EIO=4&transport=polling", nil))
	h, err := engineio.ParseHandshake(w.Body.Bytes()[1:])
	require.NoError(c.t, err)
	return h.SID
}

// candidate opens a session that polls and a stream that shall take it over.
func (c *crowd) candidate() *client { return c.dial(`0{"sid":"` + c.poll() + `"}`) }

// goroutines returns how many the test's bubble has: the server's, the clients',
// and the test itself.
func goroutines() int {
	buf := make([]byte, 16<<20)
	return strings.Count(string(buf[:runtime.Stack(buf, true)]), ", synctest bubble ")
}

// abandoned are the states in which clients vanish.
var abandoned = map[string]func(*crowd){
	"no session":         func(c *crowd) { c.bare() },
	"session, no stream": func(c *crowd) { c.connect() },
	"stream, no packet":  func(c *crowd) { c.dial("").raw(nil) },
	"half a header":      func(c *crowd) { c.dial("").raw([]byte{127, 0}) },
	"half a packet":      func(c *crowd) { c.dial("").raw([]byte{5, '0'}) },
	"joined":             func(c *crowd) { c.join() },
	"half a later header": func(c *crowd) {
		c.join().raw([]byte{127, 0})
	},
	"half a message": func(c *crowd) { c.join().raw([]byte{5, '4'}) },
	"with a queue": func(c *crowd) {
		j := c.join()
		for range 100 {
			j.raw(append(engineio.AppendFrameHeader(nil, true, 9_000), make([]byte, 9_000)...)) // comes back and is not read
		}
	},
	"stream of a session that seems gone": func(c *crowd) {
		c.connect()
		stream, err := c.conns[len(c.conns)-1].OpenStream()
		require.NoError(c.t, err)
		_, err = stream.Write([]byte{0x40, 0x41, 0, 1, '0'}) // kind of the stream, id of the session, a packet
		require.NoError(c.t, err)
		_, err = io.ReadFull(stream, make([]byte, 10))
		require.NoError(c.t, err)
		stream.CancelWrite(wt.WTSessionGoneErrorCode) // for which the library waits until the session has gone too
	},
	"upgrade, no probe":     func(c *crowd) { c.candidate() },
	"upgrade, half a probe": func(c *crowd) { c.candidate().raw([]byte{6, '2'}) },
	"upgrade, probing": func(c *crowd) {
		u := c.candidate()
		u.text("2probe")
		require.Equal(c.t, "3probe", u.read())
	},
	"upgraded": func(c *crowd) {
		u := c.candidate()
		u.text("2probe")
		require.Equal(c.t, "3probe", u.read())
		u.text("5")
	},
}

// A hundred clients that vanish without a word, in each state, leave nothing
// behind once the heartbeat, QUIC's own idle timeout and that of HTTP/3 are over.
// The same is true of clients whose system goes on to keep the connection alive
// while the program does nothing any more.
//
// Rows: E07 E10 E11 E12
// Advisories: engine.io-6.6.7 zishang520-156
func TestAbandonedSessions(t *testing.T) {
	const (
		heartbeat = 25*time.Second + 20*time.Second
		rest      = 32 * time.Second // of a message, or of an orderly end
		idle      = time.Minute
	)
	for name, vanish := range abandoned {
		for _, kind := range []struct {
			name      string
			keepAlive time.Duration
			clients   int
		}{{"cut", 0, 100}, {"silent", 5 * time.Second, 10}} {
			t.Run(name+"/"+kind.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := gather(t, engine.Config{})
					c.join().session.CloseWithError(0, "") //nolint:errcheck // starts what all connections share
					time.Sleep(rest)
					before := goroutines()
					c.keepAlive, c.conns = kind.keepAlive, nil
					for range kind.clients {
						vanish(c)
					}
					require.Greater(t, goroutines(), before+kind.clients)
					c.network.cut.Store(kind.keepAlive == 0)
					time.Sleep(heartbeat + rest + idle)
					require.Zero(t, c.Count())
					for _, conn := range c.conns {
						require.True(t, c.network.cut.Load() || conn.Context().Err() != nil, "the server keeps a connection")
						_ = conn.CloseWithError(0, "")
					}
					time.Sleep(time.Second)
					synctest.Wait()
					require.LessOrEqual(t, goroutines(), before)
				})
			})
		}
	}
}

// A session whose client opens no stream has UpgradeTimeout.
// Rows: E11
// Advisories: engine.io-6.6.7
func TestNoStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := gather(t, engine.Config{UpgradeTimeout: 2 * time.Second})
		begin := time.Now()
		session := c.connect()
		select {
		case <-session.Context().Done():
		case <-time.After(time.Minute):
			require.FailNow(t, "still there")
		}
		require.InDelta(t, 2, time.Since(begin).Seconds(), 0.5) // the network takes its time
		require.Equal(t, "TRANSPORT_HANDSHAKE_ERROR", await(t, c.refused).Context)
	})
}
