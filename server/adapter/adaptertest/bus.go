package adaptertest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"parley/server/adapter"
	"parley/shared/event"
)

// Bus is a cluster of servers in one process, for tests of what needs more than one. It works as an adapter over a
// shared stream does: packets and changes are appended to one log, and every server delivers what it reads back, its
// own entries included, so that the order is the same everywhere.
//
// A Bus is for one namespace. A server asks its Config.Adapter for each namespace: give each name a Bus of its own.
type Bus struct {
	cfg Config

	mu       sync.Mutex
	log      []busEntry    // guarded by mu; entry i has number base+1+i
	base     int           // guarded by mu: entries cut off
	bytes    int           // guarded by mu
	grown    chan struct{} // guarded by mu; closed and replaced by every append
	nodes    []*busNode
	named    int
	sessions map[string]*busSession // guarded by mu
}

type busEntry struct {
	origin *busNode
	target adapter.Target
	packet adapter.Packet
	change *adapter.Change // nil for a packet
}

type busSession struct {
	adapter.Session
	owner *busNode
	live  adapter.Member
	old   adapter.Member // being evicted; then nothing else is here
}

// NewBus returns a cluster without servers.
func NewBus(cfg Config) *Bus {
	if cfg.LogBytes <= 0 {
		cfg.LogBytes = 64 << 20
	}
	return &Bus{cfg: cfg, grown: make(chan struct{}), sessions: map[string]*busSession{}}
}

// Open joins a server to the cluster.
func (b *Bus) Open(sink adapter.Sink) adapter.Adapter {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.named++
	n := &busNode{
		bus: b, sink: sink, name: "node-" + strconv.Itoa(b.named),
		stop: make(chan struct{}), stopped: make(chan struct{}), moved: make(chan struct{}),
	}
	n.at = b.base + len(b.log)
	b.nodes = append(b.nodes, n)
	go n.read()
	return n
}

// Silence makes the server with that sink's adapter answer no requests any more, as one that hangs.
func (b *Bus) Silence(a adapter.Adapter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a.(*busNode).silent = true
}

func (b *Bus) append(e busEntry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log = append(b.log, e)
	b.bytes += e.packet.Size()
	for b.bytes > b.cfg.LogBytes {
		b.bytes -= b.log[0].packet.Size()
		b.log[0] = busEntry{}
		b.log = b.log[1:]
		b.base++
	}
	close(b.grown)
	b.grown = make(chan struct{})
}

// next is the entry behind n, or what to wait for.
func (b *Bus) next(n int) (e busEntry, at int, grown <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n = max(n, b.base)
	if i := n - b.base; i < len(b.log) {
		return b.log[i], n + 1, nil
	}
	return busEntry{}, n, b.grown
}

// others are the servers beside n, and how many of them answer.
func (b *Bus) others(n *busNode) (answering []*busNode, missing []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, other := range b.nodes {
		switch {
		case other == n:
		case other.silent:
			missing = append(missing, other.name)
		default:
			answering = append(answering, other)
		}
	}
	return answering, missing
}

// busNode is the adapter of one server.
type busNode struct {
	bus     *Bus
	sink    adapter.Sink
	name    string
	index   adapter.Index
	silent  bool // guarded by bus.mu
	stop    chan struct{}
	stopped chan struct{}

	mu    sync.Mutex    // held while an entry is delivered
	at    int           // guarded by mu: the reader's position
	moved chan struct{} // guarded by mu; closed and replaced when at changes
}

// read delivers entry after entry.
func (n *busNode) read() {
	defer close(n.stopped)
	for {
		n.mu.Lock()
		e, at, grown := n.bus.next(n.at)
		n.at = at
		if grown == nil {
			if e.change == nil && n.concerns(e) {
				n.deliver(e, at)
			}
			close(n.moved)
			n.moved = make(chan struct{})
		}
		n.mu.Unlock()
		if grown == nil {
			if e.change != nil && n.concerns(e) {
				n.sink.Apply(n.index.Select(nil, e.target), *e.change)
			}
			continue
		}
		select {
		case <-grown:
		case <-n.stop:
			return
		}
	}
}

// concerns reports whether the entry is for the members of n too.
func (n *busNode) concerns(e busEntry) bool { return !e.target.Local || e.origin == n }

func (n *busNode) deliver(e busEntry, at int) {
	members := n.index.Select(nil, e.target)
	if len(members) == 0 {
		return
	}
	if after := n.sink.Deliver(members, e.target.Flags, n.positioned(e, at)); after != nil {
		go after()
	}
}

// positioned appends the position, where a client may need it or would take another string for one.
func (n *busNode) positioned(e busEntry, at int) adapter.Packet {
	data := e.packet.Data
	if n.bus.cfg.Recovery <= 0 || e.target.Volatile && data[len(data)-2] != '"' {
		return e.packet
	}
	data = append(slices.Clone(data[:len(data)-1]), fmt.Sprintf(",%q]", position(at))...)
	return adapter.Packet{Data: data, Attachments: e.packet.Attachments}
}

func position(n int) string { return "bus-" + strconv.Itoa(n) }

func (n *busNode) Index() *adapter.Index { return &n.index }

func (n *busNode) Add(m adapter.Member, rooms []event.Room) string {
	n.mu.Lock()
	at, after := n.at, n.index.Add(m, rooms...)
	n.mu.Unlock()
	if after != nil {
		after()
	}
	if n.bus.cfg.Recovery <= 0 {
		return ""
	}
	return position(at)
}

func (n *busNode) Remove(m adapter.Member) []event.Room             { return n.index.Remove(m) }
func (n *busNode) Join(m adapter.Member, rooms ...event.Room) error { return n.index.Join(m, rooms...) }
func (n *busNode) Leave(m adapter.Member, rooms ...event.Room)      { n.index.Leave(m, rooms...) }
func (n *busNode) Servers(context.Context) (int, error)             { return n.bus.count(), nil }

func (b *Bus) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.nodes)
}

func (n *busNode) Broadcast(_ context.Context, t adapter.Target, p adapter.Packet) error {
	n.bus.append(busEntry{origin: n, target: t, packet: p})
	return nil
}

func (n *busNode) Update(_ context.Context, t adapter.Target, c adapter.Change) error {
	n.bus.append(busEntry{origin: n, target: t, change: &c})
	return nil
}

func (n *busNode) Ask(ctx context.Context, t adapter.Target, p adapter.Packet, got func(adapter.Answer) bool) error {
	nodes, missing := n.bus.others(n)
	if t.Local {
		nodes, missing = nil, nil
	}
	answers := make(chan adapter.Answer, 1024)
	asked := 0
	for _, node := range append(nodes, n) {
		members := node.index.Select(nil, t)
		asked += len(members)
		finish := node.sink.Ask(members, t.Flags, p, func(a adapter.Answer) {
			if node != n {
				a.Node = node.name
			}
			answers <- a
		})
		defer finish(context.Canceled)
		defer context.AfterFunc(ctx, func() { finish(context.Cause(ctx)) })()
	}
	for range asked {
		if !got(<-answers) {
			return nil
		}
	}
	return n.partial(ctx, nodes, missing)
}

// partial waits for the silent servers as long as ctx allows, in vain.
func (n *busNode) partial(ctx context.Context, answered []*busNode, missing []string) error {
	if len(missing) == 0 {
		return nil
	}
	<-ctx.Done()
	return &adapter.PartialError{
		Wanted: len(answered) + len(missing), Answered: len(answered), Missing: missing, Cause: context.Cause(ctx),
	}
}

func (n *busNode) Fetch(ctx context.Context, t adapter.Target) (list []adapter.Info, err error) {
	nodes, missing := n.bus.others(n)
	if t.Local {
		nodes, missing = nil, nil
	}
	for _, node := range append([]*busNode{n}, nodes...) {
		for _, m := range node.index.Select(nil, t) {
			info := m.Describe()
			if node != n {
				info.Node = node.name
			}
			list = append(list, info)
		}
	}
	return list, n.partial(ctx, nodes, missing)
}

func (n *busNode) ServerEmit(_ context.Context, p adapter.Packet) error {
	nodes, _ := n.bus.others(n)
	for _, node := range nodes {
		node.sink.ServerEvent(p, nil)
	}
	return nil
}

func (n *busNode) ServerAsk(ctx context.Context, p adapter.Packet, got func(adapter.Answer) bool) error {
	nodes, missing := n.bus.others(n)
	answers := make(chan adapter.Answer, len(nodes))
	for _, node := range nodes {
		node.sink.ServerEvent(p, func(reply adapter.Packet) {
			args, err := reply.Args()
			answers <- adapter.Answer{Node: node.name, Args: args, Err: err}
		})
	}
	for range nodes {
		select {
		case a := <-answers:
			if !got(a) {
				return nil
			}
		case <-ctx.Done():
			return &adapter.PartialError{Wanted: len(nodes) + len(missing), Missing: missing, Cause: context.Cause(ctx)}
		}
	}
	return n.partial(ctx, nodes, missing)
}

func (n *busNode) Close() error {
	n.bus.mu.Lock()
	n.bus.nodes = slices.DeleteFunc(n.bus.nodes, func(other *busNode) bool { return other == n })
	n.bus.mu.Unlock()
	close(n.stop)
	<-n.stopped
	return nil
}

func (n *busNode) Keep(m adapter.Member) {
	s := m.Session()
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	if kept := n.bus.sessions[s.PID]; kept != nil && kept.old == m {
		return
	}
	n.bus.sessions[s.PID] = &busSession{Session: s, owner: n, live: m}
}

func (n *busNode) Suspend(m adapter.Member) {
	s := m.Session()
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	if kept := n.bus.sessions[s.PID]; kept != nil && kept.live == m {
		s.Expires = time.Now().Add(n.bus.cfg.Recovery)
		n.bus.sessions[s.PID] = &busSession{Session: s}
	}
}

func (n *busNode) Drop(m adapter.Member) {
	s := m.Session()
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	if kept := n.bus.sessions[s.PID]; kept != nil && kept.live == m {
		delete(n.bus.sessions, s.PID)
	}
}

func (n *busNode) Take(_ context.Context, pid, offset string) (adapter.Session, error) {
	n.bus.mu.Lock()
	kept := n.bus.sessions[pid]
	delete(n.bus.sessions, pid)
	if kept != nil && (kept.live != nil || kept.old != nil) {
		n.bus.sessions[pid] = &busSession{old: cmp.Or(kept.live, kept.old)}
	}
	n.bus.mu.Unlock()
	if kept == nil || kept.live == nil && (kept.old != nil || time.Now().After(kept.Expires)) {
		return adapter.Session{}, adapter.ErrNoSession
	}
	s := kept.Session
	if kept.live != nil {
		last, ok := kept.owner.sink.Evict(kept.live)
		if !ok {
			return adapter.Session{}, adapter.ErrNoSession
		}
		s.Rooms, s.Data, s.Expires = last.Rooms, last.Data, time.Now().Add(n.bus.cfg.Recovery)
	}
	from, start := 0, 0
	if _, err := fmt.Sscanf(s.Start, "bus-%d", &start); err != nil {
		return adapter.Session{}, adapter.ErrGap
	}
	if offset != "" {
		if _, err := fmt.Sscanf(offset, "bus-%d", &from); err != nil {
			return adapter.Session{}, adapter.ErrGap
		}
	}
	from = max(from, start)
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	if from < n.bus.base {
		return adapter.Session{}, adapter.ErrGap
	}
	s.From = position(from)
	return s, nil
}

func (n *busNode) Return(m adapter.Member, s adapter.Session) {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	if kept := n.bus.sessions[s.PID]; kept != nil && kept.live == m {
		n.bus.sessions[s.PID] = &busSession{Session: s}
	}
}

func (n *busNode) Replay(
	ctx context.Context, m adapter.Member, s adapter.Session, now []event.Room, flush func(context.Context) error,
) error {
	at := 0
	if _, err := fmt.Sscanf(s.From, "bus-%d", &at); err != nil {
		return adapter.ErrGap
	}
	if err := n.reach(ctx, at); err != nil {
		return err
	}
	rooms := append([]event.Room{event.Room(s.SID)}, s.Rooms...)
	for {
		added, err := n.portion(m, rooms, now, &at)
		if err != nil {
			return err
		}
		if added != nil {
			added()
			return nil
		}
		if err := flush(ctx); err != nil {
			return err
		}
	}
}

// reach waits for the reader: what the client has seen on another server may be news here, and must not be delivered
// once more.
func (n *busNode) reach(ctx context.Context, at int) error {
	for {
		n.mu.Lock()
		reached, moved := n.at >= at, n.moved
		n.mu.Unlock()
		if reached {
			return nil
		}
		select {
		case <-moved:
		case <-n.stopped:
			return adapter.ErrNoSession
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// portion replays some entries. With the reader's position reached, the member is live, and added is what has to be
// called without a lock.
func (n *busNode) portion(m adapter.Member, rooms, now []event.Room, at *int) (added func(), err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for range 64 {
		if *at >= n.at {
			if added = n.index.Add(m, now...); added == nil {
				added = func() {}
			}
			return added, nil
		}
		e, next, _ := n.bus.next(*at)
		if next != *at+1 {
			return nil, adapter.ErrGap
		}
		*at = next
		isMine := func(r event.Room) bool { return slices.Contains(rooms, r) }
		if e.target.Local && e.origin != n {
			continue
		}
		wanted := len(e.target.Rooms) == 0 || slices.ContainsFunc(e.target.Rooms, isMine)
		if e.target.Direct {
			wanted = e.target.Rooms[0] == rooms[0]
		}
		if e.change == nil && !e.target.Volatile && wanted && !slices.ContainsFunc(e.target.Except, isMine) {
			if err := n.sink.Replay(m, []adapter.Packet{n.positioned(e, next)}); err != nil {
				return nil, err
			}
		}
	}
	return nil, nil
}

var _ adapter.Recoverer = (*busNode)(nil)
