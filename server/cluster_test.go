package server_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/adapter"
	"parley/server/adapter/adaptertest"
	"parley/shared/event"
)

// startCluster runs n servers that share a bus.
func startCluster(t *testing.T, n int, recovery time.Duration) []*fixture {
	buses := map[string]*adaptertest.Bus{}
	cfg := server.Config{Recovery: recovery, AckTimeout: 10 * time.Second, Adapter: func(sink adapter.Sink) adapter.Adapter {
		bus := buses[sink.Namespace()]
		if bus == nil {
			bus = adaptertest.NewBus(adaptertest.Config{Recovery: recovery})
			buses[sink.Namespace()] = bus
		}
		return bus.Open(sink)
	}}
	nodes := make([]*fixture, n)
	for i := range nodes {
		nodes[i] = start(t, cfg)
	}
	t.Cleanup(func() { clear(buses) })
	return nodes
}

// Rows: M06 M10 M13 M17 M22 D11
func TestBroadcastAcrossServers(t *testing.T) {
	nodes := startCluster(t, 2, 0)
	p, s := nodes[0].join("/")
	q, other := nodes[1].join("/")
	require.NoError(t, other.Join("r"))
	require.NoError(t, nodes[0].Emit("all", 1, []byte{7}))
	require.NoError(t, s.To("r").Emit("room", 2))
	require.NoError(t, nodes[1].Local().Emit("local"))
	p.expect(`51-["all",1,{"_placeholder":true,"num":0}]`, "b:\x07")
	q.expect(`51-["all",1,{"_placeholder":true,"num":0}]`, "b:\x07", `2["room",2]`, `2["local"]`)
	p.silent(s)
	mate, _ := nodes[0].join("/")
	require.NoError(t, s.Local().Emit("mates"))
	require.NoError(t, nodes[0].Emit("all", 3))
	mate.expect(`2["mates"]`, `2["all",3]`)
	p.expect(`2["all",3]`)
	q.expect(`2["all",3]`)
}

// Rows: M17 R06 R07
func TestLocalIsOneServer(t *testing.T) {
	nodes := startCluster(t, 2, 0)
	p, s := nodes[0].join("/")
	q, other := nodes[1].join("/")
	local := nodes[0].Local()
	settle := func() { // an event goes the same way
		t.Helper()
		require.NoError(t, nodes[0].Emit("settled"))
		p.expect(`2["settled"]`)
		q.expect(`2["settled"]`)
	}
	require.NoError(t, nodes[0].Join("left"))
	require.NoError(t, local.Join("joined"))
	require.NoError(t, local.Leave("left"))
	settle()
	require.Equal(t, []event.Room{event.Room(s.ID()), "joined"}, s.Rooms())
	require.Equal(t, []event.Room{event.Room(other.ID()), "left"}, other.Rooms())

	list, err := local.Fetch(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, s.ID(), list[0].ID())

	go func() { p.expect(`20["q"]`); p.send(`30["yes"]`) }()
	for a, err := range local.EmitAck(t.Context(), "q") {
		require.NoError(t, err)
		require.Equal(t, s.ID(), a.Socket)
	}
	settle()

	require.NoError(t, local.Disconnect(false))
	require.NoError(t, nodes[0].Emit("settled"))
	p.expect("1")
	q.expect(`2["settled"]`)
	require.True(t, other.Connected())
}

// Rows: M08 M09 M23 R06 R07
func TestRemoteSockets(t *testing.T) {
	nodes := startCluster(t, 2, 0)
	p, s := nodes[0].join("/")
	q, other := nodes[1].join("/")
	other.Set("user", "ada")
	other.Set(userKey{}, "stays")

	list, err := nodes[0].Fetch(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 2)
	var remote server.RemoteSocket
	for _, r := range list {
		if r.ID() == other.ID() {
			remote = r
		}
	}
	require.NotEmpty(t, remote.Node())
	require.Equal(t, map[string]any{"user": "ada"}, remote.Data())
	h, made := remote.Handshake(), other.Handshake()
	require.Equal(t, "yes", h.Headers["x-test"])
	require.Equal(t, "one", h.Query["room"])
	require.Equal(t, "/socket.io/?EIO=4&transport=websocket&room=one", h.URL)
	require.NotEmpty(t, made.Address)
	require.Equal(t, made.Address, h.Address)
	require.Equal(t, made.Time.Format(time.RFC3339), h.Time)
	require.Equal(t, made.Time.UnixMilli(), h.Issued)
	require.False(t, h.XDomain || h.Secure)
	require.NoError(t, remote.Join("r"))
	require.NoError(t, remote.Emit("hi"))
	q.expect(`2["hi"]`)
	require.True(t, other.In("r"))
	go func() { q.expect(`20["ask"]`); q.send(`30["fine"]`) }()
	args, err := remote.EmitAck(t.Context(), "ask")
	require.NoError(t, err)
	require.Equal(t, "fine", args.String(0))

	go func() {
		p.expect(`21["poll"]`)
		p.send(`31["p"]`)
		q.expect(`21["poll"]`)
		q.send(`31["q"]`)
	}()
	got := map[string]string{}
	for a, err := range nodes[0].EmitAck(t.Context(), "poll") {
		require.NoError(t, err)
		got[a.Socket] = a.Args.String(0)
	}
	require.Equal(t, map[string]string{s.ID(): "p", other.ID(): "q"}, got)

	require.NoError(t, nodes[0].To("r").Disconnect(true))
	require.Equal(t, []string{"41"}, q.expectClosed())
	require.True(t, s.Connected())
}

// Rows: M18 M19
func TestServerSideEmit(t *testing.T) {
	nodes := startCluster(t, 3, 0)
	heard := make(chan string, 8)
	for i, n := range nodes {
		n.OnServer(func(name string, args event.Args, reply func(...any)) {
			heard <- name + " " + args.String(0)
			reply(i)
			reply("only once")
		})
	}
	require.NoError(t, nodes[0].ServerEmit(t.Context(), "hello", "x"))
	require.Equal(t, "hello x", await(t, heard))
	require.Equal(t, "hello x", await(t, heard))
	sum := 0
	for a, err := range nodes[0].ServerEmitAck(t.Context(), "load", "y") {
		require.NoError(t, err)
		require.NotEmpty(t, a.Node)
		var n int
		require.NoError(t, a.Args.Decode(&n))
		sum += n
	}
	require.Equal(t, 3, sum)
	for _, name := range []string{"connect", "connection", "new_namespace", "disconnect"} {
		require.ErrorIs(t, nodes[0].ServerEmit(t.Context(), name), server.ErrReserved)
		for _, err := range nodes[0].ServerEmitAck(t.Context(), name) {
			require.ErrorIs(t, err, server.ErrReserved)
		}
	}

	alone := start(t, server.Config{})
	require.NoError(t, alone.ServerEmit(t.Context(), "hello"))
	for range alone.ServerEmitAck(t.Context(), "hello") {
		t.Error("there is no other server")
	}
}

// Rows: M09 M17 M19 R06
func TestSilentServer(t *testing.T) {
	bus := adaptertest.NewBus(adaptertest.Config{})
	var adapters []adapter.Adapter
	cfg := server.Config{Adapter: func(sink adapter.Sink) adapter.Adapter {
		adapters = append(adapters, bus.Open(sink))
		return adapters[len(adapters)-1]
	}}
	a, _ := start(t, cfg), start(t, cfg)
	_, s := a.join("/")
	bus.Silence(adapters[1])
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	list, err := a.Fetch(ctx)
	var partial *adapter.PartialError
	require.ErrorAs(t, err, &partial)
	require.Equal(t, []string{"node-2"}, partial.Missing)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Len(t, list, 1)
	require.Equal(t, s.ID(), list[0].ID())
	list, err = a.Local().Fetch(ctx)
	require.NoError(t, err, "nobody else was asked")
	require.Len(t, list, 1)
	failed := 0
	for _, err := range a.ServerEmitAck(ctx, "x") {
		require.ErrorAs(t, err, &partial)
		failed++
	}
	for _, err := range a.To("nobody").EmitAck(ctx, "x") {
		require.ErrorAs(t, err, &partial)
		failed++
	}
	require.Equal(t, 2, failed)
}

// Rows: K01 K11
func TestRecoveryOnAnotherServer(t *testing.T) {
	nodes := startCluster(t, 2, time.Minute)
	c := &comer{f: nodes[0]}
	s := c.come()
	require.NoError(t, s.Join("r"))
	require.NoError(t, s.Emit("a"))
	c.expect(`["a"]`)
	require.NoError(t, nodes[1].To("r").Emit("b")) // into a connection that is dead, which nobody has noticed
	half := c.p
	c.f = nodes[1]
	c.come()
	require.True(t, c.recovered)
	half.expectClosed()
	require.NoError(t, nodes[0].To("r").Emit("c"))
	got := c.early
	for len(got) < 2 {
		got = append(got, c.note(c.p.read()))
	}
	require.Equal(t, []string{`["b"]`, `["c"]`}, got)
	<-s.Context().Done()
	require.Zero(t, nodes[0].Len())
}
