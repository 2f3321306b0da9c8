package state

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/shared/chat"
)

func TestPostedIsShownOnceAndInOrder(t *testing.T) {
	for _, c := range []struct {
		name    string
		batches [][]chat.Message
		held    []int64
		fetch   []chat.PageRequest
	}{
		{"the next", [][]chat.Message{msgs(ana, 11, 11)}, span(1, 11), nil},
		{"several at once", [][]chat.Message{msgs(ana, 11, 15)}, span(1, 15), nil},
		{"known already", [][]chat.Message{msgs(ana, 8, 10)}, span(1, 10), nil},
		{"half known", [][]chat.Message{msgs(ana, 9, 12)}, span(1, 12), nil},
		{"twice", [][]chat.Message{msgs(ana, 11, 11), msgs(ana, 11, 11)}, span(1, 11), nil},
		{
			"one is missing", [][]chat.Message{msgs(ana, 12, 12)}, append(span(1, 10), 12),
			[]chat.PageRequest{{Room: lobby, After: 10, Limit: 1}},
		},
		{
			"many are missing", [][]chat.Message{msgs(ana, 312, 312)}, append(span(1, 10), 312),
			[]chat.PageRequest{{Room: lobby, After: 10, Limit: 200}},
		},
		{
			"asked for once", [][]chat.Message{msgs(ana, 13, 13), msgs(ana, 15, 15)}, append(span(1, 10), 13, 15),
			[]chat.PageRequest{{Room: lobby, After: 10, Limit: 2}},
		},
		{
			"out of order", [][]chat.Message{msgs(ana, 12, 12), msgs(ana, 11, 11)}, span(1, 12),
			[]chat.PageRequest{{Room: lobby, After: 10, Limit: 1}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := inLobby(t, 10)
			for _, batch := range c.batches {
				b.do(Posted{Messages: batch})
			}
			require.Equal(t, c.held, b.seqs())
			var fetch []chat.PageRequest
			for _, f := range asked[FetchPage](b) {
				fetch = append(fetch, f.Request)
			}
			require.Equal(t, c.fetch, fetch)
		})
	}
}

func TestGapIsFilledPageByPage(t *testing.T) {
	b := inLobby(t, 10).do(Posted{Messages: msgs(ana, 450, 450)})
	for range 10 {
		f := asked[FetchPage](b)
		if len(f) == 0 {
			break
		}
		r := only(t, f).Request
		b.forget().do(PageLoaded{Request: r, History: chat.History{Room: info(lobby, 450), Messages: msgs(ana, r.After+1, r.After+int64(r.Limit))}})
	}
	require.Equal(t, span(1, 450), b.seqs())
	require.Nil(t, b.room().Fetch)
}

func TestWideGapWaitsUntilItIsSeen(t *testing.T) {
	b := inLobby(t, 10).do(Posted{Messages: msgs(ana, 3000, 3000)})
	require.Empty(t, asked[FetchPage](b))
	b.do(GapWanted{Room: lobby, Seq: 3000})
	require.Equal(t, chat.PageRequest{Room: lobby, Before: 3000, Limit: 99}, only(t, asked[FetchPage](b)).Request)
	b.forget().do(GapWanted{Room: lobby, Seq: 3000})
	require.Empty(t, asked[FetchPage](b), "one at a time")
}

func TestPageThatBringsNothingIsNotAskedForAgain(t *testing.T) {
	b := inLobby(t, 10).do(Posted{Messages: msgs(ana, 12, 12)})
	r := only(t, asked[FetchPage](b)).Request
	b.forget().do(PageLoaded{Request: r, History: chat.History{Room: info(lobby, 12)}})
	require.Empty(t, asked[FetchPage](b))
	require.True(t, b.room().Stuck)
}

func TestPageThatFailsIsAskedForAgainLater(t *testing.T) {
	b := inLobby(t, 10).do(Posted{Messages: msgs(ana, 12, 12)})
	r := only(t, asked[FetchPage](b)).Request
	b.forget().do(PageFailed{Request: r, Failure: Failure{Code: "unavailable"}})
	require.Empty(t, asked[FetchPage](b))
	b.do(only(t, asked[Later](b)).Msg)
	require.Equal(t, r, only(t, asked[FetchPage](b)).Request)
}

func TestOlderFillsWholeChunks(t *testing.T) {
	b := inLobby(t, 0)
	b.do(Posted{Messages: msgs(ana, 181, 230)}).forget()
	b.do(OlderWanted{Room: lobby}, OlderWanted{Room: lobby})
	r := only(t, asked[FetchPage](b)).Request
	require.Equal(t, chat.PageRequest{Room: lobby, Before: 181, Limit: 80}, r)
	b.forget().do(PageLoaded{Request: r, History: chat.History{Room: info(lobby, 230), Messages: msgs(ana, 101, 180), More: true}})
	require.Equal(t, span(101, 230), b.seqs())
	b.do(OlderWanted{Room: lobby})
	require.Equal(t, chat.PageRequest{Room: lobby, Before: 101, Limit: 50}, only(t, asked[FetchPage](b)).Request)
}

func TestOlderComesFromTheDeviceWhileOffline(t *testing.T) {
	b := inLobby(t, 0)
	b.do(Posted{Messages: msgs(ana, 101, 150)}, ConnChanged{Phase: Offline}).forget()
	b.do(OlderWanted{Room: lobby})
	require.Equal(t, LoadMessages{Room: lobby, Before: 101, Limit: 50}, only(t, asked[LoadMessages](b)))
	b.forget().do(LocalMessages{Room: lobby, Before: 101, Messages: msgs(ana, 51, 100)})
	require.Equal(t, span(51, 150), b.seqs())
	require.Empty(t, asked[SaveMessages](b), "they are on the disk already")
	b.do(OlderWanted{Room: lobby}, LocalMessages{Room: lobby, Before: 51}).forget()
	b.do(OlderWanted{Room: lobby})
	require.Empty(t, b.cmds, "there is nothing more on the device")
}

func TestOldestIsTheBeginning(t *testing.T) {
	b := inLobby(t, 20).do(OlderWanted{Room: lobby})
	require.Empty(t, b.cmds)
}

func TestUnread(t *testing.T) {
	for _, c := range []struct {
		name   string
		before []Msg
		after  int
		line   int64 // the "new" line
	}{
		{"seen at once", []Msg{Posted{Messages: msgs(ana, 11, 12)}}, 0, 0},
		{"scrolled up", []Msg{Scrolled{}, Posted{Messages: msgs(ana, 11, 12)}}, 2, 11},
		{"scrolled back", []Msg{Scrolled{}, Posted{Messages: msgs(ana, 11, 12)}, Scrolled{AtEnd: true}}, 0, 11},
		{"page hidden", []Msg{Visibility{}, Posted{Messages: msgs(ana, 11, 13)}}, 3, 11},
		{"page shown again", []Msg{Visibility{}, Posted{Messages: msgs(ana, 11, 13)}, Visibility{On: true}}, 0, 11},
		{"another room is open", []Msg{Navigated{Room: random}, Posted{Messages: msgs(ana, 11, 12)}}, 2, 0},
		{"own from another tab", []Msg{Navigated{Room: random}, Posted{Messages: msgs(me, 11, 12)}}, 0, 0},
		{"opened", []Msg{Navigated{Room: random}, Posted{Messages: msgs(ana, 11, 12)}, Navigated{Room: lobby}}, 2, 11},
		{"opened and scrolled down", []Msg{Navigated{Room: random}, Posted{Messages: msgs(ana, 11, 12)}, Navigated{Room: lobby}, Scrolled{AtEnd: true}}, 0, 11},
		{"writing takes the line away", []Msg{Scrolled{}, Posted{Messages: msgs(ana, 11, 12)}, Submitted{ID: "x-1", Room: lobby, Text: "hi"}}, 0, 0},
		{"not loaded counts too", []Msg{Navigated{Room: random}, Posted{Messages: msgs(ana, 14, 14)}}, 4, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := inLobby(t, 10).do(c.before...)
			require.Equal(t, c.after, b.room().Unread)
			require.Equal(t, c.line, b.room().NewFrom)
			require.Equal(t, c.after, b.s.TotalUnread())
		})
	}
}

func TestReadMarkerIsStored(t *testing.T) {
	b := inLobby(t, 10).do(Visibility{}, Posted{Messages: msgs(ana, 11, 12)}).forget()
	b.do(Visibility{On: true})
	require.EqualValues(t, 12, only(t, only(t, asked[SaveRooms](b)).Rooms).Read)
	b.forget().do(Visibility{}, Visibility{On: true}, Scrolled{AtEnd: true})
	require.Empty(t, asked[SaveRooms](b), "once")
}

func TestNotifyOnlyWhenNobodyLooks(t *testing.T) {
	b := inLobby(t, 10)
	b.do(NotifyChosen{On: true}, NotifyAnswered{Granted: true})
	b.do(Posted{Messages: msgs(ana, 11, 11)})
	require.Empty(t, asked[Notify](b))
	b.do(Visibility{}, Posted{Messages: msgs(me, 12, 12)})
	require.Empty(t, asked[Notify](b), "not of what we wrote elsewhere")
	b.do(Posted{Messages: msgs(ana, 13, 14)})
	require.Equal(t, Notify{Room: lobby, Title: "Ana in lobby", Body: "text 14"}, only(t, asked[Notify](b)))
}

func TestRoomOffScreenIsKeptSmall(t *testing.T) {
	b := inLobby(t, 10).do(Navigated{Room: random})
	for seq := int64(11); seq < 1000; seq += 10 {
		b.do(Posted{Messages: msgs(ana, seq, seq+9)})
	}
	require.LessOrEqual(t, b.room().Log.Len(), (2*keepChunks+1)*ChunkSize)
	require.EqualValues(t, 1000, b.room().Log.Last())
	require.Equal(t, 990, b.room().Unread)
}

func TestFirstMessagesOfARoomAreNew(t *testing.T) {
	b := inLobby(t, 0).do(Navigated{Room: random}, Posted{Messages: msgs(ana, 1, 2)})
	require.Equal(t, 2, b.room().Unread)
	b.do(ConnChanged{Phase: Waiting}, hello(), RoomJoined{Request: chat.JoinRequest{Room: lobby, After: 2}, History: chat.History{Room: info(lobby, 3), Messages: msgs(ana, 3, 3)}})
	require.Equal(t, 3, b.room().Unread, "it was seen when it was empty")
	b.do(Navigated{Room: lobby})
	require.EqualValues(t, 1, b.room().NewFrom)
}
