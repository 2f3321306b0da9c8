//go:build js && browser

// These tests need what only a browser has and store.js of web/js. They are run
// in Chromium by cmd/parleyd.

package outbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"syscall/js"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/client/outbox"
	"parley/shared/client/outbox/storetest"
	"parley/shared/promise"
)

func database(t *testing.T, name string) js.Value {
	t.Helper()
	db, err := promise.Call(t.Context(), js.Global().Get("parleyStore"), "open", name)
	require.NoError(t, err)
	t.Cleanup(func() { db.Call("close") })
	return db
}

func TestIndexedDB(t *testing.T) {
	storetest.Run(t, func(t *testing.T) outbox.Store {
		return outbox.NewIndexedDB(database(t, fmt.Sprint("test ", t.Name(), time.Now().UnixNano())))
	})
}

func TestIndexedDBKeepsItsItems(t *testing.T) {
	db := database(t, "test kept")
	_, err := outbox.NewIndexedDB(db).Add(t.Context(), outbox.Item{ID: "kept", Lane: "l", Payload: []byte(`{"a":1}`)})
	require.NoError(t, err)
	db.Call("close")
	items, err := outbox.NewIndexedDB(database(t, "test kept")).All(t.Context())
	require.NoError(t, err)
	require.Len(t, items, 1)
	require.JSONEq(t, `{"a":1}`, string(items[0].Payload))
	_, err = outbox.NewIndexedDB(db).All(t.Context())
	require.Error(t, err, "a closed database says so")
}

// Rows: D12
func TestTabsHoldTheGroupOneAtATime(t *testing.T) {
	var mu sync.Mutex
	holding, most := 0, 0
	var wg sync.WaitGroup
	for range 4 {
		group := outbox.Tabs("test turns")
		wg.Go(func() {
			assert.NoError(t, group.Hold(t.Context(), func(context.Context) {
				mu.Lock()
				holding++
				most = max(most, holding)
				mu.Unlock()
				<-time.After(10 * time.Millisecond)
				mu.Lock()
				holding--
				mu.Unlock()
			}))
		})
	}
	wg.Wait()
	require.Equal(t, 1, most)
}

func TestTabsGiveUpWaiting(t *testing.T) {
	group := outbox.Tabs("test waiting")
	err := group.Hold(t.Context(), func(context.Context) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		ran := false
		err := outbox.Tabs("test waiting").Hold(ctx, func(context.Context) { ran = true })
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.False(t, ran)
	})
	require.NoError(t, err)
	// It is free again for whoever comes next.
	ran := false
	require.NoError(t, group.Hold(t.Context(), func(context.Context) { ran = true }))
	require.True(t, ran)
}

// Rows: D12
func TestTabsHearEachOther(t *testing.T) {
	first, second := outbox.Tabs("test talk"), outbox.Tabs("test talk")
	heard, own := make(chan string, 10), make(chan string, 10)
	stop := second.Listen(func(message []byte) { heard <- string(message) })
	stopOwn := first.Listen(func(message []byte) { own <- string(message) })
	first.Post([]byte("one é"))
	first.Post([]byte("two"))
	require.Equal(t, "one é", <-heard)
	require.Equal(t, "two", <-heard)
	stop()
	first.Post([]byte("three"))
	second.Post([]byte("back"))
	require.Equal(t, "back", <-own)
	stopOwn()
	require.Empty(t, heard, "nothing after stop")
	require.Empty(t, own, "nobody hears themselves")
}

// Rows: D12
func TestTwoTabsOneOutbox(t *testing.T) {
	db := database(t, fmt.Sprint("test box ", time.Now().UnixNano()))
	var mu sync.Mutex
	var got []string
	tab := func() *outbox.Box {
		box, err := outbox.New(outbox.Config{
			Store: outbox.NewIndexedDB(db), Group: outbox.Tabs("test box"),
			Send: func(_ context.Context, it outbox.Item) (json.RawMessage, error) {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, it.ID)
				return json.RawMessage(`1`), nil
			},
		})
		require.NoError(t, err)
		return box
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	first, second := tab(), tab()
	running.Go(func() { first.Run(ctx) })
	running.Go(func() { second.Run(ctx) })
	first.SetOnline(true)
	second.SetOnline(true)
	var want []string
	for i := range 20 {
		id := fmt.Sprintf("id-%02d", i)
		want = append(want, id)
		box := first
		if i%2 == 1 {
			box = second
		}
		_, err := box.Add(t.Context(), id, "lane", []byte(`1`))
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool {
		items, err := first.Items(t.Context())
		return err == nil && len(items) == 0
	}, 10*time.Second, 10*time.Millisecond)
	cancel()
	running.Wait()
	require.Equal(t, want, got)
}
