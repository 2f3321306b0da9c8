// Package state is the whole memory of the chat page and the one function that
// changes it:
//
//	s, cmds = state.Update(s, state.Posted{Messages: batch})
//
// Update is pure: the same state and message always give the same next state
// and the same commands. It knows no browser, no network and no clock. The
// outside world comes in as a [Msg] (a server event, a key press, the time) and
// everything the page wants done goes out as a [Cmd] that somebody else carries
// out: app/link talks to the server and to local storage, app/page navigates
// and copies to the clipboard.
//
// A State is a value and its parts are never changed in place, so an earlier
// State stays valid and a pointer that did not change means "nothing changed
// here". The zero State is the page before anything is known.
package state
