//go:build !js

package link_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"parley/app/link"
	"parley/app/state"
	"parley/shared/chat"
)

func TestFirstStartMakesAToken(t *testing.T) {
	device := link.NewMemory()
	p := open(t, "http://127.0.0.1:1", device)
	p.Run(state.LoadLocal{})
	first := next[state.LocalLoaded](t, p)
	require.GreaterOrEqual(t, len(first.Profile.Token), chat.MinToken)
	require.Empty(t, first.Profile.Name)

	p.Run(state.SaveProfile{Profile: state.Profile{Name: "Ann"}}) // the page need not know the token
	p.Run(state.SavePrefs{Prefs: state.Prefs{Theme: state.ThemeDark}})
	p.Run(state.SaveDraft{Room: "lobby", Text: "half a"})
	p.Run(state.LoadLocal{})
	again := next[state.LocalLoaded](t, p)
	require.Equal(t, state.Profile{Name: "Ann", Token: first.Profile.Token}, again.Profile)
	require.Equal(t, state.ThemeDark, again.Prefs.Theme)
	require.Equal(t, map[chat.RoomID]string{"lobby": "half a"}, again.Drafts)

	other := open(t, "http://127.0.0.1:1", link.NewMemory())
	other.Run(state.LoadLocal{})
	require.NotEqual(t, first.Profile.Token, next[state.LocalLoaded](t, other).Profile.Token)
}

func TestStoredMessagesComeBack(t *testing.T) {
	device := link.NewMemory()
	p := open(t, "http://127.0.0.1:1", device)
	p.Run(state.LoadLocal{})
	room := state.LocalRoom{Info: chat.RoomInfo{ID: "lobby", Title: "Lobby"}, Mine: true, Tail: 3}
	p.Run(state.SaveMessages{Room: room, Messages: []chat.Message{{Room: "lobby", Seq: 1}, {Room: "lobby", Seq: 2}, {Room: "lobby", Seq: 3}}})
	p.Run(state.LoadMessages{Room: "lobby", Limit: 2})
	got := next[state.LocalMessages](t, p)
	require.Equal(t, []int64{2, 3}, []int64{got.Messages[0].Seq, got.Messages[1].Seq})
	p.Run(state.LoadMessages{Room: "lobby", Before: 2, Limit: 2})
	got = next[state.LocalMessages](t, p)
	require.Equal(t, int64(2), got.Before)
	require.Len(t, got.Messages, 1)
	p.Run(state.ForgetMessages{Room: "lobby"})
	p.Run(state.LoadMessages{Room: "lobby", Limit: 2})
	require.Empty(t, next[state.LocalMessages](t, p).Messages)
	p.Close()

	p = open(t, "http://127.0.0.1:1", device)
	p.Run(state.LoadLocal{})
	require.Equal(t, []state.LocalRoom{room}, next[state.LocalLoaded](t, p).Rooms)
}

func TestRoomsAndMessagesOverAServer(t *testing.T) {
	h := serve(t)
	ann, bob := online(t, h.url, "Ann"), online(t, h.url, "Bob")
	ann.Run(state.ListRooms{})
	require.Len(t, next[state.RoomsListed](t, ann).Rooms, 3)
	require.Equal(t, "Lobby", ann.join(t, "lobby").Room.Title)
	bob.join(t, "lobby")
	require.Equal(t, "Bob", next[state.MemberJoined](t, ann).Notice.Member.Name)

	// Typing is volatile: it is dropped where something else is being sent.
	require.Eventually(t, func() bool {
		bob.Run(state.SendTyping{Room: "lobby", On: true})
		select {
		case m := <-ann.told:
			heard, ok := m.(state.TypingHeard)
			return ok && heard.Notice.On
		default:
			return false
		}
	}, patience, 20*time.Millisecond)
	bob.Run(enqueue(firstID, "hello"))
	match(t, bob, status(firstID, state.Queued))
	match(t, bob, status(firstID, state.Sending))
	sent := next[state.OutboxSent](t, bob)
	require.Equal(t, firstID, sent.ID)
	posted := next[state.Posted](t, ann).Messages
	require.Equal(t, []chat.Message{sent.Message}, posted)

	ann.Run(state.FetchPage{Request: chat.PageRequest{Room: "lobby"}})
	require.Equal(t, posted, next[state.PageLoaded](t, ann).History.Messages)
	ann.Run(state.CreateRoom{Room: chat.NewRoom{Title: "Go talk"}})
	require.Equal(t, chat.RoomID("go-talk"), next[state.RoomCreated](t, ann).Room.ID)
	require.Equal(t, "Go talk", next[state.RoomAdded](t, bob).Room.Title)
	bob.Run(state.CreateRoom{Room: chat.NewRoom{}})
	require.Equal(t, "invalid", next[state.CreateFailed](t, bob).Failure.Code)
	bob.Run(state.LeaveRoom{Room: "lobby"})
	require.Equal(t, "Bob", next[state.MemberLeft](t, ann).Notice.Member.Name)
	bob.Run(state.JoinRoom{Request: chat.JoinRequest{Room: "nowhere"}})
	require.Equal(t, "not_found", next[state.JoinFailed](t, bob).Failure.Code)
}

func TestQuestionsWithoutAConnectionFailAtOnce(t *testing.T) {
	p := open(t, "http://127.0.0.1:1", link.NewMemory())
	p.Run(state.ListRooms{})
	require.Equal(t, "offline", next[state.RoomsFailed](t, p).Failure.Code)
	p.Run(state.LoadLocal{})
	p.Run(state.Connect{Name: "Ann", Token: next[state.LocalLoaded](t, p).Profile.Token})
	waiting := match(t, p, func(m state.ConnChanged) bool { return m.Phase == state.Waiting })
	require.Positive(t, waiting.RetryAt)
	require.NotEmpty(t, waiting.Reason)
	p.Run(state.JoinRoom{Request: chat.JoinRequest{Room: "lobby"}})
	require.Equal(t, "offline", next[state.JoinFailed](t, p).Failure.Code)
	p.Run(state.FetchPage{Request: chat.PageRequest{Room: "lobby"}})
	require.Equal(t, "offline", next[state.PageFailed](t, p).Failure.Code)
	p.Run(state.Reconnect{})
	match(t, p, func(m state.ConnChanged) bool { return m.Phase == state.Connecting })
}

// Rows: D05 D12
func TestOutboxSurvivesServerAndPage(t *testing.T) {
	h := serve(t)
	device := link.NewMemory()
	p := open(t, h.url, device)
	p.Run(state.LoadLocal{})
	local := next[state.LocalLoaded](t, p)
	p.Run(state.Connect{Name: "Ann", Token: local.Profile.Token})
	next[state.Hello](t, p)
	p.Run(enqueue(firstID, "one"))
	require.Equal(t, int64(1), next[state.OutboxSent](t, p).Message.Seq)

	h.stop()
	match(t, p, func(m state.ConnChanged) bool { return m.Phase == state.Waiting })
	p.Run(enqueue(secondID, "two"))
	match(t, p, status(secondID, state.Queued))
	p.Close() // the tab is closed

	p = open(t, h.url, device)
	p.Run(state.LoadLocal{})
	local = next[state.LocalLoaded](t, p)
	require.Len(t, local.Outbox, 1)
	require.Equal(t, state.Item{ID: secondID, Room: "lobby", Text: "two", At: local.Outbox[0].At, Status: state.Queued}, local.Outbox[0])
	p.Run(enqueue(thirdID, "three"))
	p.Run(state.Connect{Name: "Ann", Token: local.Profile.Token})
	h.start(t)
	require.Equal(t, secondID, next[state.OutboxSent](t, p).ID)
	require.Equal(t, thirdID, next[state.OutboxSent](t, p).ID)
	p.Run(enqueue(firstID, "one"))
	require.Equal(t, int64(1), next[state.OutboxSent](t, p).Message.Seq, "an id already stored answers the first result")
	require.Len(t, p.join(t, "lobby").Messages, 3)
}

func TestRefusedMessagesAreFailedAndCanBeDiscarded(t *testing.T) {
	h := serve(t)
	p := online(t, h.url, "Ann")
	p.Run(state.Enqueue{Item: state.Item{ID: firstID, Room: "nowhere", Text: "hello"}})
	failed := match(t, p, status(firstID, state.Failed))
	require.Equal(t, "not_found", failed.Item.Code)
	require.NotEmpty(t, failed.Item.Reason)
	p.Run(state.RetryItem{ID: firstID})
	match(t, p, status(firstID, state.Queued))
	match(t, p, status(firstID, state.Failed))
	p.Run(state.DiscardItem{ID: firstID})
	require.Equal(t, firstID, next[state.OutboxGone](t, p).ID)
	p.Run(state.RetryItem{ID: firstID})
	require.Equal(t, firstID, next[state.OutboxGone](t, p).ID, "what is not there is gone")
}

func TestRefusedCredentials(t *testing.T) {
	h := serve(t)
	p := open(t, h.url, link.NewMemory())
	p.Run(state.LoadLocal{})
	token := next[state.LocalLoaded](t, p).Profile.Token
	p.Run(state.Connect{Name: " ", Token: token})
	require.Equal(t, state.Failure{Code: "invalid", Message: "invalid name"}, next[state.Rejected](t, p).Failure)
	p.Run(state.Connect{Name: "Ann", Token: token})
	me := next[state.Hello](t, p).Info.Me
	require.Equal(t, "Ann", me.Name)
	p.Run(state.Connect{Name: "Anna", Token: token})
	renamed := next[state.Hello](t, p).Info.Me
	require.Equal(t, "Anna", renamed.Name)
	require.Equal(t, me.ID, renamed.ID, "the token says who it is")
}

func TestSignOutForgetsEverything(t *testing.T) {
	h := serve(t)
	device := link.NewMemory()
	reloaded := make(chan struct{})
	device.OnReload = func() { close(reloaded) }
	p := open(t, h.url, device)
	p.Run(state.LoadLocal{})
	token := next[state.LocalLoaded](t, p).Profile.Token
	p.Run(state.SaveDraft{Room: "lobby", Text: "x"})
	p.Run(state.SignOut{})
	<-reloaded
	p.Close()
	p = open(t, h.url, device)
	p.Run(state.LoadLocal{})
	fresh := next[state.LocalLoaded](t, p)
	require.NotEqual(t, token, fresh.Profile.Token)
	require.Empty(t, fresh.Drafts)
}

// broken is a device that cannot open its storage.
type broken struct{ *link.Memory }

func (broken) Open(context.Context, string) (link.Store, error) { return nil, errors.New("no disk") }

func TestWithoutStorageTheChatStillWorks(t *testing.T) {
	h := serve(t)
	p := open(t, h.url, broken{link.NewMemory()})
	p.Run(state.LoadLocal{})
	local := next[state.LocalLoaded](t, p)
	require.Contains(t, next[state.StorageFailed](t, p).Failure.Message, "no disk")
	p.Run(state.Connect{Name: "Ann", Token: local.Profile.Token})
	next[state.Hello](t, p)
	p.Run(enqueue(firstID, "hello"))
	next[state.OutboxSent](t, p)
}

func TestReleases(t *testing.T) {
	h := serve(t)
	device := link.NewMemory()
	p := open(t, h.url, device)
	p.Run(state.CheckUpdate{})
	device.SetRelease(link.NoInstaller)
	p.Run(state.CheckUpdate{}) // the server's build is not known
	p.Run(state.LoadLocal{})
	p.Run(state.Connect{Name: "Ann", Token: next[state.LocalLoaded](t, p).Profile.Token})
	next[state.Hello](t, p)
	p.Run(state.CheckUpdate{}) // and is ours
	p.Run(state.ListRooms{})
	for m := range p.told {
		if _, done := m.(state.RoomsListed); done {
			break
		}
		require.NotEqual(t, state.UpdateReady{}, m)
	}
	device.SetRelease(link.Installed)
	p.Run(state.CheckUpdate{})
	next[state.UpdateReady](t, p)
}

// explosive is a device on which a part of the program crashes.
type explosive struct{ *link.Memory }

func (explosive) Notify(context.Context, chat.RoomID, string, string) error { panic("boom") }

func TestACrashIsToldAndTheRestWorks(t *testing.T) {
	p := open(t, "http://127.0.0.1:1", explosive{link.NewMemory()})
	p.Run(state.Notify{Room: "lobby", Title: "t"})
	require.Equal(t, "boom", next[state.Panicked](t, p).Text)
	p.Run(state.Notify{Room: "lobby", Title: "t"})
	next[state.Panicked](t, p)
}

func TestTimeIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(chan state.Msg, 10)
		began := time.Now()
		l := link.New(link.Config{URL: "http://127.0.0.1:1", Host: link.NewMemory(), Log: slog.New(slog.DiscardHandler)},
			func(msgs ...state.Msg) { told <- msgs[0] })
		l.Run(state.Later{Delay: 5 * time.Second, Msg: state.ReconnectAsked{}})
		l.Run(state.Later{Delay: time.Hour, Msg: state.ReconnectAsked{}})
		time.Sleep(31 * time.Second)
		synctest.Wait()
		l.Close()
		time.Sleep(2 * time.Hour)
		l.Run(state.Later{Delay: time.Second, Msg: state.ReconnectAsked{}})
		l.Run(state.ListRooms{})
		time.Sleep(2 * time.Hour)
		l.Close()
		require.Equal(t, state.ReconnectAsked{}, <-told)
		require.Equal(t, state.Tick{Now: began.Add(15 * time.Second).UnixMilli()}, <-told)
		require.Equal(t, state.Tick{Now: began.Add(30 * time.Second).UnixMilli()}, <-told)
		require.Empty(t, told, "nothing is told after Close")
	})
}
