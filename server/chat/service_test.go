package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	service "parley/server/chat"
	"parley/server/chat/sqlite"
	"parley/shared/chat"
	"parley/shared/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	ann = chat.Member{ID: "00000000000000aa", Name: "Ann"}
	bob = chat.Member{ID: "00000000000000bb", Name: "Bob"}
)

func draft(text string) chat.Draft {
	return chat.Draft{ID: uuid.NewString(), Room: "lobby", Text: text}
}

func open(t *testing.T, store service.Store) (*service.Service, *record) {
	t.Helper()
	told := &record{}
	chats, err := service.Open(t.Context(), service.Config{
		Store: store, Publisher: told, MaxRooms: 10,
		Now: func() time.Time { return time.UnixMilli(1_700_000_000_000) },
	})
	require.NoError(t, err)
	return chats, told
}

func file(t *testing.T) *sqlite.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "chat.db"))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	return store
}

func TestANewChatHasRooms(t *testing.T) {
	store := file(t)
	chats, told := open(t, store)
	rooms, err := chats.Rooms(t.Context())
	require.NoError(t, err)
	require.Len(t, rooms, 3)
	assert.Equal(t, chat.RoomInfo{ID: "lobby", Title: "Lobby", Topic: "Say hello"}, rooms[0])
	assert.Equal(t, chat.RoomID("random"), rooms[1].ID)
	assert.Equal(t, chat.RoomID("help"), rooms[2].ID)
	assert.Empty(t, told.rooms, "nobody is there to be told")
	require.NoError(t, chats.Check(t.Context()))

	chats, _ = open(t, store)
	rooms, err = chats.Rooms(t.Context())
	require.NoError(t, err)
	assert.Len(t, rooms, 3, "opening again adds none")
}

func TestCreateRoom(t *testing.T) {
	chats, told := open(t, file(t))
	for _, c := range []struct{ title, id string }{
		{"Go!", "go"},
		{"  Cats & Dogs  ", "cats-dogs"},
		{"C++ 23", "c-23"},
		{"--x--", "x"},
		{strings.Repeat("long word ", 6), "long-word-long-word-long-word-long-word"},
	} {
		room, err := chats.CreateRoom(t.Context(), "socket", chat.NewRoom{Title: c.title, Topic: " t "})
		require.NoError(t, err, c.title)
		assert.Equal(t, chat.RoomInfo{ID: chat.RoomID(c.id), Title: strings.TrimSpace(c.title), Topic: "t"}, room)
		require.NoError(t, room.ID.Validate())
		assert.Equal(t, room, told.rooms[len(told.rooms)-1])
		assert.Equal(t, "socket", told.origins[len(told.origins)-1])
	}
	room, err := chats.CreateRoom(t.Context(), "", chat.NewRoom{Title: "日本語"})
	require.NoError(t, err)
	assert.Regexp(t, `^room-[a-z0-9]{8}$`, room.ID)

	_, err = chats.CreateRoom(t.Context(), "", chat.NewRoom{Title: "GO?"})
	var e *event.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, event.CodeConflict, e.Code)
	assert.JSONEq(t, `{"room":"go"}`, string(e.Data))
	_, err = chats.CreateRoom(t.Context(), "", chat.NewRoom{Title: " "})
	assert.Equal(t, event.CodeInvalid, event.CodeOf(err))

	_, err = chats.CreateRoom(t.Context(), "", chat.NewRoom{Title: "tenth"})
	require.NoError(t, err)
	_, err = chats.CreateRoom(t.Context(), "", chat.NewRoom{Title: "eleventh"})
	assert.Equal(t, event.CodeForbidden, event.CodeOf(err))
	assert.Len(t, told.rooms, 7)
}

// fill stores n messages in the lobby.
func fill(t *testing.T, store service.Store, n int) {
	t.Helper()
	messages := make([]chat.Message, n)
	for i := range messages {
		messages[i] = chat.Message{ID: uuid.NewString(), Room: "lobby", From: ann, Text: fmt.Sprint(i + 1)}
	}
	_, err := store.Append(t.Context(), messages)
	require.NoError(t, err)
}

// stretch describes an answer: its first and last number, or "-".
func stretch(t *testing.T, h chat.History) string {
	t.Helper()
	require.NotNil(t, h.Messages, "an empty list is [] on the wire")
	require.NotNil(t, h.Members, "an empty list is [] on the wire")
	s := "-"
	if n := len(h.Messages); n > 0 {
		s = fmt.Sprintf("%d..%d", h.Messages[0].Seq, h.Messages[n-1].Seq)
	}
	for i, m := range h.Messages {
		require.Equal(t, h.Messages[0].Seq+int64(i), m.Seq)
	}
	if h.More {
		s += " more"
	}
	if h.Reset {
		s += " reset"
	}
	return s
}

// Rows: D07 D08
func TestJoinAnswersWhatWasMissed(t *testing.T) {
	store := file(t)
	chats, _ := open(t, store)
	h, err := chats.Join(t.Context(), chat.JoinRequest{Room: "lobby"})
	require.NoError(t, err)
	assert.Equal(t, "-", stretch(t, h))
	assert.Equal(t, "Lobby", h.Room.Title)

	fill(t, store, 2500)
	for _, c := range []struct {
		after int64
		want  string
	}{
		{0, "2451..2500"},
		{2500, "-"},
		{2499, "2500..2500"},
		{2300, "2301..2500"},
		{2299, "2300..2499 more"},
		{500, "501..700 more"},
		{499, "2451..2500 reset"},
		{2501, "2451..2500 reset"},
	} {
		h, err := chats.Join(t.Context(), chat.JoinRequest{Room: "lobby", After: c.after})
		require.NoError(t, err)
		assert.Equal(t, c.want, stretch(t, h), "after %d", c.after)
		assert.EqualValues(t, 2500, h.Room.LastSeq)
	}
	_, err = chats.Join(t.Context(), chat.JoinRequest{Room: "gone"})
	assert.EqualError(t, err, "not_found: there is no such room")
	_, err = chats.Join(t.Context(), chat.JoinRequest{Room: "No!"})
	assert.Equal(t, event.CodeInvalid, event.CodeOf(err))
}

func TestPage(t *testing.T) {
	store := file(t)
	chats, _ := open(t, store)
	h, err := chats.Page(t.Context(), chat.PageRequest{Room: "lobby"})
	require.NoError(t, err)
	assert.Equal(t, "-", stretch(t, h))

	fill(t, store, 60)
	for _, c := range []struct {
		page chat.PageRequest
		want string
	}{
		{chat.PageRequest{}, "11..60 more"},
		{chat.PageRequest{Limit: 60}, "1..60"},
		{chat.PageRequest{Limit: 200}, "1..60"},
		{chat.PageRequest{Before: 11}, "1..10"},
		{chat.PageRequest{Before: 11, Limit: 10}, "1..10"},
		{chat.PageRequest{Before: 11, Limit: 9}, "2..10 more"},
		{chat.PageRequest{Before: 1}, "-"},
		{chat.PageRequest{Before: 99, Limit: 2}, "59..60 more"},
		{chat.PageRequest{After: 50}, "51..60"},
		{chat.PageRequest{After: 50, Limit: 9}, "51..59 more"},
		{chat.PageRequest{After: 60}, "-"},
		{chat.PageRequest{After: 99}, "-"},
	} {
		c.page.Room = "lobby"
		h, err := chats.Page(t.Context(), c.page)
		require.NoError(t, err)
		assert.Equal(t, c.want, stretch(t, h), "%+v", c.page)
	}
	_, err = chats.Page(t.Context(), chat.PageRequest{Room: "gone"})
	assert.Equal(t, event.CodeNotFound, event.CodeOf(err))
	_, err = chats.Page(t.Context(), chat.PageRequest{Room: "lobby", Limit: 201})
	assert.Equal(t, event.CodeInvalid, event.CodeOf(err))
}

// An answer must fit into what a server queues for one connection, however long the messages are.
func TestAPageHasABoundInBytes(t *testing.T) {
	store := file(t)
	chats, _ := open(t, store)
	messages := make([]chat.Message, 120)
	for i := range messages {
		text := strings.Repeat("<", chat.MaxText)
		if i%2 == 0 {
			text = strings.Repeat("\U0001F9D1", chat.MaxText)
		}
		messages[i] = chat.Message{ID: uuid.NewString(), Room: "lobby", From: ann, Text: text}
	}
	_, err := store.Append(t.Context(), messages)
	require.NoError(t, err)
	size := func(h chat.History) int {
		wire, err := json.Marshal(h)
		require.NoError(t, err)
		return len(wire)
	}
	var read int64
	for more := true; more; {
		h, err := chats.Page(t.Context(), chat.PageAfter("lobby", read))
		require.NoError(t, err)
		require.EqualValues(t, read+1, h.Messages[0].Seq)
		assert.LessOrEqual(t, size(h), chat.MaxPageBytes+1000)
		read = h.Messages[len(h.Messages)-1].Seq
		more = read < h.Room.LastSeq
	}
	assert.EqualValues(t, 120, read, "paging comes to the end")
	h, err := chats.Join(t.Context(), chat.JoinRequest{Room: "lobby"})
	require.NoError(t, err)
	assert.LessOrEqual(t, size(h), chat.MaxPageBytes+1000)
	assert.EqualValues(t, 120, h.Messages[len(h.Messages)-1].Seq)
	h, err = chats.Join(t.Context(), chat.JoinRequest{Room: "lobby", After: 1})
	require.NoError(t, err)
	assert.True(t, h.More)
}

func TestAStoreThatFailsIsACodedError(t *testing.T) {
	broken := errors.New("corrupt page 7")
	down := fmt.Errorf("no space: %w", service.ErrUnavailable)
	var fault error
	store := &memory{before: func([]chat.Message) error { return fault }}
	chats, told := open(t, store)

	fault = down
	d := draft("x")
	_, err := chats.Post(t.Context(), ann, "", d)
	assert.EqualError(t, err, "unavailable: the chat cannot do this at the moment")
	assert.ErrorIs(t, err, service.ErrUnavailable, "the log can say why")
	assert.True(t, event.CodeOf(err).Retryable())

	fault = broken
	_, err = chats.Post(t.Context(), ann, "", d)
	assert.ErrorIs(t, err, broken)
	assert.Equal(t, event.CodeInternal, event.CodeOf(err))

	fault = context.DeadlineExceeded
	_, err = chats.Post(t.Context(), ann, "", d)
	assert.Equal(t, event.CodeTimeout, event.CodeOf(err))
	assert.Zero(t, told.batches)

	fault = nil
	m, err := chats.Post(t.Context(), ann, "", d)
	require.NoError(t, err)
	assert.EqualValues(t, 1, m.Seq)
}
