package client_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/client"
	"parley/shared/client/engine"
	"parley/shared/client/internal/script"
	"parley/shared/engineio"
	"parley/shared/event"
)

// Rows: F04 H01 N01
func TestNothingHappensBeforeConnect(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		s, log := r.socket(chat)
		time.Sleep(time.Minute)
		assert.Zero(t, r.server.Dials())
		assert.Equal(t, client.Idle, r.conn.State().Phase)
		assert.False(t, s.Connected())
		assert.True(t, s.Active(), "it will connect with the connection")
		assert.Empty(t, s.ID())

		p := r.server
		r.conn.Connect()
		peer := p.Accept(t)
		peer.Expect(t, "40/chat,")
		peer.Send(`40/chat,{"sid":"abc"}`)
		assert.Equal(t, []string{"connect"}, log.take())
		assert.True(t, s.Connected())
		assert.Equal(t, "abc", s.ID())
		assert.Equal(t, "/chat", s.Namespace())
		assert.Equal(t, client.State{Phase: client.Open, Transport: "websocket"}, r.conn.State())
		assert.Equal(t, []string{"connecting", "open"}, r.states.take())

		require.NoError(t, r.conn.Close())
		peer.Expect(t, "41/chat,")
		assert.True(t, peer.AwaitClosed(t))
		assert.Equal(t, []string{"disconnect: io client disconnect"}, log.take())
		assert.Equal(t, []string{"closed"}, r.states.take())
		assert.ErrorIs(t, s.Emit("late"), client.ErrClosed)
		s.Connect()
		r.conn.Connect()
		assert.Equal(t, 1, r.server.Dials())
		assert.False(t, s.Active())
	})
}

// Rows: F03 N04 F10
func TestNamespacesShareTheConnection(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		a, alog := r.socket(root)
		assert.Same(t, a, r.conn.Of(root))
		b, blog := r.socket(chat)
		peer := r.open(a, b)
		assert.Equal(t, "sid1", a.ID())
		assert.Equal(t, "sid2", b.ID())

		c, clog := r.socket(admin)
		peer.Join(t, "/admin", "sid3")
		synctest.Wait()
		assert.Equal(t, []string{"connect"}, clog.take())

		b.Disconnect()
		peer.Expect(t, "41/chat,")
		assert.Equal(t, []string{"connect", "disconnect: io client disconnect"}, blog.take())
		require.NoError(t, a.Emit("still"))
		peer.Expect(t, `42["still"]`)
		peer.Send(`42/chat,["nobody is there"]`, `42/unknown,["nor there"]`, `42["hello"]`)
		assert.Equal(t, []string{"connect", "hello"}, alog.take())

		b.Connect()
		b.Connect()
		answerProbe(t, peer)
		peer.Join(t, "/chat", "sid4")
		synctest.Wait()
		assert.Equal(t, "sid4", b.ID())
		assert.Equal(t, 1, r.server.Dials())

		a.Disconnect()
		b.Disconnect()
		c.Disconnect()
		peer.Expect(t, "41", "41/chat,", "41/admin,")
		assert.True(t, peer.AwaitClosed(t), "the last one to leave closes the connection")
		assert.Equal(t, []string{"connecting", "open", "idle"}, r.states.take())
		time.Sleep(time.Minute)
		assert.Equal(t, 1, r.server.Dials())

		a.Connect()
		r.open(a)
		assert.True(t, a.Connected())
		assert.False(t, b.Active())
	})
}

// Rows: F05 F09
func TestDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := script.New()
		cfg := client.Config{Transports: []engine.Transport{server.Transport("websocket")}}
		conn, err := client.Dial(t.Context(), "http://test/chat", cfg)
		require.NoError(t, err)
		p := server.Accept(t)
		s := conn.Main()
		assert.Equal(t, "/chat", s.Namespace())
		p.Join(t, "/chat", "x")
		require.NoError(t, conn.Close())

		refused := errors.New("refused")
		server.Refuse(func(engine.Request) error { return refused })
		_, err = client.Dial(t.Context(), "http://test", cfg)
		require.ErrorIs(t, err, refused)
		server.Refuse(nil)

		server.Raw()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = client.Dial(ctx, "http://test", cfg)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		began := time.Now()
		_, err = client.Dial(t.Context(), "http://test", cfg)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 20*time.Second, time.Since(began), "the default Timeout")
		require.ErrorContains(t, err, "no connection within 20s")

		_, err = client.Dial(t.Context(), "http://test", client.Config{Retries: 1, AckTimeout: -1})
		require.Error(t, err)
	})
}

// Rows: H02 H04
func TestAuthIsMadeForEveryConnect(t *testing.T) {
	n := 0
	cfg := client.Config{Auth: func(context.Context) (any, error) {
		n++
		return map[string]any{"token": n}, nil
	}}
	with(t, cfg, func(t *testing.T, r *rig) {
		s, _ := r.socket(root)
		r.conn.Connect()
		p := r.server.Accept(t)
		p.Expect(t, `40{"token":1}`)
		p.Send(`40{"sid":"a"}`)
		synctest.Wait()
		p.Hang()
		p = r.server.Accept(t)
		p.Expect(t, `40{"token":2}`)
		p.Send(`40{"sid":"b"}`)
		synctest.Wait()

		s.SetAuth(func(context.Context) (any, error) { return struct{ Other string }{"x"}, nil })
		s.Disconnect()
		s.Connect()
		p.Expect(t, "41")
		assert.True(t, p.AwaitClosed(t), "the reference would trip over a CONNECT on the same connection")
		p = r.server.Accept(t)
		p.Expect(t, `40{"Other":"x"}`)
		assert.Equal(t, []string{"connecting", "open", "waiting", "connecting", "open", "connecting", "open"}, r.states.take())
	})
}

// Rows: H04
func TestAuthThatFailsIsTriedAgain(t *testing.T) {
	offline := errors.New("token server offline")
	var next box
	next.set(offline)
	with(t, client.Config{Reconnect: client.Reconnect{Jitter: -1}, Auth: func(context.Context) (any, error) {
		result := next.get()
		if err, ok := result.(error); ok {
			return nil, err
		}
		if result == "panic" {
			panic("boom")
		}
		return result, nil
	}}, func(t *testing.T, r *rig) {
		s, log := r.socket(chat)
		r.conn.Connect()
		p := r.server.Accept(t)
		assert.Equal(t, []string{"error: client: connect /chat: auth: token server offline"}, log.take())
		assert.True(t, s.Active())
		next.set("panic")
		time.Sleep(1100 * time.Millisecond)
		assert.Equal(t, []string{"error: client: connect /chat: auth: panic: boom"}, log.take())
		next.set([]int{1})
		time.Sleep(2100 * time.Millisecond)
		assert.Equal(t, []string{"error: client: connect /chat: auth: must become a JSON object"}, log.take())
		next.set(map[string]int{"a": 1})
		time.Sleep(4100 * time.Millisecond)
		p.Expect(t, `40/chat,{"a":1}`)

		p.Send(`40/chat,{"sid":"a"}`)
		assert.Equal(t, []string{"connect"}, log.take())
		next.set(event.Errorf(event.CodeUnauthenticated, "log in first"))
		s.Disconnect()
		s.Connect()
		r.server.Accept(t)
		assert.Equal(t, []string{"disconnect: io client disconnect", "error: client: connect /chat: auth: unauthenticated: log in first"}, log.take())
		assert.False(t, s.Active(), "pointless to try again")
	})
}

// Rows: H04 N02
func TestRefusal(t *testing.T) {
	for data, want := range map[string]struct {
		message   string
		retryable bool
		code      event.Code
	}{
		`{"message":"Invalid namespace"}`:                                 {"Invalid namespace", false, ""},
		`{"message":"no","data":{"code":"unauthenticated"}}`:              {"no", false, event.CodeUnauthenticated},
		`{"message":"busy","data":{"code":"unavailable"}}`:                {"busy", true, event.CodeUnavailable},
		`{"message":"x","data":{"retryable":true}}`:                       {"x", true, ""},
		`{"message":"x","data":{"retryable":false,"code":"unavailable"}}`: {"x", false, event.CodeUnavailable},
	} {
		with(t, client.Config{}, func(t *testing.T, r *rig) {
			other, _ := r.socket(root)
			s, log := r.socket(chat)
			var got *client.ConnectError
			s.OnConnectError(func(err error) { got, _ = errors.AsType[*client.ConnectError](err) })
			p := r.open(other)
			p.Expect(t, "40/chat,")
			p.Send("44/chat," + data)
			assert.Equal(t, []string{"error: client: connect /chat: " + want.message}, log.take())
			require.NotNil(t, got)
			assert.True(t, got.Refused())
			assert.Equal(t, want.message, got.Message)
			assert.Equal(t, want.retryable, got.Retryable, data)
			if coded, ok := errors.AsType[*event.Error](error(got)); want.code != "" && assert.True(t, ok) {
				assert.Equal(t, want.code, coded.Code)
			}
			assert.False(t, s.Active())
			time.Sleep(40 * time.Second)
			p.ExpectNothing(t)
			s.Connect()
			p.Join(t, "/chat", "now")
			assert.Equal(t, []string{"connect"}, log.take())
		})
	}
}

// Rows: H04
func TestRefusalOfTheOnlyNamespaceClosesTheConnection(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		r.socket(chat)
		p := r.open()
		p.Expect(t, "40/chat,")
		p.Send(`44/chat,{"message":"no"}`)
		assert.True(t, p.AwaitClosed(t))
		synctest.Wait()
		assert.Equal(t, client.Idle, r.conn.State().Phase)
	})
}

// Rows: H04
func TestRefusalMayBeRetried(t *testing.T) {
	with(t, client.Config{RetryRefused: true}, func(t *testing.T, r *rig) {
		s, log := r.socket(chat)
		p := r.open()
		p.Expect(t, "40/chat,")
		p.Send(`44/chat,{"message":"busy","data":{"code":"unavailable"}}`)
		assert.Equal(t, []string{"error: client: connect /chat: busy"}, log.take())
		assert.True(t, s.Active())
		time.Sleep(1500 * time.Millisecond)
		p.Expect(t, "40/chat,")
		p.Send(`44/chat,{"message":"go away"}`)
		assert.Equal(t, []string{"error: client: connect /chat: go away"}, log.take())
		assert.False(t, s.Active())
	})
}

// Rows: H04
func TestServerOfAnOlderProtocol(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		s, log := r.socket(root)
		p := r.open()
		p.Expect(t, "40")
		p.Send("40")
		assert.Contains(t, strings.Join(log.take(), ""), "older protocol")
		assert.False(t, s.Active())
	})
}

// Rows: H18 H05
func TestServerDisconnect(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		s, log := r.socket(chat)
		other, _ := r.socket(root)
		var reason engineio.Reason
		s.OnDisconnect(func(re engineio.Reason, _ error) { reason = re })
		p := r.open(s, other)
		waiting := beside(func() (event.Args, error) { return s.EmitAck(t.Context(), "ask") })
		p.Expect(t, `42/chat,0["ask"]`)
		p.Send("41/chat,")
		assert.Equal(t, []string{"connect", "disconnect: io server disconnect"}, log.take())
		assert.False(t, reason.Reconnects())
		assert.ErrorIs(t, (<-waiting).err, client.ErrDisconnected)
		assert.False(t, s.Active())
		assert.True(t, other.Connected())
		time.Sleep(10 * time.Second)
		p.ExpectNothing(t)
		s.Connect()
		p.Join(t, "/chat", "again")
	})
}

// A second CONNECT before the answer to the first would be a violation of the
// protocol, for which a server closes the connection.
//
// Rows: N05 N06
func TestLeavingWhileTheServerThinks(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		s, log := r.socket(chat)
		other, _ := r.socket(root)
		p := r.open()
		p.Expect(t, "40/chat,")
		p.Join(t, "/", "x")
		s.Disconnect()
		s.Connect()
		s.Disconnect()
		synctest.Wait()
		p.ExpectNothing(t)
		p.Send(`40/chat,{"sid":"a"}`)
		p.Expect(t, "41/chat,")
		assert.Empty(t, log.take())

		s.Connect()
		answerProbe(t, p)
		p.Expect(t, "40/chat,")
		s.Disconnect()
		s.Connect()
		p.Send(`40/chat,{"sid":"b"}`)
		assert.Equal(t, []string{"connect"}, log.take())
		assert.True(t, other.Connected())
	})
}

// Rows: H06
func TestNoDisconnectWithoutConnect(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		s, log := r.socket(chat)
		p := r.open()
		p.Expect(t, "40/chat,")
		p.Hang()
		assert.Empty(t, log.take())
		p = r.server.Accept(t)
		p.Join(t, "/chat", "x")
		assert.Equal(t, []string{"connect"}, log.take())
		assert.True(t, s.Connected())
	})
}

// Rows: H19 H05
func TestBrokenPacketClosesAndReconnects(t *testing.T) {
	for _, bad := range []string{`4{`, `42{"a":1}`, `451-["x",{"_placeholder":true,"num":0}]` + "\x00" + `42["text while binary is due"]`, `49`, `42["connect"]`, `40{"sid":"again"}`, `44{"message":"late"}`} {
		with(t, client.Config{}, func(t *testing.T, r *rig) {
			s, log := r.socket(root)
			p := r.open(s)
			p.Send(strings.Split(bad, "\x00")...)
			assert.Equal(t, []string{"connect", "disconnect: parse error"}, log.take(), bad)
			assert.True(t, p.AwaitClosed(t))
			p = r.server.Accept(t)
			p.Join(t, "/", "x")
			assert.Equal(t, []string{"connect"}, log.take())
		})
	}
}

// The reference server carries out a DISCONNECT a moment after it has read it,
// but a CONNECT at once: the second must not follow on the heels of the first.
//
// Rows: N05 F10
func TestConnectWaitsUntilTheServerHasForgotten(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.socket(chat)
		other, _ := r.socket(root)
		p := r.open(s, other)
		r.conn.Retry() // a probe that was sent before proves nothing
		s.Disconnect()
		s.Connect()
		p.Expect(t, "40"+client.ProbeNamespace+",", "41/chat,")
		synctest.Wait()
		p.ExpectNothing(t)
		p.Send("44" + client.ProbeNamespace + `,{"message":"Invalid namespace"}`)
		p.Expect(t, "40"+client.ProbeNamespace+",")
		synctest.Wait()
		p.ExpectNothing(t)
		p.Send("40" + client.ProbeNamespace + `,{"sid":"a server that takes any namespace"}`)
		p.Expect(t, "41"+client.ProbeNamespace+",")
		p.Join(t, "/chat", "again")

		p.Send("41/chat,") // after the server's own there is nothing to wait for
		synctest.Wait()
		s.Connect()
		p.Join(t, "/chat", "again")
	})
}

// Rows: H01 H20
func TestOnConnectMayBeLate(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		s := r.conn.Of(chat)
		p := r.open(s)
		time.Sleep(5 * time.Second)
		var log log
		inside := 0
		s.OnConnect(func() {
			log.add("late")
			if inside++; inside == 1 {
				s.OnConnect(func() { log.add("inside") })
			}
		})
		assert.Equal(t, []string{"late", "inside"}, log.take(), "once, for the present connection")

		p.Hang()
		synctest.Wait()
		s.OnConnect(func() { log.add("between") })
		assert.Empty(t, log.take(), "not connected")
		p = r.server.Accept(t)
		p.Join(t, "/chat", "x")
		assert.Equal(t, []string{"late", "inside", "between"}, log.take())
	})
}

// A handler that is registered while the others are being told is not called
// twice, and never after OnDisconnect for that connection.
func TestOnConnectAtTheSameTime(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		s := r.conn.Of(chat)
		var log log
		release := make(chan struct{})
		s.OnConnect(func() { <-release })
		s.OnDisconnect(func(engineio.Reason, error) { log.add("gone") })
		p := r.open(s)
		synctest.Wait()
		s.OnConnect(func() { log.add("first") })
		s.OnConnect(func() { log.add("second") })
		s.OnConnect(func() { log.add("stopped") })()
		p.Send("41/chat,")
		synctest.Wait()
		close(release)
		assert.Equal(t, []string{"first", "second", "gone"}, log.take())
		s.OnConnect(func() { log.add("not connected") })
		assert.Empty(t, log.take())
	})
}

// Rows: H04
func TestOnConnectErrorMayBeLate(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		other := r.conn.Of(root)
		s := r.conn.Of(chat)
		p := r.open(other)
		p.Expect(t, "40/chat,")
		p.Send(`44/chat,{"message":"no"}`)
		synctest.Wait()
		var log log
		s.OnConnectError(func(err error) { log.add(err.Error()) })
		assert.Equal(t, []string{"client: connect /chat: no"}, log.take())
		s.Connect()
		s.OnConnectError(func(err error) { log.add("again: " + err.Error()) })
		p.Expect(t, "40/chat,")
		assert.Empty(t, log.take(), "who is asking again is not refused")
		p.Send(`44/chat,{"message":"still no"}`)
		assert.Equal(t, []string{"client: connect /chat: still no", "again: client: connect /chat: still no"}, log.take())
	})
}
