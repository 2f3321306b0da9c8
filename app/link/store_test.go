package link_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/app/link"
	"parley/app/state"
	"parley/shared/chat"
)

// testHost is what every Host must do with what it remembers.
func testHost(t *testing.T, h link.Host, key string) {
	ctx := t.Context()
	made := 0
	fresh := func() string { made++; return fmt.Sprint("a fresh and secret token ", made) }
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			p, _, err := h.Identity(ctx, fresh)
			assert.NoError(t, err)
			assert.Equal(t, "a fresh and secret token 1", p.Token)
		})
	}
	wg.Wait()
	profile := state.Profile{Name: "Änn", Token: "0123456789abcdef", ID: "f00"}
	require.NoError(t, h.SaveProfile(ctx, profile))
	require.NoError(t, h.SavePrefs(ctx, state.Prefs{Theme: state.ThemeDark, Notify: true}))
	gotProfile, gotPrefs, err := h.Identity(ctx, fresh)
	require.NoError(t, err)
	require.Equal(t, profile, gotProfile)
	require.Equal(t, state.Prefs{Theme: state.ThemeDark, Notify: true}, gotPrefs)

	s, err := h.Open(ctx, key)
	require.NoError(t, err)
	testStore(t, s)
	require.NoError(t, s.Close())

	s, err = h.Open(ctx, key)
	require.NoError(t, err)
	rooms, err := s.Rooms(ctx)
	require.NoError(t, err)
	require.Len(t, rooms, 2, "what was stored is there when it is opened again")
	require.NoError(t, s.Close())

	require.NoError(t, h.Forget(ctx, key))
	gotProfile, gotPrefs, err = h.Identity(ctx, fresh)
	require.NoError(t, err)
	require.Equal(t, state.Profile{Token: "a fresh and secret token 2"}, gotProfile)
	require.Zero(t, gotPrefs)
	s, err = h.Open(ctx, key)
	require.NoError(t, err)
	rooms, err = s.Rooms(ctx)
	require.NoError(t, err)
	require.Empty(t, rooms)
	require.NoError(t, s.Close())
}

func testStore(t *testing.T, s link.Store) {
	ctx := t.Context()
	lobby := state.LocalRoom{
		Info: chat.RoomInfo{ID: "lobby", Title: "Lobby \u2028 <b>", Topic: "t", LastSeq: 9, Online: 2},
		Mine: true, Read: 3, Tail: 9, SyncedAt: 1_700_000_000_123,
		Last: chat.Message{ID: "id-9", Room: "lobby", Seq: 9, Text: "the newest", At: 1_700_000_000_009},
	}
	help := state.LocalRoom{Info: chat.RoomInfo{ID: "help"}}
	require.NoError(t, s.PutRooms(ctx, []state.LocalRoom{help, {Info: chat.RoomInfo{ID: "lobby"}}}))
	message := func(room chat.RoomID, seq int64) chat.Message {
		return chat.Message{
			ID: fmt.Sprint("id-", seq), Room: room, Seq: seq, From: chat.Member{ID: "u", Name: "Änn"},
			Text: fmt.Sprint("line\n", seq), At: 1_700_000_000_000 + seq,
		}
	}
	var many []chat.Message
	for seq := int64(1); seq <= 10; seq++ {
		many = append(many, message("lobby", seq))
	}
	require.NoError(t, s.PutMessages(ctx, lobby, many[5:]))
	require.NoError(t, s.PutMessages(ctx, lobby, many[:6]))
	require.NoError(t, s.PutMessages(ctx, lobby, nil))
	require.NoError(t, s.PutMessages(ctx, help, []chat.Message{message("help", 1)}))

	rooms, err := s.Rooms(ctx)
	require.NoError(t, err)
	require.ElementsMatch(t, []state.LocalRoom{lobby, help}, rooms)

	page := func(room chat.RoomID, before int64, limit int) []chat.Message {
		found, err := s.Messages(ctx, room, before, limit)
		require.NoError(t, err)
		return found
	}
	require.Equal(t, many, page("lobby", 0, 100))
	require.Equal(t, many[7:], page("lobby", 0, 3))
	require.Equal(t, many[2:5], page("lobby", 6, 3))
	require.Empty(t, page("lobby", 1, 3))
	require.Empty(t, page("nowhere", 0, 3))

	many = nil
	for seq := int64(11); seq <= 10+link.KeepMessages; seq++ {
		many = append(many, message("lobby", seq))
	}
	require.NoError(t, s.PutMessages(ctx, lobby, many))
	require.Equal(t, many, page("lobby", 0, 2*link.KeepMessages), "only the newest are kept")
	require.Len(t, page("help", 0, 10), 1, "of each room by itself")
	require.NoError(t, s.ForgetMessages(ctx, "lobby"))
	require.Empty(t, page("lobby", 0, 10))
	require.Len(t, page("help", 0, 10), 1)

	require.NoError(t, s.PutDraft(ctx, "lobby", "half a"))
	require.NoError(t, s.PutDraft(ctx, "help", "x"))
	require.NoError(t, s.PutDraft(ctx, "help", ""))
	require.NoError(t, s.PutDraft(ctx, "random", ""))
	drafts, err := s.Drafts(ctx)
	require.NoError(t, err)
	require.Equal(t, map[chat.RoomID]string{"lobby": "half a"}, drafts)
}

func TestMemoryHost(t *testing.T) { testHost(t, link.NewMemory(), "0123456789abcdef") }
