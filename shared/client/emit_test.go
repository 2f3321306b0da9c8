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
	"parley/shared/event"
	"parley/shared/socketio"
)

// Rows: M01 M05 H17 B02
func TestEmit(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.socket(chat)
		p := r.open(s)
		data := []byte{1, 2, 3}
		require.NoError(t, s.Emit("plain", 1, "two", map[string]any{"three": true}, nil))
		require.NoError(t, s.Emit("binary", data, struct {
			B []byte `json:"b"`
		}{[]byte("x")}))
		data[0] = 99 // the caller may reuse what it emitted
		require.NoError(t, s.Send("hi"))
		p.Expect(t, `42/chat,["plain",1,"two",{"three":true},null]`,
			`452-/chat,["binary",{"_placeholder":true,"num":0},{"b":{"_placeholder":true,"num":1}}]`,
			"bAQID", "beA==", `42/chat,["message","hi"]`)

		for _, name := range []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"} {
			assert.ErrorIs(t, s.Emit(name), socketio.ErrReserved)
		}
		assert.Error(t, s.Emit("x", func() {}), "what cannot be encoded")
	})
}

// Rows: M02 M03 L04 H10 H11 D10
func TestAcknowledgements(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.socket(chat)
		p := r.open(s)
		first := beside(func() (event.Args, error) { return s.EmitAck(t.Context(), "a") })
		p.Expect(t, `42/chat,0["a"]`)
		second := beside(func() (event.Args, error) { return s.EmitAck(t.Context(), "b") })
		p.Expect(t, `42/chat,1["b"]`)
		p.Send(`43/chat,7["unknown"]`, `43/chat,1["for b",2]`)
		o := <-second
		require.NoError(t, o.err)
		assert.Equal(t, "for b", o.args.String(0))
		assertPending(t, first)
		p.Send(`461-/chat,0[{"_placeholder":true,"num":0}]`)
		p.SendBinary([]byte("bin"))
		o = <-first
		require.NoError(t, o.err)
		assert.Equal(t, []byte("bin"), o.args.Bytes(0))
		p.Send(`43/chat,0["twice"]`)

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := s.EmitAck(ctx, "c")
		assert.Equal(t, context.DeadlineExceeded, err)
		ctx, cancel = context.WithCancel(t.Context())
		third := beside(func() (event.Args, error) { return s.EmitAck(ctx, "d") })
		assertPending(t, third)
		cancel()
		assert.ErrorIs(t, (<-third).err, context.Canceled)
		_, err = s.EmitAck(ctx, "e")
		assert.ErrorIs(t, err, context.Canceled)

		began := time.Now()
		_, err = s.EmitAck(t.Context(), "f")
		assert.ErrorIs(t, err, client.ErrAckTimeout)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 20*time.Second, time.Since(began), "the default AckTimeout")
		began = time.Now()
		_, err = s.Timeout(time.Second).EmitAck(t.Context(), "g")
		assert.ErrorIs(t, err, client.ErrAckTimeout)
		assert.Equal(t, time.Second, time.Since(began))
	})
}

// Rows: H10
func TestAcknowledgementsWithoutDeadline(t *testing.T) {
	with(t, client.Config{AckTimeout: -1}, func(t *testing.T, r *rig) {
		s, _ := r.socket(chat)
		waiting := beside(func() (event.Args, error) { return s.EmitAck(t.Context(), "a") })
		time.Sleep(time.Hour)
		assertPending(t, waiting)
		require.NoError(t, r.conn.Close())
		assert.ErrorIs(t, (<-waiting).err, client.ErrClosed)
	})
}

// Rows: H07 H03 D02
func TestBufferIsFlushedInOrder(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		s, log := r.socket(chat)
		var sent []string
		s.OnAnyOutgoing(func(name string, args event.Args) { sent = append(sent, name) })
		s.OnConnect(func() { assert.NoError(t, s.Emit("from OnConnect")) })
		require.NoError(t, s.Emit("one"))
		asked := beside(func() (event.Args, error) { return s.EmitAck(t.Context(), "two") })
		synctest.Wait()
		expired := beside(func() (event.Args, error) { return s.Timeout(time.Second).EmitAck(t.Context(), "expires") })
		synctest.Wait()
		require.NoError(t, s.Volatile().Emit("volatile"))
		require.NoError(t, s.Emit("three"))
		assert.Equal(t, 4, s.Buffered())
		assert.ErrorIs(t, (<-expired).err, client.ErrAckTimeout)
		assert.Equal(t, 3, s.Buffered(), "what timed out is not sent any more")

		r.conn.Connect()
		p := r.server.Accept(t)
		p.Expect(t, "40/chat,")
		synctest.Wait()
		p.ExpectNothing(t)
		assert.Empty(t, sent)
		p.Send(`42/chat,["before the answer"]`, `40/chat,{"sid":"x"}`, `42/chat,["after"]`)
		p.Expect(t, `42/chat,["one"]`, `42/chat,0["two"]`, `42/chat,["three"]`, `42/chat,["from OnConnect"]`)
		p.Send(`43/chat,0["ok"]`)
		require.NoError(t, (<-asked).err)
		assert.Zero(t, s.Buffered())
		assert.Equal(t, []string{"before the answer", "connect", "after"}, log.take())
		assert.Equal(t, []string{"one", "two", "three", "from OnConnect"}, sent)
	})
}

// Rows: H07 H09
func TestBufferPolicies(t *testing.T) {
	with(t, client.Config{Buffer: client.Buffer{None: true}}, func(t *testing.T, r *rig) {
		s, _ := r.socket(chat)
		assert.ErrorIs(t, s.Emit("x"), client.ErrNotConnected)
		_, err := s.EmitAck(t.Context(), "x")
		assert.ErrorIs(t, err, client.ErrNotConnected)
		assert.NoError(t, s.Volatile().Emit("x"))
	})
	with(t, client.Config{Buffer: client.Buffer{MaxEvents: 2, MaxBytes: 1000}}, func(t *testing.T, r *rig) {
		s, _ := r.socket(chat)
		other, _ := r.socket(root)
		_, err := s.Unbuffered().EmitAck(t.Context(), "x")
		assert.ErrorIs(t, err, client.ErrNotConnected)
		_, err = s.Volatile().EmitAck(t.Context(), "x")
		assert.ErrorIs(t, err, client.ErrNotConnected)
		assert.ErrorIs(t, s.Emit("large", strings.Repeat("x", 1000)), client.ErrBufferFull)
		require.NoError(t, s.Emit("1"))
		require.NoError(t, other.Emit("2"))
		assert.ErrorIs(t, s.Emit("3"), client.ErrBufferFull, "the bound is of the Conn")
		assert.Equal(t, 1, s.ClearBuffer())
		waiting := beside(func() (event.Args, error) { return s.EmitAck(t.Context(), "4") })
		assertPending(t, waiting)
		assert.Equal(t, 1, s.ClearBuffer())
		assert.ErrorIs(t, (<-waiting).err, client.ErrNotConnected)
		require.NoError(t, s.Emit("5"))
		s.Disconnect()
		p := r.open(other)
		p.Expect(t, `42["2"]`)
		s.Connect()
		p.Join(t, "/chat", "y")
		p.Expect(t, `42/chat,["5"]`)
		s.Disconnect()
		p.Expect(t, `41/chat,`)
		require.NoError(t, s.Emit("kept"))
		s.Connect()
		answerProbe(t, p)
		p.Join(t, "/chat", "z")
		p.Expect(t, `42/chat,["kept"]`)
	})
}

// Rows: M15 H09
func TestVolatile(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.socket(chat)
		require.NoError(t, s.Volatile().Emit("offline"))
		p := r.open(s)
		require.NoError(t, s.Volatile().Emit("sent", []byte("b")))
		p.Expect(t, `451-/chat,["sent",{"_placeholder":true,"num":0}]`, "bYg==")
		synctest.Wait()
		release := p.Block()
		require.NoError(t, s.Emit("blocks"))
		synctest.Wait()
		require.NoError(t, s.Volatile().Emit("dropped as a whole", []byte("b")))
		_, err := s.Volatile().EmitAck(t.Context(), "x")
		assert.ErrorIs(t, err, client.ErrNotConnected)
		release()
		p.Expect(t, `42/chat,["blocks"]`)
		synctest.Wait()
		p.ExpectNothing(t)

		p.Hang()
		synctest.Wait()
		require.NoError(t, s.Volatile().Emit("after the loss"))
		p = r.server.Accept(t)
		p.Join(t, "/chat", "x")
		synctest.Wait()
		p.ExpectNothing(t)
	})
}

// Rows: E13 G05
func TestTooLarge(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		r.server.Handshake.MaxPayload = 100
		s, log := r.socket(chat)
		require.NoError(t, s.Emit("unknown yet", strings.Repeat("x", 100)))
		waiting := beside(func() (event.Args, error) { return s.EmitAck(t.Context(), "unknown yet", strings.Repeat("x", 100)) })
		synctest.Wait()
		require.NoError(t, s.Emit("fits"))
		p := r.open(s)
		p.Expect(t, `42/chat,["fits"]`)
		assert.ErrorIs(t, (<-waiting).err, client.ErrTooLarge)

		// 4 2/chat,["x","…"] is 16 bytes without the text.
		require.NoError(t, s.Emit("x", strings.Repeat("x", 100-16)))
		p.Next(t)
		err := s.Emit("x", strings.Repeat("x", 101-16))
		assert.ErrorIs(t, err, client.ErrTooLarge)
		assert.ErrorContains(t, err, "101 bytes, at most 100")
		require.NoError(t, s.Emit("x", make([]byte, 100)))
		assert.ErrorIs(t, s.Emit("x", make([]byte, 101)), client.ErrTooLarge)
		s.OnAck("ask", func(_ event.Args, ack func(...any)) {
			ack(strings.Repeat("x", 200))
		})
		p.Send(`42/chat,5["ask"]`)
		assert.Equal(t, []string{"connect", "ask"}, log.take())
		assert.True(t, s.Connected(), "nothing of this closes the connection")
	})
}

func TestTooLargeAsBase64(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newUpgradable()
		server.Handshake.Upgrades = nil
		server.Handshake.MaxPayload = 100
		conn, err := client.New("http://test", client.Config{Transports: []engine.Transport{server.Transport("polling")}})
		require.NoError(t, err)
		s := conn.Main()
		conn.Connect()
		server.Accept(t).Join(t, "/", "x")
		synctest.Wait()
		require.NoError(t, s.Emit("x", make([]byte, 72)))
		assert.ErrorIs(t, s.Emit("x", make([]byte, 75)), client.ErrTooLarge)
		require.NoError(t, conn.Close())
	})
}

// Rows: E17
func TestSendQueueIsBounded(t *testing.T) {
	with(t, client.Config{MaxQueued: 1000}, func(t *testing.T, r *rig) {
		s, _ := r.socket(chat)
		p := r.open(s)
		defer p.Block()()
		var err error
		for n := 0; err == nil; n++ {
			err = s.Emit("x", strings.Repeat("x", 100))
			require.Less(t, n, 20)
		}
		assert.ErrorIs(t, err, client.ErrBufferFull)
	})
}

// Rows: H02 H03
func TestHookRunsBeforeTheFlush(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		s, log := r.socket(chat)
		s.BeforeFlush(func(ctx context.Context, direct *client.Socket) error {
			args, err := direct.EmitAck(ctx, "hello")
			log.add("hook: " + args.String(0))
			return err
		})
		require.NoError(t, s.Emit("buffered"))
		r.conn.Connect()
		p := r.server.Accept(t)
		p.Join(t, "/chat", "x")
		p.Expect(t, `42/chat,0["hello"]`)
		require.NoError(t, s.Emit("emitted meanwhile"))
		p.Send(`42/chat,["event"]`)
		assert.Empty(t, log.take())
		assert.False(t, s.Connected())
		p.Send(`43/chat,0["welcome"]`)
		p.Expect(t, `42/chat,["buffered"]`, `42/chat,["emitted meanwhile"]`)
		assert.Equal(t, []string{"hook: welcome", "event", "connect"}, log.take())

		p.Hang()
		p = r.server.Accept(t)
		p.Join(t, "/chat", "y")
		p.Expect(t, `42/chat,1["hello"]`)
		p.Hang() // in the middle of the hook
		assert.Equal(t, []string{"disconnect: transport close", "hook: "}, log.take())
		p = r.server.Accept(t)
		p.Join(t, "/chat", "z")
		p.Expect(t, `42/chat,2["hello"]`)
		p.Send(`43/chat,2["again"]`)
		assert.Equal(t, []string{"hook: again", "connect"}, log.take())
	})
}

// Rows: H03
func TestHookThatFails(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		s, log := r.socket(chat)
		r.socket(root)
		var outcome box
		outcome.set(errors.New("not now"))
		s.BeforeFlush(func(context.Context, *client.Socket) error {
			switch v := outcome.get().(type) {
			case error:
				return v
			case string:
				panic(v)
			}
			return nil
		})
		require.NoError(t, s.Emit("buffered"))
		p := r.open(s)
		p.Expect(t, "40", "41/chat,")
		assert.Equal(t, []string{"error: client: connect /chat: hook: not now"}, log.take())
		outcome.set("boom")
		time.Sleep(2 * time.Second)
		answerProbe(t, p)
		p.Join(t, "/chat", "x")
		p.Expect(t, "41/chat,")
		assert.Equal(t, []string{"error: client: connect /chat: hook: panic: boom"}, log.take())
		outcome.set(nil)
		time.Sleep(3 * time.Second)
		answerProbe(t, p)
		p.Join(t, "/chat", "y")
		p.Expect(t, `42/chat,["buffered"]`)
		assert.Equal(t, []string{"connect"}, log.take())

		outcome.set(event.Errorf(event.CodeForbidden, "banned"))
		p.Hang()
		p = r.server.Accept(t)
		p.Join(t, "/chat", "z")
		p.Expect(t, "40", "41/chat,")
		synctest.Wait()
		assert.False(t, s.Active())
	})
}

// Rows: H04 H11
func TestARefusalEndsTheWait(t *testing.T) {
	for name, cfg := range map[string]client.Config{
		"plain": {}, "retries": {Retries: 2}, "no bound": {AckTimeout: -1},
	} {
		t.Run(name, func(t *testing.T) {
			with(t, cfg, func(t *testing.T, r *rig) {
				other, _ := r.socket(root)
				s := r.conn.Of(chat)
				waiting := beside(func() (event.Args, error) { return s.EmitAck(t.Context(), "early") })
				assertPending(t, waiting)
				require.NoError(t, s.Emit("stays"))
				p := r.open(other)
				p.Expect(t, "40/chat,")
				p.Send(`44/chat,{"message":"log in","data":{"code":"unauthenticated"}}`)
				began := time.Now()
				for range 2 { // what waited, and what is asked now
					err := (<-waiting).err
					refusal, ok := errors.AsType[*client.ConnectError](err)
					require.True(t, ok, err)
					assert.True(t, refusal.Refused())
					assert.Equal(t, event.CodeUnauthenticated, event.CodeOf(err))
					waiting = beside(func() (event.Args, error) { return s.EmitAck(t.Context(), "late") })
				}
				<-waiting
				assert.Equal(t, began, time.Now())
				_, err := s.Unbuffered().EmitAck(t.Context(), "x")
				assert.ErrorIs(t, err, client.ErrNotConnected)
				_, err = client.Call(t.Context(), s, leap, point{})
				assert.Equal(t, event.CodeUnauthenticated, event.CodeOf(err))

				// The program asks again, so everything waits again.
				s.Connect()
				waiting = beside(func() (event.Args, error) { return s.EmitAck(t.Context(), "again") })
				p.Expect(t, "40/chat,")
				assertPending(t, waiting)
				p.Send(`40/chat,{"sid":"x"}`)
				if cfg.Retries > 0 {
					p.Expect(t, `42/chat,1["stays"]`)
					p.Send(`43/chat,1[]`)
				} else {
					p.Expect(t, `42/chat,["stays"]`)
				}
				question := p.Next(t)
				assert.Contains(t, question, `["again"]`)
				p.Send("43" + strings.TrimSuffix(question[2:], `["again"]`) + `["yes"]`)
				assert.NoError(t, (<-waiting).err)
			})
		})
	}
}

// OnConnectError is where a program renews its token and asks again: what waits
// is not given up before it has returned, nor while another attempt follows.
//
// Rows: H04 H11
func TestNoRefusalWhileTheSocketComesBack(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		other, _ := r.socket(root)
		s := r.conn.Of(chat)
		s.OnConnectError(func(error) { s.Connect() })
		waiting := beside(func() (event.Args, error) { return s.EmitAck(t.Context(), "ask") })
		assertPending(t, waiting)
		p := r.open(other)
		p.Expect(t, "40/chat,")
		p.Send(`44/chat,{"message":"expired"}`)
		p.Expect(t, "40/chat,")
		assertPending(t, waiting)
		p.Send(`40/chat,{"sid":"x"}`)
		p.Expect(t, `42/chat,0["ask"]`)
		p.Send(`43/chat,0[]`)
		assert.NoError(t, (<-waiting).err)
	})
	with(t, client.Config{RetryRefused: true}, func(t *testing.T, r *rig) {
		other, _ := r.socket(root)
		s := r.conn.Of(chat)
		waiting := beside(func() (event.Args, error) { return s.EmitAck(t.Context(), "ask") })
		p := r.open(other)
		p.Expect(t, "40/chat,")
		p.Send(`44/chat,{"message":"busy","data":{"code":"unavailable"}}`)
		assertPending(t, waiting)
		p.Expect(t, "40/chat,")
		p.Send(`44/chat,{"message":"go away"}`)
		assert.ErrorContains(t, (<-waiting).err, "go away")
	})
	with(t, client.Config{Auth: func(context.Context) (any, error) {
		return nil, event.Errorf(event.CodeUnauthenticated, "nobody is logged in")
	}}, func(t *testing.T, r *rig) {
		r.conn.Connect()
		_, err := r.conn.Of(chat).EmitAck(t.Context(), "ask")
		assert.Equal(t, event.CodeUnauthenticated, event.CodeOf(err), "this side gave up")
	})
}
