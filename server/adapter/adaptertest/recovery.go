package adaptertest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server/adapter"
	"parley/shared/event"
)

func (s Suite) recovery(t *testing.T) {
	n := s.open(t, Config{Recovery: time.Minute}, 1)[0]
	if _, ok := n.adapter.(adapter.Recoverer); !ok {
		return // the adapter has no recovery; everything else it must have
	}
	t.Run("Replay", s.replay)
	t.Run("OnceOnly", s.onceOnly)
	t.Run("NoEventYet", s.noEventYet)
	t.Run("Takeover", s.takeover)
	t.Run("Goodbye", s.goodbye)
	t.Run("Refused", s.refused)
	t.Run("Gap", s.gap)
	t.Run("Positions", s.positions)
	t.Run("Watchers", s.watchers)
	t.Run("UnderLoad", s.underLoad)
}

// client is the client's view of a recoverable socket.
type client struct {
	n    *node
	r    adapter.Recoverer
	m    *member
	seen string // the last position
}

func newClient(n *node, id string, rooms ...event.Room) *client {
	c := &client{n: n, r: n.adapter.(adapter.Recoverer), m: n.member(id, rooms...)}
	c.m.session.PID = "pid-" + id
	c.r.Keep(c.m)
	return c
}

// read takes the next packet and returns its array without the position, which it notes.
func (c *client) read() []any {
	c.n.t.Helper()
	select {
	case text := <-c.m.got:
		return c.note(text)
	case <-time.After(patience):
		require.FailNow(c.n.t, "nothing came")
		return nil
	}
}

func (c *client) note(text string) []any {
	text, _, _ = strings.Cut(text, "]+")
	if !strings.HasSuffix(text, "]") {
		text += "]"
	}
	var list []any
	require.NoError(c.n.t, json.Unmarshal([]byte(text), &list))
	if position, ok := list[len(list)-1].(string); ok && len(list) > 1 {
		c.seen = position
		list = list[:len(list)-1]
	}
	return list
}

func (c *client) expect(name string, args ...any) {
	c.n.t.Helper()
	require.Equal(c.n.t, fmt.Sprint(append([]any{name}, args...)), fmt.Sprint(c.read()))
}

// lose cuts the connection.
func (c *client) lose() {
	c.m.end()
	c.r.Suspend(c.m)
}

// comeBack takes the session up on a node.
func (c *client) comeBack(n *node) error {
	r := n.adapter.(adapter.Recoverer)
	session, err := r.Take(n.t.Context(), c.m.session.PID, c.seen)
	if err != nil {
		return err
	}
	m := n.stranger(session.SID)
	m.session = session
	if err := r.Replay(n.t.Context(), m, session, session.Rooms, func(context.Context) error { return nil }); err != nil {
		return err
	}
	r.Keep(m)
	c.n, c.r, c.m = n, r, m
	return nil
}

func (n *node) emit(target adapter.Target, name string, args ...any) {
	n.t.Helper()
	require.NoError(n.t, n.adapter.Broadcast(n.t.Context(), target, packet(name, args...)))
}

// settle returns when every server has delivered what was emitted before.
func settle(nodes ...*node) {
	for _, n := range nodes {
		n.t.Helper()
		n.marks++
		probe := n.stranger(fmt.Sprintf("probe-%p-%d", n, n.marks))
		n.adapter.Add(probe, nil)
		nodes[0].emit(rooms(event.Room(probe.id)), "settled", n.marks)
		select {
		case <-probe.got:
		case <-time.After(patience):
			require.FailNow(n.t, "nothing came")
		}
		n.adapter.Remove(probe)
	}
}

func rooms(names ...event.Room) adapter.Target { return adapter.Target{Rooms: names} }

func (s Suite) replay(t *testing.T) {
	nodes := s.open(t, Config{Recovery: time.Minute}, 2)
	n, other := nodes[0], nodes[len(nodes)-1]
	c := newClient(n, "a", "r1", "r2")
	n.emit(adapter.Target{}, "seen", 1)
	c.expect("seen", 1)
	c.m.node.adapter.Leave(c.m, "r2")
	require.NoError(t, c.m.node.adapter.Join(c.m, "r3"))
	c.r.Keep(c.m)
	c.lose()

	n.emit(adapter.Target{}, "all", []byte{1, 2})
	n.emit(rooms("r1"), "mine")
	n.emit(rooms("r2"), "left")
	n.emit(rooms("r3"), "joined")
	n.emit(rooms("a"), "own")
	n.emit(adapter.Target{Rooms: []event.Room{"r1"}, Direct: true}, "another's own")
	n.emit(adapter.Target{Rooms: []event.Room{"a"}, Direct: true}, "own alone")
	n.emit(adapter.Target{Flags: adapter.Flags{Local: true}}, "local")
	n.emit(rooms("other", "r1"), "union")
	n.emit(adapter.Target{Except: []event.Room{"r3"}}, "excepted")
	n.emit(adapter.Target{Rooms: []event.Room{"r1"}, Except: []event.Room{"a"}}, "sender")
	n.emit(adapter.Target{Flags: adapter.Flags{Volatile: true}}, "volatile")
	settle(nodes...)
	for i := range 300 { // more than one portion
		n.emit(rooms("r1"), "n", i)
	}
	require.NoError(t, c.comeBack(other))
	n.emit(rooms("r3"), "live")

	require.Equal(t, "a", c.m.id)
	require.Equal(t, []event.Room{"r1", "r3"}, c.m.Session().Rooms)
	require.Equal(t, "all", c.read()[0])
	c.expect("mine")
	c.expect("joined")
	c.expect("own")
	c.expect("own alone")
	if other == n {
		c.expect("local")
	}
	c.expect("union")
	for i := range 300 {
		c.expect("n", i)
	}
	c.expect("live")
}

func (s Suite) onceOnly(t *testing.T) {
	n := s.open(t, Config{Recovery: time.Minute}, 1)[0]
	c := newClient(n, "a")
	c.lose()
	require.NoError(t, c.comeBack(n))
	c.lose()
	var wg sync.WaitGroup
	won := make(chan error, 8)
	for range cap(won) {
		wg.Go(func() {
			_, err := c.r.Take(t.Context(), "pid-a", "")
			won <- err
		})
	}
	wg.Wait()
	winners := 0
	for range cap(won) {
		if err := <-won; err == nil {
			winners++
		} else {
			require.ErrorIs(t, err, adapter.ErrNoSession)
		}
	}
	require.Equal(t, 1, winners)
	_, err := c.r.Take(t.Context(), "unknown", "")
	require.ErrorIs(t, err, adapter.ErrNoSession)
}

func (s Suite) noEventYet(t *testing.T) {
	n := s.open(t, Config{Recovery: time.Minute}, 1)[0]
	n.emit(adapter.Target{}, "before")
	settle(n)
	c := newClient(n, "a")
	c.lose()
	require.NoError(t, c.comeBack(n))
	c.lose()
	n.emit(adapter.Target{}, "missed")
	c.seen = "" // what was replayed to it did not arrive before the next break
	require.NoError(t, c.comeBack(n))
	c.expect("missed")
	c.lose()
	c.seen = ""
	require.NoError(t, c.comeBack(n))
	c.expect("missed")
}

func (s Suite) takeover(t *testing.T) {
	nodes := s.open(t, Config{Recovery: time.Minute}, 2)
	c := newClient(nodes[0], "a", "r")
	old := c.m
	nodes[0].emit(rooms("r"), "one")
	c.expect("one")
	seen := c.seen
	nodes[0].emit(rooms("r"), "into the dead connection")
	c.seen = seen
	require.NoError(t, c.comeBack(nodes[len(nodes)-1]), "nobody noticed the loss yet")
	c.expect("into the dead connection")
	require.False(t, nodes[0].adapter.Index().In(old, "r"), "the old socket is out")
	old.node.adapter.(adapter.Recoverer).Suspend(old) // its end is noticed late
	nodes[0].emit(rooms("r"), "live")
	c.expect("live")
	c.lose()
	require.NoError(t, c.comeBack(nodes[0]), "the late end has not spoilt the session")
}

func (s Suite) goodbye(t *testing.T) {
	n := s.open(t, Config{Recovery: time.Minute}, 1)[0]
	c := newClient(n, "a")
	c.m.end()
	c.r.Drop(c.m)
	require.ErrorIs(t, c.comeBack(n), adapter.ErrNoSession)
}

func (s Suite) refused(t *testing.T) {
	n := s.open(t, Config{Recovery: time.Minute}, 1)[0]
	c := newClient(n, "a", "r")
	c.lose()
	n.emit(rooms("r"), "missed")
	session, err := c.r.Take(t.Context(), "pid-a", c.seen)
	require.NoError(t, err)
	stranger := n.stranger("a")
	stranger.session = session
	c.r.Keep(stranger)
	c.r.Return(stranger, session)
	require.NoError(t, c.comeBack(n))
	c.expect("missed")
	c.r.Return(stranger, session) // too late: the session has an owner
	n.emit(rooms("r"), "live")
	c.expect("live")
	c.lose()
	require.NoError(t, c.comeBack(n))
	c.lose()

	session, err = c.r.Take(t.Context(), "pid-a", c.seen)
	require.NoError(t, err)
	stranger = n.stranger("a")
	stranger.session = session
	c.r.Keep(stranger)
	_, err = c.r.Take(t.Context(), "pid-a", c.seen)
	require.NoError(t, err)
	c.r.Return(stranger, session) // the one who has taken it since has not kept it yet
	_, err = c.r.Take(t.Context(), "pid-a", c.seen)
	require.ErrorIs(t, err, adapter.ErrNoSession, "given away once")
}

func (s Suite) gap(t *testing.T) {
	n := s.open(t, Config{Recovery: time.Minute, LogBytes: 64 << 10}, 1)[0]
	c := newClient(n, "a")
	n.emit(adapter.Target{}, "one")
	c.expect("one")
	c.lose()
	n.emit(adapter.Target{}, "missed")
	filler := strings.Repeat("x", 1000)
	for range 200 {
		n.emit(adapter.Target{}, filler)
	}
	require.ErrorIs(t, c.comeBack(n), adapter.ErrGap, "never with a hole")
	require.ErrorIs(t, c.comeBack(n), adapter.ErrNoSession)
}

func (s Suite) positions(t *testing.T) {
	n := s.open(t, Config{Recovery: time.Minute}, 1)[0]
	volatile := adapter.Target{Flags: adapter.Flags{Volatile: true}}
	c := newClient(n, "a")
	n.emit(adapter.Target{}, "one")
	n.emit(volatile, "ends", "with a string")
	n.emit(volatile, "no arguments")
	n.emit(volatile, "number", 5)
	c.expect("one")
	c.expect("ends", "with a string")
	c.expect("no arguments")
	c.expect("number", 5)
	c.lose()
	n.emit(adapter.Target{}, "two")
	require.NoError(t, c.comeBack(n))
	c.expect("two")

	c.lose()
	stale := c.seen
	c.seen = "some other string"
	require.ErrorIs(t, c.comeBack(n), adapter.ErrGap, "not a position")

	n.emit(adapter.Target{}, "before the next session")
	settle(n)
	c = newClient(n, "b")
	c.seen = stale // left over from the session before
	c.lose()
	n.emit(adapter.Target{}, "three")
	require.NoError(t, c.comeBack(n))
	c.expect("three")
}

// watchers of rooms are told without a lock, so that they may emit.
func (s Suite) watchers(t *testing.T) {
	n := s.open(t, Config{Recovery: time.Minute}, 1)[0]
	stop := n.adapter.Index().Watch(func(e adapter.RoomEvent) {
		if e.Kind == adapter.JoinRoom && e.Room == "hall" {
			assert.NoError(t, n.adapter.Broadcast(t.Context(), rooms("hall"), packet("here", e.Socket)))
		}
	})
	defer stop()
	c := newClient(n, "a", "hall")
	c.expect("here", "a")
	c.lose()
	require.NoError(t, c.comeBack(n))
	c.expect("here", "a")
}

// underLoad is the promise as a whole: two emitters, a client that is cut again and again, nothing lost, repeated or
// out of order.
func (s Suite) underLoad(t *testing.T) {
	nodes := s.open(t, Config{Recovery: time.Minute}, 2)
	c := newClient(nodes[0], "a", "r")
	const each = 3000
	var wg sync.WaitGroup
	for e := range 2 {
		n := nodes[e%len(nodes)]
		wg.Go(func() {
			for i := range each {
				assert.NoError(t, n.adapter.Broadcast(t.Context(), rooms("r"), packet("n", e, i)))
			}
		})
	}
	next := [2]int{}
	cuts := 0
	for next[0]+next[1] < 2*each {
		if total := next[0] + next[1]; total >= cuts*200 && cuts < 25 {
			if cuts++; cuts%2 == 0 {
				c.lose() // else the server has not noticed yet
			}
			require.NoError(t, c.comeBack(nodes[cuts%len(nodes)]))
		}
		list := c.read()
		e, i := int(list[1].(float64)), int(list[2].(float64))
		require.Equal(t, next[e], i, "emitter %d", e)
		next[e]++
	}
	wg.Wait()
	require.Equal(t, 25, cuts)
}
