package link

import (
	"context"
	"maps"
	"slices"
	"sync"

	"parley/app/state"
	"parley/shared/chat"
	"parley/shared/client/outbox"
)

// Memory is a Host that remembers as long as the program runs: several links
// made one after the other with the same Memory are like one page loaded again
// and again. Use NewMemory.
type Memory struct {
	// OnReload and OnNotify are called for Reload and Notify when they are set.
	OnReload func()
	OnNotify func(room chat.RoomID, title, body string)

	mu      sync.Mutex
	profile state.Profile           // guarded by mu
	prefs   state.Prefs             // guarded by mu
	stores  map[string]*MemoryStore // guarded by mu
	release Release                 // guarded by mu
}

// NewMemory returns a Memory that knows nothing.
func NewMemory() *Memory { return &Memory{stores: make(map[string]*MemoryStore)} }

// Identity implements Host.
func (m *Memory) Identity(_ context.Context, fresh func() string) (state.Profile, state.Prefs, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.profile.Token == "" {
		m.profile.Token = fresh()
	}
	return m.profile, m.prefs, nil
}

// SaveProfile implements Host.
func (m *Memory) SaveProfile(_ context.Context, p state.Profile) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.profile = p
	return nil
}

// SavePrefs implements Host.
func (m *Memory) SavePrefs(_ context.Context, p state.Prefs) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.prefs = p
	return nil
}

// Open implements Host.
func (m *Memory) Open(_ context.Context, key string) (Store, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.stores[key]
	if s == nil {
		s = NewMemoryStore()
		m.stores[key] = s
	}
	return s, nil
}

// Forget implements Host.
func (m *Memory) Forget(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.profile, m.prefs = state.Profile{}, state.Prefs{}
	delete(m.stores, key)
	return nil
}

// SetRelease decides what Release answers from now on.
func (m *Memory) SetRelease(r Release) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.release = r
}

// Release implements Host.
func (m *Memory) Release(context.Context, string) (Release, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.release, nil
}

// Reload implements Host.
func (m *Memory) Reload() {
	if m.OnReload != nil {
		m.OnReload()
	}
}

// Notify implements Host.
func (m *Memory) Notify(_ context.Context, room chat.RoomID, title, body string) error {
	if m.OnNotify != nil {
		m.OnNotify(room, title, body)
	}
	return nil
}

// Online implements Host: it always is.
func (m *Memory) Online() bool { return true }

// MemoryStore is the Store of a Memory. It also stands in for a store that
// cannot be opened. Use NewMemoryStore.
type MemoryStore struct {
	queue *outbox.Memory

	mu       sync.Mutex
	rooms    map[chat.RoomID]state.LocalRoom        // guarded by mu
	messages map[chat.RoomID]map[int64]chat.Message // guarded by mu
	drafts   map[chat.RoomID]string                 // guarded by mu
}

// NewMemoryStore returns an empty MemoryStore.
func NewMemoryStore() *MemoryStore {
	return &MemoryStore{
		queue:    outbox.NewMemory(),
		rooms:    make(map[chat.RoomID]state.LocalRoom),
		messages: make(map[chat.RoomID]map[int64]chat.Message),
		drafts:   make(map[chat.RoomID]string),
	}
}

// Rooms implements Store.
func (s *MemoryStore) Rooms(context.Context) ([]state.LocalRoom, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.rooms)), nil
}

// PutRooms implements Store.
func (s *MemoryStore) PutRooms(_ context.Context, rooms []state.LocalRoom) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range rooms {
		s.rooms[r.Info.ID] = r
	}
	return nil
}

// PutMessages implements Store.
func (s *MemoryStore) PutMessages(_ context.Context, room state.LocalRoom, messages []chat.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := room.Info.ID
	s.rooms[id] = room
	if s.messages[id] == nil {
		s.messages[id] = make(map[int64]chat.Message)
	}
	for _, m := range messages {
		s.messages[id][m.Seq] = m
	}
	numbers := slices.Sorted(maps.Keys(s.messages[id]))
	for _, seq := range numbers[:max(0, len(numbers)-KeepMessages)] {
		delete(s.messages[id], seq)
	}
	return nil
}

// Messages implements Store.
func (s *MemoryStore) Messages(_ context.Context, room chat.RoomID, before int64, limit int) ([]chat.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	numbers := slices.Sorted(maps.Keys(s.messages[room]))
	if before > 0 {
		at, _ := slices.BinarySearch(numbers, before)
		numbers = numbers[:at]
	}
	numbers = numbers[max(0, len(numbers)-limit):]
	found := make([]chat.Message, 0, len(numbers))
	for _, seq := range numbers {
		found = append(found, s.messages[room][seq])
	}
	return found, nil
}

// ForgetMessages implements Store.
func (s *MemoryStore) ForgetMessages(_ context.Context, room chat.RoomID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.messages, room)
	return nil
}

// PutDraft implements Store.
func (s *MemoryStore) PutDraft(_ context.Context, room chat.RoomID, text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if text == "" {
		delete(s.drafts, room)
	} else {
		s.drafts[room] = text
	}
	return nil
}

// Drafts implements Store.
func (s *MemoryStore) Drafts(context.Context) (map[chat.RoomID]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.drafts), nil
}

// Outbox implements Store.
func (s *MemoryStore) Outbox() (outbox.Store, outbox.Group) { return s.queue, outbox.Alone() }

// Close implements Store. The data stays for the next Open.
func (s *MemoryStore) Close() error { return nil }
