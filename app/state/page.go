package state

import "parley/shared/chat"

// applyPage handles what is only about the page: dialogs, settings, notices.
func (u *step) applyPage(m Msg) {
	switch m := m.(type) {
	case NameChosen:
		u.nameChosen(m.Name)
	case DialogAsked:
		u.dialog(m.Dialog)
	case PanelToggled:
		if u.Columns >= 3 {
			u.NoPanel = !u.NoPanel
		} else {
			u.dialog(DialogMembers)
		}
	case ThemeChosen:
		u.Prefs.Theme = m.Theme
		u.do(ApplyTheme(m))
		u.do(SavePrefs{Prefs: u.Prefs})
	case NotifyChosen:
		if m.On {
			u.do(AskNotify{})
			return
		}
		u.Prefs.Notify = false
		u.do(SavePrefs{Prefs: u.Prefs})
	case NotifyAnswered:
		if u.Prefs.Notify = m.Granted; !m.Granted {
			u.toast("The browser does not allow notifications for this page.", true)
		}
		u.do(SavePrefs{Prefs: u.Prefs})
	case CopyAsked:
		if text, ok := u.textOf(m); ok {
			u.do(CopyText{Text: text})
		}
	case Copied:
		if m.OK {
			u.toast("Copied", false)
		} else {
			u.toast("The browser does not allow copying here.", true)
		}
	case ToastExpired:
		u.Toasts = without(u.Toasts, func(t Toast) bool { return t.ID == m.ID })
	case SignOutAsked:
		u.Dialog = DialogNone
		u.do(SignOut{})
	case Resized:
		u.Columns = m.Columns
	}
}

func (u *step) nameChosen(name string) {
	name = chat.CleanLine(name)
	if err := (chat.Credentials{Name: name}).Validate(); err != nil {
		u.DialogError = complaint(err)
		return
	}
	u.Dialog, u.DialogError = DialogNone, ""
	if name == u.Profile.Name && u.Conn.Phase != Refused && u.Conn.Phase != Idle {
		return
	}
	if u.online() {
		u.lost()
	}
	u.Profile.Name = name
	u.do(SaveProfile{Profile: u.Profile})
	u.connect()
	u.do(FocusComposer{})
}

// dialog opens or closes a dialog. A person without a name has to choose one.
func (u *step) dialog(d Dialog) {
	if u.Profile.Name == "" && u.Ready {
		d = DialogName
	}
	if u.Dialog == d {
		return
	}
	u.Dialog, u.DialogError, u.Busy = d, "", false
	if d == DialogNone {
		u.do(FocusComposer{})
	}
}

func (u *step) textOf(m CopyAsked) (string, bool) {
	if at := u.itemAt(m.ID); m.Seq == 0 && at >= 0 {
		return u.Outbox[at].Text, true
	}
	if r := u.Rooms[m.Room]; r != nil {
		msg, ok := r.Log.Get(m.Seq)
		return msg.Text, ok
	}
	return "", false
}

// TotalUnread is what the title and the app's badge show.
func (s State) TotalUnread() int {
	n := 0
	for _, r := range s.Rooms {
		n += r.Unread
	}
	return n
}

// Pending are the unsent items of a room, in the order in which they are sent.
func (s State) Pending(room chat.RoomID) []Item {
	var items []Item
	for _, it := range s.Outbox {
		if it.Room == room {
			items = append(items, it)
		}
	}
	return items
}
