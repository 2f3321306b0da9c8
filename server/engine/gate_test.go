package engine_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server/engine"
	"parley/shared/engineio"
)

var everyTransport = []string{"polling", "websocket", "stream"}

// startGate is a server whose clients say where they come from.
func startGate(t *testing.T, cfg engine.Config) *streams {
	cfg.RemoteAddr = func(r *http.Request) string { return r.URL.Query().Get("from") }
	return startStreams(t, cfg)
}

// visit tries to open a session; its answer says how that went.
func (s *streams) visit(transport, from string) (a reply, err error) {
	query := "&from=" + from
	switch transport {
	case "polling":
		return s.request(s.t.Context(), "GET", pollQuery+query, "")
	case "websocket":
		ws, resp, err := websocket.Dial(s.t.Context(), s.url+"?EIO=4&transport=websocket"+query, &websocket.DialOptions{HTTPClient: s.http})
		if err == nil {
			s.t.Cleanup(func() { _ = ws.CloseNow() })
			return reply{status: 200}, nil
		}
		if resp == nil {
			return reply{}, err
		}
		b, err := io.ReadAll(resp.Body)
		return reply{resp.StatusCode, string(b), resp.Header}, err
	default:
		nc, w := s.ask(query)
		if nc != nil {
			_, err = nc.Write(append(engineio.AppendFrameHeader(nil, false, 1), '0'))
		}
		return reply{w.Code, w.Body.String(), w.Header()}, err
	}
}

// enter is a visit that succeeds.
func (s *streams) enter(transport, from string) *app {
	s.t.Helper()
	a, err := s.visit(transport, from)
	require.NoError(s.t, err)
	require.Equal(s.t, 200, a.status, a.body)
	return s.opened()
}

// turnedAway is a visit for which there is no place.
func (s *streams) turnedAway(transport, from string) (status int, context, retry string) {
	s.t.Helper()
	a, err := s.visit(transport, from)
	require.NoError(s.t, err)
	f := await(s.t, s.refused)
	require.Equal(s.t, engineio.BadRequest, f.Code)
	require.Equal(s.t, "too many connections", f.Message)
	require.NotNil(s.t, f.Request)
	require.Equal(s.t, `{"code":3,"message":"too many connections"}`, a.body)
	require.Equal(s.t, "application/json", a.header.Get("Content-Type"))
	return a.status, f.Context, a.header.Get("Retry-After")
}

func (s *streams) requireTaken(places int) {
	s.t.Helper()
	taken, _ := s.Gate()
	require.Equal(s.t, places, taken)
}

// Each bound, on each transport: who is let in, who is not, what he is told, and when
// there is a place again.
// Rows: E23 A12 E11
func TestConnectionLimits(t *testing.T) {
	for _, c := range []struct {
		name    string
		limits  engine.ConnectionLimits
		in      string // who comes in, one after the other
		status  int    // for the first of them who comes again
		context string
		retry   string
		free    time.Duration // when that one may come; 0: when one has left
		other   bool          // comes in all the same
	}{
		{"total", engine.ConnectionLimits{Total: 3}, "aab", 503, "CONNECTION_LIMIT", "5", 0, false},
		{"of an address", engine.ConnectionLimits{PerAddress: 2, Total: 10}, "abab", 429, "ADDRESS_LIMIT", "5", 0, true},
		{"rate", engine.ConnectionLimits{Rate: engine.Rate{PerSecond: 2, Burst: 3}}, "abb", 503, "CONNECTION_RATE", "1", time.Second / 2, false},
		{"rate of an address", engine.ConnectionLimits{AddressRate: engine.Rate{PerSecond: 0.1}}, "ab", 429, "ADDRESS_RATE", "10", 10 * time.Second, true},
		{"the address is looked at first", engine.ConnectionLimits{Total: 2, PerAddress: 2}, "aa", 429, "ADDRESS_LIMIT", "5", 0, false},
	} {
		for _, transport := range everyTransport {
			t.Run(c.name+" "+transport, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					asked := 0
					s := startGate(t, engine.Config{Connections: c.limits, AllowRequest: func(*http.Request) error { asked++; return nil }})
					var inside []*app
					for _, from := range strings.Split(c.in, "") {
						inside = append(inside, s.enter(transport, from))
					}
					refused := func(retryAfter string) {
						t.Helper()
						asked = 0
						status, context, retry := s.turnedAway(transport, "a")
						require.Equal(t, c.status, status)
						require.Equal(t, c.context, context)
						require.Equal(t, retryAfter, retry)
						require.Zero(t, asked, "the application is not bothered")
					}
					refused(c.retry)
					require.Equal(t, len(inside), s.Count())
					if c.other {
						s.enter(transport, "other")
					}
					inside[0].Abort(engineio.ReasonForcedClose)
					synctest.Wait() // its connection has its place until it is gone
					if c.free > 0 {
						refused(c.retry)
						time.Sleep(c.free - time.Millisecond)
						refused("1")
						time.Sleep(time.Millisecond)
					}
					s.enter(transport, "a")
					refused(c.retry)
				})
			})
		}
	}
}

// What is refused costs no token, nor does an address that comes too often cost any
// of the server's.
// Rows: E23
func TestRefusedVisitsCostNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startGate(t, engine.Config{Connections: engine.ConnectionLimits{
			Rate: engine.Rate{PerSecond: 1, Burst: 2}, AddressRate: engine.Rate{PerSecond: 1},
		}})
		s.enter("polling", "a")
		for range 100 {
			_, context, _ := s.turnedAway("polling", "a")
			require.Equal(t, "ADDRESS_RATE", context)
		}
		s.enter("polling", "b")
		for _, from := range []string{"c", "d"} {
			_, context, _ := s.turnedAway("polling", from)
			require.Equal(t, "CONNECTION_RATE", context)
		}
		time.Sleep(time.Second)
		s.enter("polling", "c")
	})
}

// A hundred handshakes at once, over and over: as many come in as there are places,
// not one more and not one less.
// Rows: E23
func TestPlacesAreExact(t *testing.T) {
	for name, c := range map[string]struct {
		limits engine.ConnectionLimits
		want   int
	}{
		"total":         {engine.ConnectionLimits{Total: 10}, 10},
		"of an address": {engine.ConnectionLimits{PerAddress: 3}, 12}, // there are four
		"both":          {engine.ConnectionLimits{Total: 11, PerAddress: 3}, 11},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked atomic.Int64
				s := startGate(t, engine.Config{Connections: c.limits, AllowRequest: func(*http.Request) error {
					time.Sleep(time.Second) // until all have come
					if asked.Add(1)%2 == 0 {
						return errors.New("not you")
					}
					return nil
				}})
				s.refused = make(chan *engine.Refusal, 1000)
				for range 5 {
					asked.Store(0)
					var in atomic.Int64
					var wg sync.WaitGroup
					for i := range 100 {
						wg.Go(func() {
							a, err := s.visit(everyTransport[i%3], fmt.Sprint("address", i%4))
							assert.NoError(t, err)
							if a.status == 200 {
								in.Add(1)
							}
						})
					}
					wg.Wait()
					synctest.Wait()
					require.EqualValues(t, c.want, asked.Load())
					require.EqualValues(t, (c.want+1)/2, in.Load())
					require.Equal(t, (c.want+1)/2, s.Count())
					s.requireTaken(s.Count())
					for range s.Count() {
						s.opened().Abort(engineio.ReasonForcedClose)
					}
					synctest.Wait()
					s.requireTaken(0)
				}
			})
		})
	}
}

// Whatever ends a handshake or a session gives its place back, once.
// Rows: E23 E17
func TestEveryWayOutFreesThePlace(t *testing.T) {
	no := errors.New("no")
	type way struct {
		cfg  engine.Config
		away func(t *testing.T, s *streams) // through the door or back out of it
	}
	ways := map[string]way{
		"close with nobody to take the rest": {away: func(t *testing.T, s *streams) {
			a := s.enter("polling", "a")
			a.Close(engineio.ReasonForcedClose)
			require.Zero(t, s.Count())
			s.requireTaken(1)
			time.Sleep(10 * time.Second)
		}},
		"close, and a poll for the rest": {away: func(t *testing.T, s *streams) {
			a := s.enter("polling", "a")
			a.Close(engineio.ReasonForcedClose)
			a.Close(engineio.ReasonForcedClose)
			s.requireTaken(1)
			require.Equal(t, "1", (&poller{s.fixture, a.ID()}).get().body)
			a.Abort(engineio.ReasonForcedClose)
		}},
		"post that is no payload": {away: func(t *testing.T, s *streams) {
			p := &poller{s.fixture, s.enter("polling", "a").ID()}
			require.Equal(t, 400, p.post("?").status)
			await(t, s.refused)
		}},
		"eviction": {cfg: engine.Config{Queue: engine.QueueLimits{Bytes: 1, Burst: -1}}, away: func(t *testing.T, s *streams) {
			a := s.enter("polling", "a")
			send(t, a, "one")
			require.Equal(t, engine.ErrSlow, a.Send(engine.SendOptions{}, engine.NewMessage(false, []byte("two"))))
		}},
		"connection lost": {away: func(t *testing.T, s *streams) {
			c := s.dialRaw("&from=a")
			_, _, err := c.frame()
			require.NoError(t, err)
			require.NoError(t, c.nc.Close())
		}},
		"WebSocket without a key": {away: func(t *testing.T, s *streams) {
			a := s.do("GET", "?EIO=4&transport=websocket&from=a", "", "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13")
			require.Equal(t, 400, a.status)
			await(t, s.refused)
		}},
		"panic in Headers": {cfg: engine.Config{Headers: func(http.Header, *http.Request, bool) { panic(http.ErrAbortHandler) }}, away: func(t *testing.T, s *streams) {
			_, err := s.visit("polling", "a")
			require.Error(t, err)
		}},
		"stream that does not come": {away: func(t *testing.T, s *streams) {
			s.wait = time.Hour
			s.connect("&from=a")
			await(t, s.refused)
		}},
		"stream without a packet": {away: func(t *testing.T, s *streams) {
			s.connect("&from=a")
			await(t, s.refused)
		}},
		"stream with another packet": {away: func(t *testing.T, s *streams) {
			nc, _ := s.connect("&from=a")
			writePacket(t, nc, "4x")
			await(t, s.refused)
		}},
		"stream for a session that is not there": {away: func(t *testing.T, s *streams) {
			nc, _ := s.connect("&from=a")
			writePacket(t, nc, `0{"sid":"none"}`)
			await(t, s.refused)
		}},
		"shutdown": {away: func(t *testing.T, s *streams) {
			for _, transport := range everyTransport {
				s.enter(transport, "a").Close(engineio.ReasonForcedClose)
			}
			require.NoError(t, s.Shutdown(t.Context()))
			_, err := s.visit("polling", "a")
			require.NoError(t, err)
			require.Equal(t, "server is shutting down", await(t, s.refused).Message)
		}},
		"close of the server": {away: func(t *testing.T, s *streams) {
			for _, transport := range everyTransport {
				s.enter(transport, "a")
			}
			require.NoError(t, s.Close())
		}},
	}
	for _, transport := range everyTransport {
		refused := func(t *testing.T, s *streams) {
			_, err := s.visit(transport, "a")
			require.NoError(t, err)
			await(t, s.refused)
		}
		whatever := func(_ *testing.T, s *streams) { _, _ = s.visit(transport, "a") }
		// A net/http server contains panics; who else calls ServeHTTP or ServeStream sees them.
		panics := func(t *testing.T, s *streams) {
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/socket.io/"+pollQuery+"&from=a", nil)
			serve := func() { s.ServeHTTP(httptest.NewRecorder(), r) }
			switch transport {
			case "websocket":
				r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "polling", "websocket", 1)
				r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}
			case "stream":
				serve = func() { s.ServeStream(httptest.NewRecorder(), r, nil) }
			}
			require.PanicsWithError(t, no.Error(), serve)
		}
		for name, w := range map[string]way{
			"abort": {away: func(t *testing.T, s *streams) {
				a := s.enter(transport, "a")
				for range 3 {
					a.Abort(engineio.ReasonForcedClose)
				}
			}},
			"close": {away: func(t *testing.T, s *streams) {
				a := s.enter(transport, "a")
				for range 3 {
					a.Close(engineio.ReasonForcedClose)
				}
				a.Abort(engineio.ReasonForcedClose)
				time.Sleep(time.Minute)
			}},
			"silence": {away: func(t *testing.T, s *streams) {
				await(t, s.enter(transport, "a").closed)
			}},
			"refused by AllowRequest": {engine.Config{AllowRequest: func(*http.Request) error { return no }}, refused},
			"panic in AllowRequest":   {engine.Config{AllowRequest: func(*http.Request) error { panic(no) }}, panics},
			"no session id":           {engine.Config{GenerateID: func(*http.Request) (string, error) { return "", no }}, refused},
			"panic in Open":           {engine.Config{Open: func(*engine.Session) engine.Receiver { panic(no) }}, whatever},
			"Goexit in Open":          {engine.Config{Open: func(*engine.Session) engine.Receiver { runtime.Goexit(); return nil }}, whatever},
			"session id that is taken": {engine.Config{GenerateID: func(*http.Request) (string, error) { return "one", nil }}, func(t *testing.T, s *streams) {
				a := s.enter(transport, "a")
				refused(t, s)
				s.requireTaken(1)
				a.Abort(engineio.ReasonForcedClose)
			}},
		} {
			ways[name+", "+transport] = w
		}
	}
	for name, w := range ways {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w.cfg.Connections = engine.ConnectionLimits{Total: 3, PerAddress: 3}
				s := startGate(t, w.cfg)
				w.away(t, s)
				time.Sleep(10 * time.Second) // CloseTimeout, for what had to be polled for
				synctest.Wait()
				require.Zero(t, s.Count())
				places, addresses := s.Gate()
				require.Zero(t, places)
				require.Zero(t, addresses)
			})
		})
	}
}

// A session that closes has its connection, and what waits for it, and so its place: a client that says goodbye and
// goes on holding both cannot come in once more instead.
// Rows: E23 E13
func TestAClosingConnectionHasItsPlace(t *testing.T) {
	for _, transport := range []string{"websocket", "stream"} {
		for name, end := range map[string]func(a *app){
			"Close": func(a *app) { a.Close(engineio.ReasonForcedClose) },
			"Abort": func(a *app) { a.Close(engineio.ReasonForcedClose); a.Abort(engineio.ReasonForcedClose) },
		} {
			t.Run(transport+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := startGate(t, engine.Config{Connections: engine.ConnectionLimits{Total: 1}})
					a := s.enter(transport, "a")
					require.NoError(t, a.Send(engine.SendOptions{}, engine.NewMessage(false, make([]byte, 1<<20)))) // not read
					end(a)
					await(t, a.closed)
					require.Zero(t, s.Count())
					synctest.Wait()
					if name == "Close" {
						status, context, _ := s.turnedAway("polling", "b")
						require.Equal(t, 503, status)
						require.Equal(t, "CONNECTION_LIMIT", context)
						time.Sleep(10 * time.Second) // CloseTimeout
						synctest.Wait()
					}
					s.requireTaken(0)
					s.enter("polling", "b")
				})
			})
		}
	}
}

// An upgrade takes no place, also not that of a stream, which first looks like a
// session. A stream that said it would upgrade and then opens a session needs one.
// Rows: E23 E09 E11
func TestUpgradesNeedNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startGate(t, engine.Config{Connections: engine.ConnectionLimits{Total: 2}})
		a := s.enter("polling", "a")
		b := s.enter("polling", "a")
		p := &poller{s.fixture, a.ID()}
		p.probe().send("5")
		synctest.Wait()
		require.Equal(t, "websocket", a.Transport())
		s.requireTaken(2)

		nc, _ := s.connect("&from=a&sid=" + b.ID())
		require.NotNil(t, nc)
		writePacket(t, nc, "0")
		_, err := nc.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		require.Equal(t, "CONNECTION_LIMIT", await(t, s.refused).Context)

		upgrade := func(query string) {
			nc, _ := s.connect(query)
			require.NotNil(t, nc)
			br := bufio.NewReader(nc)
			writePacket(t, nc, `0{"sid":"`+b.ID()+`"}`)
			writePacket(t, nc, "2probe")
			require.Equal(t, "3probe", readPacket(t, br))
			writePacket(t, nc, "5")
			synctest.Wait()
			require.Equal(t, "webtransport", b.Transport())
		}
		upgrade("&from=a&sid=" + b.ID())
		a.Abort(engineio.ReasonForcedClose)
		b.Abort(engineio.ReasonForcedClose)
		synctest.Wait()
		b = s.enter("polling", "a")
		upgrade("&from=a") // does not say so in its URL
		s.requireTaken(1)
	})
}

// Which remote addresses are one.
// Rows: E23 E19
func TestWhatIsOneAddress(t *testing.T) {
	for _, c := range []struct {
		one, other string
		same       bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "192.0.2.1:4711", true},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"2001:db8::1", "2001:db8::2", true},
		{"2001:db8::1", "2001:db8:0:0:ffff::", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"2001:db8::1", "[2001:db8::ffff]:4711", true},
		{"2001:db8::1", "2001:db8::1%eth0", true},
		{"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
		{"fe80::1%eth0", "fe80::2%eth0", false},
		{"unix", "unix", true},
		{"unix", "pipe", false},
		{strings.Repeat("x", 300), strings.Repeat("x", 1000), true}, // nobody is called that
		{"fe80::1%" + strings.Repeat("x", 300), "fe80::1%" + strings.Repeat("x", 1000), true},
		{"192.0.2.1, 192.0.2.2", "192.0.2.1", false},
		{"", "", true},
		{"", "0.0.0.0", false},
	} {
		remote := c.one
		srv := engine.New(engine.Config{
			Open:        func(*engine.Session) engine.Receiver { return nil },
			Connections: engine.ConnectionLimits{PerAddress: 1},
			RemoteAddr:  func(*http.Request) string { return remote },
		})
		require.True(t, srv.Visit(nil, func() {
			remote = c.other
			require.Equal(t, c.same, !srv.Visit(nil, func() {}), "%q and %q", c.one, c.other)
		}))
	}
}

// The address is that of the connection, or what RemoteAddr makes of the request.
// Rows: E23 E19
func TestAddressBehindAProxy(t *testing.T) {
	one := engine.ConnectionLimits{PerAddress: 1}
	f := start(t, engine.Config{Connections: one})
	status := func(forwarded string) int {
		return f.do("GET", pollQuery, "", "X-Forwarded-For", forwarded).status
	}
	require.Equal(t, 200, status("192.0.2.1"))
	f.http.CloseIdleConnections() // another port
	require.Equal(t, 429, status("192.0.2.2"))

	f = start(t, engine.Config{Connections: one, RemoteAddr: lastHop})
	require.Equal(t, 200, status("192.0.2.1"))
	require.Equal(t, 200, status("192.0.2.1, 192.0.2.2"))
	require.Equal(t, 429, status("192.0.2.1, 192.0.2.2"))
	require.Equal(t, 429, status("192.0.2.3, 192.0.2.2"))
	require.Equal(t, "192.0.2.1", f.opened().Handshake().RemoteAddr)
}

func lastHop(r *http.Request) string {
	hops := r.Header.Get("X-Forwarded-For")
	return strings.TrimSpace(hops[strings.LastIndexByte(hops, ',')+1:])
}

// However many addresses come, those that are gone and could come again at their full
// rate are forgotten, and of the others only so many are remembered.
// Rows: E23
func TestAddressesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		remote := "here"
		srv := engine.New(engine.Config{
			Open:        func(*engine.Session) engine.Receiver { return nil },
			Connections: engine.ConnectionLimits{AddressRate: engine.Rate{PerSecond: 20}},
			RemoteAddr:  func(*http.Request) string { return remote },
		})
		known := func() int { _, n := srv.Gate(); return n }
		require.True(t, srv.Visit(nil, func() {
			for i := range 5 * engine.MaxIdle {
				remote = fmt.Sprintf("2001:db8:%x:%x::1", i>>16, i&0xffff)
				if !srv.Visit(nil, func() {}) || known() > engine.MaxIdle+2 {
					require.FailNow(t, "unexpected", "%d of %d", known(), i)
				}
			}
			require.Equal(t, engine.MaxIdle+1, known())
			for range 19 { // the last one is still known
				require.True(t, srv.Visit(nil, func() {}))
			}
			require.False(t, srv.Visit(nil, func() {}))
			time.Sleep(time.Second)
			for range engine.MaxIdle / 8 {
				srv.Visit(nil, func() {})
			}
			require.LessOrEqual(t, known(), 2, "who is in and who was the last")
		}))
		time.Sleep(time.Second)
		srv.Visit(nil, func() {})
		require.LessOrEqual(t, known(), 1)
	})
}

// An address that was about to be forgotten and has come back is not.
// Rows: E23
func TestAddressThatComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		remote := "here"
		srv := engine.New(engine.Config{
			Open:        func(*engine.Session) engine.Receiver { return nil },
			Connections: engine.ConnectionLimits{PerAddress: 1, AddressRate: engine.Rate{PerSecond: 1, Burst: 10}},
			RemoteAddr:  func(*http.Request) string { return remote },
		})
		require.True(t, srv.Visit(nil, func() {}))
		require.True(t, srv.Visit(nil, func() {
			time.Sleep(time.Minute)
			remote = "elsewhere"
			require.True(t, srv.Visit(nil, func() {}))
			remote = "here"
			require.False(t, srv.Visit(nil, func() {}))
		}))
	})
}

// Without limits nothing is counted, and with them a handshake of an address that is
// known allocates nothing for it.
// Rows: E23
func TestCostOfConnectionLimits(t *testing.T) {
	for name, c := range map[string]struct {
		limits  engine.ConnectionLimits
		counted bool
	}{
		"none":     {engine.ConnectionLimits{}, false},
		"negative": {engine.ConnectionLimits{Total: -1, PerAddress: -1, Rate: engine.Rate{PerSecond: -1}, AddressRate: engine.Rate{Burst: 5}}, false},
		"total":    {engine.ConnectionLimits{Total: 2, PerAddress: -1}, true},
		"all":      {engine.ConnectionLimits{Total: 2, PerAddress: 2, Rate: engine.Rate{PerSecond: 1e6}, AddressRate: engine.Rate{PerSecond: 1e6}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			srv := engine.New(engine.Config{Open: func(*engine.Session) engine.Receiver { return nil }, Connections: c.limits})
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
			require.True(t, srv.Visit(r, func() {
				places, _ := srv.Gate()
				require.Equal(t, c.counted, places == 1)
				require.Zero(t, testing.AllocsPerRun(100, func() { srv.Visit(r, func() {}) }))
			}))
		})
	}
}
