package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/client"
	"parley/shared/client/engine"
	"parley/shared/event"
)

// Rows: F08
func TestBackoff(t *testing.T) {
	bounds := [][2]time.Duration{{500, 1500}, {1000, 3000}, {2000, 5000}, {2500, 5000}, {2500, 5000}}
	var spread [5]map[time.Duration]bool
	for i, b := range bounds {
		spread[i] = map[time.Duration]bool{}
		for range 1000 {
			d := client.Reconnect{}.DelayForTest(i + 1)
			require.GreaterOrEqual(t, d, b[0]*time.Millisecond)
			require.LessOrEqual(t, d, b[1]*time.Millisecond)
			spread[i][d.Round(100*time.Millisecond)] = true
		}
		assert.Greater(t, len(spread[i]), 9, "attempt %d is spread, also at the cap", i+1)
	}
	assert.Equal(t, 5*time.Second, client.Reconnect{Jitter: -1}.DelayForTest(1000))
	assert.Equal(t, 200*time.Millisecond, client.Reconnect{Delay: 100 * time.Millisecond, Jitter: -1}.DelayForTest(2))
}

// Rows: F06 F07 F09 F10 D02
func TestReconnectsAfterALoss(t *testing.T) {
	with(t, client.Config{Reconnect: client.Reconnect{Jitter: -1}}, func(t *testing.T, r *rig) {
		s, log := r.socket(chat)
		var states []client.State
		var mu box
		mu.set(0)
		r.conn.OnState(func(st client.State) { states = append(states, st) })
		p := r.open(s)
		r.server.Refuse(func(engine.Request) error { return errors.New("down") })
		p.Hang()
		time.Sleep(7500 * time.Millisecond) // attempts after 1 s, 3 s and 7 s
		assert.Equal(t, 4, r.server.Dials())
		r.server.Refuse(nil)
		p = r.server.Accept(t)
		p.Join(t, "/chat", "second")
		assert.Equal(t, []string{
			"connect", "disconnect: transport close",
			"error: client: connect /chat: websocket dial: down",
			"error: client: connect /chat: websocket dial: down",
			"error: client: connect /chat: websocket dial: down",
			"connect",
		}, log.take())
		var got []string
		for _, st := range states {
			got = append(got, fmt.Sprintf("%v %d %v", st.Phase, st.Attempt, st.Retry))
		}
		assert.Equal(t, []string{
			"connecting 1 0s", "open 0 0s",
			"waiting 1 1s", "connecting 1 0s", "waiting 2 2s", "connecting 2 0s",
			"waiting 3 4s", "connecting 3 0s", "waiting 4 5s", "connecting 4 0s", "open 0 0s",
		}, got)
		assert.ErrorContains(t, states[4].Err, "down")
		assert.ErrorContains(t, states[3].Err, "transport close")

		states = nil
		p.Hang()
		p = r.server.Accept(t)
		p.Join(t, "/chat", "third")
		synctest.Wait()
		assert.Equal(t, time.Second, states[0].Retry, "the delays begin anew")
	})
}

// Rows: F06 F09 H04
func TestGivesUpAfterTheLastAttempt(t *testing.T) {
	with(t, client.Config{Reconnect: client.Reconnect{Attempts: 2, Jitter: -1}}, func(t *testing.T, r *rig) {
		s, log := r.socket(chat)
		r.server.Refuse(func(engine.Request) error {
			return &engine.Error{Transport: "websocket", Op: engine.OpDial, Status: 403}
		})
		var failure *client.ConnectError
		s.OnConnectError(func(err error) { failure, _ = errors.AsType[*client.ConnectError](err) })
		r.conn.Connect()
		time.Sleep(time.Minute)
		assert.Equal(t, 3, r.server.Dials(), "the first attempt does not count")
		st := r.conn.State()
		assert.Equal(t, client.Idle, st.Phase)
		assert.ErrorIs(t, st.Err, client.ErrGaveUp)
		assert.False(t, engine.Retryable(st.Err), "the refusal says that it is pointless")
		assert.Len(t, log.take(), 3)
		assert.False(t, failure.Retryable)
		assert.False(t, failure.Refused())
		assert.True(t, s.Active())

		r.server.Refuse(nil)
		r.conn.Connect()
		r.open(s)
		assert.True(t, s.Connected())
	})
	with(t, client.Config{Reconnect: client.Reconnect{Off: true}}, func(t *testing.T, r *rig) {
		s, _ := r.socket(chat)
		p := r.open(s)
		p.Hang()
		time.Sleep(time.Minute)
		assert.Equal(t, client.Idle, r.conn.State().Phase)
		assert.Equal(t, 1, r.server.Dials())
		r.conn.SetReconnect(client.Reconnect{})
		r.conn.Connect()
		p = r.open(s)
		p.Hang()
		r.server.Accept(t)
	})
}

// Rows: F10
func TestDisconnectStopsTheAttempts(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.socket(chat)
		p := r.open(s)
		r.server.Refuse(func(engine.Request) error { return errors.New("down") })
		p.Hang()
		time.Sleep(10 * time.Second)
		s.Disconnect()
		synctest.Wait()
		assert.Equal(t, client.Idle, r.conn.State().Phase)
		n := r.server.Dials()
		time.Sleep(time.Minute)
		assert.Equal(t, n, r.server.Dials())
	})
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		r.server.Raw() // the attempt hangs
		s, _ := r.socket(chat)
		r.conn.Connect()
		p := r.server.Accept(t)
		s.Disconnect()
		p.AwaitClosed(t)
		synctest.Wait()
		assert.Equal(t, client.Idle, r.conn.State().Phase)
	})
}

// Rows: F05
func TestAttemptsAreBounded(t *testing.T) {
	with(t, client.Config{Timeout: 3 * time.Second}, func(t *testing.T, r *rig) {
		r.server.Raw()
		_, log := r.socket(chat)
		r.conn.Connect()
		p := r.server.Accept(t)
		time.Sleep(2900 * time.Millisecond)
		assert.Empty(t, log.take())
		p.AwaitClosed(t)
		lines := log.take()
		require.Len(t, lines, 1)
		assert.Contains(t, lines[0], "no connection within 3s")
	})
	with(t, client.Config{Timeout: -1}, func(t *testing.T, r *rig) {
		r.server.Raw()
		_, log := r.socket(chat)
		r.conn.Connect()
		p := r.server.Accept(t)
		time.Sleep(time.Hour)
		assert.Empty(t, log.take())
		p.ExpectNothing(t)
	})
}

// Rows: G04 G01
func TestRememberUpgrade(t *testing.T) {
	for _, remember := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			server := newUpgradable()
			conn, err := client.New("http://test", client.Config{
				Transports:      []engine.Transport{server.Transport("polling"), server.Transport("websocket")},
				RememberUpgrade: remember,
			})
			require.NoError(t, err)
			conn.Connect()
			poll := server.Accept(t)
			ws := server.Accept(t)
			ws.Expect(t, "2probe")
			ws.Send("3probe")
			synctest.Wait()
			poll.Send("6")
			ws.Expect(t, "5")
			synctest.Wait()
			assert.Equal(t, "websocket", conn.State().Transport)
			assert.Equal(t, "websocket", conn.Engine().Transport())
			ws.Hang()
			next := server.Accept(t)
			if !remember {
				assert.Equal(t, "polling", next.Transport)
				require.NoError(t, conn.Close())
				return
			}
			assert.Equal(t, "websocket", next.Transport)
			server.Refuse(func(r engine.Request) error {
				if r.Query.Get("transport") == "websocket" {
					return errors.New("blocked")
				}
				return nil
			})
			next.Hang()
			next = server.Accept(t)
			assert.Equal(t, "polling", next.Transport, "the other one in the same attempt")
			require.NoError(t, conn.Close())
		})
	}
}

// Rows: G07 F01
func TestQueryAndHeaders(t *testing.T) {
	n := 0
	cfg := client.Config{
		Query:  url.Values{"a": {"1"}, "b": {"config"}},
		Header: map[string][]string{"X-Token": {"old"}},
		Prepare: func(ctx context.Context, query url.Values, header map[string][]string) error {
			n++
			if n == 2 {
				return errors.New("no token")
			}
			query.Set("n", fmt.Sprint(n))
			header["X-Token"] = []string{fmt.Sprint("token", n)}
			return nil
		},
	}
	synctest.Test(t, func(t *testing.T) {
		server := newUpgradable()
		cfg.Transports = []engine.Transport{server.Transport("websocket")}
		conn, err := client.New("http://test/chat?b=url&c=url", cfg)
		require.NoError(t, err)
		conn.Connect()
		p := server.Accept(t)
		assert.Equal(t, url.Values{"a": {"1"}, "b": {"config"}, "c": {"url"}, "n": {"1"}, "EIO": {"4"}, "transport": {"websocket"}}, p.Request.Query)
		assert.Equal(t, "http://test/socket.io/", p.Request.URL.String())
		assert.Equal(t, "http://test", p.Request.Origin())
		assert.Equal(t, map[string][]string{"X-Token": {"token1"}}, p.Request.Header)
		p.Hang()
		p = server.Accept(t)
		assert.Equal(t, map[string][]string{"X-Token": {"token3"}}, p.Request.Header)
		assert.Equal(t, []string{"old"}, cfg.Header["X-Token"], "the configuration is not touched")
		require.NoError(t, conn.Close())
	})
}

// Rows: H08 M02 H11
func TestWhatIsUnderWayFailsAtTheLoss(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.socket(chat)
		p := r.open(s)
		waiting := beside(func() (event.Args, error) { return s.EmitAck(t.Context(), "ask", 1) })
		p.Expect(t, `42/chat,0["ask",1]`)
		p.Hang()
		assert.ErrorIs(t, (<-waiting).err, client.ErrDisconnected)
		p = r.server.Accept(t)
		p.Join(t, "/chat", "x")
		p.Send(`43/chat,0["late"]`)
		synctest.Wait()
		p.ExpectNothing(t)
	})
}
