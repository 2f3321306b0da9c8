package server_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/shared/event"
)

var (
	shop    = event.NewNamespace("/shop")
	order   = event.NewCall[Order, Receipt](shop, "order")
	sum     = event.NewRawCall[event.Args2[int, int], int](shop, "sum")
	typing  = event.NewToServer[bool](shop, "typing")
	shipped = event.NewToClient[Receipt](shop, "shipped")
	moved   = event.NewToClient[event.Args2[string, []byte]](shop, "moved")
	confirm = event.NewAsk[string, bool](shop, "confirm")
)

type Order struct {
	Item string `json:"item"`
	N    int    `json:"n"`
}

func (o Order) Validate() error {
	if o.N <= 0 {
		return event.Errorf(event.CodeInvalid, "n must be positive")
	}
	return nil
}

type Receipt struct {
	Total int `json:"total"`
}

// Rows: N20 L04
func TestTypedHandlers(t *testing.T) {
	faults := make(chan server.Fault, 8)
	f := start(t, server.Config{OnFault: func(f server.Fault) { faults <- f }})
	ns := f.Of(shop)
	ns.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			return next(context.WithValue(ctx, userKey{}, "ada"), s)
		}
	})
	server.Handle(ns, order, func(ctx context.Context, s *server.Socket, o Order) (Receipt, error) {
		assert.Equal(t, "ada", ctx.Value(userKey{}))
		assert.Same(t, ns, s.Namespace())
		switch o.Item {
		case "":
			return Receipt{}, event.Errorf(event.CodeNotFound, "no such item")
		case "broken":
			return Receipt{}, errors.New("disk on fire")
		case "panic":
			panic("oh")
		}
		return Receipt{Total: o.N * 7}, nil
	})
	server.Handle(ns, sum, func(_ context.Context, _ *server.Socket, p event.Args2[int, int]) (int, error) {
		return p.A + p.B, nil
	})
	states := make(chan bool, 4)
	stop := server.On(ns, typing, func(_ context.Context, _ *server.Socket, on bool) error {
		if !on {
			return errors.New("off")
		}
		states <- on
		return nil
	})
	p, s := f.join("/shop")
	for _, c := range []struct{ send, answer string }{
		{`2/shop,1["order",{"item":"tea","n":6}]`, `3/shop,1[{"data":{"total":42}}]`},
		{`2/shop,2["order",{"item":"","n":1}]`, `3/shop,2[{"error":{"code":"not_found","message":"no such item"}}]`},
		{`2/shop,3["order",{"item":"tea","n":0}]`, `3/shop,3[{"error":{"code":"invalid","message":"n must be positive"}}]`},
		{`2/shop,4["order",{"item":"broken","n":1}]`, `3/shop,4[{"error":{"code":"internal","message":"internal error"}}]`},
		{`2/shop,5["order",{"item":"panic","n":1}]`, `3/shop,5[{"error":{"code":"internal","message":"internal error"}}]`},
		{`2/shop,7["sum",1,2]`, `3/shop,7[3]`},
		{`2/shop,8["typing",true]`, `3/shop,8[]`}, // a client with retries wants an answer to everything
		{`2/shop,9["typing",false]`, `3/shop,9[{"error":{"code":"internal","message":"internal error"}}]`},
	} {
		p.send(c.send)
		p.expect(c.answer)
	}
	p.send(`2/shop,6["order"]`)
	require.Contains(t, p.read(), `3/shop,6[{"error":{"code":"invalid"`)
	require.True(t, await(t, states))
	require.ErrorContains(t, await(t, faults).Err, "disk on fire")
	require.ErrorContains(t, await(t, faults).Err, "oh")
	require.ErrorContains(t, await(t, faults).Err, "off")
	p.send(`2/shop,["typing","not a bool"]`)
	require.Equal(t, event.CodeInvalid, event.CodeOf(await(t, faults).Err))
	stop()
	p.send(`2/shop,["typing",true]`)
	p.silent(s)
	require.Empty(t, states)

	require.Panics(t, func() {
		server.Handle(ns, order, func(context.Context, *server.Socket, Order) (Receipt, error) { return Receipt{}, nil })
	}, "a call has one answer")
	require.Panics(t, func() {
		server.On(f.Namespace, typing, func(context.Context, *server.Socket, bool) error { return nil })
	}, "the wrong namespace")
}

// Rows: N20 M08
func TestTypedEmitAndAsk(t *testing.T) {
	f := start(t, server.Config{})
	ns := f.Of(shop)
	p, s := f.join("/shop")
	q, other := f.join("/shop")
	require.NoError(t, server.Emit(t.Context(), ns, shipped, Receipt{1}))
	require.NoError(t, server.Emit(t.Context(), s, shipped, Receipt{2}))
	require.NoError(t, server.Emit(t.Context(), s.Broadcast(), moved, event.Args2[string, []byte]{A: "x", B: []byte{1}}))
	require.ErrorIs(t, server.Emit(t.Context(), f.Namespace, shipped, Receipt{3}), server.ErrNamespace)
	p.expect(`2/shop,["shipped",{"total":1}]`, `2/shop,["shipped",{"total":2}]`)
	q.expect(`2/shop,["shipped",{"total":1}]`, `51-/shop,["moved","x",{"_placeholder":true,"num":0}]`, "b:\x01")

	go func() {
		p.expect(`2/shop,0["confirm","sure?"]`)
		p.send(`3/shop,0[{"data":true}]`)
		q.expect(`2/shop,0["confirm","sure?"]`)
		q.send(`3/shop,0[{"error":{"code":"busy","message":"later"}}]`)
	}()
	yes, no := 0, 0
	for reply, err := range server.Ask(t.Context(), ns.Timeout(10*time.Second), confirm, "sure?") {
		if err != nil {
			require.Equal(t, other.ID(), reply.Socket)
			require.Equal(t, event.Code("busy"), event.CodeOf(err))
			no++
			continue
		}
		require.Equal(t, s.ID(), reply.Socket)
		require.True(t, reply.Value)
		yes++
	}
	require.Equal(t, 1, yes)
	require.Equal(t, 1, no)

	go func() {
		p.expect(`2/shop,1["confirm","you?"]`)
		p.send(`3/shop,1[{"data":false}]`)
	}()
	value, err := server.AskOne(t.Context(), s, confirm, "you?")
	require.NoError(t, err)
	require.False(t, value)
	_, err = server.AskOne(t.Context(), f.Namespace, confirm, "x")
	require.ErrorIs(t, err, server.ErrNamespace)
}
