package talk

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"parley/shared/chat"
)

func TestMessagesAsLines(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 5, 0, 0, time.Local).UnixMilli()
	m := chat.Message{From: chat.Member{ID: "1", Name: "Ann"}, Text: "hi", At: at}
	plain := style{}
	assert.Equal(t, []string{"09:05 Ann: hi"}, plain.message(m, ""))
	assert.Equal(t, []string{"09:05 #random Ann: hi"}, plain.message(m, "random"))
	m.Text = "one\ntwo\tthree"
	assert.Equal(t, []string{"09:05 Ann: one", "      two    three"}, plain.message(m, ""))

	coloured := style{true}.message(chat.Message{From: m.From, Text: "hi", At: at}, "")
	assert.Regexp(t, "^\x1b\\[2m09:05\x1b\\[0m \x1b\\[1;3[1-6]mAnn\x1b\\[0m: hi$", coloured[0])
}

func TestWhatAForeignServerSendsCannotDriveTheTerminal(t *testing.T) {
	m := chat.Message{From: chat.Member{Name: "A\x1b]0;title\a\nB\u202e"}, Text: "x\x1b[2J\x9b31my\u202ez\r\nnext"}
	lines := style{}.message(m, "")
	assert.Contains(t, lines[0], "A]0;titleB: x[2J31myz")
	assert.Contains(t, lines[1], "next")
	for _, l := range lines {
		assert.NotRegexp(t, `[\x00-\x1f\x7f-\x9f]`, l)
	}
}

func TestListsAsLines(t *testing.T) {
	lines := style{}.rooms([]chat.RoomInfo{
		{ID: "lobby", Title: "Lobby", Topic: "Say hello", Online: 2}, {ID: "random", Title: "Random", Online: 11}, {ID: "go", Title: "Go"},
	}, "lobby", func(id chat.RoomID) bool { return id != "go" })
	assert.Equal(t, []string{
		"> #lobby    2 online  Lobby - Say hello",
		"+ #random  11 online  Random",
		"  #go       0 online  Go",
	}, lines)
	assert.Equal(t, "* in #lobby: ann, Bob, Zoë", style{}.members("lobby", map[chat.UserID]chat.Member{
		"1": {Name: "Zoë"}, "2": {Name: "Bob"}, "3": {Name: "ann"},
	}))
}
