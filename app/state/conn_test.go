package state

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/shared/chat"
)

func TestStart(t *testing.T) {
	for _, c := range []struct {
		name   string
		local  LocalLoaded
		open   chat.RoomID
		dialog Dialog
		cmds   []Cmd
	}{
		{
			"a new device asks for a name", LocalLoaded{Profile: Profile{Token: "t"}}, "", DialogName,
			[]Cmd{ApplyTheme{}},
		},
		{
			"a known one connects", LocalLoaded{Profile: Profile{Name: "Mara", Token: "t"}}, "", DialogNone,
			[]Cmd{ApplyTheme{}, Connect{Name: "Mara", Token: "t"}},
		},
		{
			"a wide page opens the last room",
			LocalLoaded{Profile: Profile{Name: "Mara", Token: "t"}, Prefs: Prefs{Theme: ThemeDark, LastRoom: lobby}, Rooms: []LocalRoom{{Info: info(lobby, 5), Mine: true, Tail: 5}}},
			"", DialogNone,
			[]Cmd{ApplyTheme{Theme: ThemeDark}, Connect{Name: "Mara", Token: "t"}, Navigate{Room: lobby}, LoadMessages{Room: lobby, Limit: ChunkSize}},
		},
		{
			"an address opens its room",
			LocalLoaded{Profile: Profile{Name: "Mara", Token: "t"}, Rooms: []LocalRoom{{Info: info(random, 5), Mine: true, Tail: 5}}},
			random, DialogNone,
			[]Cmd{ApplyTheme{}, Connect{Name: "Mara", Token: "t"}, SavePrefs{Prefs: Prefs{LastRoom: random}}, LoadMessages{Room: random, Limit: openPage}, FocusComposer{}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := (&bench{t: t}).do(Resized{Columns: 3}, Navigated{Room: c.open}, Started{Build: "b1"})
			require.Equal(t, []Cmd{LoadLocal{}}, b.cmds)
			b.forget().do(c.local)
			require.Equal(t, c.cmds, b.cmds)
			require.Equal(t, c.dialog, b.s.Dialog)
			require.True(t, b.s.Ready)
		})
	}
}

func TestHelloJoinsWhatWasOpenBefore(t *testing.T) {
	b := newBench(t, LocalRoom{Info: info(lobby, 40), Mine: true, Tail: 40, Read: 40}, LocalRoom{Info: info(random, 7), Mine: true, Tail: 7},
		LocalRoom{Info: info("left", 9), Tail: 9})
	b.do(Navigated{Room: random}).forget()
	b.do(hello())
	require.Equal(t, []JoinRoom{
		{Request: chat.JoinRequest{Room: random, After: 7}},
		{Request: chat.JoinRequest{Room: lobby, After: 40}},
	}, asked[JoinRoom](b), "the open room first, each after the last number stored")
	require.Len(t, asked[ListRooms](b), 1)
	require.Equal(t, Online, b.s.Conn.Phase)
}

func TestListOfRoomsIsInOrderAtOnce(t *testing.T) {
	b := inLobby(t, 10).do(Posted{Messages: msgs(ana, 11, 11)})
	saved := only(t, asked[SaveMessages](b)).Room
	require.Equal(t, msg(ana, 11), saved.Last)
	again := newBench(t, saved)
	require.Equal(t, msg(ana, 11), again.room().Last, "before any message has been read from the disk")
}

func TestRoomsAreJoinedAgainAfterEveryConnection(t *testing.T) {
	b := inLobby(t, 10).do(Posted{Messages: msgs(ana, 11, 12)}, ConnChanged{Phase: Waiting, Attempt: 1, RetryAt: 1_001_000, Reason: "gone"})
	require.False(t, b.room().Joined)
	require.EqualValues(t, 1_001_000, b.s.Conn.RetryAt)
	b.forget().do(hello())
	require.Equal(t, chat.JoinRequest{Room: lobby, After: 12}, only(t, asked[JoinRoom](b)).Request)
	b.do(RoomJoined{Request: chat.JoinRequest{Room: lobby, After: 12}, History: chat.History{Room: info(lobby, 15), Messages: msgs(ana, 13, 15)}})
	require.Equal(t, span(1, 15), b.seqs())
}

func TestJoinThatDoesNotCatchUpAtOnce(t *testing.T) {
	b := inLobby(t, 10).do(ConnChanged{Phase: Waiting}, hello()).forget()
	b.do(RoomJoined{Request: chat.JoinRequest{Room: lobby, After: 10}, History: chat.History{Room: info(lobby, 500), Messages: msgs(ana, 11, 210), More: true}})
	require.Equal(t, chat.PageRequest{Room: lobby, After: 210, Limit: 200}, only(t, asked[FetchPage](b)).Request)
}

func TestJoinFarBehindLeavesAGap(t *testing.T) {
	b := inLobby(t, 10).do(ConnChanged{Phase: Waiting}, hello()).forget()
	b.do(RoomJoined{Request: chat.JoinRequest{Room: lobby, After: 10}, History: chat.History{Room: info(lobby, 5000), Messages: msgs(ana, 4951, 5000), Reset: true}})
	require.Equal(t, append(span(1, 10), span(4951, 5000)...), b.seqs())
	require.Empty(t, asked[FetchPage](b), "it waits until somebody looks")
	require.Empty(t, asked[ForgetMessages](b))
}

func TestServerThatStartedAgain(t *testing.T) {
	b := inLobby(t, 100).do(ConnChanged{Phase: Waiting}, hello()).forget()
	b.do(RoomJoined{Request: chat.JoinRequest{Room: lobby, After: 100}, History: chat.History{Room: info(lobby, 3), Messages: msgs(ben, 1, 3), Reset: true}})
	require.Equal(t, span(1, 3), b.seqs())
	require.Equal(t, ForgetMessages{Room: lobby}, only(t, asked[ForgetMessages](b)))
	require.EqualValues(t, 3, b.room().Tail)
	require.Zero(t, b.room().Unread)
	b.do(LocalMessages{Room: lobby, Messages: msgs(ana, 51, 100)})
	require.Equal(t, span(1, 3), b.seqs(), "what was read from the disk before that is not shown")
}

func TestStateIsForgottenWithTheConnection(t *testing.T) {
	b := inLobby(t, 10).do(
		TypingHeard{Notice: chat.TypingNotice{Room: lobby, Member: ana, On: true}},
		Posted{Messages: msgs(ana, 12, 12)})
	require.NotNil(t, b.room().Fetch)
	b.do(ConnChanged{Phase: Waiting}).forget()
	require.Nil(t, b.room().Fetch)
	require.Empty(t, b.room().Typing)
	require.Equal(t, []chat.Member{ana, me}, b.room().Members, "who was here stays, as who was here")
	b.do(PageFailed{Request: chat.PageRequest{Room: lobby, After: 10, Limit: 1}, Failure: Failure{Code: "offline"}}, OlderWanted{Room: lobby})
	require.Empty(t, b.cmds)
}

func TestRefusedName(t *testing.T) {
	b := newBench(t).forget()
	b.do(Rejected{Failure: Failure{Code: "invalid", Message: "invalid name"}})
	require.Equal(t, DialogName, b.s.Dialog)
	require.Equal(t, "Invalid name.", b.s.DialogError)
	b.do(NameChosen{Name: "  Mara Lind "})
	require.Equal(t, DialogNone, b.s.Dialog)
	require.Equal(t, "Mara Lind", only(t, asked[Connect](b)).Name)
}

func TestRefusedOtherwise(t *testing.T) {
	b := newBench(t).forget().do(Rejected{Failure: Failure{Code: "forbidden", Message: "go away"}})
	require.Equal(t, DialogNone, b.s.Dialog)
	require.Equal(t, Refused, b.s.Conn.Phase)
	b.do(ReconnectAsked{})
	require.Len(t, asked[Connect](b), 1)
}

func TestReconnectAtOnceWhenSeenAgain(t *testing.T) {
	b := inLobby(t, 1).do(Visibility{}, ConnChanged{Phase: Waiting, RetryAt: 9_000_000}).forget()
	b.do(Visibility{On: true})
	require.Len(t, asked[Reconnect](b), 1)
}

func TestNewRelease(t *testing.T) {
	other := Hello{Info: chat.ServerInfo{Build: "b2", Me: me}}
	for _, c := range []struct {
		name string
		msgs []Msg
		want Release
	}{
		{"the same build", []Msg{hello()}, ReleaseCurrent},
		{"installed on the first visit is no news", []Msg{UpdateReady{}, hello()}, ReleaseCurrent},
		{"another build", []Msg{other}, ReleaseSeen},
		{"another build, installed", []Msg{other, UpdateReady{}}, ReleaseReady},
		{"installed before the server says so", []Msg{UpdateReady{}, other}, ReleaseReady},
		{"installed after a second look", []Msg{other, ConnChanged{Phase: Waiting}, other, UpdateReady{}}, ReleaseReady},
		{"said again", []Msg{other, UpdateReady{}, ConnChanged{Phase: Waiting}, other}, ReleaseReady},
		{"taken back", []Msg{other, UpdateReady{}, ConnChanged{Phase: Waiting}, hello()}, ReleaseCurrent},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t).forget().do(c.msgs...)
			require.Equal(t, c.want, b.s.Release)
			if c.want == ReleaseReady {
				require.NotEmpty(t, asked[CheckUpdate](b))
				b.do(ReloadAsked{})
				require.Len(t, asked[Reload](b), 1)
			}
		})
	}
}

func TestTick(t *testing.T) {
	b := inLobby(t, 1)
	b.do(Tick{Now: 1_000_000 + 30_000})
	require.Empty(t, asked[ListRooms](b))
	b.do(Tick{Now: 1_000_000 + 61_000}, Tick{Now: 1_000_000 + 62_000})
	require.Len(t, asked[ListRooms](b), 1)
	require.EqualValues(t, 1_062_000, b.s.Conn.OnlineAt)
	b.do(ConnChanged{Phase: Offline}, Tick{Now: 2_000_000})
	require.EqualValues(t, 1_062_000, b.s.Conn.OnlineAt, "so old is what is shown")
}
