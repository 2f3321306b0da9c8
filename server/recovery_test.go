package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
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

// comer is a client that keeps what connection state recovery needs, as the official one does.
type comer struct {
	f         *fixture
	p         *peer
	pid       string
	id        string
	offset    string
	recovered bool
	early     []string // packets that came before the answer to CONNECT
}

// come connects, or comes back.
func (c *comer) come() *server.Socket {
	c.f.t.Helper()
	c.p = c.f.dial()
	auth := map[string]any{"token": "t"}
	if c.pid != "" {
		auth["pid"] = c.pid
		if c.offset != "" {
			auth["offset"] = c.offset
		}
	}
	text, err := json.Marshal(auth)
	require.NoError(c.f.t, err)
	c.p.send("0" + string(text))
	c.early = nil
	for {
		packet := c.p.read()
		if strings.HasPrefix(packet, "2") {
			c.early = append(c.early, c.note(packet))
			continue
		}
		var answer struct{ SID, PID string }
		require.True(c.f.t, strings.HasPrefix(packet, "0{"), packet)
		require.NoError(c.f.t, json.Unmarshal([]byte(packet[1:]), &answer))
		require.NotEmpty(c.f.t, answer.PID)
		c.recovered = answer.PID == c.pid
		require.Equal(c.f.t, c.recovered, answer.SID == c.id)
		c.pid, c.id = answer.PID, answer.SID
		s, ok := c.f.Socket(c.id)
		require.True(c.f.t, ok)
		require.Equal(c.f.t, c.recovered, s.Recovered())
		return s
	}
}

// note remembers the position of an event and returns the event without it.
func (c *comer) note(packet string) string {
	c.f.t.Helper()
	var list []any
	require.NoError(c.f.t, json.Unmarshal([]byte(packet[strings.Index(packet, "["):]), &list))
	if position, ok := list[len(list)-1].(string); ok {
		c.offset = position
		if len(list) > 1 {
			list = list[:len(list)-1]
		}
	}
	text, err := json.Marshal(list)
	require.NoError(c.f.t, err)
	return string(text)
}

func (c *comer) expect(events ...string) {
	c.f.t.Helper()
	for _, want := range events {
		require.Equal(c.f.t, want, c.note(c.p.read()))
	}
}

// gone waits until the server has noticed the end of s.
func gone(t testing.TB, s *server.Socket) { t.Helper(); <-s.Context().Done() }

// Who reads the log cannot take a session over, whatever happened to it.
// Rows: A17 K12
// Advisories: CVE-2017-16031
func TestRecoveryIDsAreNotLogged(t *testing.T) {
	var out bytes.Buffer
	var mu sync.Mutex
	log := slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return out.Write(b)
	}), &slog.HandlerOptions{Level: slog.LevelDebug}))
	srv := server.New(server.Config{Logger: log, Recovery: time.Minute, RecoveryBytes: 1000})
	srv.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			if s.Recovered() && s.Get("out") != nil {
				return errors.New("refused")
			}
			return next(ctx, s)
		}
	})
	web := httptest.NewServer(srv)
	defer web.Close()
	f := &fixture{Server: srv, t: t, url: web.URL, http: web.Client()}
	var secrets []string
	c := &comer{f: f}
	come := func(recovered bool) *server.Socket {
		t.Helper()
		s := c.come()
		require.Equal(t, recovered, c.recovered)
		secrets = append(secrets, c.pid, s.Conn().ID())
		return s
	}
	s := come(false)
	require.NoError(t, s.Emit("x"))
	c.expect(`["x"]`)
	c.p.cut()
	gone(t, s)
	come(true)
	require.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return strings.Contains(out.String(), "recovered=true")
	}, 10*time.Second, time.Millisecond)
	c.p.cut()
	s = come(true) // perhaps before the loss was noticed
	s.Set("out", true)
	c.p.cut()
	gone(t, s)
	p := f.dial()
	p.send(`0{"pid":"` + c.pid + `","offset":"` + c.offset + `"}`)
	p.expect(`4{"message":"internal error","data":{"code":"internal"}}`)
	p.cut()
	for range 20 {
		require.NoError(t, srv.Emit("much", strings.Repeat("x", 100)))
	}
	come(false) // the log does not reach back so far
	c.p.send("1")
	c.pid = secrets[0]
	come(false) // there is no such session
	c.p.close()
	require.NoError(t, srv.Close())

	mu.Lock()
	defer mu.Unlock()
	text := out.String()
	require.Contains(t, text, "error=refused")
	require.Contains(t, text, "does not reach back")
	for _, secret := range secrets {
		require.NotContains(t, text, secret)
	}
	require.NotContains(t, text, "token")
}

// Rows: K01 K02 K03 K05 K06
func TestRecovery(t *testing.T) {
	f := start(t, server.Config{Recovery: time.Minute})
	c := &comer{f: f}
	s := c.come()
	require.NoError(t, s.Join("r"))
	s.Set("user", "ada")
	first := s.ID()
	require.NoError(t, s.Emit("hello", 1))
	require.Regexp(t, `^2\["hello",1,"[\w-]{8}\.1"\]$`, func() string { p := c.p.read(); c.note(p); return p }())
	c.p.cut()
	gone(t, s)

	require.NoError(t, f.Emit("all", 2))
	require.NoError(t, f.To("r").Emit("room", 3))
	require.NoError(t, f.To("elsewhere").Emit("no"))
	require.NoError(t, f.Except("r").Emit("no"))
	require.NoError(t, f.Volatile().Emit("no"))
	require.NoError(t, f.To(event.Room(first)).Emit("own", 4))
	require.ErrorIs(t, s.Emit("to the dead"), server.ErrDisconnected)

	s = c.come()
	require.True(t, c.recovered)
	require.Equal(t, first, s.ID())
	require.Equal(t, []string{`["all",2]`, `["room",3]`, `["own",4]`}, c.early, "what was missed comes before the answer")
	require.True(t, s.In("r"))
	require.Equal(t, "ada", s.Get("user"))
	require.NoError(t, f.To("r").Emit("live"))
	c.expect(`["live"]`)
}

// Rows: K02
func TestWithoutRecoveryNothingIsAdded(t *testing.T) {
	f := start(t, server.Config{})
	p := f.dial()
	p.send(`0{"pid":"x","offset":"y"}`)
	answer := p.read()
	require.Regexp(t, `^0\{"sid":"[\w-]{20}"\}$`, answer)
	s, _ := f.Socket(strings.Split(answer, `"`)[3])
	require.False(t, s.Recovered())
	require.NoError(t, f.Emit("x"))
	p.expect(`2["x"]`)
}

// Rows: K04 N04
func TestRecoveryByReason(t *testing.T) {
	for name, c := range map[string]struct {
		end       func(*comer, *server.Socket)
		recovered bool
	}{
		"cut":                 {func(c *comer, _ *server.Socket) { c.p.cut() }, true},
		"closed":              {func(c *comer, _ *server.Socket) { c.p.close() }, true},
		"bad packet":          {func(c *comer, _ *server.Socket) { c.p.send("2{}") }, true},
		"client ping":         {func(c *comer, _ *server.Socket) { c.p.sendRaw("2") }, true},
		"parse error":         {func(c *comer, _ *server.Socket) { c.p.sendRaw("9") }, false},
		"client said goodbye": {func(c *comer, _ *server.Socket) { c.p.send("1") }, false},
		"server said goodbye": {func(_ *comer, s *server.Socket) { s.Disconnect(false) }, false},
		"server closed":       {func(_ *comer, s *server.Socket) { s.Disconnect(true) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, server.Config{Recovery: time.Minute})
			client := &comer{f: f}
			s := client.come()
			require.NoError(t, s.Emit("x"))
			client.expect(`["x"]`)
			c.end(client, s)
			gone(t, s)
			client.come()
			require.Equal(t, c.recovered, client.recovered)
		})
	}
}

// Rows: K04 K11
func TestRecoveryWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, server.Config{Recovery: 2 * time.Minute})
		c := &comer{f: f}
		s := c.come()
		require.NoError(t, s.Emit("x"))
		c.expect(`["x"]`)
		idle := make(chan struct{})
		go func(p *peer) { defer close(idle); p.expectClosed() }(c.p)
		other := &comer{f: f}
		other.come()
		otherDone := make(chan struct{})
		go func(p *peer) { defer close(otherDone); p.expectClosed() }(other.p)
		for range 30 { // busy elsewhere, idle here, for longer than the window
			time.Sleep(time.Minute)
			require.NoError(t, f.To(event.Room(other.id)).Emit("noise"))
		}
		c.p.cut()
		<-idle
		gone(t, s)
		time.Sleep(119 * time.Second)
		require.NoError(t, f.Emit("missed"))
		s = c.come()
		require.True(t, c.recovered)
		require.Equal(t, []string{`["missed"]`}, c.early)

		c.p.cut()
		gone(t, s)
		time.Sleep(121 * time.Second)
		c.come()
		require.False(t, c.recovered, "too late")
		other.p.cut()
		<-otherDone
	})
}

// Rows: K11
func TestRecoveryWithoutAnyEvent(t *testing.T) {
	f := start(t, server.Config{Recovery: time.Minute})
	require.NoError(t, f.Emit("before anybody came"))
	c := &comer{f: f}
	s := c.come()
	c.p.cut()
	gone(t, s)
	require.NoError(t, f.Emit("missed"))
	s = c.come()
	require.True(t, c.recovered)
	require.Equal(t, []string{`["missed"]`}, c.early)
	c.offset = "" // the replay was lost with the connection
	c.p.cut()
	gone(t, s)
	c.come()
	require.Equal(t, []string{`["missed"]`}, c.early)
}

// Rows: K11 K12
func TestFastReconnectTakesOver(t *testing.T) {
	f := start(t, server.Config{Recovery: time.Minute})
	reasons := ended(f)
	c := &comer{f: f}
	old := c.come()
	require.NoError(t, old.Join("r"))
	require.NoError(t, old.Emit("x"))
	c.expect(`["x"]`)
	half := c.p // half-open: the server has not noticed anything
	require.NoError(t, f.To("r").Emit("into the void"))
	s := c.come()
	require.True(t, c.recovered)
	require.Equal(t, []string{`["into the void"]`}, c.early)
	require.Equal(t, engineio.ReasonTransportClose, await(t, reasons))
	require.False(t, old.Connected())
	require.NotSame(t, old, s)
	require.Equal(t, 1, f.Len())
	half.expectClosed()
	require.NoError(t, f.To("r").Emit("live"))
	c.expect(`["live"]`)
}

// Rows: K12
func TestSessionIsConsumedOnce(t *testing.T) {
	f := start(t, server.Config{Recovery: time.Minute})
	c := &comer{f: f}
	s := c.come()
	c.p.cut()
	gone(t, s)
	twin := *c
	s = c.come()
	require.True(t, c.recovered)
	s.Disconnect(false)
	c.p.expect("1")
	twin.come()
	require.False(t, twin.recovered)
}

// Rows: K01 K12
func TestConnectionThatBreaksDuringTheReplay(t *testing.T) {
	f := start(t, server.Config{Recovery: time.Minute})
	c := &comer{f: f}
	s := c.come()
	require.NoError(t, s.Emit("first"))
	c.expect(`["first"]`)
	c.p.cut()
	gone(t, s)
	const missed = 4000 // more than the kernel's buffers hold
	text := strings.Repeat("x", 4000)
	for i := range missed {
		require.NoError(t, f.Emit("n", i, text, 0))
	}
	for range 3 {
		p := f.dial()
		p.send(fmt.Sprintf(`0{"pid":%q,"offset":%q}`, c.pid, c.offset))
		require.True(t, strings.HasPrefix(p.read(), `2["n",0,`))
		p.cut()
		require.Eventually(t, func() bool { return f.Connections() == 0 }, 10*time.Second, time.Millisecond)
	}
	c.come()
	require.True(t, c.recovered)
	require.Len(t, c.early, missed)
	for i, event := range c.early {
		require.True(t, strings.HasPrefix(event, fmt.Sprintf(`["n",%d,`, i)))
	}
}

// Rows: K07
func TestMiddlewareForRecoveredClients(t *testing.T) {
	for _, skip := range []bool{false, true} {
		t.Run(fmt.Sprint("skip ", skip), func(t *testing.T) {
			f := start(t, server.Config{Recovery: time.Minute, RecoverySkipsMiddleware: skip})
			calls, blocked := 0, false
			f.Use(func(next server.ConnectFunc) server.ConnectFunc {
				return func(ctx context.Context, s *server.Socket) error {
					calls++
					if blocked {
						assert.True(t, s.Recovered())
						assert.Equal(t, "ada", s.Get("user"))
						return event.Errorf(event.CodeForbidden, "blocked")
					}
					return next(ctx, s)
				}
			})
			c := &comer{f: f}
			s := c.come()
			s.Set("user", "ada")
			c.p.cut()
			gone(t, s)
			if !skip {
				blocked = true
				p := f.dial()
				p.send(`0{"pid":"` + c.pid + `"}`)
				p.expect(`4{"message":"blocked","data":{"code":"forbidden"}}`)
				blocked = false
			}
			require.NoError(t, f.Emit("missed"))
			c.come()
			require.True(t, c.recovered, "who was refused may come again")
			require.Equal(t, []string{`["missed"]`}, c.early)
			require.Equal(t, map[bool]int{false: 3, true: 1}[skip], calls)
		})
	}
}

// Rows: K08 K09
func TestPositions(t *testing.T) {
	f := start(t, server.Config{Recovery: time.Minute})
	c := &comer{f: f}
	s := c.come()
	require.NoError(t, s.Emit("a", "text"))
	for _, emit := range []func() error{
		func() error { return s.Volatile().Emit("b", "text") },
		func() error { return f.Volatile().Emit("c") },
		func() error { return f.Volatile().Emit("d", 5) },
	} {
		require.NoError(t, s.Conn().Flush(t.Context()))
		require.NoError(t, emit())
	}
	go func() {
		_, err := s.EmitAck(t.Context(), "e", "text")
		assert.ErrorIs(t, err, server.ErrDisconnected)
	}()
	position := ""
	for i, format := range []string{`2["a","text","%s"]`, `2["b","text","%s"]`, `2["c","%s"]`, `2["d",5]`, `20["e","text"]`} {
		packet := c.p.read()
		if i == 0 {
			c.note(packet)
			position = c.offset
		}
		if strings.Contains(format, "%s") {
			format = fmt.Sprintf(format, position)
		}
		require.Equal(t, format, packet)
	}
	c.p.cut()
	gone(t, s)
	require.NoError(t, f.Emit("missed"))
	c.come()
	require.True(t, c.recovered)
	require.Equal(t, []string{`["missed"]`}, c.early)
}

// Rows: K10 N16
func TestEmitsInMiddlewareSurviveRecovery(t *testing.T) {
	f := start(t, server.Config{Recovery: time.Minute})
	f.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			assert.NoError(t, s.Emit("session", 1))
			return next(ctx, s)
		}
	})
	c := &comer{f: f}
	s := c.come()
	c.expect(`["session",1]`)
	c.offset = "" // as if it had not arrived
	c.p.cut()
	gone(t, s)
	c.come()
	require.True(t, c.recovered)
	require.Equal(t, []string{`["session",1]`}, c.early)
	c.expect(`["session",1]`) // of the middleware of this connection
}

// Rows: K13
func TestDeadSocketsEmitNothing(t *testing.T) {
	f := start(t, server.Config{Recovery: time.Minute})
	c := &comer{f: f}
	s := c.come()
	c.p.cut()
	gone(t, s)
	require.ErrorIs(t, s.Emit("late"), server.ErrDisconnected)
	require.ErrorIs(t, s.Volatile().Emit("late"), server.ErrDisconnected)
	c.come()
	require.True(t, c.recovered)
	require.Empty(t, c.early)
}

// Rows: K14
func TestLogIsBoundedByBytes(t *testing.T) {
	faults := make(chan server.Fault, 4)
	f := start(t, server.Config{Recovery: time.Minute, RecoveryBytes: 32 << 10, OnFault: func(f server.Fault) { faults <- f }})
	c := &comer{f: f}
	s := c.come()
	require.NoError(t, s.Emit("x"))
	c.expect(`["x"]`)
	c.p.cut()
	gone(t, s)
	for range 100 {
		require.NoError(t, f.Emit("big", strings.Repeat("x", 1000)))
	}
	stats := f.Adapter().(*adapter.Local).Stats()
	require.LessOrEqual(t, stats.Bytes, 32<<10)
	require.Less(t, stats.Packets, 40)
	c.come()
	require.False(t, c.recovered, "an eviction is told, never a hole")
	require.Empty(t, c.early)
	require.ErrorIs(t, await(t, faults).Err, adapter.ErrGap)
}

// Rows: K14
func TestRecoveryLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, server.Config{Recovery: time.Minute})
		for range 10 {
			c := &comer{f: f}
			s := c.come()
			require.NoError(t, s.Emit("x"))
			c.p.cut()
			gone(t, s)
		}
		time.Sleep(5 * time.Minute)
		require.Zero(t, f.Adapter().(*adapter.Local).Stats())
	})
}

// Rows: K01 K04 M22
func TestRecoveryUnderLoad(t *testing.T) { recoveryUnderLoad(t, 25, 2) }
