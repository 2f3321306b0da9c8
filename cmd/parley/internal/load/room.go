package load

import (
	"sync"

	"parley/shared/chat"
)

// room is a room under load, with what is needed to find out whether every member got every message.
type room struct {
	id chat.RoomID

	mu      sync.Mutex
	members []*member // guarded by mu
	stored  []stored  // guarded by mu
}

// stored is a message that the server has answered.
type stored struct {
	seq    int64
	sender *user
}

func (r *room) enter(m *member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.members = append(r.members, m)
}

func (r *room) answered(seq int64, sender *user) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stored = append(r.stored, stored{seq, sender})
}

// due is how many deliveries the answered messages make.
func (r *room) due() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return int64(len(r.stored)) * int64(max(0, len(r.members)-1))
}

// lost counts the answered messages that a member other than their sender has not seen.
func (r *room) lost() (n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.members {
		m.mu.Lock()
		for _, s := range r.stored {
			if s.sender != m.user && !m.has(s.seq) {
				n++
			}
		}
		m.mu.Unlock()
	}
	return n
}

// member is one user in one room: which messages the user has seen.
type member struct {
	user *user
	room *room

	mu   sync.Mutex
	base int64    // guarded by mu: number of the room's last message when the user joined
	bits []uint64 // guarded by mu: messages after base
	tip  int64    // guarded by mu: seen without a gap up to here

	pages map[int64]bool // guarded by mu: messages that a page of the history held and no event has brought
}

// has reports whether a message was seen; the caller holds mu. What came before the member did counts as seen.
func (m *member) has(seq int64) bool {
	i := seq - m.base - 1
	return i < 0 || i/64 < int64(len(m.bits)) && m.bits[i/64]&(1<<(i%64)) != 0
}

// see notes a message and reports whether it is new.
func (m *member) see(seq int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.note(seq)
}

// read is see for a message in a page of the history.
func (m *member) read(seq int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	isNew := m.note(seq)
	if isNew {
		if m.pages == nil {
			m.pages = make(map[int64]bool)
		}
		m.pages[seq] = true
	}
	return isNew
}

// wasRead reports, once, whether a page held the message before an event brought it.
func (m *member) wasRead(seq int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	was := m.pages[seq]
	delete(m.pages, seq)
	return was
}

// note is see; the caller holds mu.
func (m *member) note(seq int64) bool {
	if m.has(seq) {
		return false
	}
	i := seq - m.base - 1
	for int64(len(m.bits)) <= i/64 {
		m.bits = append(m.bits, 0)
	}
	m.bits[i/64] |= 1 << (i % 64)
	for m.tip = max(m.tip, m.base); m.has(m.tip + 1); {
		m.tip++
	}
	return true
}

// start says where the room stood when the user joined first.
func (m *member) start(seq int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.base, m.tip = seq, seq
}

// seen is the last message before which none is missing.
func (m *member) seen() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tip
}
