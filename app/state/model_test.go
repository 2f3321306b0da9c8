package state

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/shared/chat"
)

// world is everything around one page: a server with one room, a connection that
// loses what is on it when it breaks, a disk that keeps what was written to it,
// and a driver. Each of its steps is one small event; a test chooses them at
// random.
type world struct {
	t   *testing.T
	rng *rand.Rand

	log       []chat.Message // the server's
	submitted []string       // ids, in the order in which the person sent them

	up     bool
	member bool
	up2    []Cmd // requests on their way to the server
	down   []Msg // on its way back

	disk    disk
	diskOps []func() // not yet done, in order
	timers  []Msg
	sending string // the outbox item on its way

	s    State
	seen []Msg // by the current page, to play again
	past []checkpoint
}

type checkpoint struct {
	n int
	s State
}

// disk is what survives a crash of the page.
type disk struct {
	room     LocalRoom
	messages map[int64]chat.Message
	outbox   []Item
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, rng: rand.New(rand.NewPCG(seed, 7)), disk: disk{messages: map[int64]chat.Message{}}}
	for range w.rng.IntN(120) {
		w.post()
	}
	w.start()
	return w
}

// start is a page that opens: for the first time, or after a crash. What the old
// one had not written is lost, and so is its connection.
func (w *world) start() {
	w.breakDown()
	w.s, w.seen, w.past, w.diskOps, w.timers = State{}, nil, nil, nil, nil
	w.feed(Resized{Columns: 1}, Visibility{On: true}, Navigated{Room: lobby}, Started{})
}

func (w *world) feed(msgs ...Msg) {
	for _, m := range msgs {
		w.seen = append(w.seen, m)
		next, cmds := Update(w.s, m)
		w.s = next
		for _, c := range cmds {
			w.run(c)
		}
		w.check()
	}
	if w.rng.IntN(20) == 0 {
		w.past = append(w.past, checkpoint{len(w.seen), w.s})
	}
}

// run is the driver.
func (w *world) run(c Cmd) {
	switch c := c.(type) {
	case LoadLocal:
		w.later(func() {
			m := LocalLoaded{Profile: Profile{Name: me.Name, Token: "t", ID: me.ID}, Outbox: slices.Clone(w.disk.outbox)}
			if w.disk.room.Info.ID != "" {
				m.Rooms = []LocalRoom{w.disk.room}
			}
			w.feed(m)
		})
	case SaveRooms:
		for _, r := range c.Rooms {
			w.later(func() { w.disk.room = r })
		}
	case SaveMessages:
		w.later(func() {
			w.disk.room = c.Room
			for _, m := range c.Messages {
				w.disk.messages[m.Seq] = m
			}
		})
	case LoadMessages:
		w.later(func() {
			var out []chat.Message
			for _, m := range w.disk.messages {
				if c.Before == 0 || m.Seq < c.Before {
					out = append(out, m)
				}
			}
			slices.SortFunc(out, func(a, b chat.Message) int { return int(a.Seq - b.Seq) })
			w.feed(LocalMessages{Room: c.Room, Before: c.Before, Messages: out[max(0, len(out)-c.Limit):]})
		})
	case Enqueue:
		w.later(func() {
			it := c.Item
			it.Status = Queued
			w.disk.outbox = append(w.disk.outbox, it)
			w.feed(OutboxChanged{Item: it})
		})
	case Later:
		w.timers = append(w.timers, c.Msg)
	case JoinRoom, FetchPage, ListRooms:
		w.up2 = append(w.up2, c)
		if !w.up {
			w.breakDown()
		}
	}
}

func (w *world) later(f func()) { w.diskOps = append(w.diskOps, f) }

// breakDown loses the connection and answers what was asked on it.
func (w *world) breakDown() {
	w.up, w.member, w.down, w.sending = false, false, nil, ""
	lost := w.up2
	w.up2 = nil
	for _, c := range lost {
		f := Failure{Code: "offline"}
		switch c := c.(type) {
		case JoinRoom:
			w.down = append(w.down, JoinFailed{Request: c.Request, Failure: f})
		case FetchPage:
			w.down = append(w.down, PageFailed{Request: c.Request, Failure: f})
		case ListRooms:
			w.down = append(w.down, RoomsFailed{Failure: f})
		}
	}
}

// post is a message of somebody else.
func (w *world) post() {
	m := chat.Message{ID: fmt.Sprintf("o-%d", len(w.log)), From: ana, Text: "x"}
	w.store(m)
	if w.member && w.rng.IntN(10) > 0 { // now and then one is not delivered
		w.down = append(w.down, Posted{Messages: w.log[len(w.log)-1:]})
	}
}

func (w *world) store(m chat.Message) chat.Message {
	for _, old := range w.log {
		if old.ID == m.ID {
			return old
		}
	}
	m.Room, m.Seq, m.At = lobby, int64(len(w.log)+1), int64(1000+len(w.log))
	w.log = append(w.log, m)
	return m
}

func (w *world) info() chat.RoomInfo { return info(lobby, int64(len(w.log))) }

// serve is the server taking the next request.
func (w *world) serve() {
	c := w.up2[0]
	w.up2 = w.up2[1:]
	switch c := c.(type) {
	case ListRooms:
		w.down = append(w.down, RoomsListed{Rooms: []chat.RoomInfo{w.info()}})
	case JoinRoom:
		w.member = true
		from, h := c.Request.After, chat.History{Room: w.info(), Members: []chat.Member{me, ana}}
		if from == 0 || from > int64(len(w.log)) {
			from, h.Reset = max(0, int64(len(w.log))-chat.NewestPage), from != 0
		}
		h.Messages = w.log[from:min(int64(len(w.log)), from+30)] // a small page, to be behind more often
		w.down = append(w.down, RoomJoined{Request: c.Request, History: h})
	case FetchPage:
		r, h := c.Request, chat.History{Room: w.info()}
		if r.Before > 0 {
			h.Messages = w.log[max(0, r.Before-1-int64(r.Limit)) : r.Before-1]
		} else {
			h.Messages = w.log[min(r.After, int64(len(w.log))):min(int64(len(w.log)), r.After+int64(r.Limit))]
		}
		w.down = append(w.down, PageLoaded{Request: r, History: h})
	}
}

// flush is the outbox sending its first item, or hearing of it.
func (w *world) flush() {
	switch {
	case !w.up || len(w.disk.outbox) == 0:
	case w.sending == "":
		it := w.disk.outbox[0]
		w.sending = it.ID
		it.Status = Sending
		w.feed(OutboxChanged{Item: it})
	default:
		it := w.disk.outbox[0]
		m := w.store(chat.Message{ID: it.ID, From: me, Text: it.Text})
		if w.rng.IntN(4) == 0 {
			w.breakDown() // the server has it, the answer is lost
			w.feed(ConnChanged{Phase: Waiting}, OutboxChanged{Item: it})
			return
		}
		w.disk.outbox = w.disk.outbox[1:]
		w.sending = ""
		w.down = append(w.down, OutboxSent{ID: it.ID, Message: m})
	}
}

func (w *world) step() {
	switch n := w.rng.IntN(100); {
	case n < 25 && len(w.down) > 0:
		m := w.down[0]
		w.down = w.down[1:]
		w.feed(m)
		if p, ok := m.(Posted); ok && w.rng.IntN(5) == 0 {
			w.feed(p) // the same again
		}
	case n < 40 && len(w.up2) > 0 && w.up:
		w.serve()
	case n < 55 && len(w.diskOps) > 0:
		op := w.diskOps[0]
		w.diskOps = w.diskOps[1:]
		op()
	case n < 62:
		w.post()
	case n < 70 && w.s.Ready:
		id := fmt.Sprintf("mine-%d", len(w.submitted))
		w.submitted = append(w.submitted, id)
		w.feed(Submitted{ID: id, Room: lobby, Text: id})
	case n < 80:
		w.flush()
	case n < 84 && w.up:
		w.breakDown()
		w.feed(ConnChanged{Phase: Waiting, Attempt: 1})
	case n < 90 && !w.up && w.s.Ready && len(w.down) == 0:
		w.up = true
		w.feed(hello())
	case n < 92:
		w.feed(OlderWanted{Room: lobby})
	case n < 94:
		w.feed(Visibility{On: w.rng.IntN(2) == 0}, Scrolled{AtEnd: w.rng.IntN(2) == 0})
	case n < 95 && len(w.timers) > 0:
		m := w.timers[0]
		w.timers = w.timers[1:]
		w.feed(m)
	case n == 95:
		w.crash()
	}
}

// crash closes the page. What it had not stored yet it had not shown as stored
// either, so it does not count as sent.
func (w *world) crash() {
	for _, it := range w.s.Outbox {
		if it.Status == Saving {
			w.submitted = slices.DeleteFunc(w.submitted, func(id string) bool { return id == it.ID })
		}
	}
	w.start()
}

// check is what must hold at any moment.
func (w *world) check() {
	r := w.s.Rooms[lobby]
	if r == nil {
		return
	}
	own := map[string]bool{}
	last := int64(0)
	for m := range r.Log.All() {
		if m.Seq <= last || m != w.log[m.Seq-1] {
			require.FailNow(w.t, "shown wrongly", "number %d after %d: %+v", m.Seq, last, m)
		}
		last = m.Seq
		if m.From.ID == me.ID {
			own[m.ID] = true
		}
	}
	for _, it := range w.s.Outbox {
		if own[it.ID] {
			require.FailNow(w.t, "shown twice", "%+v", it)
		}
		own[it.ID] = true
	}
}

// rest lets everything finish.
func (w *world) rest() {
	for range 10_000 {
		switch {
		case len(w.diskOps) > 0:
			op := w.diskOps[0]
			w.diskOps = w.diskOps[1:]
			op()
		case len(w.down) > 0:
			m := w.down[0]
			w.down = w.down[1:]
			w.feed(m)
		case !w.up:
			w.up = true
			w.feed(hello())
		case len(w.up2) > 0:
			w.serve()
		case len(w.disk.outbox) > 0:
			w.flush()
		case len(w.timers) > 0:
			w.feed(w.timers...)
			w.timers = nil
			w.feed(RoomsListed{Rooms: []chat.RoomInfo{w.info()}})
		case w.s.Rooms[lobby].Log.First() > 1:
			w.feed(OlderWanted{Room: lobby})
		case w.s.Rooms[lobby].Log.Last() < int64(len(w.log)):
			w.feed(RoomsListed{Rooms: []chat.RoomInfo{w.info()}})
		default:
			return
		}
	}
	require.FailNow(w.t, "it never comes to rest")
}

// Whatever happens in whatever order, each message is shown once and in order at
// every moment; and when things have come to rest, all of them are.
//
// Rows: D01 D08 D12
func TestAnyInterleavingShowsEachMessageOnceAndInOrder(t *testing.T) {
	for seed := range uint64(150) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, seed)
			for range 400 {
				w.step()
			}
			w.rest()
			require.Empty(t, w.s.Outbox)
			r := w.s.Rooms[lobby]
			require.Equal(t, span(1, int64(len(w.log))), (&bench{t: t, s: w.s}).seqs())
			var stored []string
			for m := range r.Log.All() {
				if m.From.ID == me.ID {
					stored = append(stored, m.ID)
				}
			}
			require.Equal(t, w.submitted, stored, "sent once each, in the order written")
			require.Zero(t, w.s.TotalUnread()*btoi(w.s.Visible && w.s.AtEnd))

			// An old State is still what it was: nothing was changed in place.
			for _, c := range w.past {
				var again State
				for _, m := range w.seen[:c.n] {
					again, _ = Update(again, m)
				}
				require.Equal(t, again, c.s)
			}
		})
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
