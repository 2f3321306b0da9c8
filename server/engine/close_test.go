package engine_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"parley/server/engine"
	"parley/shared/engineio"
)

// Rows: E16
func TestClosePacket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{})
		p, a := f.poll()
		waiting := p.start()
		synctest.Wait()
		require.Equal(t, "ok", p.post("4before\x1e1\x1e4after").body)
		require.Equal(t, message{false, "before"}, <-a.got)
		require.Equal(t, "4before", await(t, waiting).body, "the echo took the poll")
		require.Equal(t, ending{engineio.ReasonTransportClose, nil}, await(t, a.closed))
		require.Empty(t, a.got)
		require.Equal(t, 400, p.get().status)

		p, a = f.poll()
		waiting = p.start()
		synctest.Wait()
		require.Equal(t, "ok", p.post("1").body)
		require.Equal(t, reply{200, "6", nil}, func() reply { r := await(t, waiting); r.header = nil; return r }())
		require.Equal(t, ending{engineio.ReasonTransportClose, nil}, await(t, a.closed))

		c, a := f.connect()
		begin := time.Now()
		c.send("1")
		require.Equal(t, ending{engineio.ReasonTransportClose, nil}, await(t, a.closed))
		require.Zero(t, time.Since(begin), "at once, over WebSocket too")
		require.Equal(t, websocket.StatusNormalClosure, c.end())
		require.Zero(t, f.Count())
	})
}

// How sessions on WebSocket end when the client does something.
// Rows: E12 E13 E23
func TestReasonsOverWebSocket(t *testing.T) {
	for name, c := range map[string]struct {
		do     func(c *socket)
		reason engine.Reason
		err    error
		code   websocket.StatusCode // what the client is told
	}{
		"close frame":       {func(c *socket) { _ = c.ws.Close(1000, "") }, engineio.ReasonTransportClose, nil, -1},
		"close frame 4000":  {func(c *socket) { _ = c.ws.Close(4000, "x") }, engineio.ReasonTransportClose, nil, -1},
		"cut":               {func(c *socket) { _ = c.ws.CloseNow() }, engineio.ReasonTransportClose, nil, -1},
		"close packet":      {func(c *socket) { c.send("1") }, engineio.ReasonTransportClose, nil, 1000},
		"ping":              {func(c *socket) { c.send("2") }, engineio.ReasonTransportError, engine.ErrHeartbeat, 1000},
		"unknown packet":    {func(c *socket) { c.send("9") }, engineio.ReasonParseError, engineio.ErrUnknownType, 1008},
		"empty message":     {func(c *socket) { c.send("") }, engineio.ReasonParseError, engineio.ErrEmptyPacket, 1008},
		"bad base64":        {func(c *socket) { c.send("b?") }, engineio.ReasonParseError, engineio.ErrBase64, 1008},
		"not UTF-8":         {func(c *socket) { c.send("4\xc0\x80") }, engineio.ReasonTransportError, nil, 1007},
		"too large":         {func(c *socket) { c.send("4" + string(make([]byte, 1000))) }, engineio.ReasonTransportError, engine.ErrTooLarge, 1009},
		"too large, binary": {func(c *socket) { c.sendBinary(make([]byte, 1001)...) }, engineio.ReasonTransportError, engine.ErrTooLarge, 1009},
		"silence":           {func(c *socket) {}, engineio.ReasonPingTimeout, nil, 1008},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := startPipe(t, engine.Config{MaxPayload: 1000})
				s, a := f.connect()
				c.do(s)
				if c.code != -1 {
					require.Equal(t, c.code, s.end())
				}
				e := await(t, a.closed)
				require.Equal(t, c.reason, e.reason, "%v", e.err)
				if c.err != nil {
					require.ErrorIs(t, e.err, c.err)
				}
				require.ErrorIs(t, a.Send(engine.SendOptions{}, engine.NewMessage(false, nil)), engine.ErrClosed)
				require.ErrorIs(t, a.Flush(t.Context()), engine.ErrClosed)
				require.False(t, a.Writable())
				<-a.Done()
				require.Zero(t, f.Count())
			})
		})
	}
}

// Rows: E12
func TestMessageThatDoesNotEnd(t *testing.T) {
	for name, b := range map[string][]byte{
		"half a frame":     append(frameHeader(0x81, 10, true), 0, 0, 0, 0, '4', 'x'),
		"no last fragment": maskedFrame(0x01, []byte("4x")),
		"half a header":    {0x81},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := startPipe(t, engine.Config{})
				c, a := f.connectRaw()
				begin := time.Now()
				c.write(b...)
				require.Equal(t, "2 close(1008) +closed", c.reaction())
				e := await(t, a.closed)
				require.Equal(t, engineio.ReasonTransportError, e.reason)
				require.ErrorContains(t, e.err, "in time")
				require.LessOrEqual(t, time.Since(begin), 32*time.Second)
			})
		})
	}
	for name, first := range map[string]byte{"text": 0x81, "binary": 0x82, "fragment": 0x01} {
		t.Run("an enormous length: "+name, func(t *testing.T) { // nobody waits for that
			synctest.Test(t, func(t *testing.T) {
				f := startPipe(t, engine.Config{})
				c, a := f.connectRaw()
				begin := time.Now()
				c.write(append(frameHeader(first, 1<<62, true), 0, 0, 0, 0, '4', 'x')...)
				e := await(t, a.closed)
				require.Equal(t, engineio.ReasonTransportError, e.reason)
				require.ErrorIs(t, e.err, engine.ErrTooLarge)
				require.Zero(t, time.Since(begin))
				require.Equal(t, "close(1009) +closed", c.reaction())
			})
		})
	}
}

// A message of exactly the limit passes.
// Rows: E13
func TestMessagesOfAllSizes(t *testing.T) {
	for _, kind := range []string{"websocket", "polling"} {
		t.Run(kind, func(t *testing.T) {
			f := start(t, engine.Config{})
			for _, n := range []int{0, 1, 124, 125, 126, 4095, 4096, 4097, 8192, 65534, 65535, 65536, 300_000, 999_999} {
				data := make([]byte, n)
				for i := range data {
					data[i] = 'a' + byte(i%23)
				}
				if kind == "polling" {
					p, a := f.poll()
					require.Equal(t, 200, p.post("4"+string(data)).status)
					require.Equal(t, string(data), (<-a.got).data)
					require.Equal(t, "4"+string(data), p.get().body)
					continue
				}
				c, a := f.connect()
				c.send("4" + string(data))
				require.Equal(t, string(data), (<-a.got).data)
				require.Equal(t, "4"+string(data), c.text())
				c.sendBinary(data...)
				require.Equal(t, message{true, string(data)}, <-a.got)
				require.Equal(t, string(data), string(c.binary()))
				require.NoError(t, c.ws.CloseNow())
			}
		})
	}
}

// Rows: E17
func TestCloseDeliversWhatIsQueued(t *testing.T) {
	t.Run("websocket", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := startPipe(t, engine.Config{})
			c, a := f.connect()
			for i := range 100 {
				require.NoError(t, a.Send(engine.SendOptions{Batch: i%2 == 0}, engine.NewMessage(false, []byte(fmt.Sprint(i)))))
			}
			a.Close(engineio.ReasonForcedClose)
			a.Close(engineio.ReasonParseError)
			require.ErrorIs(t, a.Send(engine.SendOptions{}, engine.NewMessage(false, nil)), engine.ErrClosed)
			require.Equal(t, ending{engineio.ReasonForcedClose, nil}, await(t, a.closed))
			for i := range 100 {
				require.Equal(t, fmt.Sprint("4", i), c.text())
			}
			require.Equal(t, websocket.StatusNormalClosure, c.end())
		})
	})
	t.Run("a poll waits", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := startPipe(t, engine.Config{})
			p, a := f.poll()
			waiting := p.start()
			synctest.Wait()
			a.Close(engineio.ReasonForcedClose)
			require.Equal(t, "1", await(t, waiting).body)
			require.Equal(t, ending{engineio.ReasonForcedClose, nil}, await(t, a.closed))
			require.Equal(t, 400, p.get().status)
		})
	})
	t.Run("no poll waits", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := startPipe(t, engine.Config{})
			p, a := f.poll()
			send(t, a, "last")
			a.Close(engineio.ReasonForcedClose)
			require.Equal(t, ending{engineio.ReasonForcedServerClose, nil}, await(t, a.closed))
			require.Zero(t, f.Count())
			require.Equal(t, "ok", p.post("4ignored").body)
			require.Empty(t, a.got)
			require.Equal(t, "4last", p.get().body)
			require.Equal(t, "1", p.get().body, "by itself: a client may tell the end before what came with it")
			require.Equal(t, 400, p.get().status)
			require.Equal(t, 400, p.post("4x").status)
		})
	})
	t.Run("no poll comes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := startPipe(t, engine.Config{})
			p, a := f.poll()
			send(t, a, "last")
			a.Close(engineio.ReasonServerNamespaceDisconnect)
			require.Equal(t, ending{engineio.ReasonServerNamespaceDisconnect, nil}, await(t, a.closed))
			time.Sleep(10*time.Second + time.Millisecond)
			require.Equal(t, `{"code":1,"message":"Session ID unknown"}`, p.get().body)
		})
	})
	t.Run("the client is faster", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := startPipe(t, engine.Config{})
			p, a := f.poll()
			a.Close(engineio.ReasonForcedClose)
			require.Equal(t, engineio.ReasonForcedServerClose, await(t, a.closed).reason)
			require.Equal(t, "ok", p.post("1").body)
			require.Equal(t, "1", p.get().body, "what it sends does not count any more")
		})
	})
	t.Run("in Open", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var f *fixture
			f = startPipe(t, engine.Config{Open: func(s *engine.Session) engine.Receiver {
				a := &app{Session: s, closed: make(chan ending, 1)}
				s.Close(engineio.ReasonForcedClose)
				f.open <- a
				return a
			}})
			p, a := f.poll()
			require.Equal(t, engineio.ReasonForcedServerClose, await(t, a.closed).reason)
			require.Equal(t, "1", p.get().body)
			c, a := f.connect()
			require.Equal(t, engineio.ReasonForcedClose, await(t, a.closed).reason)
			require.Equal(t, websocket.StatusNormalClosure, c.end())
			require.Zero(t, f.Count())
		})
	})
	t.Run("in Receive", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := startPipe(t, engine.Config{Open: func(s *engine.Session) engine.Receiver { return closes{s} }})
			c := f.dial("")
			c.text()
			c.send("4x")
			require.Equal(t, "4bye", c.text())
			require.Equal(t, websocket.StatusNormalClosure, c.end())
			p := &poller{f, sidOf(t, f.do("GET", pollQuery, ""))}
			require.Equal(t, "ok", p.post("4x\x1e4y").body)
			require.Equal(t, "4bye", p.get().body)
			require.Equal(t, "1", p.get().body)
		})
	})
}

type closes struct{ s *engine.Session }

func (c closes) Receive(bool, []byte) engine.Task {
	_ = c.s.Send(engine.SendOptions{Batch: true}, engine.NewMessage(false, []byte("bye")))
	c.s.Close(engineio.ReasonForcedClose)
	<-c.s.Done()
	return nil
}
func (c closes) Closed(engine.Reason, error) {}

// A client that does not answer our close frame is cut off.
func TestPeerThatDoesNotClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{})
		_, a := f.connect() // does not read
		begin := time.Now()
		a.Close(engineio.ReasonForcedClose)
		await(t, a.closed)
		require.Zero(t, time.Since(begin))
		require.NoError(t, f.Shutdown(t.Context()))
		require.LessOrEqual(t, time.Since(begin), 11*time.Second, "the frame could not be written")
	})
}

// Rows: A15
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{})
		c, ws := f.connect()
		waits, one := f.poll()
		waiting := waits.start()
		idle, two := f.poll()
		send(t, two, "kept")
		send(t, ws, "kept")
		synctest.Wait()
		require.Equal(t, 3, f.Count())
		done := make(chan error, 1)
		go func() { done <- f.Shutdown(t.Context()) }()
		require.Equal(t, "1", await(t, waiting).body)
		require.Equal(t, "4kept", c.text())
		require.Equal(t, websocket.StatusGoingAway, c.end())
		for _, a := range []*app{ws, one, two} {
			require.Equal(t, ending{engineio.ReasonServerShuttingDown, nil}, await(t, a.closed))
		}
		synctest.Wait()
		require.Empty(t, done, "one has still to fetch the rest")
		require.Equal(t, "4kept", idle.get().body)
		require.Equal(t, "1", idle.get().body)
		require.NoError(t, await(t, done))
	})
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{})
		_, a := f.poll()
		_, b := f.connect()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		begin := time.Now()
		require.ErrorIs(t, f.Shutdown(ctx), context.DeadlineExceeded)
		require.Equal(t, 100*time.Millisecond, time.Since(begin))
		require.Equal(t, engineio.ReasonServerShuttingDown, (<-a.closed).reason)
		require.Equal(t, engineio.ReasonServerShuttingDown, (<-b.closed).reason)
	})
}

// Rows: A15
func TestCloseOfTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{})
		c, ws := f.connect()
		p, poll := f.poll()
		waiting := p.start()
		synctest.Wait()
		go c.end() // net.Pipe: somebody has to read
		synctest.Wait()
		begin := time.Now()
		require.NoError(t, f.Close())
		require.Equal(t, engineio.ReasonServerShuttingDown, (<-ws.closed).reason, "Close has waited for it")
		require.Equal(t, engineio.ReasonServerShuttingDown, (<-poll.closed).reason)
		require.Equal(t, "1", await(t, waiting).body)
		require.Zero(t, time.Since(begin))
		require.Zero(t, f.Count())
		require.NoError(t, f.Close())
	})
}

// What is sent right before the close arrives, every time.
// Rows: E17
// Advisories: googollee-190
func TestSendThenClose(t *testing.T) {
	f := start(t, engine.Config{})
	for i := range 300 {
		c, a := f.connectRaw()
		if i%2 == 0 {
			c.write(maskedFrame(0x81, []byte("4x"))...)
			_, _, err := c.frame()
			require.NoError(t, err)
		}
		require.NoError(t, a.Send(engine.SendOptions{Batch: i%3 == 0}, engine.NewMessage(false, []byte("last"))))
		a.Close("forced close")
		require.Equal(t, "4last close(1000) ", c.untilClose(), "round %d", i)
		c.nc.Close()
	}
}

// Abort delivers nothing of what waits, and does not wait itself.
// Rows: E17
func TestAbort(t *testing.T) {
	t.Run("websocket", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := startPipe(t, engine.Config{})
			c, a := f.connectRaw()
			synctest.Wait()
			require.NoError(t, a.Send(engine.SendOptions{}, engine.NewMessage(true, make([]byte, 1<<20))))
			synctest.Wait()
			begin := time.Now()
			a.Abort(engineio.ReasonForcedClose)
			require.Equal(t, ending{engineio.ReasonForcedClose, nil}, await(t, a.closed))
			_, _, err := c.frame()
			require.Error(t, err)
			require.NoError(t, f.Shutdown(t.Context()))
			require.Zero(t, time.Since(begin))
			require.Zero(t, f.Count())
		})
	})
	t.Run("polling", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := startPipe(t, engine.Config{})
			p, a := f.poll()
			send(t, a, "lost")
			a.Abort(engineio.ReasonForcedClose)
			require.Equal(t, ending{engineio.ReasonForcedClose, nil}, await(t, a.closed))
			require.Equal(t, `{"code":1,"message":"Session ID unknown"}`, p.get().body)

			p, a = f.poll()
			waiting := p.start()
			synctest.Wait()
			a.Abort(engineio.ReasonForcedClose)
			require.Equal(t, "1", await(t, waiting).body, "a poll that waits is told")
		})
	})
	t.Run("after Close", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := startPipe(t, engine.Config{})
			p, a := f.poll()
			send(t, a, "lost")
			a.Close(engineio.ReasonServerNamespaceDisconnect)
			a.Abort(engineio.ReasonForcedClose)
			require.Equal(t, ending{engineio.ReasonServerNamespaceDisconnect, nil}, await(t, a.closed))
			require.Equal(t, 400, p.get().status)
			c, a := f.connectRaw()
			synctest.Wait()
			require.NoError(t, a.Send(engine.SendOptions{}, engine.NewMessage(true, make([]byte, 1<<20))))
			begin := time.Now()
			a.Close(engineio.ReasonForcedClose)
			a.Abort(engineio.ReasonForcedClose)
			_, _, err := c.frame()
			require.Error(t, err)
			require.NoError(t, f.Shutdown(t.Context()))
			require.Zero(t, time.Since(begin))
		})
	})
}
