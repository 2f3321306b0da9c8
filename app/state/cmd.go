package state

import (
	"time"

	"parley/shared/chat"
)

// Cmd is something the page wants done outside of [Update]. Commands are carried
// out in the order in which Update returned them; those that ask a question are
// answered by exactly one [Msg], named in their comment, also when the question
// could not be asked. Carrying one out never blocks the caller.
type Cmd interface{ cmd() }

// Commands for the driver (app/link).
type (
	// LoadLocal reads what this device knows and makes a token when there is
	// none. Answered by [LocalLoaded].
	LoadLocal struct{}

	// Connect starts the connection with these credentials and keeps it alive.
	// When one is already there with other credentials it is replaced. Progress
	// comes as [ConnChanged], success as [Hello], refusal as [Rejected].
	Connect struct{ Name, Token string }

	// Reconnect tries at once instead of waiting for the back-off to end. It does
	// nothing while a connection is open or being opened.
	Reconnect struct{}

	// ListRooms asks for all rooms. Answered by [RoomsListed] or [RoomsFailed].
	ListRooms struct{}

	// CreateRoom makes a room. Answered by [RoomCreated] or [CreateFailed].
	CreateRoom struct{ Room chat.NewRoom }

	// JoinRoom enters a room and fetches what was written after a number.
	// Answered by [RoomJoined] or [JoinFailed].
	JoinRoom struct{ Request chat.JoinRequest }

	// LeaveRoom leaves a room. Not answered.
	LeaveRoom struct{ Room chat.RoomID }

	// FetchPage asks the server for a piece of a room's history. Answered by
	// [PageLoaded] or [PageFailed] with the same request.
	FetchPage struct{ Request chat.PageRequest }

	// SendTyping tells the others of a room; lost without harm.
	SendTyping struct {
		Room chat.RoomID
		On   bool
	}

	// Enqueue stores a message in the outbox, durably, and sends it when that is
	// possible. Answered by an [OutboxChanged] with status Queued (it is on the
	// disk) or Failed; more of them follow, and in the end one [OutboxSent].
	Enqueue struct{ Item Item }

	// RetryItem puts a failed item back at the end of its room's queue.
	// Answered by [OutboxChanged].
	RetryItem struct{ ID string }

	// DiscardItem removes an item that was not sent. Answered by [OutboxGone].
	DiscardItem struct{ ID string }

	// SaveProfile stores the name. The driver keeps the token itself.
	SaveProfile struct{ Profile Profile }

	// SavePrefs stores the settings of this device.
	SavePrefs struct{ Prefs Prefs }

	// SaveRooms stores what is known about rooms, without their messages.
	SaveRooms struct{ Rooms []LocalRoom }

	// SaveMessages stores messages and, in the same transaction, the room they
	// belong to, so that its Tail never claims what is not stored.
	SaveMessages struct {
		Room     LocalRoom
		Messages []chat.Message
	}

	// ForgetMessages removes the stored messages of a room.
	ForgetMessages struct{ Room chat.RoomID }

	// LoadMessages reads up to Limit stored messages of a room, the newest below
	// Before, or the newest of all when Before is 0. Answered by [LocalMessages].
	LoadMessages struct {
		Room   chat.RoomID
		Before int64
		Limit  int
	}

	// SaveDraft stores an unfinished text; an empty one is removed.
	SaveDraft struct {
		Room chat.RoomID
		Text string
	}

	// SignOut closes the connection and wipes everything this device stored.
	// The page is reloaded afterwards.
	SignOut struct{}

	// CheckUpdate asks the service worker to look for a new release. When one is
	// installed, [UpdateReady] follows.
	CheckUpdate struct{}

	// Reload loads the page again; drafts and outbox are already stored.
	Reload struct{}

	// Notify shows a system notification, one per room (later ones replace it).
	// A click on it opens the room.
	Notify struct {
		Room        chat.RoomID
		Title, Body string
	}

	// Later delivers a message after a delay.
	Later struct {
		Delay time.Duration
		Msg   Msg
	}
)

// Commands for the page itself (app/page).
type (
	// Navigate shows a room, or the list of rooms for "". The page answers with
	// [Navigated].
	Navigate struct{ Room chat.RoomID }

	// CopyText puts a text on the clipboard. Answered by [Copied].
	CopyText struct{ Text string }

	// AskNotify asks for the permission to show notifications. Answered by
	// [NotifyAnswered].
	AskNotify struct{}

	// FocusComposer puts the caret where one writes.
	FocusComposer struct{}

	// ScrollToEnd shows the newest message.
	ScrollToEnd struct{}

	// ApplyTheme shows the page in a theme.
	ApplyTheme struct{ Theme Theme }
)

func (LoadLocal) cmd()      {}
func (Connect) cmd()        {}
func (Reconnect) cmd()      {}
func (ListRooms) cmd()      {}
func (CreateRoom) cmd()     {}
func (JoinRoom) cmd()       {}
func (LeaveRoom) cmd()      {}
func (FetchPage) cmd()      {}
func (SendTyping) cmd()     {}
func (Enqueue) cmd()        {}
func (RetryItem) cmd()      {}
func (DiscardItem) cmd()    {}
func (SaveProfile) cmd()    {}
func (SavePrefs) cmd()      {}
func (SaveRooms) cmd()      {}
func (SaveMessages) cmd()   {}
func (ForgetMessages) cmd() {}
func (LoadMessages) cmd()   {}
func (SaveDraft) cmd()      {}
func (SignOut) cmd()        {}
func (CheckUpdate) cmd()    {}
func (Reload) cmd()         {}
func (Notify) cmd()         {}
func (Later) cmd()          {}
func (Navigate) cmd()       {}
func (CopyText) cmd()       {}
func (AskNotify) cmd()      {}
func (FocusComposer) cmd()  {}
func (ScrollToEnd) cmd()    {}
func (ApplyTheme) cmd()     {}
