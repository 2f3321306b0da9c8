package state

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/shared/chat"
)

func item(id, text string, s Status) Item {
	return Item{ID: id, Room: lobby, Text: text, At: 1_000_000, Status: s}
}

// mine is a message of ours as the server stored it.
func mine(id string, seq int64) chat.Message {
	m := msg(me, seq)
	m.ID = id
	return m
}

func TestSending(t *testing.T) {
	b := inLobby(t, 10).do(Submitted{ID: "a-1", Room: lobby, Text: " hi \r\n"})
	require.Equal(t, []string{"hi saving"}, texts(b.s.Outbox))
	require.Equal(t, item("a-1", "hi", Saving), only(t, asked[Enqueue](b)).Item)
	b.do(OutboxChanged{Item: item("a-1", "hi", Queued)})
	require.Equal(t, []string{"hi queued"}, texts(b.s.Pending(lobby)))
	b.do(OutboxChanged{Item: item("a-1", "hi", Sending)})
	require.Equal(t, []string{"hi sending"}, texts(b.s.Pending(lobby)))
	b.do(OutboxSent{ID: "a-1", Message: mine("a-1", 11)})
	require.Empty(t, b.s.Outbox)
	require.Equal(t, span(1, 11), b.seqs())
	require.EqualValues(t, 11, only(t, only(t, asked[SaveMessages](b)).Messages).Seq)
}

func TestOwnMessageShowsOnce(t *testing.T) {
	queued := OutboxChanged{Item: item("a-1", "hi", Queued)}
	sending := OutboxChanged{Item: item("a-1", "hi", Sending)}
	sent := OutboxSent{ID: "a-1", Message: mine("a-1", 11)}
	posted := Posted{Messages: []chat.Message{mine("a-1", 11)}}
	joined := RoomJoined{Request: chat.JoinRequest{Room: lobby, After: 10}, History: chat.History{Room: info(lobby, 11), Messages: []chat.Message{mine("a-1", 11)}}}
	for _, c := range []struct {
		name string
		msgs []Msg
	}{
		{"the answer only", []Msg{queued, sending, sent}},
		{"the message before the answer", []Msg{queued, sending, posted, sent}},
		{"the answer before the message", []Msg{queued, sending, sent, posted}},
		{"the answer is lost, the history has it", []Msg{queued, sending, ConnChanged{Phase: Waiting}, hello(), joined}},
		{"and the outbox goes on", []Msg{queued, sending, ConnChanged{Phase: Waiting}, hello(), joined, queued, sending, sent}},
		{"the answer twice", []Msg{queued, sending, sent, sent}},
		{"late news of the outbox", []Msg{queued, sending, sent, sending, queued}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := inLobby(t, 10).do(Submitted{ID: "a-1", Room: lobby, Text: "hi"}).do(c.msgs...)
			require.Empty(t, b.s.Outbox)
			require.Equal(t, span(1, 11), b.seqs())
		})
	}
}

func TestSomebodyElsesIDIsNotOurs(t *testing.T) {
	b := inLobby(t, 10).do(Submitted{ID: "a-1", Room: lobby, Text: "hi"})
	copied := msg(ana, 11)
	copied.ID = "a-1"
	b.do(Posted{Messages: []chat.Message{copied}})
	require.Len(t, b.s.Outbox, 1)
}

func TestFailed(t *testing.T) {
	b := inLobby(t, 10).do(Submitted{ID: "a-1", Room: lobby, Text: "one"}, Submitted{ID: "a-2", Room: lobby, Text: "two"})
	failed := item("a-1", "one", Failed)
	failed.Code, failed.Reason = "forbidden", "no"
	b.do(OutboxChanged{Item: failed}, OutboxChanged{Item: item("a-2", "two", Queued)}).forget()
	require.Equal(t, []string{"one failed", "two queued"}, texts(b.s.Outbox), "it does not hold up the next")

	b.do(RetryAsked{ID: "a-2"})
	require.Empty(t, b.cmds, "only what failed")
	b.do(RetryAsked{ID: "a-1"})
	require.Equal(t, RetryItem{ID: "a-1"}, only(t, asked[RetryItem](b)))
	require.Equal(t, []string{"two queued", "one queued"}, texts(b.s.Outbox), "behind what waits already")
	require.Empty(t, b.s.Outbox[1].Reason)

	b.do(DiscardAsked{ID: "a-1"})
	require.Equal(t, DiscardItem{ID: "a-1"}, only(t, asked[DiscardItem](b)))
	require.Equal(t, []string{"two queued"}, texts(b.s.Outbox))
	b.do(OutboxGone{ID: "a-1"}, OutboxGone{ID: "a-2"})
	require.Empty(t, b.s.Outbox, "discarded in another tab")
}

func TestWhatIsOnItsWayCannotBeDiscarded(t *testing.T) {
	b := inLobby(t, 10).do(Submitted{ID: "a-1", Room: lobby, Text: "one"}, OutboxChanged{Item: item("a-1", "one", Sending)}).forget()
	b.do(DiscardAsked{ID: "a-1"}, DiscardAsked{ID: "unknown"})
	require.Empty(t, b.cmds)
	require.Len(t, b.s.Outbox, 1)
}

func TestTextThatCannotBeSent(t *testing.T) {
	for _, text := range []string{"", "  \n ", strings.Repeat("x", chat.MaxText+1)} {
		b := inLobby(t, 1).do(Submitted{ID: "a-1", Room: lobby, Text: text})
		require.Empty(t, asked[Enqueue](b))
		require.Empty(t, b.s.Outbox)
		require.True(t, only(t, b.s.Toasts).Error)
	}
}

func TestOutboxAfterAReload(t *testing.T) {
	b := (&bench{t: t}).do(Navigated{Room: lobby}, Started{}, LocalLoaded{
		Profile: Profile{Name: "Mara", Token: "t", ID: me.ID},
		Rooms:   []LocalRoom{{Info: info(lobby, 10), Mine: true, Tail: 10}},
		Outbox:  []Item{item("a-1", "one", Sending), item("a-2", "two", Failed), item("a-3", "three", Queued)},
	})
	require.Equal(t, []string{"one queued", "two failed", "three queued"}, texts(b.s.Outbox))
	b.do(LocalMessages{Room: lobby, Messages: append(msgs(ana, 1, 9), mine("a-1", 10))})
	require.Equal(t, []string{"two failed", "three queued"}, texts(b.s.Outbox), "the server had taken it")
}

func TestWrittenInAnotherTab(t *testing.T) {
	b := inLobby(t, 10).do(OutboxChanged{Item: item("b-1", "from there", Queued)})
	require.Equal(t, []string{"from there queued"}, texts(b.s.Pending(lobby)))
	require.Empty(t, b.s.Pending(random))
}

func TestSentInARoomThatWasLeft(t *testing.T) {
	b := inLobby(t, 10).do(Submitted{ID: "a-1", Room: lobby, Text: "bye"}, LeaveAsked{Room: lobby}, OutboxSent{ID: "a-1", Message: mine("a-1", 11)})
	require.Empty(t, b.s.Outbox)
	require.Empty(t, b.seqs())
}
