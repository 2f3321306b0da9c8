package state

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/shared/chat"
)

const (
	lobby  = chat.RoomID("lobby")
	random = chat.RoomID("random")
)

var (
	me  = chat.Member{ID: "id-me", Name: "Mara"}
	ana = chat.Member{ID: "id-ana", Name: "Ana"}
	ben = chat.Member{ID: "id-ben", Name: "Ben"}
)

// bench feeds a State and keeps what it asked for.
type bench struct {
	t    *testing.T
	s    State
	cmds []Cmd
}

func (b *bench) do(msgs ...Msg) *bench {
	b.t.Helper()
	for _, m := range msgs {
		var cmds []Cmd
		b.s, cmds = Update(b.s, m)
		b.cmds = append(b.cmds, cmds...)
	}
	return b
}

// asked takes the commands of one type that were asked for since the last call
// for any type.
func asked[C Cmd](b *bench) []C {
	var out []C
	for _, c := range b.cmds {
		if c, ok := c.(C); ok {
			out = append(out, c)
		}
	}
	return out
}

func (b *bench) forget() *bench {
	b.cmds = nil
	return b
}

func (b *bench) room() *Room { return b.s.Rooms[lobby] }

// seqs are the numbers held of the lobby, in order.
func (b *bench) seqs() []int64 {
	var out []int64
	for m := range b.room().Log.All() {
		out = append(out, m.Seq)
	}
	return out
}

// newBench is a page of a device that knows Mara, before any connection.
func newBench(t *testing.T, rooms ...LocalRoom) *bench {
	b := &bench{t: t}
	return b.do(
		Resized{Columns: 2},
		Visibility{On: true},
		Tick{Now: 1_000_000},
		Started{Build: "b1"},
		LocalLoaded{Profile: Profile{Name: me.Name, Token: "secret secret secret", ID: me.ID}, Rooms: rooms},
	)
}

// hello is the server's greeting.
func hello() Hello { return Hello{Info: chat.ServerInfo{Build: "b1", Me: me}} }

// inLobby is a page with the lobby open, joined and holding messages 1 to n of
// Ana.
func inLobby(t *testing.T, n int64) *bench {
	b := newBench(t)
	b.do(Navigated{Room: lobby}, hello(), LocalMessages{Room: lobby},
		RoomsListed{Rooms: []chat.RoomInfo{info(lobby, n), info(random, 0)}},
		RoomJoined{Request: chat.JoinRequest{Room: lobby}, History: chat.History{
			Room: info(lobby, n), Members: []chat.Member{me, ana}, Messages: msgs(ana, 1, n),
		}})
	return b.forget()
}

func info(id chat.RoomID, last int64) chat.RoomInfo {
	return chat.RoomInfo{ID: id, Title: string(id), LastSeq: last, Online: 2}
}

// msg is a message of the lobby. Its id and text follow from its number.
func msg(from chat.Member, seq int64) chat.Message {
	return chat.Message{ID: fmt.Sprintf("m-%d", seq), Room: lobby, Seq: seq, From: from, Text: fmt.Sprintf("text %d", seq), At: 500_000 + seq}
}

func msgs(from chat.Member, first, last int64) []chat.Message {
	var out []chat.Message
	for seq := first; seq <= last; seq++ {
		out = append(out, msg(from, seq))
	}
	return out
}

func span(first, last int64) []int64 {
	var out []int64
	for seq := first; seq <= last; seq++ {
		out = append(out, seq)
	}
	return out
}

func only[T any](t *testing.T, s []T) T {
	t.Helper()
	require.Len(t, s, 1)
	return s[0]
}

func texts(items []Item) []string {
	var out []string
	for _, it := range items {
		out = append(out, it.Text+" "+string(it.Status))
	}
	return slices.Clip(out)
}
