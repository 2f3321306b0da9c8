// Package adaptertest is the suite that every adapter must pass: membership, addressing, order, questions, changes of
// remote sockets, events between servers, and, for a Recoverer, sessions and replay.
//
//	func TestLocal(t *testing.T) {
//		adaptertest.Run(t, adaptertest.Suite{Cluster: func(t *testing.T, cfg adaptertest.Config) adaptertest.Open {
//			return func(sink adapter.Sink) adapter.Adapter {
//				return adapter.NewLocal(sink, adapter.LocalConfig{Recovery: cfg.Recovery, LogBytes: cfg.LogBytes})
//			}
//		}})
//	}
package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server/adapter"
	"parley/shared/event"
)

// Config is what the suite asks of a cluster.
type Config struct {
	Recovery time.Duration // 0: none
	LogBytes int           // 0: the default
}

// Open joins one more server to a cluster.
type Open func(adapter.Sink) adapter.Adapter

// Suite describes the adapter under test.
type Suite struct {
	// Cluster makes a fresh cluster that shares nothing with the others.
	Cluster func(t *testing.T, cfg Config) Open
	// Servers is how many servers a cluster may have: 1 for an adapter that has no other servers. Default 1.
	Servers int
}

// Run runs the suite.
func Run(t *testing.T, s Suite) {
	s.Servers = max(s.Servers, 1)
	t.Run("Membership", s.membership)
	t.Run("Targets", s.targets)
	t.Run("Order", s.order)
	t.Run("Ask", s.ask)
	t.Run("Arrival", s.arrival)
	t.Run("Fetch", s.fetch)
	t.Run("Update", s.update)
	t.Run("Servers", s.servers)
	t.Run("Recovery", s.recovery)
}

// open starts a cluster of as many servers as it may have, at most n.
func (s Suite) open(t *testing.T, cfg Config, n int) []*node {
	join := s.Cluster(t, cfg)
	nodes := make([]*node, min(n, s.Servers))
	for i := range nodes {
		k := &node{t: t, faults: make(chan error, 64), events: make(chan string, 64), answer: fmt.Sprintf(`["from %d"]`, i)}
		k.adapter = join(sink{k})
		nodes[i] = k
		t.Cleanup(func() {
			require.NoError(t, k.adapter.Close())
			require.Empty(t, k.faults)
		})
	}
	return nodes
}

func (s Suite) membership(t *testing.T) {
	n := s.open(t, Config{}, 1)[0]
	x := n.adapter.Index()
	a := n.member("a", "r", "s")
	b := n.member("b")
	require.Equal(t, 2, x.Len())
	require.Equal(t, []event.Room{"a", "r", "s"}, x.RoomsOf(a))
	require.NoError(t, n.adapter.Join(b, "r", "r"))
	n.adapter.Leave(a, "s", "nowhere", "a")
	require.Equal(t, 2, x.RoomLen("r"))
	require.Zero(t, x.RoomLen("s"))
	require.Equal(t, 1, x.RoomLen("b"))
	require.True(t, x.In(b, "r"))
	rooms := x.Rooms()
	slices.Sort(rooms)
	require.Equal(t, []event.Room{"a", "b", "r"}, rooms)
	require.NoError(t, n.adapter.Join(a, "late"))
	require.Equal(t, []event.Room{"a", "r", "late"}, n.adapter.Remove(a))
	require.Empty(t, n.adapter.Remove(a))
	require.ErrorIs(t, n.adapter.Join(a, "r"), adapter.ErrNotMember)
	require.Equal(t, 1, x.Len())
	require.Equal(t, 1, x.RoomLen("r"))
	require.Nil(t, x.RoomsOf(a))
	found, ok := x.Lookup("b")
	require.True(t, ok)
	require.Same(t, b, found)

	b.slot.MaxRooms = 3
	require.NoError(t, n.adapter.Join(b, "r", "s", "s", "b", "t"))
	require.ErrorIs(t, n.adapter.Join(b, "r", "u"), adapter.ErrTooManyRooms)
	require.NoError(t, n.adapter.Join(b, "r", "t"))
	require.Equal(t, []event.Room{"b", "r", "s", "t"}, x.RoomsOf(b))
	n.adapter.Leave(b, "s")
	require.NoError(t, n.adapter.Join(b, "u"))
}

func (s Suite) targets(t *testing.T) {
	nodes := s.open(t, Config{}, 2)
	members := map[string]*member{}
	for i, id := range []string{"a", "b", "c", "d"} {
		rooms := map[string][]event.Room{"a": {"r1"}, "b": {"r1", "r2"}, "c": {"r2"}}[id]
		members[id] = nodes[i%len(nodes)].member(id, rooms...)
	}
	for i, c := range []struct {
		rooms, except []event.Room
		want          string
	}{
		{nil, nil, "abcd"},
		{[]event.Room{"r1"}, nil, "ab"},
		{[]event.Room{"r1", "r2"}, nil, "abc"},
		{[]event.Room{"r1", "r2"}, []event.Room{"r1"}, "c"},
		{nil, []event.Room{"r2"}, "ad"},
		{[]event.Room{"d"}, nil, "d"},
		{[]event.Room{"d", "r1", "a"}, []event.Room{"b"}, "ad"},
		{[]event.Room{"nobody"}, nil, ""},
		{[]event.Room{"r1"}, []event.Room{"a", "b"}, ""},
	} {
		from := nodes[i%len(nodes)]
		p := packet("e", i, []byte{byte(i)})
		require.NoError(t, from.adapter.Broadcast(t.Context(), adapter.Target{Rooms: c.rooms, Except: c.except}, p))
		for _, id := range c.want {
			members[string(id)].expect(fmt.Sprintf(`["e",%d,{"_placeholder":true,"num":0}]+%02x`, i, i))
		}
		silent(from, members["a"], members["b"], members["c"], members["d"])
	}
	require.NoError(t, nodes[0].adapter.Broadcast(t.Context(), local(), packet("local")))
	for _, m := range members {
		if m.node == nodes[0] {
			m.expect(`["local"]`)
		}
	}
	silent(nodes[0], members["a"], members["b"], members["c"], members["d"])
}

// local means the members of the asking server, in these rooms if there are any.
func local(rooms ...event.Room) adapter.Target {
	return adapter.Target{Rooms: rooms, Flags: adapter.Flags{Local: true}}
}

func (s Suite) order(t *testing.T) {
	nodes := s.open(t, Config{}, 2)
	m := nodes[0].member("a", "r")
	last := nodes[len(nodes)-1]
	for i := range 500 {
		target := adapter.Target{}
		if i%3 == 0 {
			target.Rooms = []event.Room{"r"}
		}
		require.NoError(t, last.adapter.Broadcast(t.Context(), target, packet("n", i)))
	}
	for i := range 500 {
		m.expect(fmt.Sprintf(`["n",%d]`, i))
	}
}

func (s Suite) ask(t *testing.T) {
	nodes := s.open(t, Config{}, 2)
	a, b, c := nodes[0].member("a"), nodes[len(nodes)-1].member("b"), nodes[0].member("c")
	reply := func() (event.Args, error) { return event.Args{"yes"}, nil }
	a.reply, b.reply = reply, reply

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	answers, err := nodes[0].ask(ctx, adapter.Target{Except: []event.Room{"c"}}, packet("q"))
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, ids(answers))
	for _, answer := range answers {
		require.NoError(t, answer.Err)
		require.Equal(t, "yes", answer.Args.String(0))
	}
	answers, err = nodes[0].ask(ctx, adapter.Target{Rooms: []event.Room{"nobody"}}, packet("q"))
	require.NoError(t, err)
	require.Empty(t, answers)

	b.expect(`["q"]`)
	answers, err = nodes[0].ask(ctx, local("a", "b"), packet("here"))
	require.NoError(t, err)
	if b.node == nodes[0] {
		require.Equal(t, []string{"a", "b"}, ids(answers))
		b.expect(`["here"]`)
	} else {
		require.Equal(t, []string{"a"}, ids(answers))
	}
	silent(nodes[0], b)

	short, stop := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("too late"))
	defer stop()
	answers, err = nodes[0].ask(short, adapter.Target{Rooms: []event.Room{"a", "c"}}, packet("q2"))
	require.NoError(t, err)
	require.Equal(t, []string{"a", "c"}, ids(answers))
	for _, answer := range answers {
		if answer.Socket == "c" {
			require.ErrorContains(t, answer.Err, "too late")
		}
	}

	calls := 0
	require.NoError(t, nodes[0].adapter.Ask(ctx, adapter.Target{Rooms: []event.Room{"a", "b"}}, packet("q3"), func(adapter.Answer) bool {
		calls++
		return false
	}))
	require.Equal(t, 1, calls)

	go func() {
		for {
			if text := <-c.got; text == `["q4"]` {
				c.end()
				return
			}
		}
	}()
	answers, err = nodes[0].ask(ctx, adapter.Target{Rooms: []event.Room{"c"}}, packet("q4"))
	require.NoError(t, err)
	require.Len(t, answers, 1)
	require.ErrorIs(t, answers[0].Err, errGone)
}

// arrival is the promise that answers are handed over as they come: each member waits until the one before it was heard.
func (s Suite) arrival(t *testing.T) {
	nodes := s.open(t, Config{}, 2)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var turns []chan struct{}
	waits := func(m *member) {
		turn := make(chan struct{})
		turns = append(turns, turn)
		m.reply = func() (event.Args, error) {
			select {
			case <-turn:
			case <-ctx.Done():
			}
			return event.Args{"yes"}, nil
		}
	}
	c, b, a := nodes[0].member("c"), nodes[0].member("b"), nodes[len(nodes)-1].member("a")
	waits(a)
	waits(b)
	waits(c)
	close(turns[0])
	var order []string
	require.NoError(t, nodes[0].adapter.Ask(ctx, adapter.Target{}, packet("q"), func(answer adapter.Answer) bool {
		if order = append(order, answer.Socket); len(order) < len(turns) {
			close(turns[len(order)])
		}
		return true
	}))
	require.NoError(t, ctx.Err(), "an answer was kept back")
	require.Equal(t, []string{"a", "b", "c"}, order)
}

func (s Suite) fetch(t *testing.T) {
	nodes := s.open(t, Config{}, 2)
	nodes[0].member("a", "r")
	nodes[len(nodes)-1].member("b", "r")
	c := nodes[len(nodes)-1].member("c")
	infos, err := nodes[0].adapter.Fetch(t.Context(), adapter.Target{Rooms: []event.Room{"r"}})
	require.NoError(t, err)
	names := map[string]adapter.Info{}
	for _, info := range infos {
		names[info.ID] = info
	}
	require.Len(t, names, 2)
	require.Equal(t, map[string]any{"name": "mb"}, names["b"].Data)
	require.Equal(t, []event.Room{"a", "r"}, names["a"].Rooms)
	require.Empty(t, names["a"].Node)
	require.Equal(t, len(nodes) > 1, names["b"].Node != "")
	infos, err = c.node.adapter.Fetch(t.Context(), local("c"))
	require.NoError(t, err)
	require.Len(t, infos, 1)
	infos, err = nodes[0].adapter.Fetch(t.Context(), local("c"))
	require.NoError(t, err)
	require.Equal(t, len(nodes) == 1, len(infos) == 1, "those of other servers are not meant")
}

func (s Suite) update(t *testing.T) {
	nodes := s.open(t, Config{}, 2)
	last := nodes[len(nodes)-1]
	a, b := nodes[0].member("a"), last.member("b")
	update := func(target adapter.Target, c adapter.Change) {
		require.NoError(t, nodes[0].adapter.Update(t.Context(), target, c))
		silent(nodes[0], a, b) // the same way, so it has been applied
	}
	update(adapter.Target{}, adapter.Change{Join: []event.Room{"x", "y"}})
	require.Equal(t, []event.Room{"a", "x", "y"}, nodes[0].adapter.Index().RoomsOf(a))
	require.Equal(t, []event.Room{"b", "x", "y"}, last.adapter.Index().RoomsOf(b))
	update(adapter.Target{Rooms: []event.Room{"b"}}, adapter.Change{Leave: []event.Room{"x"}})
	require.Equal(t, []event.Room{"b", "y"}, last.adapter.Index().RoomsOf(b))
	require.Equal(t, []event.Room{"a", "x", "y"}, nodes[0].adapter.Index().RoomsOf(a))
	update(local(), adapter.Change{Join: []event.Room{"here"}})
	require.True(t, nodes[0].adapter.Index().In(a, "here"))
	require.Equal(t, len(nodes) == 1, last.adapter.Index().In(b, "here"), "those of other servers are not meant")
	update(local("b"), adapter.Change{Leave: []event.Room{"y"}})
	require.Equal(t, len(nodes) > 1, last.adapter.Index().In(b, "y"))
	if len(nodes) > 1 {
		update(local("b"), adapter.Change{Disconnect: true})
	}
	require.NoError(t, nodes[0].adapter.Update(t.Context(), adapter.Target{Rooms: []event.Room{"b"}}, adapter.Change{Disconnect: true, Close: true}))
	b.expect("disconnect true")
}

func (s Suite) servers(t *testing.T) {
	nodes := s.open(t, Config{}, 3)
	count, err := nodes[0].adapter.Servers(t.Context())
	require.NoError(t, err)
	require.Equal(t, len(nodes), count)
	require.NoError(t, nodes[0].adapter.ServerEmit(t.Context(), packet("news", 1)))
	for _, n := range nodes[1:] {
		select {
		case got := <-n.events:
			require.Equal(t, `["news",1]`, got)
		case <-time.After(patience):
			require.FailNow(t, "the event did not come")
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var answers []string
	require.NoError(t, nodes[0].adapter.ServerAsk(ctx, packet("load"), func(a adapter.Answer) bool {
		answers = append(answers, a.Args.String(0))
		return true
	}))
	require.Len(t, answers, len(nodes)-1)
	require.Empty(t, nodes[0].events, "nobody hears himself")
}
