package server_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/shared/event"
)

// Whoever set the deadline, the answer that did not come has one name.
// Rows: M03 M04 M08
func TestAckTimeoutByContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, server.Config{})
		p, s := f.join("/")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := s.EmitAck(ctx, "q")
		require.ErrorIs(t, err, server.ErrAckTimeout)
		require.ErrorIs(t, err, context.DeadlineExceeded)

		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		n := 0
		for _, err := range f.EmitAck(ctx, "q") {
			n++
			require.ErrorIs(t, err, server.ErrAckTimeout)
		}
		require.Equal(t, 1, n)

		ctx, cancel = context.WithCancel(t.Context())
		cancel()
		_, err = s.EmitAck(ctx, "q")
		require.ErrorIs(t, err, context.Canceled)
		p.cut()
	})
}

// An answer for a client that has left is nobody's fault.
// Rows: L04
func TestAnswerForWhoHasLeft(t *testing.T) {
	faults := make(chan server.Fault, 8)
	f := start(t, server.Config{OnFault: func(f server.Fault) { faults <- f }})
	asked, answered := make(chan func(...any)), make(chan struct{})
	f.OnConnect(func(s *server.Socket) {
		s.OnAck("q", func(_ event.Args, ack func(...any)) {
			asked <- ack
			<-s.Context().Done()
			ack("late")
			close(answered)
		})
	})
	p, _ := f.join("/")
	p.send(`21["q"]`)
	await(t, asked)
	p.cut()
	await(t, answered)
	require.Empty(t, faults)
}

// The error of a middleware for events goes to who asked, or else to OnFault.
// Rows: N18 N19
func TestErrorOfAnEventMiddleware(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faults := make(chan server.Fault, 8)
		f := startPipe(t, server.Config{OnFault: func(f server.Fault) { faults <- f }})
		told, secret := event.Errorf(event.CodeForbidden, "no"), errors.New("secret")
		f.UseEvent(func(next server.EventFunc) server.EventFunc {
			return func(ctx context.Context, e *server.Event) error {
				switch e.Name {
				case "told":
					return told
				case "secret":
					return secret
				}
				panic("broken")
			}
		})
		p, _ := f.join("/")
		p.send(`21["told"]`)
		p.expect(`31[{"error":{"code":"forbidden","message":"no"}}]`)
		require.Empty(t, faults)
		p.send(`2["told"]`)
		assert.Equal(t, error(told), (<-faults).Err)
		p.send(`22["secret"]`)
		p.expect(`32[{"error":{"code":"internal","message":"internal error"}}]`)
		assert.Equal(t, secret, (<-faults).Err)
		p.send(`2["secret"]`)
		assert.Equal(t, secret, (<-faults).Err)
		p.send(`2["broken"]`)
		assert.Error(t, (<-faults).Err)
		synctest.Wait()
		require.Empty(t, faults, "a panic is reported once")
		p.cut()
	})
}
