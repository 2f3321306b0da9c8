package interop_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// How the servers under test beat: quick enough to wait for, slow enough that a busy machine does not
// lose a session while a case is at it.
const (
	pingInterval = time.Second
	pingTimeout  = 3 * time.Second
)

// engineSuite is what every Engine.IO v4 server owes its clients, over an endpoint that beats as above,
// limits messages to 1 MB and offers the WebSocket upgrade. With echo the endpoint also sends every
// message back.
func engineSuite(t *testing.T, e endpoint, echo bool) {
	t.Run("handshake/polling", func(t *testing.T) { engineHandshake(t, e) })
	t.Run("handshake/websocket", func(t *testing.T) { engineHandshakeWebSocket(t, e) })
	if echo {
		t.Run("message/polling", func(t *testing.T) { engineMessages(t, e) })
		t.Run("message/websocket", func(t *testing.T) { engineMessagesWebSocket(t, e) })
	}
	t.Run("heartbeat", func(t *testing.T) { engineHeartbeat(t, e) })
	t.Run("close", func(t *testing.T) { engineClose(t, e) })
	t.Run("upgrade", func(t *testing.T) { engineUpgrade(t, e, echo) })
}

func requireHandshake(t *testing.T, h handshake, upgrades []any) {
	t.Helper()
	require.Len(t, h, 5)
	require.IsType(t, "", h["sid"])
	require.NotEmpty(t, h["sid"])
	require.Equal(t, upgrades, h["upgrades"])
	require.EqualValues(t, pingInterval.Milliseconds(), h["pingInterval"])
	require.EqualValues(t, pingTimeout.Milliseconds(), h["pingTimeout"])
	require.EqualValues(t, 1_000_000, h["maxPayload"])
}

func engineHandshake(t *testing.T, e endpoint) {
	t.Run("opens a session", func(t *testing.T) {
		t.Parallel()
		a := e.get(t, polling)
		require.Equal(t, 200, a.status)
		requireHandshake(t, parseHandshake(t, a.body), []any{"websocket"})
	})
	t.Run("refuses another protocol version", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, 400, e.get(t, "?transport=polling").status)
		require.Equal(t, 400, e.get(t, "?EIO=abc&transport=polling").status)
	})
	t.Run("refuses an unknown transport", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, 400, e.get(t, "?EIO=4").status)
		require.Equal(t, 400, e.get(t, "?EIO=4&transport=abc").status)
	})
	t.Run("refuses other methods", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, 400, e.post(t, polling, "").status)
		put := e.request(t.Context(), "PUT", polling, "")
		require.NoError(t, put.err)
		require.Equal(t, 400, put.status)
	})
}

func engineHandshakeWebSocket(t *testing.T, e endpoint) {
	t.Run("opens a session", func(t *testing.T) {
		t.Parallel()
		_, h := e.open(t)
		requireHandshake(t, h, []any{})
	})
	refused := func(t *testing.T, queries ...string) {
		for _, q := range queries {
			if f, err := e.tryDial(t, q); err == nil {
				f.closed(t) // refused after the switch of protocols, which is allowed
			}
		}
	}
	t.Run("refuses another protocol version", func(t *testing.T) {
		t.Parallel()
		refused(t, "?transport=websocket", "?EIO=abc&transport=websocket")
	})
	t.Run("refuses an unknown transport", func(t *testing.T) {
		t.Parallel()
		refused(t, "?EIO=4", "?EIO=4&transport=abc")
	})
}

func engineMessages(t *testing.T, e endpoint) {
	for name, payload := range map[string]string{
		"one text packet":       "4hello",
		"several text packets":  "4test1\x1e4test2\x1e4test3",
		"text and binary":       "4hello\x1ebAQIDBA==",
		"text outside of ASCII": "4€\x1e4häß😀",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := e.session(t)
			sent := e.post(t, s, payload)
			require.Equal(t, answer{200, "ok", nil}, sent)
			require.Equal(t, answer{200, payload, nil}, e.get(t, s))
		})
	}
	t.Run("a packet of unknown type closes the session", func(t *testing.T) {
		t.Parallel()
		s := e.session(t)
		e.request(t.Context(), "POST", s, "abc") // how it is answered is free: the official server says ok
		require.Equal(t, 400, e.get(t, s).status)
	})
	t.Run("overlapping polls close the session", func(t *testing.T) {
		t.Parallel()
		s := e.session(t)
		answers := make(chan answer, 2)
		for range 2 {
			go func() { answers <- e.request(t.Context(), "GET", s, "") }()
		}
		one, two := <-answers, <-answers
		if one.status != 200 {
			one, two = two, one
		}
		require.Equal(t, answer{200, "1", nil}, one, "whichever poll came first is told of the close")
		require.Contains(t, []int{400, 500}, two.status)
		require.Equal(t, 400, e.get(t, s).status)
	})
	t.Run("a cancelled poll closes the session", func(t *testing.T) {
		t.Parallel()
		eventually(t, func(head time.Duration) bool {
			s := e.session(t)
			ctx, cancel := context.WithTimeout(t.Context(), head)
			defer cancel()
			a := e.request(ctx, "GET", s, "")
			require.Error(t, a.err)
			next := e.get(t, s)
			if next.status == 200 && strings.HasPrefix(next.body, "2") {
				return false // the cancelled poll had not reached the server
			}
			require.Equal(t, 400, next.status)
			return true
		})
	})
}

// eventually repeats a case that needs the server to have one request in hand before something else
// happens, which nothing on the wire tells. It gives the server a longer head start each time.
func eventually(t *testing.T, attempt func(head time.Duration) bool) {
	t.Helper()
	for head := 5 * time.Millisecond; head < time.Second; head *= 2 {
		if attempt(head) {
			return
		}
	}
	require.Fail(t, "the server never had the first request in hand")
}

func engineMessagesWebSocket(t *testing.T, e endpoint) {
	t.Run("text", func(t *testing.T) {
		t.Parallel()
		f, _ := e.open(t)
		f.send(t, "4hello")
		require.Equal(t, "4hello", f.event(t))
	})
	t.Run("binary", func(t *testing.T) {
		t.Parallel()
		f, _ := e.open(t)
		f.sendBinary(t, 1, 2, 3, 4)
		require.Equal(t, []byte{1, 2, 3, 4}, f.binary(t))
	})
	t.Run("a packet of unknown type closes the session", func(t *testing.T) {
		t.Parallel()
		f, _ := e.open(t)
		f.send(t, "abc")
		f.closed(t)
	})
}

func engineHeartbeat(t *testing.T, e endpoint) {
	t.Run("polling/pings are answered", func(t *testing.T) {
		t.Parallel()
		s := e.session(t)
		for range 3 {
			require.Equal(t, answer{200, "2", nil}, e.get(t, s))
			require.Equal(t, 200, e.post(t, s, "3").status)
		}
	})
	t.Run("polling/silence closes the session", func(t *testing.T) {
		t.Parallel()
		s := e.session(t)
		require.Equal(t, answer{200, "2", nil}, e.get(t, s))
		// The next poll waits until the time for the pong is over; how it ends is free.
		e.request(t.Context(), "GET", s, "")
		require.Equal(t, 400, e.get(t, s).status)
	})
	t.Run("websocket/pings are answered", func(t *testing.T) {
		t.Parallel()
		f, _ := e.open(t)
		for range 3 {
			require.Equal(t, "2", f.text(t))
			f.send(t, "3")
		}
	})
	t.Run("websocket/silence closes the session", func(t *testing.T) {
		t.Parallel()
		f, _ := e.open(t)
		f.closed(t)
	})
}

func engineClose(t *testing.T, e endpoint) {
	t.Run("polling", func(t *testing.T) {
		t.Parallel()
		eventually(t, func(head time.Duration) bool {
			s := e.session(t)
			poll := make(chan answer, 1)
			go func() { poll <- e.request(t.Context(), "GET", s, "") }()
			<-time.After(head)
			require.Equal(t, 200, e.post(t, s, "1").status)
			a := <-poll
			require.NoError(t, a.err)
			if a.status == 400 || a.body == "2" {
				return false // the close came first, or much too late
			}
			require.Equal(t, answer{200, "6", nil}, a)
			require.Equal(t, 400, e.get(t, s).status)
			return true
		})
	})
	t.Run("websocket", func(t *testing.T) {
		t.Parallel()
		f, _ := e.open(t)
		f.send(t, "1")
		f.closed(t)
	})
}

func engineUpgrade(t *testing.T, e endpoint, echo bool) {
	t.Run("from polling to websocket", func(t *testing.T) {
		t.Parallel()
		s := e.session(t)
		f := e.dial(t, upgradeQuery(s))
		f.send(t, "2probe")
		require.Equal(t, "3probe", f.event(t))
		require.Equal(t, answer{200, "6", nil}, e.get(t, s), "a poll is let go while the upgrade waits")
		f.send(t, "5")
		if echo {
			f.send(t, "4hello")
			require.Equal(t, "4hello", f.event(t))
		} else {
			require.Equal(t, "2", f.text(t), "the heartbeat goes on over the new transport")
		}
	})
	t.Run("no polls afterwards", func(t *testing.T) {
		t.Parallel()
		s := e.session(t)
		f := e.dial(t, upgradeQuery(s))
		f.send(t, "2probe")
		require.Equal(t, "3probe", f.event(t))
		f.send(t, "5")
		require.Equal(t, 400, e.get(t, s).status)
		if echo {
			f.send(t, "4hello")
			require.Equal(t, "4hello", f.event(t))
		}
	})
	t.Run("no second websocket afterwards", func(t *testing.T) {
		t.Parallel()
		s := e.session(t)
		f := e.dial(t, upgradeQuery(s))
		f.send(t, "2probe")
		require.Equal(t, "3probe", f.event(t))
		f.send(t, "5")
		e.dial(t, upgradeQuery(s)).closed(t)
		if echo {
			f.send(t, "4hello")
			require.Equal(t, "4hello", f.event(t))
		}
	})
}
