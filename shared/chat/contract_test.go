package chat_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/chat"
	"parley/shared/event"
)

// The names and fields below are what clients in other languages have in their source: they change only with a
// new version of the contract.
func TestNamesOnTheWire(t *testing.T) {
	for want, d := range map[string]interface {
		Name() string
		Namespace() event.Namespace
	}{
		"server:hello":   chat.Hello,
		"room:list":      chat.ListRooms,
		"room:create":    chat.CreateRoom,
		"room:added":     chat.RoomAdded,
		"room:join":      chat.Join,
		"room:joined":    chat.Joined,
		"room:leave":     chat.Leave,
		"room:left":      chat.Left,
		"room:history":   chat.Page,
		"message:send":   chat.Send,
		"message:posted": chat.Posted,
		"typing":         chat.Typing,
	} {
		assert.Equal(t, want, d.Name())
		assert.Equal(t, "/chat", d.Namespace().Name())
	}
	assert.Equal(t, chat.Typing.Name(), chat.IsTyping.Name())
	assert.Equal(t, event.Room("room:lobby"), chat.RoomID("lobby").Key())
}

func TestFieldsOnTheWire(t *testing.T) {
	ann := chat.Member{ID: "0123456789abcdef", Name: "Ann"}
	room := chat.RoomInfo{ID: "lobby", Title: "Lobby", Topic: "all", LastSeq: 7, Online: 2}
	message := chat.Message{ID: "d", Room: "lobby", Seq: 7, From: ann, Text: "hi", At: 1700000000000}
	for _, c := range []struct {
		value any
		want  string
	}{
		{chat.Credentials{Name: "Ann", Token: "secret"}, `{"name":"Ann","token":"secret"}`},
		{chat.ServerInfo{Build: "b1", Me: ann, Limits: chat.Limits{Text: 4000, Name: 40, History: 200}},
			`{"build":"b1","me":{"id":"0123456789abcdef","name":"Ann"},"limits":{"text":4000,"name":40,"history":200}}`},
		{chat.RoomList{Rooms: []chat.RoomInfo{room}}, `{"rooms":[{"id":"lobby","title":"Lobby","topic":"all","lastSeq":7,"online":2}]}`},
		{chat.NewRoom{Title: "T", Topic: "p"}, `{"title":"T","topic":"p"}`},
		{chat.JoinRequest{Room: "lobby", After: 3}, `{"room":"lobby","after":3}`},
		{chat.LeaveRequest{Room: "lobby"}, `{"room":"lobby"}`},
		{chat.PageRequest{Room: "lobby", Before: 3, Limit: 10}, `{"room":"lobby","before":3,"limit":10}`},
		{chat.PageRequest{Room: "lobby", After: 3}, `{"room":"lobby","after":3}`},
		{chat.History{Room: room, Members: []chat.Member{ann}, Messages: []chat.Message{message}, More: true},
			`{"room":{"id":"lobby","title":"Lobby","topic":"all","lastSeq":7,"online":2},"members":[{"id":"0123456789abcdef","name":"Ann"}],` +
				`"messages":[{"id":"d","room":"lobby","seq":7,"from":{"id":"0123456789abcdef","name":"Ann"},"text":"hi","at":1700000000000}],"more":true,"reset":false}`},
		{chat.Draft{ID: "d", Room: "lobby", Text: "hi"}, `{"id":"d","room":"lobby","text":"hi"}`},
		{chat.Batch{Messages: []chat.Message{}}, `{"messages":[]}`},
		{chat.Notice{Room: "lobby", Member: ann, At: 5}, `{"room":"lobby","member":{"id":"0123456789abcdef","name":"Ann"},"at":5}`},
		{chat.TypingState{Room: "lobby", On: true}, `{"room":"lobby","on":true}`},
		{chat.TypingNotice{Room: "lobby", Member: ann, On: true}, `{"room":"lobby","member":{"id":"0123456789abcdef","name":"Ann"},"on":true}`},
	} {
		got, err := json.Marshal(c.value)
		require.NoError(t, err)
		assert.Equal(t, c.want, string(got))
	}
	assert.Equal(t, int64(1700000000000), message.Time().UnixMilli())
}

// Rows: D06
func TestValidation(t *testing.T) {
	const id = "0b7f9c1e-2f64-4d8a-9a55-6f1f7c0a1d22"
	long := func(n int) string { return strings.Repeat("é", n) }
	for _, c := range []struct {
		name  string
		value interface{ Validate() error }
		want  string // "" is good
	}{
		{"name", chat.Credentials{Name: "Ann"}, ""},
		{"name with an emoji of several runes", chat.Credentials{Name: "👩‍🚀"}, ""},
		{"name is trimmed before it is measured", chat.Credentials{Name: "  " + long(40) + " \n"}, ""},
		{"no name", chat.Credentials{}, "invalid: invalid name"},
		{"blank name", chat.Credentials{Name: " \t "}, "invalid: invalid name"},
		{"long name", chat.Credentials{Name: long(41)}, "invalid: invalid name"},
		{"name with a newline", chat.Credentials{Name: "a\nb"}, "invalid: invalid name"},
		{"name with an escape", chat.Credentials{Name: "a\x1b[2J"}, "invalid: invalid name"},
		{"name that turns the line round", chat.Credentials{Name: "a\u202eb"}, "invalid: invalid name"},
		{"name in broken UTF-8", chat.Credentials{Name: "a\xff"}, "invalid: invalid name"},
		{"token", chat.Credentials{Name: "Ann", Token: strings.Repeat("t", 16)}, ""},
		{"short token", chat.Credentials{Name: "Ann", Token: strings.Repeat("t", 15)}, "invalid: invalid token"},
		{"long token", chat.Credentials{Name: "Ann", Token: strings.Repeat("t", 257)}, "invalid: invalid token"},

		{"room", chat.LeaveRequest{Room: "a-1"}, ""},
		{"no room", chat.LeaveRequest{}, "invalid: invalid room id"},
		{"upper case", chat.LeaveRequest{Room: "Lobby"}, "invalid: invalid room id"},
		{"not ASCII", chat.LeaveRequest{Room: "é"}, "invalid: invalid room id"},
		{"path", chat.TypingState{Room: "../x"}, "invalid: invalid room id"},
		{"room of 40", chat.TypingState{Room: chat.RoomID(strings.Repeat("x", 40))}, ""},
		{"room of 41", chat.TypingState{Room: chat.RoomID(strings.Repeat("x", 41))}, "invalid: invalid room id"},

		{"new room", chat.NewRoom{Title: "Go!", Topic: ""}, ""},
		{"no title", chat.NewRoom{Title: " "}, "invalid: invalid title"},
		{"long title", chat.NewRoom{Title: long(61)}, "invalid: invalid title"},
		{"long topic", chat.NewRoom{Title: "x", Topic: long(201)}, "invalid: invalid topic"},

		{"join", chat.JoinRequest{Room: "x", After: 9}, ""},
		{"join before the start", chat.JoinRequest{Room: "x", After: -1}, "invalid: invalid after"},
		{"page", chat.PageRequest{Room: "x", Before: 9, Limit: 200}, ""},
		{"page of the newest", chat.PageRequest{Room: "x"}, ""},
		{"page of both", chat.PageRequest{Room: "x", Before: 9, After: 1}, "invalid: invalid before or after"},
		{"page before the start", chat.PageRequest{Room: "x", Before: -1}, "invalid: invalid before or after"},
		{"long page", chat.PageRequest{Room: "x", Limit: 201}, "invalid: invalid limit"},
		{"negative page", chat.PageRequest{Room: "x", Limit: -1}, "invalid: invalid limit"},

		{"draft", chat.Draft{ID: id, Room: "x", Text: "hi\n\tthere"}, ""},
		{"draft of 4000 runes", chat.Draft{ID: id, Room: "x", Text: long(4000)}, ""},
		{"draft of 4001 runes", chat.Draft{ID: id, Room: "x", Text: long(4001)}, "too_large: message too long: at most 4000 characters"},
		{"draft without text", chat.Draft{ID: id, Room: "x"}, "invalid: empty message"},
		{"draft of spaces", chat.Draft{ID: id, Room: "x", Text: " \n "}, "invalid: empty message"},
		{"draft with an escape", chat.Draft{ID: id, Room: "x", Text: "\x1b[31mred"}, "invalid: invalid message text"},
		{"draft in broken UTF-8", chat.Draft{ID: id, Room: "x", Text: "\xff"}, "invalid: invalid message text"},
		{"draft without id", chat.Draft{Room: "x", Text: "hi"}, "invalid: invalid message id"},
		{"draft with a short id", chat.Draft{ID: "undefined-0", Room: "x", Text: "hi"}, "invalid: invalid message id"},
		{"draft with an odd id", chat.Draft{ID: "0b7f9c1e_2f64_4d8a", Room: "x", Text: "hi"}, "invalid: invalid message id"},
		{"draft without room", chat.Draft{ID: id, Text: "hi"}, "invalid: invalid room id"},
	} {
		err := c.value.Validate()
		if c.want == "" {
			assert.NoError(t, err, c.name)
			continue
		}
		assert.EqualError(t, err, c.want, c.name)
	}
}

func TestCleanText(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"  hi  ", "hi"},
		{"a\r\nb\rc", "a\nb\nc"},
		{"a\u2028b", "a\nb"},
		{"\x1b[31mred\x1b[0m\a", "[31mred[0m"},
		{"a\tb\x00", "a\tb"},
		{"bad\xffbytes", "badbytes"},
		{"שלום 👩‍🚀", "שלום 👩‍🚀"},
		{" \r\n ", ""},
	} {
		got := chat.CleanText(c.in)
		assert.Equal(t, c.want, got, "%q", c.in)
		if got != "" {
			assert.NoError(t, chat.CheckText(got), "%q", c.in)
		}
	}
}

func FuzzCleanTextIsFitToSend(f *testing.F) {
	for _, s := range []string{"", "hi", "\x1b[2J", "a\r\nb", "\xff\xfe", "\u2028\u202e", "\u0085"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		clean := chat.CleanText(s)
		assert.Equal(t, clean, chat.CleanText(clean), "cleaning twice changes nothing")
		if clean != "" && len(clean) <= chat.MaxText {
			assert.NoError(t, chat.CheckText(clean))
		}
	})
}
