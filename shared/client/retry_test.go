package client_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/client"
	"parley/shared/event"
)

// Rows: H12 D04
func TestRetriesKeepOrderAndSendTheSameBytes(t *testing.T) {
	with(t, client.Config{Retries: 2, AckTimeout: time.Second}, func(t *testing.T, r *rig) {
		s := r.conn.Of(chat)
		require.NoError(t, s.Emit("a", "id-1"), "accepted while offline")
		require.NoError(t, s.Emit("b"))
		require.NoError(t, s.Volatile().Emit("volatile"))
		p := r.open(s)
		p.Expect(t, `42/chat,0["a","id-1"]`)
		synctest.Wait()
		p.ExpectNothing(t) // one at a time
		p.Expect(t, `42/chat,0["a","id-1"]`)
		p.Hang() // a try that a disconnect ended
		p = r.server.Accept(t)
		p.Join(t, "/chat", "x")
		p.Expect(t, `42/chat,0["a","id-1"]`)
		p.Send(`43/chat,0[]`)
		p.Expect(t, `42/chat,1["b"]`)
		time.Sleep(900 * time.Millisecond)
		synctest.Wait()
		p.ExpectNothing(t)
		p.Expect(t, `42/chat,1["b"]`)
		p.Send(`43/chat,1["answer to the first try"]`)

		answered := beside(func() (event.Args, error) { return s.EmitAck(t.Context(), "c") })
		p.Expect(t, `42/chat,2["c"]`)
		p.Send(`43/chat,2["ok"]`, `43/chat,2["late answer to nothing"]`)
		o := <-answered
		require.NoError(t, o.err)
		assert.Equal(t, "ok", o.args.String(0))
		require.NoError(t, s.Unbuffered().Emit("not queued"))
		p.Expect(t, `42/chat,["not queued"]`)
	})
}

// Rows: H12 H13
func TestRetriesEnd(t *testing.T) {
	_, err := client.New("http://test", client.Config{Retries: 3, AckTimeout: -1})
	require.ErrorContains(t, err, "AckTimeout")

	with(t, client.Config{Retries: 1, AckTimeout: time.Second}, func(t *testing.T, r *rig) {
		s := r.conn.Of(chat)
		p := r.open(s)
		given := beside(func() (event.Args, error) { return s.EmitAck(t.Context(), "given up") })
		p.Expect(t, `42/chat,0["given up"]`, `42/chat,0["given up"]`)
		assert.ErrorIs(t, (<-given).err, client.ErrAckTimeout)

		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		given = beside(func() (event.Args, error) { return s.EmitAck(ctx, "taken back") })
		next := beside(func() (event.Args, error) { return s.EmitAck(t.Context(), "next") })
		p.Next(t)
		assert.ErrorIs(t, (<-given).err, context.DeadlineExceeded)
		if q := p.Next(t); strings.Contains(q, "taken back") {
			t.Errorf("sent again after it was taken back: %s", q)
		}
		synctest.Wait()
		require.NoError(t, r.conn.Close())
		assert.ErrorIs(t, (<-next).err, client.ErrClosed)
		assert.ErrorIs(t, s.Emit("x"), client.ErrClosed)
	})
	with(t, client.Config{Retries: 1, Buffer: client.Buffer{MaxEvents: 1}}, func(t *testing.T, r *rig) {
		s := r.conn.Of(chat)
		require.NoError(t, s.Emit("1"))
		assert.ErrorIs(t, s.Emit("2"), client.ErrBufferFull)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := s.Timeout(time.Hour).EmitAck(ctx, "3")
		assert.ErrorIs(t, err, client.ErrBufferFull)
		p := r.open(s)
		p.Expect(t, `42/chat,0["1"]`)
		p.Send(`43/chat,0[]`)
		synctest.Wait()
		require.NoError(t, s.Emit("4"), "what was acknowledged makes room")
	})
}

// What a view asks for holds for its own emits only, also when they are queued.
//
// Rows: H14
func TestViewsLeaveNothingBehind(t *testing.T) {
	with(t, client.Config{Retries: 1}, func(t *testing.T, r *rig) {
		s := r.conn.Of(chat)
		require.NoError(t, s.Timeout(time.Second).Emit("queued"))
		require.NoError(t, s.Volatile().Emit("dropped"))
		assert.ErrorIs(t, s.Unbuffered().Emit("refused"), client.ErrNotConnected)
		waiting := beside(func() (event.Args, error) { return s.EmitAck(t.Context(), "next") })
		p := r.open(s)
		p.Expect(t, `42/chat,0["queued"]`)
		p.Send(`43/chat,0[]`)
		p.Expect(t, `42/chat,1["next"]`)
		time.Sleep(19 * time.Second)
		assertPending(t, waiting)
		p.Send(`43/chat,1["ok"]`)
		require.NoError(t, (<-waiting).err)
	})
}
