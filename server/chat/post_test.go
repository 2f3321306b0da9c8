package chat_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	service "parley/server/chat"
	"parley/shared/chat"
	"parley/shared/event"
)

func TestPost(t *testing.T) {
	chats, told := open(t, file(t))
	d := draft("hi")
	m, err := chats.Post(t.Context(), ann, "socket-1", d)
	require.NoError(t, err)
	assert.Equal(t, chat.Message{ID: d.ID, Room: "lobby", Seq: 1, From: ann, Text: "hi", At: 1_700_000_000_000}, m)
	assert.Equal(t, []service.Posted{{Message: m, Origin: "socket-1"}}, told.posted["lobby"])

	for _, c := range []struct {
		d    chat.Draft
		code event.Code
	}{
		{chat.Draft{ID: d.ID, Room: "lobby"}, event.CodeInvalid},
		{chat.Draft{ID: "1", Room: "lobby", Text: "x"}, event.CodeInvalid},
		{chat.Draft{ID: draft("").ID, Room: "gone", Text: "x"}, event.CodeNotFound},
	} {
		_, err := chats.Post(t.Context(), ann, "", c.d)
		assert.Equal(t, c.code, event.CodeOf(err))
	}
	assert.Equal(t, 1, told.batches)
}

// Rows: D05
func TestASecondSendIsAnsweredWithTheFirstResult(t *testing.T) {
	chats, told := open(t, file(t))
	d := draft("hi")
	first, err := chats.Post(t.Context(), ann, "before", d)
	require.NoError(t, err)
	d.Text = "changed"
	again, err := chats.Post(t.Context(), chat.Member{ID: ann.ID, Name: "Renamed"}, "after", d)
	require.NoError(t, err)
	assert.Equal(t, first, again)
	assert.Len(t, told.posted["lobby"], 1, "nobody sees it twice")

	other, err := chats.Post(t.Context(), bob, "", d)
	require.NoError(t, err)
	assert.EqualValues(t, 2, other.Seq, "the id belongs to its sender")
}

// Rows: D05
func TestRacingSendsOfOneDraft(t *testing.T) {
	chats, told := open(t, file(t))
	const drafts, racers = 20, 8
	results := make([][racers]chat.Message, drafts)
	var wg sync.WaitGroup
	for i := range drafts {
		d := draft(fmt.Sprint(i))
		for r := range racers {
			wg.Go(func() {
				m, err := chats.Post(t.Context(), ann, "", d)
				assert.NoError(t, err)
				results[i][r] = m
			})
		}
	}
	wg.Wait()
	for _, r := range results {
		for _, m := range r {
			assert.Equal(t, r[0], m)
		}
	}
	assert.Len(t, told.posted["lobby"], drafts)
}

// Rows: D08
func TestMessagesArePublishedInTheOrderOfTheirNumbers(t *testing.T) {
	chats, told := open(t, file(t))
	const posters, each = 8, 40
	rooms := []chat.RoomID{"lobby", "random", "help"}
	var wg sync.WaitGroup
	for p := range posters {
		wg.Go(func() {
			var last int64
			for i := range each {
				d := draft("x")
				d.Room = rooms[(p+i)%len(rooms)]
				m, err := chats.Post(t.Context(), chat.Member{ID: chat.UserID(fmt.Sprint(p)), Name: "p"}, "", d)
				assert.NoError(t, err)
				told.mu.Lock()
				assert.GreaterOrEqual(t, len(told.posted[d.Room]), int(m.Seq), "it is published before it is answered")
				told.mu.Unlock()
				last = m.Seq
			}
			assert.Positive(t, last)
		})
	}
	wg.Wait()
	total := 0
	for _, room := range rooms {
		for i, p := range told.posted[room] {
			require.EqualValues(t, i+1, p.Message.Seq, "published in order")
			total++
		}
	}
	assert.Equal(t, posters*each, total)
}

// hold makes the store's Append wait for a receive from the channel it returns.
func hold(store *memory) (release chan struct{}) {
	release = make(chan struct{})
	store.before = func([]chat.Message) error {
		<-release
		return nil
	}
	return release
}

func TestPostsThatWaitTogetherShareATransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		chats, told := open(t, store)
		release := hold(store)
		var wg sync.WaitGroup
		for range 1 + 300 {
			wg.Go(func() {
				_, err := chats.Post(t.Context(), ann, "", draft("x"))
				assert.NoError(t, err)
			})
		}
		synctest.Wait() // one is in the store, all others are queued
		close(release)
		wg.Wait()
		assert.Equal(t, []int{1, 256, 44}, store.groups)
		assert.Equal(t, 3, told.batches)
		assert.Len(t, told.posted["lobby"], 301)
	})
}

func TestAPostCanBeTakenBackWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		chats, told := open(t, store)
		release := hold(store)
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() { // is in the store when its caller gives up
			m, err := chats.Post(ctx, ann, "", draft("in time"))
			assert.NoError(t, err)
			assert.EqualValues(t, 1, m.Seq)
		})
		synctest.Wait()
		wg.Go(func() { // waits for its turn when its caller gives up
			_, err := chats.Post(ctx, bob, "", draft("too late"))
			assert.Equal(t, event.CodeTimeout, event.CodeOf(err))
			assert.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(release)
		wg.Wait()
		assert.Len(t, told.posted["lobby"], 1)
		assert.Equal(t, []int{1}, store.groups)
	})
}

func TestTooManyWaitingPostsAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		chats, _ := open(t, store)
		release := hold(store)
		var wg sync.WaitGroup
		for range 1 + 4096 {
			wg.Go(func() {
				_, err := chats.Post(t.Context(), ann, "", draft("x"))
				assert.NoError(t, err)
			})
		}
		synctest.Wait()
		_, err := chats.Post(t.Context(), ann, "", draft("one more"))
		assert.EqualError(t, err, "unavailable: too many messages at once")
		close(release)
		wg.Wait()
		_, err = chats.Post(t.Context(), ann, "", draft("one more"))
		require.NoError(t, err)
	})
}

func TestAStoreThatPanicsLeavesNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		chats, _ := open(t, store)
		started, release := make(chan struct{}), make(chan struct{})
		store.before = func(group []chat.Message) error {
			if len(group) == 1 {
				close(started)
				<-release
				return nil
			}
			panic("fault in the store")
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := chats.Post(t.Context(), ann, "", draft("before"))
			assert.NoError(t, err)
		})
		<-started
		var panicked, failed int
		var mu sync.Mutex
		for range 5 {
			wg.Go(func() {
				defer func() {
					if recover() != nil { // as the server does around a handler
						mu.Lock()
						defer mu.Unlock()
						panicked++
					}
				}()
				_, err := chats.Post(t.Context(), ann, "", draft("during"))
				mu.Lock()
				defer mu.Unlock()
				if event.CodeOf(err) == event.CodeInternal {
					failed++
				}
			})
		}
		synctest.Wait()
		close(release)
		wg.Wait()
		assert.Equal(t, 1, panicked)
		assert.Equal(t, 4, failed)
		store.before = nil
		_, err := chats.Post(t.Context(), ann, "", draft("after"))
		assert.NoError(t, err)
	})
}
