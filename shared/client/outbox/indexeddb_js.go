package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"syscall/js"

	"parley/shared/promise"
)

// IndexedDB is a Store in the browser's database. What it does there is written
// in JavaScript, because a transaction ends as soon as the event loop gets the
// turn, which every wait in Go gives it. Use NewIndexedDB.
type IndexedDB struct{ db js.Value }

// NewIndexedDB returns a Store over an object with four methods that return
// promises: outboxAdd(json) and outboxPut(json) resolve to the item as it is
// stored, outboxPut to "" when there is none with this id; outboxRemove(id); and
// outboxAll() resolves to all items by order. Items are JSON texts of [Item].
// web/js/store.js makes such an object.
func NewIndexedDB(db js.Value) *IndexedDB { return &IndexedDB{db: db} }

// Add implements Store.
func (s *IndexedDB) Add(ctx context.Context, it Item) (Item, error) {
	return s.change(ctx, "outboxAdd", it)
}

// All implements Store.
func (s *IndexedDB) All(ctx context.Context) ([]Item, error) {
	v, err := promise.Call(ctx, s.db, "outboxAll")
	if err != nil {
		return nil, err
	}
	var items []Item
	if err := json.Unmarshal([]byte(v.String()), &items); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return items, nil
}

// Put implements Store.
func (s *IndexedDB) Put(ctx context.Context, it Item) (Item, error) {
	return s.change(ctx, "outboxPut", it)
}

// Remove implements Store.
func (s *IndexedDB) Remove(ctx context.Context, id string) error {
	_, err := promise.Call(ctx, s.db, "outboxRemove", id)
	return err
}

func (s *IndexedDB) change(ctx context.Context, method string, it Item) (Item, error) {
	text, err := json.Marshal(it)
	if err != nil {
		return Item{}, err
	}
	v, err := promise.Call(ctx, s.db, method, string(text))
	if err != nil {
		return Item{}, err
	}
	if v.String() == "" {
		return Item{}, ErrUnknown
	}
	var stored Item
	if err := json.Unmarshal([]byte(v.String()), &stored); err != nil {
		return Item{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return stored, nil
}
