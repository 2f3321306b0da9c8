//go:build !js

package outbox_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/client/outbox"
	"parley/shared/client/outbox/storetest"
)

func openFile(t *testing.T, path string) *outbox.File {
	t.Helper()
	f, err := outbox.OpenFile(path)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, f.Close()) })
	return f
}

func TestFile(t *testing.T) {
	storetest.Run(t, func(t *testing.T) outbox.Store {
		return openFile(t, filepath.Join(t.TempDir(), "outbox"))
	})
}

func TestFileSurvivesReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "outbox")
	f := openFile(t, path)
	for i := range 600 { // enough to rewrite the journal more than once
		id := fmt.Sprint(i)
		it, err := f.Add(t.Context(), outbox.Item{ID: id, Lane: "l", Payload: json.RawMessage(`1`)})
		require.NoError(t, err)
		if i < 590 {
			require.NoError(t, f.Remove(t.Context(), id))
		}
		if i == 595 {
			it.Failure = &outbox.Failure{Code: "forbidden"}
			_, err = f.Put(t.Context(), it)
			require.NoError(t, err)
		}
		if i == 596 {
			it.Order = 0
			_, err = f.Put(t.Context(), it)
			require.NoError(t, err)
		}
	}
	before, err := f.All(t.Context())
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.NoError(t, f.Close(), "closing twice is harmless")
	_, err = f.Add(t.Context(), outbox.Item{ID: "late"})
	require.ErrorIs(t, err, os.ErrClosed)

	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Less(t, info.Size(), int64(40_000), "dead lines are thrown away")

	again := openFile(t, path)
	after, err := again.All(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.Len(t, after, 10)
	it, err := again.Add(t.Context(), outbox.Item{ID: "next", Lane: "l", Payload: json.RawMessage(`1`)})
	require.NoError(t, err)
	require.Greater(t, it.Order, after[9].Order)
}

// A crash leaves a prefix of what was being written, and nothing else was being
// written: whatever the length of the prefix, exactly the acknowledged items are
// there afterwards and the store works on.
func TestFileSurvivesACutAtEveryByte(t *testing.T) {
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole")
	f := openFile(t, whole)
	acked := map[int64]int{} // file size -> items
	for i := range 4 {
		_, err := f.Add(t.Context(), outbox.Item{ID: fmt.Sprint("id-", i), Lane: "l", Payload: json.RawMessage(`{"a":"\n"}`)})
		require.NoError(t, err)
		info, err := os.Stat(whole)
		require.NoError(t, err)
		acked[info.Size()] = i + 1
	}
	content, err := os.ReadFile(whole)
	require.NoError(t, err)

	want := 0
	for cut := range len(content) {
		if n, ok := acked[int64(cut)]; ok {
			want = n
		}
		path := filepath.Join(dir, fmt.Sprint("cut-", cut))
		require.NoError(t, os.WriteFile(path, content[:cut], 0o600))
		torn, err := outbox.OpenFile(path)
		require.NoError(t, err, cut)
		items, err := torn.All(t.Context())
		require.NoError(t, err)
		require.Len(t, items, want, "cut at %d", cut)
		_, err = torn.Add(t.Context(), outbox.Item{ID: "new", Lane: "l", Payload: json.RawMessage(`1`)})
		require.NoError(t, err)
		require.NoError(t, torn.Close())

		torn, err = outbox.OpenFile(path)
		require.NoError(t, err)
		items, err = torn.All(t.Context())
		require.NoError(t, err)
		require.Len(t, items, want+1)
		require.NoError(t, torn.Close())
	}
}

func TestFileRefusesDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "outbox")
	require.NoError(t, os.WriteFile(path, []byte("{\"put\":\n{\"put\":{\"id\":\"a\",\"order\":1}}\n"), 0o600))
	_, err := outbox.OpenFile(path)
	require.ErrorIs(t, err, outbox.ErrCorrupt)
	require.ErrorContains(t, err, "line 1")
}

func TestFileBelongsToOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "outbox")
	first := openFile(t, path)
	_, err := outbox.OpenFile(path)
	require.ErrorIs(t, err, outbox.ErrLocked)
	require.NoError(t, first.Close())
	openFile(t, path)
}
