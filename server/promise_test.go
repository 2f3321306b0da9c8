package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/adapter"
	"parley/shared/engineio"
	"parley/shared/event"
)

// What breaks the promise of recovery elsewhere: "recovered" with a hole, with what was not meant, or never again.

// fill lets the log grow by about n kB of events that are for nobody.
func fill(t *testing.T, f *fixture, n int) {
	t.Helper()
	for range n {
		require.NoError(t, f.To("elsewhere").Emit("noise", strings.Repeat("x", 1000)))
	}
}

// What cannot be sent is refused before it is in the log, where it would stop every client that comes back.
// Rows: B04 K03 K05 M01
func TestWhatCannotBeSentIsNotLogged(t *testing.T) {
	for _, recovery := range []time.Duration{0, time.Minute} {
		f := start(t, server.Config{Recovery: recovery})
		_, s := f.join("/")
		parts := make([]any, 11) // one more than the parser encodes
		for i := range parts {
			parts[i] = []byte{1}
		}
		require.Error(t, f.Emit("all", parts...))
		require.Error(t, f.To("nobody").Emit("room", parts...))
		require.Error(t, s.Emit("one", parts...))
		for _, err := range f.EmitAck(t.Context(), "ask", parts...) {
			require.Error(t, err)
		}
		if recovery > 0 {
			c := lost(t, f)
			require.Error(t, f.Emit("all", parts...))
			require.NoError(t, f.Emit("all", parts[:10]...))
			p := c.ask()
			require.Contains(t, p.read(), `510-["all",{"_placeholder"`)
		}
	}
}

// A connection that is alive has not received everything for that: it may write without reading.
// Rows: K04 K11
func TestNoHoleForAClientThatDoesNotRead(t *testing.T) {
	f := start(t, server.Config{Recovery: time.Minute, RecoveryBytes: 32 << 10})
	c := &comer{f: f}
	s := c.come()
	require.NoError(t, s.Emit("x"))
	c.expect(`["x"]`)
	require.NoError(t, s.Emit("missed"))
	fill(t, f, 100) // "missed" falls out of the log
	c.come()
	require.False(t, c.recovered)
	require.Empty(t, c.early)
}

// A client for which nothing was meant has missed nothing, however much there was for others.
// Rows: K11
func TestIdleClientInABusyNamespace(t *testing.T) {
	f := start(t, server.Config{Recovery: time.Minute, RecoveryBytes: 64 << 10})
	f.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			if s.Recovered() {
				fill(t, f, 10) // while it asks the database
			}
			return next(ctx, s)
		}
	})
	c := &comer{f: f}
	s := c.come()
	for range 3 {
		require.NoError(t, s.Emit("x"))
		c.expect(`["x"]`)
		fill(t, f, 200)
		s = c.come() // and takes the connection over
		require.True(t, c.recovered)
		require.Empty(t, c.early)
	}
	fill(t, f, 200)
	c.p.cut()
	gone(t, s)
	fill(t, f, 10)
	require.NoError(t, f.Emit("missed"))
	c.come()
	require.True(t, c.recovered)
	require.Equal(t, []string{`["missed"]`}, c.early)
}

// The rooms that a middleware changes count for what comes, not for what was missed.
// Rows: K05 K07
func TestMiddlewareJoinsARoomBeforeTheReplay(t *testing.T) {
	f := start(t, server.Config{Recovery: time.Minute})
	c := lost(t, f)
	require.NoError(t, f.Except("vip").Emit("for all but vip"))
	require.NoError(t, f.To("vip").Emit("for vip"))
	f.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			assert.NoError(t, s.Join("vip"))
			return next(ctx, s)
		}
	})
	c.come()
	require.True(t, c.recovered)
	require.Equal(t, []string{`["for all but vip"]`}, c.early)
	require.NoError(t, f.To("vip").Emit("live"))
	c.expect(`["live"]`)
	c.come()
	require.NoError(t, f.To("vip").Emit("and later"))
	c.expect(`["and later"]`)
}

// Who was meant is decided when an event is emitted, also while nobody knows that the client is not there.
// Rows: K05 R01 R02
func TestRoomsChangeBeforeTheLossIsNoticed(t *testing.T) {
	f := start(t, server.Config{Recovery: time.Minute})
	c := &comer{f: f}
	s := c.come()
	require.NoError(t, s.Join("a"))
	require.NoError(t, s.Emit("x"))
	c.expect(`["x"]`)
	// From here on the client gets nothing.
	step := func(n int) {
		require.NoError(t, f.To("a").Emit("to a", n))
		require.NoError(t, f.To("b").Emit("to b", n))
		require.NoError(t, f.Except("a").Emit("but a", n))
		require.NoError(t, f.To("a", "b").Except("c").Emit("but c", n))
	}
	step(1) // a
	require.NoError(t, s.Join("b", "a"))
	step(2) // a b
	s.Leave("a", "c")
	step(3) // b
	require.NoError(t, s.Join("c"))
	step(4) // b c
	s.Leave("b", "c")
	step(5)
	want := []string{
		`["to a",1]`, `["but c",1]`,
		`["to a",2]`, `["to b",2]`, `["but c",2]`,
		`["to b",3]`, `["but a",3]`, `["but c",3]`,
		`["to b",4]`, `["but a",4]`,
		`["but a",5]`,
	}
	offset := c.offset
	s = c.come()
	require.True(t, c.recovered)
	require.Equal(t, want, c.early)
	require.NoError(t, s.Join("d"))
	require.NoError(t, f.To("d").Emit("to d"))
	c.offset = offset // the replay did not arrive
	s = c.come()
	require.True(t, c.recovered)
	require.Equal(t, append(want, `["to d"]`), c.early)

	offset = c.offset
	for i := range 1000 { // more than is remembered, but nothing of it matters
		require.NoError(t, s.Join("e"), i)
		require.NoError(t, f.To("nobody").Emit("between"))
		s.Leave("e")
		require.NoError(t, f.To("e").Emit("to e"))
	}
	require.NoError(t, f.Emit("all"))
	c.offset = offset
	s = c.come()
	require.True(t, c.recovered)
	require.Equal(t, []string{`["all"]`}, c.early)

	offset = c.offset
	for i := range 1000 { // and now it does
		require.NoError(t, s.Join("e"), i)
		require.NoError(t, f.To("e").Emit("to e"))
		s.Leave("e")
		require.NoError(t, f.To("nobody").Emit("between"))
	}
	c.offset = offset
	c.come()
	require.False(t, c.recovered)
	require.Empty(t, c.early)
}

// What is sent to one socket is for it alone, whoever has joined a room of its name.
// Rows: K03 M01 M23
func TestOwnRoomIsNotShared(t *testing.T) {
	f := start(t, server.Config{Recovery: time.Minute})
	spy := &comer{f: f}
	other := spy.come()
	p, s := f.join("/")
	require.NoError(t, other.Join(event.Room(s.ID())))
	require.NoError(t, s.Emit("secret"))
	require.Contains(t, p.read(), "secret")
	list, err := f.To(event.Room(s.ID())).Fetch(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 2, "a room like any other, for those who name it")
	for _, r := range list {
		if r.ID() == s.ID() {
			require.NoError(t, r.Emit("secret too"))
		}
	}
	require.Contains(t, p.read(), "secret too")
	spy.come()
	require.Empty(t, spy.early)
	require.NoError(t, f.To(event.Room(s.ID())).Emit("said to the room"))
	spy.expect(`["said to the room"]`)
}

// What handlers store that are still at work when the connection breaks is there when it comes back.
// Rows: K01
func TestDataOfLateHandlers(t *testing.T) {
	f := start(t, server.Config{Recovery: time.Minute})
	begun, release, done := make(chan struct{}), make(chan struct{}), make(chan struct{}, 2)
	f.OnConnect(func(s *server.Socket) {
		s.On("nick", func(a event.Args) {
			close(begun)
			<-release
			s.Set("nick", a.String(0))
		})
	})
	f.OnDisconnecting(func(s *server.Socket, _ engineio.Reason, _ error) {
		s.Set("left", 1)
		done <- struct{}{}
	})
	c := &comer{f: f}
	old := c.come()
	c.p.send(`2["nick","ada"]`)
	await(t, begun)
	c.p.cut()
	gone(t, old)
	close(release)
	await(t, done)
	s := c.come()
	require.True(t, c.recovered)
	require.Equal(t, "ada", s.Get("nick"))
	require.Equal(t, 1, s.Get("left"))

	old.Set("nick", "too late") // it belongs to another socket now
	c.p.cut()
	gone(t, s)
	await(t, done)
	old.Set("nick", "too late")
	s = c.come()
	require.True(t, c.recovered)
	require.Equal(t, "ada", s.Get("nick"))
}

// Rows: K03 N21
func TestConnectTimeoutDoesNotCutTheReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, server.Config{Recovery: time.Hour, ConnectTimeout: time.Second, Adapter: func(k adapter.Sink) adapter.Adapter {
			return lastMoment{
				adapter.NewLocal(k, adapter.LocalConfig{Recovery: time.Hour}),
				func(*server.Socket) { time.Sleep(10 * time.Second) }, // the network is slow
			}
		}})
		c := lost(t, f)
		c.come()
		require.True(t, c.recovered)
		c.p.cut()
	})
}

// Over polling a replay waits for the client, whatever its size.
// Rows: K05 K06
func TestReplayOverPollingIsNotTooMuch(t *testing.T) {
	for name, sizes := range map[string][]int{
		"large":       {10, 1100 << 10, 1100 << 10, 10},
		"many":        {60_000, 60_000, 60_000, 960_000, 60_000},
		"small queue": {900, 900, 900, 900, 5000, 900},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := server.Config{Recovery: time.Minute}
			if name == "small queue" {
				cfg.Engine.Queue.Bytes = 1000
			}
			f := start(t, cfg)
			c := lost(t, f)
			for i, n := range sizes {
				require.NoError(t, f.Emit("n", i, strings.Repeat("x", n), 0))
			}
			l := f.alone().openPolling()
			l.write(fmt.Sprintf(`40{"pid":%q}`, c.pid))
			var all strings.Builder
			for !strings.Contains(all.String(), `40{"sid":"`+c.id) {
				status, body := l.poll()
				require.Equal(t, 200, status, body)
				all.WriteString("\x1e" + body)
			}
			at := 0
			for i := range sizes {
				next := strings.Index(all.String()[at:], fmt.Sprintf(`["n",%d,`, i))
				require.GreaterOrEqual(t, next, 0, i)
				at += next
			}
		})
	}
}

// The log's bytes are those of everything it holds.
// Rows: K14
func TestLogCountsTargets(t *testing.T) {
	f := start(t, server.Config{Recovery: time.Minute, RecoveryBytes: 1 << 20})
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	for i := range 3000 {
		rooms := make([]event.Room, 1000)
		for j := range rooms {
			rooms[j] = "user"
		}
		require.NoError(t, f.To(rooms...).Emit("n", i))
	}
	require.Less(t, heap()-before, int64(8<<20))
}

// Rows: K14
func TestGapMetInTheReplayIsReported(t *testing.T) {
	faults := make(chan server.Fault, 1)
	f := start(t, server.Config{Recovery: time.Minute, RecoveryBytes: 32 << 10, OnFault: func(f server.Fault) { faults <- f }})
	c := lost(t, f)
	f.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			if s.Recovered() {
				fill(t, f, 100)
			}
			return next(ctx, s)
		}
	})
	c.ask().expectClosed()
	require.ErrorIs(t, await(t, faults).Err, adapter.ErrGap)
	c.come()
	require.False(t, c.recovered)
}

// Rows: K09
func TestPositionBehindWhiteSpace(t *testing.T) {
	f := start(t, server.Config{Recovery: time.Minute})
	c := &comer{f: f}
	s := c.come()
	require.NoError(t, s.Volatile().Emit("b", json.RawMessage("\"text\"\n")))
	c.note(c.p.read())
	c.p.cut()
	gone(t, s)
	c.come()
	require.True(t, c.recovered)
}

// What other servers of the reference tell of a connection.
// Rows: M23
func TestHandshakeOfTheReference(t *testing.T) {
	var h adapter.Handshake
	require.NoError(t, json.Unmarshal([]byte(`{
		"headers":{"cookie":"a","set-cookie":["x","y"]},"query":{"tag":["a","b"],"EIO":"4"},"auth":{"token":1}}`), &h))
	require.Equal(t, adapter.Pairs{"cookie": "a", "set-cookie": "x, y"}, h.Headers)
	require.Equal(t, adapter.Pairs{"tag": "a, b", "EIO": "4"}, h.Query)
	require.JSONEq(t, `{"token":1}`, string(h.Auth))

	f := start(t, server.Config{})
	p := f.dial()
	p.send(`0{"token":"x"}`)
	p.read()
	list, err := f.Fetch(t.Context())
	require.NoError(t, err)
	require.JSONEq(t, `{"token":"x"}`, string(list[0].Handshake().Auth))
	require.Contains(t, f.url, list[0].Handshake().Headers["host"])
	require.NotEmpty(t, list[0].Handshake().Headers["host"])
}

// Rows: K05
func TestManyRoomChangesInAQuietNamespace(t *testing.T) {
	f := start(t, server.Config{Recovery: time.Minute})
	c := &comer{f: f}
	s := c.come()
	for i := range 200 {
		require.NoError(t, s.Join("a"), i)
		s.Leave("a")
	}
	c.p.cut()
	gone(t, s)
	require.NoError(t, f.Emit("missed"))
	c.come()
	require.True(t, c.recovered)
	require.Equal(t, []string{`["missed"]`}, c.early)
}

// Rows: K11
func TestIdleClientMissesOneEventOnAHalfOpenConnection(t *testing.T) {
	for _, seen := range []bool{false, true} {
		t.Run(fmt.Sprint("has seen an event: ", seen), func(t *testing.T) {
			f := start(t, server.Config{Recovery: time.Minute, RecoveryBytes: 64 << 10})
			c := &comer{f: f}
			s := c.come()
			if seen {
				require.NoError(t, s.Emit("x"))
				c.expect(`["x"]`)
			}
			fill(t, f, 200) // for others; the log has cut the beginning off
			require.NoError(t, s.Emit("into the void"))
			c.come()
			require.True(t, c.recovered)
			require.Equal(t, []string{`["into the void"]`}, c.early)
		})
	}
}
