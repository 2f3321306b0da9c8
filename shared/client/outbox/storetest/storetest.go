// Package storetest proves an implementation of [outbox.Store].
//
//	func TestMine(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) outbox.Store { return open(t) })
//	}
package storetest

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/client/outbox"
)

// Run runs every test of the suite, each on a fresh, empty store from open.
func Run(t *testing.T, open func(*testing.T) outbox.Store) {
	for _, tc := range []struct {
		name string
		run  func(*testing.T, outbox.Store)
	}{
		{"adds in order", addsInOrder},
		{"adds an id once", addsOnce},
		{"keeps every field", keepsFields},
		{"replaces in place", replaces},
		{"moves to the end", moves},
		{"does not put what is gone", putsNothingNew},
		{"removes", removes},
		{"never gives an order twice", ordersGrow},
		{"hands out copies", handsOutCopies},
		{"takes concurrent calls", concurrent},
	} {
		t.Run(tc.name, func(t *testing.T) { tc.run(t, open(t)) })
	}
}

func add(t *testing.T, s outbox.Store, id string) outbox.Item {
	t.Helper()
	it, err := s.Add(t.Context(), outbox.Item{ID: id, Lane: "lane", Payload: json.RawMessage(`"` + id + `"`)})
	require.NoError(t, err)
	return it
}

func ids(t *testing.T, s outbox.Store) []string {
	t.Helper()
	items, err := s.All(t.Context())
	require.NoError(t, err)
	names := []string{}
	for i, it := range items {
		names = append(names, it.ID)
		if i > 0 {
			require.Greater(t, it.Order, items[i-1].Order)
		}
	}
	return names
}

func addsInOrder(t *testing.T, s outbox.Store) {
	require.Empty(t, ids(t, s))
	for _, id := range []string{"c", "a", "b"} {
		require.Positive(t, add(t, s, id).Order)
	}
	require.Equal(t, []string{"c", "a", "b"}, ids(t, s))
}

func addsOnce(t *testing.T, s outbox.Store) {
	first := add(t, s, "a")
	add(t, s, "b")
	again, err := s.Add(t.Context(), outbox.Item{ID: "a", Lane: "other", Payload: json.RawMessage(`2`)})
	require.NoError(t, err)
	require.Equal(t, first, again)
	require.Equal(t, []string{"a", "b"}, ids(t, s))
}

func keepsFields(t *testing.T, s outbox.Store) {
	want := outbox.Item{
		ID: "é-1", Lane: "room:lobby", Payload: json.RawMessage(`{"text":"line\nnext \u2028 <b>"}`), At: 1_700_000_000_123,
		Failure: &outbox.Failure{Code: "too_large", Message: "too long"},
	}
	stored, err := s.Add(t.Context(), want)
	require.NoError(t, err)
	want.Order = stored.Order
	items, err := s.All(t.Context())
	require.NoError(t, err)
	require.Len(t, items, 1)
	require.JSONEq(t, string(want.Payload), string(items[0].Payload))
	items[0].Payload = want.Payload
	require.Equal(t, want, items[0])
}

func replaces(t *testing.T, s outbox.Store) {
	it := add(t, s, "a")
	add(t, s, "b")
	it.Failure = &outbox.Failure{Code: "forbidden", Message: "no"}
	got, err := s.Put(t.Context(), it)
	require.NoError(t, err)
	require.Equal(t, it, got)
	items, err := s.All(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, ids(t, s))
	require.Equal(t, "forbidden", items[0].Failure.Code)
	require.Nil(t, items[1].Failure)
}

func moves(t *testing.T, s outbox.Store) {
	it := add(t, s, "a")
	b := add(t, s, "b")
	it.Order = 0
	it, err := s.Put(t.Context(), it)
	require.NoError(t, err)
	require.Greater(t, it.Order, b.Order)
	require.Equal(t, []string{"b", "a"}, ids(t, s))
}

func putsNothingNew(t *testing.T, s outbox.Store) {
	it := add(t, s, "a")
	require.NoError(t, s.Remove(t.Context(), "a"))
	_, err := s.Put(t.Context(), it)
	require.ErrorIs(t, err, outbox.ErrUnknown)
	require.Empty(t, ids(t, s))
}

func removes(t *testing.T, s outbox.Store) {
	for _, id := range []string{"a", "b", "c"} {
		add(t, s, id)
	}
	require.NoError(t, s.Remove(t.Context(), "b"))
	require.NoError(t, s.Remove(t.Context(), "b"))
	require.Equal(t, []string{"a", "c"}, ids(t, s))
}

func ordersGrow(t *testing.T, s outbox.Store) {
	last := int64(0)
	for i := range 300 {
		it := add(t, s, fmt.Sprint("item-", i))
		require.Greater(t, it.Order, last)
		last = it.Order
		require.NoError(t, s.Remove(t.Context(), it.ID))
	}
}

func handsOutCopies(t *testing.T, s outbox.Store) {
	add(t, s, "a")
	items, err := s.All(t.Context())
	require.NoError(t, err)
	items[0].Lane = "changed"
	items, err = s.All(t.Context())
	require.NoError(t, err)
	require.Equal(t, "lane", items[0].Lane)
}

func concurrent(t *testing.T, s outbox.Store) {
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 10 {
				id := fmt.Sprintf("%d-%d", w, i)
				it, err := s.Add(t.Context(), outbox.Item{ID: id, Lane: "lane", Payload: json.RawMessage(`1`)})
				assert.NoError(t, err)
				switch i % 3 {
				case 0:
					assert.NoError(t, s.Remove(t.Context(), id))
				case 1:
					it.Order = 0
					_, err := s.Put(t.Context(), it)
					assert.NoError(t, err)
				}
			}
		})
	}
	wg.Wait()
	require.Len(t, ids(t, s), 4*6)
}
