package sqlite_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	service "parley/server/chat"
	"parley/shared/chat"
)

// BenchmarkPost is a durable post from one caller at a time and from many at once, who share transactions.
func BenchmarkPost(b *testing.B) {
	for _, c := range []struct {
		name    string
		callers int // for each processor
	}{{"alone", 0}, {"crowd", 64}} {
		b.Run(c.name, func(b *testing.B) {
			store := open(b, filepath.Join(b.TempDir(), "chat.db"))
			chats, err := service.Open(b.Context(), service.Config{Store: store, Publisher: silent{}})
			require.NoError(b, err)
			text := strings.Repeat("word ", 20)
			from := chat.Member{ID: "00000000000000aa", Name: "Ann"}
			post := func() {
				if _, err := chats.Post(b.Context(), from, "", chat.Draft{ID: uuid.NewString(), Room: "lobby", Text: text}); err != nil {
					b.Error(err)
				}
			}
			b.ReportAllocs()
			if c.callers == 0 {
				for b.Loop() {
					post()
				}
				return
			}
			b.SetParallelism(c.callers)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					post()
				}
			})
		})
	}
}

// BenchmarkJoin reads the newest page, and a page in the middle, of a room with 20,000 messages.
func BenchmarkJoin(b *testing.B) {
	store := open(b, filepath.Join(b.TempDir(), "chat.db"))
	chats, err := service.Open(b.Context(), service.Config{Store: store, Publisher: silent{}})
	require.NoError(b, err)
	group := make([]chat.Message, 1000)
	for range 20 {
		for i := range group {
			group[i] = chat.Message{ID: uuid.NewString(), Room: "lobby", From: chat.Member{ID: "a", Name: "Ann"}, Text: strings.Repeat("word ", 20)}
		}
		_, err := store.Append(b.Context(), group)
		require.NoError(b, err)
	}
	b.Run("newest", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			h, err := chats.Join(b.Context(), chat.JoinRequest{Room: "lobby"})
			require.NoError(b, err)
			require.Len(b, h.Messages, chat.NewestPage)
		}
	})
	b.Run("page", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			h, err := chats.Page(b.Context(), chat.PageRequest{Room: "lobby", Before: 10_000, Limit: chat.MaxPage})
			require.NoError(b, err)
			require.Len(b, h.Messages, chat.MaxPage)
		}
	})
}
