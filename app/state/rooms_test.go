package state

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/shared/chat"
)

func TestNewUserStartsInTheFirstRoom(t *testing.T) {
	b := newBench(t).do(hello()).forget()
	rooms := RoomsListed{Rooms: []chat.RoomInfo{info(lobby, 12), info(random, 0)}}
	b.do(rooms)
	require.Equal(t, Navigate{Room: lobby}, only(t, asked[Navigate](b)))
	b.forget().do(Navigated{Room: lobby}, rooms)
	require.Empty(t, asked[Navigate](b))
	require.Equal(t, chat.JoinRequest{Room: lobby}, only(t, asked[JoinRoom](b)).Request)
	b.do(RoomJoined{Request: chat.JoinRequest{Room: lobby}, History: chat.History{Room: info(lobby, 12), Messages: msgs(ana, 1, 12)}})
	require.Zero(t, b.room().Unread, "nothing in a new room is unread")
	require.Zero(t, b.room().NewFrom)
}

func TestListedRooms(t *testing.T) {
	b := newBench(t, LocalRoom{Info: info(lobby, 10), Mine: true, Read: 10, Tail: 10}, LocalRoom{Info: info("old", 3), Mine: true})
	b.do(hello(), RoomsListed{Rooms: []chat.RoomInfo{info(lobby, 14), info(random, 99)}})
	require.Equal(t, 4, b.room().Unread)
	require.Zero(t, b.s.Rooms[random].Unread, "a room nobody opened has nothing unread")
	require.True(t, b.s.Rooms["old"].Gone)
	require.Equal(t, 4, b.s.TotalUnread())
	b.do(RoomAdded{Room: info("new", 0)})
	require.NotNil(t, b.s.Rooms["new"])
}

// Whoever waits in front of a room that is not there is let in when it is made.
func TestTheOpenRoomIsMade(t *testing.T) {
	b := newBench(t).do(hello(), Navigated{Room: "later"}).forget()
	b.do(JoinFailed{Request: chat.JoinRequest{Room: "later"}, Failure: Failure{Code: "not_found"}}, RoomAdded{Room: info("another", 0)})
	require.True(t, b.s.Rooms["later"].Gone)
	require.Empty(t, asked[JoinRoom](b))
	b.do(RoomAdded{Room: info("later", 0)})
	require.Equal(t, chat.JoinRequest{Room: "later"}, only(t, asked[JoinRoom](b)).Request)
	require.False(t, b.s.Rooms["later"].Gone)
}

func TestListDoesNotKnowBetterThanTheRoom(t *testing.T) {
	b := inLobby(t, 10).do(Posted{Messages: msgs(ana, 11, 12)})
	stale := info(lobby, 10)
	stale.Online = 7
	b.do(RoomsListed{Rooms: []chat.RoomInfo{stale}})
	require.EqualValues(t, 12, b.room().Info.LastSeq)
	require.Equal(t, 2, b.room().Info.Online)
}

func TestListShowsThatSomethingWasMissed(t *testing.T) {
	b := inLobby(t, 10).do(RoomsListed{Rooms: []chat.RoomInfo{info(lobby, 13)}})
	require.Equal(t, chat.PageRequest{Room: lobby, After: 10, Limit: 3}, only(t, asked[FetchPage](b)).Request)
}

func TestCreate(t *testing.T) {
	b := inLobby(t, 1).do(DialogAsked{Dialog: DialogNewRoom}, CreateAsked{Title: " Plans ", Topic: ""})
	require.Equal(t, chat.NewRoom{Title: "Plans"}, only(t, asked[CreateRoom](b)).Room)
	require.True(t, b.s.Busy)
	b.do(CreateFailed{Failure: Failure{Code: "conflict", Message: "exists"}})
	require.Equal(t, "There is a room with that name already.", b.s.DialogError)
	require.False(t, b.s.Busy)
	b.do(RoomCreated{Room: info("plans", 0)})
	require.Equal(t, DialogNone, b.s.Dialog)
	require.Equal(t, Navigate{Room: "plans"}, only(t, asked[Navigate](b)))
}

func TestCreateIsCheckedHere(t *testing.T) {
	b := inLobby(t, 1).do(DialogAsked{Dialog: DialogNewRoom}, CreateAsked{Title: "  "})
	require.Empty(t, asked[CreateRoom](b))
	require.NotEmpty(t, b.s.DialogError)
	b.do(ConnChanged{Phase: Offline}, CreateAsked{Title: "Plans"})
	require.Empty(t, asked[CreateRoom](b))
	require.Contains(t, b.s.DialogError, "connected")
}

func TestConnectionLostWhileCreating(t *testing.T) {
	b := inLobby(t, 1).do(DialogAsked{Dialog: DialogNewRoom}, CreateAsked{Title: "Plans"}, ConnChanged{Phase: Waiting})
	require.False(t, b.s.Busy)
	require.NotEmpty(t, b.s.DialogError)
}

func TestLinkToARoomThatIsNotThere(t *testing.T) {
	b := newBench(t).do(Navigated{Room: "nowhere"}, hello())
	b.do(JoinFailed{Request: chat.JoinRequest{Room: "nowhere"}, Failure: Failure{Code: "not_found"}}).forget()
	require.True(t, b.s.Rooms["nowhere"].Gone)
	b.do(ConnChanged{Phase: Waiting}, hello())
	require.Len(t, asked[JoinRoom](b), 1, "it is looked for as long as it is open")
	b.do(RoomAdded{Room: info("nowhere", 0)})
	require.False(t, b.s.Rooms["nowhere"].Gone)
}

func TestJoinThatFailsIsTriedAgain(t *testing.T) {
	b := newBench(t).do(Navigated{Room: lobby}, hello()).forget()
	b.do(JoinFailed{Request: chat.JoinRequest{Room: lobby}, Failure: Failure{Code: "unavailable"}})
	require.Empty(t, asked[JoinRoom](b))
	b.do(only(t, asked[Later](b)).Msg)
	require.Len(t, asked[JoinRoom](b), 1)
}

func TestLeave(t *testing.T) {
	b := inLobby(t, 10).do(LeaveAsked{Room: lobby})
	require.Len(t, asked[LeaveRoom](b), 1)
	require.Len(t, asked[ForgetMessages](b), 1)
	require.Equal(t, Navigate{}, only(t, asked[Navigate](b)))
	b.forget().do(Navigated{}, Posted{Messages: msgs(ana, 11, 11)}, hello())
	require.Empty(t, b.seqs())
	require.Empty(t, asked[JoinRoom](b), "left is left")
	require.Zero(t, b.s.TotalUnread())
}

func TestDraftsArePerRoom(t *testing.T) {
	b := inLobby(t, 1).do(DraftChanged{Room: lobby, Text: "hel"}, DraftChanged{Room: lobby, Text: "hel"}, DraftChanged{Room: random, Text: "x"})
	require.Equal(t, []SaveDraft{{Room: lobby, Text: "hel"}, {Room: random, Text: "x"}}, asked[SaveDraft](b))
	b.forget().do(Submitted{ID: "d-1", Room: lobby, Text: "hello"})
	require.Equal(t, SaveDraft{Room: lobby}, only(t, asked[SaveDraft](b)))
	require.Equal(t, "x", b.s.Rooms[random].Draft)
}

func TestWhoIsHere(t *testing.T) {
	b := inLobby(t, 3)
	notice := func(m chat.Member) chat.Notice { return chat.Notice{Room: lobby, Member: m, At: 1} }
	b.do(MemberJoined{Notice: notice(ben)}, MemberJoined{Notice: notice(ben)})
	require.Equal(t, []chat.Member{ana, ben, me}, b.room().Members)
	b.do(MemberLeft{Notice: notice(ana)}, MemberLeft{Notice: notice(ana)})
	require.Equal(t, []chat.Member{ben, me}, b.room().Members)
	require.Equal(t, 2, b.room().Info.Online)
	require.Equal(t, []Notice{{After: 3, At: 1, From: ben}, {After: 3, At: 1, From: ana, Left: true}}, b.room().Notices)
	b.do(Navigated{Room: random}, MemberJoined{Notice: notice(ana)})
	require.Empty(t, b.room().Notices, "only where somebody looks")
	require.Len(t, b.room().Members, 3)
	b.do(MemberJoined{Notice: notice(chat.Member{ID: ben.ID, Name: "Zoe"})})
	require.Equal(t, []chat.Member{ana, me, {ID: ben.ID, Name: "Zoe"}}, b.room().Members, "another name is nobody new")
}

func TestWhoCameBeforeTheAnswer(t *testing.T) {
	b := inLobby(t, 3).do(ConnChanged{Phase: Waiting}, hello())
	b.do(MemberJoined{Notice: chat.Notice{Room: lobby, Member: ben}}, MemberLeft{Notice: chat.Notice{Room: lobby, Member: ana}})
	b.do(RoomJoined{Request: chat.JoinRequest{Room: lobby, After: 3}, History: chat.History{Room: info(lobby, 3), Members: []chat.Member{ana, me}}})
	require.Equal(t, []chat.Member{ben, me}, b.room().Members, "events are newer than the answer they overtake")
	require.Equal(t, 2, b.room().Info.Online)
}

func TestCrowdIsCountedNotListed(t *testing.T) {
	b := inLobby(t, 3).do(ConnChanged{Phase: Waiting}, hello())
	crowd := info(lobby, 3)
	crowd.Online = 5000
	b.do(RoomJoined{Request: chat.JoinRequest{Room: lobby, After: 3}, History: chat.History{Room: crowd, Members: []chat.Member{ana, me}}})
	b.do(MemberJoined{Notice: chat.Notice{Room: lobby, Member: ben}})
	require.Equal(t, 5001, b.room().Info.Online)
}

func TestTypingOfOthers(t *testing.T) {
	b := inLobby(t, 3)
	on := TypingHeard{Notice: chat.TypingNotice{Room: lobby, Member: ana, On: true}}
	b.do(on, on)
	require.Len(t, b.room().Typing, 1)
	b.do(Posted{Messages: msgs(ana, 4, 4)})
	require.Empty(t, b.room().Typing, "what was written has arrived")
	b.do(on, TypingHeard{Notice: chat.TypingNotice{Room: lobby, Member: ana}})
	require.Empty(t, b.room().Typing)
	b.forget().do(on)
	b.do(Tick{Now: b.s.Now + chat.TypingLasts.Milliseconds()}, only(t, asked[Later](b)).Msg)
	require.Empty(t, b.room().Typing, "nothing followed")
	b.do(TypingHeard{Notice: chat.TypingNotice{Room: lobby, Member: me, On: true}})
	require.Empty(t, b.room().Typing, "our other tab")
}

func TestTypingIsToldSparingly(t *testing.T) {
	b := inLobby(t, 3)
	for i := range int64(10) {
		b.do(Tick{Now: 1_000_000 + i*500}, Typed{Room: lobby})
	}
	require.Len(t, asked[SendTyping](b), 2)
	b.forget().do(Typed{Room: lobby, Empty: true}, Typed{Room: lobby, Empty: true})
	require.Equal(t, SendTyping{Room: lobby}, only(t, asked[SendTyping](b)))
	b.forget().do(ConnChanged{Phase: Offline}, Tick{Now: 2_000_000}, Typed{Room: lobby})
	require.Empty(t, asked[SendTyping](b))
}
