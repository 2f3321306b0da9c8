package state

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestName(t *testing.T) {
	b := (&bench{t: t}).do(Started{}, LocalLoaded{Profile: Profile{Token: "t"}}).forget()
	b.do(DialogAsked{})
	require.Equal(t, DialogName, b.s.Dialog, "nobody talks without a name")
	b.do(NameChosen{Name: "  "})
	require.NotEmpty(t, b.s.DialogError)
	require.Empty(t, asked[Connect](b))
	b.do(NameChosen{Name: "Mara"})
	require.Equal(t, DialogNone, b.s.Dialog)
	require.Equal(t, Connect{Name: "Mara", Token: "t"}, only(t, asked[Connect](b)))
	require.Equal(t, "Mara", only(t, asked[SaveProfile](b)).Profile.Name)
}

func TestAnotherName(t *testing.T) {
	b := inLobby(t, 1).do(DialogAsked{Dialog: DialogName}, NameChosen{Name: me.Name})
	require.Empty(t, asked[Connect](b), "the same name is no change")
	b.do(DialogAsked{Dialog: DialogName}, NameChosen{Name: "Mara Lind"})
	require.Len(t, asked[Connect](b), 1)
	require.False(t, b.room().Joined)
}

func TestDialogs(t *testing.T) {
	b := inLobby(t, 1)
	b.s.DialogError = "old"
	b.do(DialogAsked{Dialog: DialogSettings})
	require.Equal(t, DialogSettings, b.s.Dialog)
	require.Empty(t, b.s.DialogError)
	b.do(DialogAsked{Dialog: DialogSwitcher}, Navigated{Room: random})
	require.Equal(t, DialogNone, b.s.Dialog, "jumping closes it")
	b.do(PanelToggled{})
	require.Equal(t, DialogMembers, b.s.Dialog, "there is no third column")
	b.do(DialogAsked{}, Resized{Columns: 3}, PanelToggled{})
	require.True(t, b.s.NoPanel)
	require.Equal(t, DialogNone, b.s.Dialog)
}

func TestPrefs(t *testing.T) {
	b := inLobby(t, 1).do(ThemeChosen{Theme: ThemeDark})
	require.Equal(t, ApplyTheme{Theme: ThemeDark}, only(t, asked[ApplyTheme](b)))
	require.Equal(t, ThemeDark, only(t, asked[SavePrefs](b)).Prefs.Theme)
	b.forget().do(NotifyChosen{On: true})
	require.False(t, b.s.Prefs.Notify, "the browser is asked first")
	require.Len(t, asked[AskNotify](b), 1)
	b.do(NotifyAnswered{})
	require.False(t, b.s.Prefs.Notify)
	require.Len(t, b.s.Toasts, 1)
	b.do(NotifyAnswered{Granted: true})
	require.True(t, b.s.Prefs.Notify)
	b.do(NotifyChosen{})
	require.False(t, b.s.Prefs.Notify)
}

func TestCopy(t *testing.T) {
	b := inLobby(t, 3).do(Submitted{ID: "a-1", Room: lobby, Text: "unsent"}).forget()
	b.do(CopyAsked{Room: lobby, Seq: 2}, CopyAsked{Room: lobby, ID: "a-1"}, CopyAsked{Room: lobby, Seq: 99})
	require.Equal(t, []CopyText{{Text: "text 2"}, {Text: "unsent"}}, asked[CopyText](b))
	b.forget().do(Copied{OK: true})
	require.Len(t, b.s.Toasts, 1)
	b.do(only(t, asked[Later](b)).Msg)
	require.Empty(t, b.s.Toasts)
}

func TestToastsDoNotPileUp(t *testing.T) {
	b := inLobby(t, 1)
	for range 9 {
		b.do(StorageFailed{Failure: Failure{Message: "disk full"}})
	}
	require.Len(t, b.s.Toasts, 3)
	require.Equal(t, 9, b.s.Toasts[2].ID)
}

func TestCrashStaysVisible(t *testing.T) {
	b := inLobby(t, 1).do(Panicked{Text: "boom"}, hello())
	require.Equal(t, "boom", b.s.Crash)
}

func TestSignOut(t *testing.T) {
	b := inLobby(t, 1).do(DialogAsked{Dialog: DialogSignOut}, SignOutAsked{})
	require.Len(t, asked[SignOut](b), 1)
	require.Equal(t, DialogNone, b.s.Dialog)
}
