package outbox

import (
	"context"
	"slices"
	"sync"
)

// Memory is a Store that forgets everything with the program. Use NewMemory.
type Memory struct {
	mu    sync.Mutex
	items []Item // guarded by mu, by ascending Order
	last  int64  // guarded by mu, the highest Order given out
}

// NewMemory returns an empty Memory.
func NewMemory() *Memory { return &Memory{} }

// Add implements Store.
func (m *Memory) Add(_ context.Context, it Item) (Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := m.find(it.ID); i >= 0 {
		return m.items[i], nil
	}
	return m.append(it), nil
}

// All implements Store.
func (m *Memory) All(context.Context) ([]Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.items), nil
}

// Put implements Store.
func (m *Memory) Put(_ context.Context, it Item) (Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.find(it.ID)
	if i < 0 {
		return Item{}, ErrUnknown
	}
	if it.Order == 0 {
		m.items = slices.Delete(m.items, i, i+1)
		return m.append(it), nil
	}
	it.Order = m.items[i].Order
	m.items[i] = it
	return it, nil
}

// Remove implements Store.
func (m *Memory) Remove(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := m.find(id); i >= 0 {
		m.items = slices.Delete(m.items, i, i+1)
	}
	return nil
}

func (m *Memory) append(it Item) Item {
	m.last++
	it.Order = m.last
	m.items = append(m.items, it)
	return it
}

func (m *Memory) find(id string) int {
	return slices.IndexFunc(m.items, func(it Item) bool { return it.ID == id })
}
