package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/adapter"
	"parley/shared/event"
)

type load struct {
	Sockets int `json:"sockets"`
}

var (
	root    = event.NewNamespace("/")
	reload  = event.NewServerSide[load](root, "reload")
	howMany = event.NewServerCall[string, load](root, "how many")
	rawly   = event.NewRawServerCall[string, load](root, "rawly")
	astray  = event.NewServerSide[load](event.NewNamespace("/elsewhere"), "reload")
)

// Rows: N20 M18 M19
func TestTypedEventsBetweenServers(t *testing.T) {
	nodes := startCluster(t, 3, 0)
	faults := make(chan server.Fault, 8)
	got := make(chan load, 1)
	server.OnServers(nodes[1].Namespace, reload, func(l load) error { got <- l; return nil })
	require.NoError(t, server.EmitServers(t.Context(), nodes[0].Namespace, reload, load{7}))
	require.Equal(t, load{7}, await(t, got))
	require.ErrorIs(t, server.EmitServers(t.Context(), nodes[0].Namespace, astray, load{}), server.ErrNamespace)
	require.Panics(t, func() { server.OnServers(nodes[1].Namespace, astray, func(load) error { return nil }) })

	for i, node := range nodes {
		answer := func(text string) (load, error) {
			if i == 2 {
				return load{}, event.Errorf(event.CodeConflict, "busy")
			}
			return load{len(text)}, nil
		}
		server.HandleServers(node.Namespace, howMany, answer)
		server.HandleServers(node.Namespace, rawly, answer)
	}
	replies, refusals := 0, 0
	for r, err := range server.AskServers(t.Context(), nodes[0].Namespace, howMany, "four") {
		if refusal, ok := errors.AsType[*event.Error](err); ok {
			require.Equal(t, event.CodeConflict, refusal.Code)
			refusals++
			continue
		}
		require.NoError(t, err)
		require.Equal(t, load{4}, r.Value)
		require.NotEmpty(t, r.Node)
		replies++
	}
	require.Equal(t, [2]int{1, 1}, [2]int{replies, refusals})
	for r, err := range server.AskServers(t.Context(), nodes[2].Namespace, rawly, "five!") {
		require.NoError(t, err)
		require.Equal(t, load{5}, r.Value)
	}

	f := start(t, server.Config{
		OnFault: func(f server.Fault) { faults <- f },
		Adapter: func(k adapter.Sink) adapter.Adapter {
			return echoing{adapter.NewLocal(k, adapter.LocalConfig{}), k}
		},
	})
	stop := server.OnServers(f.Namespace, reload, func(load) error { return errors.New("no") })
	require.NoError(t, server.EmitServers(t.Context(), f.Namespace, reload, load{1}))
	require.Equal(t, "reload", await(t, faults).Event)
	stop()
	server.HandleServers(f.Namespace, howMany, func(string) (load, error) { return load{}, errors.New("no") })
	require.NoError(t, f.ServerEmit(t.Context(), "how many", 5))
	require.NoError(t, f.ServerEmit(t.Context(), "how many", "x"))
	require.EqualError(t, await(t, faults).Err, "no", "a question that does not decode is its sender's fault")
}

// echoing is an adapter whose other server sends back what it gets, and tells of sockets as over a network.
type echoing struct {
	*adapter.Local
	sink adapter.Sink
}

func (a echoing) ServerEmit(_ context.Context, p adapter.Packet) error {
	a.sink.ServerEvent(p, nil)
	return nil
}

func (a echoing) Fetch(ctx context.Context, t adapter.Target) ([]adapter.Info, error) {
	list, err := a.Local.Fetch(ctx, t)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	var read []adapter.Info
	return read, json.Unmarshal(text, &read)
}

// Rows: N20 N09
func TestTypedData(t *testing.T) {
	key, other := server.NewKey[load]("load"), server.NewKey[int]("load")
	for name, cfg := range map[string]server.Config{
		"here": {},
		"from another server": {Adapter: func(k adapter.Sink) adapter.Adapter {
			return echoing{adapter.NewLocal(k, adapter.LocalConfig{}), k}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, cfg)
			_, s := f.join("/")
			_, ok := key.Get(s)
			require.False(t, ok)
			list, err := f.Fetch(t.Context())
			require.NoError(t, err)
			_, ok, err = key.Of(list[0])
			require.NoError(t, err)
			require.False(t, ok)

			key.Set(s, load{3})
			v, ok := key.Get(s)
			require.True(t, ok)
			require.Equal(t, load{3}, v)
			_, ok = other.Get(s)
			require.False(t, ok)
			list, err = f.Fetch(t.Context())
			require.NoError(t, err)
			v, ok, err = key.Of(list[0])
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, load{3}, v)
			_, _, err = other.Of(list[0])
			require.Error(t, err)
		})
	}

	f := start(t, server.Config{Recovery: time.Minute})
	c := &comer{f: f}
	key.Set(c.come(), load{9})
	v, ok := key.Get(c.come())
	require.True(t, ok)
	require.Equal(t, load{9}, v)
}
