// Package storetest is the suite that every chat store passes.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, storetest.Subject{Open: …, Reopen: …})
//	}
package storetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	service "parley/server/chat"
	"parley/shared/chat"
)

// Subject makes the stores under test.
type Subject struct {
	// Open returns a store without rooms, and closes it in t.Cleanup.
	Open func(t *testing.T) service.Store

	// Reopen closes the store and opens its data again, as after a restart.
	Reopen func(t *testing.T, s service.Store) service.Store
}

// Run runs the suite. Each test has a store of its own.
func Run(t *testing.T, subject Subject) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s service.Store, subject Subject)
	}{
		{"a new store is empty", newStoreIsEmpty},
		{"rooms keep their order and their data", roomsKeepOrder},
		{"a room id is taken once", roomTakenOnce},
		{"a room id is taken once by racing calls", roomTakenOnceRacing},
		{"messages are numbered per room", messagesAreNumbered},
		{"a message comes back as it was", messageComesBack},
		{"an empty group is nothing", emptyGroup},
		{"a repeated draft answers the first result", repeatedDraft},
		{"a draft repeated within a group", repeatedDraftInGroup},
		{"the id belongs to its sender", draftBelongsToSender},
		{"an unknown room fails its message only", unknownRoom},
		{"racing sends of the same drafts", racingDuplicates},
		{"racing writers leave no gap", racingWriters},
		{"readers see whole groups", readersSeeWholeGroups},
		{"pages forwards and backwards", pages},
		{"a cancelled context stores nothing", cancelledContext},
		{"everything is there after a restart", afterRestart},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, subject.Open(t), subject) })
	}
}

// Ann and Bob are two users for tests of stores.
var (
	ann = chat.Member{ID: "00000000000000aa", Name: "Ann"}
	bob = chat.Member{ID: "00000000000000bb", Name: "Bob"}
)

func draft(from chat.Member, room chat.RoomID, text string) chat.Message {
	return chat.Message{ID: uuid.NewString(), Room: room, From: from, Text: text, At: 1_700_000_000_000}
}

func addRooms(t *testing.T, s service.Store, ids ...chat.RoomID) {
	t.Helper()
	for _, id := range ids {
		require.NoError(t, s.CreateRoom(t.Context(), chat.RoomInfo{ID: id, Title: strings.ToUpper(string(id))}, 1))
	}
}

// add stores messages and requires that each is new.
func add(t *testing.T, s service.Store, messages ...chat.Message) []chat.Message {
	t.Helper()
	stored, err := s.Append(t.Context(), messages)
	require.NoError(t, err)
	require.Len(t, stored, len(messages))
	out := make([]chat.Message, len(stored))
	for i, a := range stored {
		require.NoError(t, a.Err)
		require.False(t, a.Again)
		out[i] = a.Message
	}
	return out
}

// all reads a whole room and checks that its numbers have no gap and its ids no repetition for a sender.
func all(t *testing.T, s service.Store, room chat.RoomID) []chat.Message {
	t.Helper()
	messages, err := s.Messages(t.Context(), service.Range{Room: room, Limit: 1 << 20})
	require.NoError(t, err)
	require.NoError(t, CheckLog(messages))
	info, err := s.Room(t.Context(), room)
	require.NoError(t, err)
	require.EqualValues(t, len(messages), info.LastSeq)
	return messages
}

// CheckLog reports the first fault in the messages of a room read from its start: a number that is missing or
// repeated, or a draft of a sender that was stored twice.
func CheckLog(messages []chat.Message) error {
	type key struct {
		sender chat.UserID
		draft  string
	}
	seen := make(map[key]int64, len(messages))
	for i, m := range messages {
		if m.Seq != int64(i)+1 {
			return fmt.Errorf("message %d of the log has number %d", i+1, m.Seq)
		}
		k := key{m.From.ID, m.ID}
		if first, again := seen[k]; again {
			return fmt.Errorf("draft %s of %s is stored as %d and as %d", m.ID, m.From.ID, first, m.Seq)
		}
		seen[k] = m.Seq
	}
	return nil
}

func newStoreIsEmpty(t *testing.T, s service.Store, _ Subject) {
	rooms, err := s.Rooms(t.Context())
	require.NoError(t, err)
	assert.Empty(t, rooms)
	_, err = s.Room(t.Context(), "lobby")
	require.ErrorIs(t, err, service.ErrNoRoom)
	messages, err := s.Messages(t.Context(), service.Range{Room: "lobby", Limit: 10})
	require.NoError(t, err)
	assert.Empty(t, messages)
	require.NoError(t, s.Check(t.Context()))
}

func roomsKeepOrder(t *testing.T, s service.Store, _ Subject) {
	want := []chat.RoomInfo{
		{ID: "zoo", Title: "Zoo 🦁", Topic: "animals; 'quoted' \"twice\""},
		{ID: "alpha", Title: "Alpha"},
		{ID: "m-1", Title: "M", Topic: "t"},
	}
	for _, r := range want {
		require.NoError(t, s.CreateRoom(t.Context(), r, 1))
	}
	add(t, s, draft(ann, "alpha", "hi"))
	want[1].LastSeq = 1
	rooms, err := s.Rooms(t.Context())
	require.NoError(t, err)
	assert.Equal(t, want, rooms)
	room, err := s.Room(t.Context(), "alpha")
	require.NoError(t, err)
	assert.Equal(t, want[1], room)
}

func roomTakenOnce(t *testing.T, s service.Store, _ Subject) {
	addRooms(t, s, "a")
	require.ErrorIs(t, s.CreateRoom(t.Context(), chat.RoomInfo{ID: "a", Title: "Other"}, 2), service.ErrRoomExists)
	room, err := s.Room(t.Context(), "a")
	require.NoError(t, err)
	assert.Equal(t, "A", room.Title)
}

func roomTakenOnceRacing(t *testing.T, s service.Store, _ Subject) {
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = s.CreateRoom(t.Context(), chat.RoomInfo{ID: "a", Title: fmt.Sprint(i)}, 1) })
	}
	wg.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
		} else {
			assert.ErrorIs(t, err, service.ErrRoomExists)
		}
	}
	assert.Equal(t, 1, made)
}

func messagesAreNumbered(t *testing.T, s service.Store, _ Subject) {
	addRooms(t, s, "a", "b")
	got := add(t, s, draft(ann, "a", "1"), draft(bob, "b", "1"), draft(bob, "a", "2"))
	assert.EqualValues(t, []int64{1, 1, 2}, []int64{got[0].Seq, got[1].Seq, got[2].Seq})
	got = add(t, s, draft(ann, "a", "3"))
	assert.EqualValues(t, 3, got[0].Seq)
	assert.Len(t, all(t, s, "a"), 3)
	assert.Len(t, all(t, s, "b"), 1)
}

func messageComesBack(t *testing.T, s service.Store, _ Subject) {
	addRooms(t, s, "a")
	m := draft(chat.Member{ID: ann.ID, Name: "Änn 'O\" ;--"}, "a", "line\n\ttwo 👩‍🚀 '); DROP TABLE messages;--")
	stored := add(t, s, m)
	m.Seq = 1
	assert.Equal(t, []chat.Message{m}, stored)
	assert.Equal(t, []chat.Message{m}, all(t, s, "a"))

	long := add(t, s, draft(bob, "a", strings.Repeat("é", chat.MaxText)))
	assert.Equal(t, long[0], all(t, s, "a")[1])
}

func emptyGroup(t *testing.T, s service.Store, _ Subject) {
	stored, err := s.Append(t.Context(), nil)
	require.NoError(t, err)
	assert.Empty(t, stored)
}

func repeatedDraft(t *testing.T, s service.Store, _ Subject) {
	addRooms(t, s, "a", "b")
	m := draft(ann, "a", "first")
	first := add(t, s, m)[0]
	add(t, s, draft(bob, "a", "between"))

	again := m
	again.Text, again.At, again.From.Name = "changed", m.At+5, "Renamed"
	elsewhere := m
	elsewhere.Room = "b"
	nowhere := m
	nowhere.Room = "gone"
	stored, err := s.Append(t.Context(), []chat.Message{again, elsewhere, nowhere})
	require.NoError(t, err)
	for _, a := range stored {
		assert.Equal(t, service.Appended{Message: first, Again: true}, a)
	}
	assert.Len(t, all(t, s, "a"), 2)
	assert.Empty(t, all(t, s, "b"))
}

func repeatedDraftInGroup(t *testing.T, s service.Store, _ Subject) {
	addRooms(t, s, "a")
	m := draft(ann, "a", "x")
	stored, err := s.Append(t.Context(), []chat.Message{m, draft(bob, "a", "y"), m})
	require.NoError(t, err)
	assert.False(t, stored[0].Again)
	assert.Equal(t, service.Appended{Message: stored[0].Message, Again: true}, stored[2])
	assert.Len(t, all(t, s, "a"), 2)
}

func draftBelongsToSender(t *testing.T, s service.Store, _ Subject) {
	addRooms(t, s, "a")
	mine, theirs := draft(ann, "a", "mine"), draft(bob, "a", "theirs")
	theirs.ID = mine.ID
	got := add(t, s, mine, theirs)
	assert.Equal(t, "mine", got[0].Text)
	assert.Equal(t, "theirs", got[1].Text)
}

func unknownRoom(t *testing.T, s service.Store, _ Subject) {
	addRooms(t, s, "a")
	stored, err := s.Append(t.Context(), []chat.Message{draft(ann, "a", "1"), draft(ann, "gone", "?"), draft(ann, "a", "2")})
	require.NoError(t, err)
	require.ErrorIs(t, stored[1].Err, service.ErrNoRoom)
	assert.NoError(t, stored[0].Err)
	assert.NoError(t, stored[2].Err)
	assert.Len(t, all(t, s, "a"), 2)
}

func racingDuplicates(t *testing.T, s service.Store, _ Subject) {
	addRooms(t, s, "a")
	drafts := make([]chat.Message, 20)
	for i := range drafts {
		drafts[i] = draft(ann, "a", fmt.Sprint(i))
	}
	const racers = 8
	results := make([][]chat.Message, racers)
	var wg sync.WaitGroup
	for r := range racers {
		wg.Go(func() {
			for _, d := range drafts {
				stored, err := s.Append(t.Context(), []chat.Message{d})
				if !assert.NoError(t, err) || !assert.NoError(t, stored[0].Err) {
					return
				}
				results[r] = append(results[r], stored[0].Message)
			}
		})
	}
	wg.Wait()
	for r := range racers {
		assert.Equal(t, results[0], results[r], "everybody gets the one stored message")
	}
	assert.Len(t, all(t, s, "a"), len(drafts))
}

func racingWriters(t *testing.T, s service.Store, _ Subject) {
	addRooms(t, s, "a", "b")
	const writers, groups = 6, 10
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			last := map[chat.RoomID]int64{}
			for range groups {
				stored, err := s.Append(t.Context(), []chat.Message{draft(ann, "a", "1"), draft(bob, "b", "2"), draft(ann, "a", "3")})
				if !assert.NoError(t, err) {
					return
				}
				for _, a := range stored {
					assert.Greater(t, a.Message.Seq, last[a.Message.Room], "what was stored before has a lower number")
					last[a.Message.Room] = a.Message.Seq
				}
			}
		})
	}
	wg.Wait()
	assert.Len(t, all(t, s, "a"), 2*writers*groups)
	assert.Len(t, all(t, s, "b"), writers*groups)
}

func readersSeeWholeGroups(t *testing.T, s service.Store, _ Subject) {
	addRooms(t, s, "a")
	const group, rounds = 5, 20
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for open := true; open; {
				select {
				case <-done:
					open = false
				default:
				}
				messages, err := s.Messages(context.WithoutCancel(t.Context()), service.Range{Room: "a", Limit: 1000})
				assert.NoError(t, err)
				assert.Zero(t, len(messages)%group, "a transaction is visible as a whole")
				assert.NoError(t, CheckLog(messages))
			}
		})
	}
	for range rounds {
		messages := make([]chat.Message, group)
		for i := range messages {
			messages[i] = draft(ann, "a", "x")
		}
		stored := add(t, s, messages...)
		room, err := s.Room(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, stored[group-1].Seq, room.LastSeq, "what Append has returned is visible to every reader")
	}
	close(done)
	wg.Wait()
}

func pages(t *testing.T, s service.Store, _ Subject) {
	addRooms(t, s, "a", "b")
	for range 10 {
		add(t, s, draft(ann, "a", "x"), draft(ann, "b", "x"))
	}
	for _, c := range []struct {
		name     string
		r        service.Range
		from, to int64 // from > to: nothing
	}{
		{"from the start", service.Range{Limit: 3}, 1, 3},
		{"after", service.Range{After: 3, Limit: 3}, 4, 6},
		{"after, at the end", service.Range{After: 8, Limit: 3}, 9, 10},
		{"after the last", service.Range{After: 10, Limit: 3}, 1, 0},
		{"after, ahead", service.Range{After: 99, Limit: 3}, 1, 0},
		{"before", service.Range{Before: 6, Limit: 3}, 3, 5},
		{"before, at the start", service.Range{Before: 3, Limit: 3}, 1, 2},
		{"before the first", service.Range{Before: 1, Limit: 3}, 1, 0},
		{"the newest", service.Range{Before: 1<<63 - 1, Limit: 3}, 8, 10},
		{"between", service.Range{After: 2, Before: 9, Limit: 3}, 6, 8},
		{"all", service.Range{Limit: 100}, 1, 10},
	} {
		c.r.Room = "a"
		got, err := s.Messages(t.Context(), c.r)
		require.NoError(t, err, c.name)
		var want []int64
		for n := c.from; n <= c.to; n++ {
			want = append(want, n)
		}
		var seqs []int64
		for _, m := range got {
			assert.Equal(t, chat.RoomID("a"), m.Room)
			seqs = append(seqs, m.Seq)
		}
		assert.Equal(t, want, seqs, c.name)
	}
}

func cancelledContext(t *testing.T, s service.Store, _ Subject) {
	addRooms(t, s, "a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Append(ctx, []chat.Message{draft(ann, "a", "x")})
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, all(t, s, "a"))
	add(t, s, draft(ann, "a", "x"))
}

func afterRestart(t *testing.T, s service.Store, subject Subject) {
	addRooms(t, s, "a", "b")
	m := draft(ann, "a", "x")
	first := add(t, s, m, draft(bob, "a", "y"))
	rooms, err := s.Rooms(t.Context())
	require.NoError(t, err)

	s = subject.Reopen(t, s)
	after, err := s.Rooms(t.Context())
	require.NoError(t, err)
	assert.Equal(t, rooms, after)
	assert.Equal(t, first, all(t, s, "a"))
	stored, err := s.Append(t.Context(), []chat.Message{m, draft(bob, "a", "z")})
	require.NoError(t, err)
	assert.Equal(t, service.Appended{Message: first[0], Again: true}, stored[0])
	assert.EqualValues(t, 3, stored[1].Message.Seq)
	all(t, s, "a")
}
