package adaptertest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server/adapter"
	"parley/shared/event"
	"parley/shared/socketio"
)

// patience is how long the suite waits for what must come.
const patience = 10 * time.Second

// node is one server of the cluster under test: an adapter with a Sink that records.
type node struct {
	t       testing.TB
	adapter adapter.Adapter
	faults  chan error
	events  chan string // from other servers
	marks   int         // markers that settle has sent
	answer  string      // to other servers' questions; "" leaves them open
}

// member is a socket that records what it is sent.
type member struct {
	node *node
	id   string
	slot adapter.Slot
	got  chan string

	mu      sync.Mutex
	session adapter.Session
	rooms   []event.Room // as they were at the end
	reply   func() (event.Args, error)
	pending map[string]func(error)
	ended   bool
}

func (m *member) ID() string          { return m.id }
func (m *member) Slot() *adapter.Slot { return &m.slot }

func (m *member) Describe() adapter.Info {
	return adapter.Info{ID: m.id, Rooms: m.node.adapter.Index().RoomsOf(m), Data: map[string]any{"name": "m" + m.id}}
}

func (m *member) Session() adapter.Session {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.session
	rooms := m.rooms
	if !m.ended {
		rooms = m.node.adapter.Index().RoomsOf(m)
	}
	s.SID = m.id
	s.Rooms = nil
	for _, r := range rooms {
		if string(r) != m.id {
			s.Rooms = append(s.Rooms, r)
		}
	}
	return s
}

// member makes a socket and lets it in.
func (n *node) member(id string, rooms ...event.Room) *member {
	m := n.stranger(id)
	m.session.Start = n.adapter.Add(m, rooms)
	return m
}

// stranger makes a socket that is not in.
func (n *node) stranger(id string) *member {
	return &member{node: n, id: id, got: make(chan string, 1<<16), pending: map[string]func(error){}}
}

// end disconnects the socket, as a server does it.
func (m *member) end() {
	rooms := m.node.adapter.Remove(m)
	m.mu.Lock()
	m.rooms, m.ended = rooms, true
	pending := m.pending
	m.pending = nil
	m.mu.Unlock()
	for _, fail := range pending {
		fail(errGone)
	}
}

var errGone = fmt.Errorf("the member has gone")

// expect waits for packets, given as their JSON.
func (m *member) expect(packets ...string) {
	m.node.t.Helper()
	for _, want := range packets {
		select {
		case got := <-m.got:
			require.Equal(m.node.t, want, got, "to %s", m.id)
		case <-time.After(patience):
			require.FailNow(m.node.t, "nothing came", "%s waits for %s", m.id, want)
		}
	}
}

// silent proves that nothing more was delivered: a marker to everybody comes next.
func silent(n *node, members ...*member) {
	n.t.Helper()
	require.NoError(n.t, n.adapter.Broadcast(n.t.Context(), adapter.Target{Flags: adapter.Flags{Volatile: true}}, packet("marker", 0)))
	for _, m := range members {
		m.expect(`["marker",0]`)
	}
}

// packet makes the canonical form of an event.
func packet(name string, args ...any) adapter.Packet {
	p, err := socketio.NewEvent("", name, args...)
	if err != nil {
		panic(err)
	}
	return adapter.Packet{Data: p.Data, Attachments: p.Attachments}
}

// sink is the recording Sink of a node.
type sink struct{ *node }

func (k sink) Namespace() string { return "/suite" }

func (k sink) Deliver(members []adapter.Member, _ adapter.Flags, p adapter.Packet) func() {
	for _, m := range members {
		m.(*member).take(p)
	}
	return nil
}

func (k sink) Replay(m adapter.Member, ps []adapter.Packet) error {
	for _, p := range ps {
		m.(*member).take(p)
	}
	return nil
}

func (m *member) take(p adapter.Packet) {
	text := string(p.Data)
	for _, a := range p.Attachments {
		text += fmt.Sprintf("+%x", a)
	}
	m.got <- text
}

func (k sink) Ask(members []adapter.Member, _ adapter.Flags, p adapter.Packet, answer func(adapter.Answer)) func(error) {
	id := string(p.Data)
	for _, am := range members {
		m := am.(*member)
		m.take(p)
		var once sync.Once
		done := func(args event.Args, err error) {
			once.Do(func() { answer(adapter.Answer{Socket: m.id, Args: args, Err: err}) })
		}
		m.mu.Lock()
		reply, ended := m.reply, m.ended
		if reply == nil && !ended {
			m.pending[id] = func(err error) { done(nil, err) }
		}
		m.mu.Unlock()
		switch {
		case ended:
			done(nil, errGone)
		case reply != nil:
			go func() { done(reply()) }()
		}
	}
	return func(err error) {
		for _, am := range members {
			m := am.(*member)
			m.mu.Lock()
			fail := m.pending[id]
			delete(m.pending, id)
			m.mu.Unlock()
			if fail != nil {
				fail(err)
			}
		}
	}
}

func (k sink) Apply(members []adapter.Member, c adapter.Change) {
	for _, m := range members {
		if len(c.Leave) > 0 {
			k.adapter.Leave(m, c.Leave...)
		}
		if len(c.Join) > 0 {
			_ = k.adapter.Join(m, c.Join...) // it may be over
		}
		if c.Disconnect {
			m.(*member).got <- fmt.Sprint("disconnect ", c.Close)
			m.(*member).end()
		}
	}
}

func (k sink) Evict(m adapter.Member) (adapter.Session, bool) {
	old := m.(*member)
	k.adapter.(adapter.Recoverer).Keep(old) // a change of its rooms or data comes in between
	old.end()
	k.adapter.(adapter.Recoverer).Suspend(old) // as a server does; the session has a new owner by now
	return old.Session(), true
}

func (k sink) ServerEvent(p adapter.Packet, reply func(adapter.Packet)) {
	k.events <- string(p.Data)
	if reply != nil && k.answer != "" {
		reply(adapter.Packet{Data: []byte(k.answer)})
	}
}

func (k sink) Fault(err error) { k.faults <- err }

// ids lists who answered, sorted.
func ids(answers []adapter.Answer) []string {
	var list []string
	for _, a := range answers {
		list = append(list, a.Socket)
	}
	slices.Sort(list)
	return list
}

// ask collects the answers to a question.
func (n *node) ask(ctx context.Context, t adapter.Target, p adapter.Packet) (answers []adapter.Answer, err error) {
	err = n.adapter.Ask(ctx, t, p, func(a adapter.Answer) bool {
		answers = append(answers, a)
		return true
	})
	return answers, err
}
