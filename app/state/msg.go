package state

import "parley/shared/chat"

// Msg is something that happened. [Update] turns it into the next State.
type Msg interface{ msg() }

// Failure says why something did not happen. Code is one of the contract's error
// codes ("invalid", "not_found", "rate_limited", …) or one of the driver's own:
// "offline" (there is no connection, or it was lost before the answer) and
// "storage" (this device could not store or read).
type Failure struct {
	Code, Message string
}

// Messages from the driver (app/link).
type (
	// LocalLoaded is everything this device knows except the messages, which are
	// loaded room by room. Also sent, with an empty Profile.Name, on a device that
	// knows nothing. Profile.Token is never empty.
	LocalLoaded struct {
		Profile Profile
		Prefs   Prefs
		Rooms   []LocalRoom
		Drafts  map[chat.RoomID]string
		Outbox  []Item // in the order in which they were written
	}

	// LocalMessages answers [LoadMessages]; an empty list means there are no more.
	LocalMessages struct {
		Room     chat.RoomID
		Before   int64
		Messages []chat.Message
	}

	// StorageFailed tells that something could not be stored on this device.
	StorageFailed struct{ Failure Failure }

	// ConnChanged tells how the connection is. RetryAt is the time of the next
	// attempt in unix milliseconds, 0 when none is planned. Phase Online comes
	// only with [Hello].
	ConnChanged struct {
		Phase   Phase
		Attempt int
		RetryAt int64
		Reason  string // why the last one ended; for people
	}

	// Hello is the server's first event on every connection.
	Hello struct{ Info chat.ServerInfo }

	// Rejected tells that the server refused the credentials. The driver does not
	// try again by itself; the page does with a [Connect].
	Rejected struct{ Failure Failure }

	// RoomsListed and RoomsFailed answer [ListRooms].
	RoomsListed struct{ Rooms []chat.RoomInfo }
	RoomsFailed struct{ Failure Failure }

	// RoomAdded tells that somebody made a room.
	RoomAdded struct{ Room chat.RoomInfo }

	// RoomCreated and CreateFailed answer [CreateRoom].
	RoomCreated  struct{ Room chat.RoomInfo }
	CreateFailed struct{ Failure Failure }

	// RoomJoined and JoinFailed answer [JoinRoom].
	RoomJoined struct {
		Request chat.JoinRequest
		History chat.History
	}
	JoinFailed struct {
		Request chat.JoinRequest
		Failure Failure
	}

	// PageLoaded and PageFailed answer [FetchPage].
	PageLoaded struct {
		Request chat.PageRequest
		History chat.History
	}
	PageFailed struct {
		Request chat.PageRequest
		Failure Failure
	}

	// Posted brings new messages, of one room or several.
	Posted struct{ Messages []chat.Message }

	// MemberJoined and MemberLeft tell who came and went.
	MemberJoined struct{ Notice chat.Notice }
	MemberLeft   struct{ Notice chat.Notice }

	// TypingHeard tells that somebody writes or stopped writing.
	TypingHeard struct{ Notice chat.TypingNotice }

	// OutboxChanged brings an item of the outbox as it is now. Items written in
	// another tab arrive like this too.
	OutboxChanged struct{ Item Item }

	// OutboxSent tells that the server stored an item, and as what.
	OutboxSent struct {
		ID      string
		Message chat.Message
	}

	// OutboxGone tells that an item was discarded, here or in another tab.
	OutboxGone struct{ ID string }

	// UpdateReady tells that a newer release than the running page is installed
	// and a reload starts it.
	UpdateReady struct{}

	// Panicked tells that a part of the page crashed and was stopped.
	Panicked struct{ Text string }

	// Tick tells the time in unix milliseconds. The page sends one before every
	// other batch of messages; the driver sends one every 15 seconds.
	Tick struct{ Now int64 }
)

// Messages from the page (app/page): what the person did.
type (
	// Started is the first message of all. Build names the running release.
	Started struct{ Build string }

	// Navigated tells that the address names a room, or none.
	Navigated struct{ Room chat.RoomID }

	// Visibility tells whether the page can be seen.
	Visibility struct{ On bool }

	// Scrolled tells whether the newest message of the open room is in view.
	Scrolled struct{ AtEnd bool }

	// OlderWanted asks for what is above the oldest loaded message.
	OlderWanted struct{ Room chat.RoomID }

	// GapWanted asks for the messages just below number Seq, which are missing.
	GapWanted struct {
		Room chat.RoomID
		Seq  int64
	}

	// NameChosen is the name somebody wants to be called.
	NameChosen struct{ Name string }

	// Submitted is a finished text. ID is new and unique.
	Submitted struct {
		ID   string
		Room chat.RoomID
		Text string
	}

	// Typed tells that somebody edits; Empty that nothing is left.
	Typed struct {
		Room  chat.RoomID
		Empty bool
	}

	// DraftChanged brings an unfinished text, a moment after the last key.
	DraftChanged struct {
		Room chat.RoomID
		Text string
	}

	// RetryAsked and DiscardAsked are about an unsent item.
	RetryAsked   struct{ ID string }
	DiscardAsked struct{ ID string }

	// CopyAsked wants a message's text on the clipboard.
	CopyAsked struct {
		Room chat.RoomID
		Seq  int64
		ID   string // of an unsent item, when Seq is 0
	}

	// Copied answers [CopyText].
	Copied struct{ OK bool }

	// CreateAsked wants a new room.
	CreateAsked struct{ Title, Topic string }

	// LeaveAsked wants out of a room.
	LeaveAsked struct{ Room chat.RoomID }

	// ReconnectAsked wants the next attempt now.
	ReconnectAsked struct{}

	// ReloadAsked wants the page loaded again.
	ReloadAsked struct{}

	// SignOutAsked wants this device to forget everything.
	SignOutAsked struct{}

	// DialogAsked opens a dialog, or closes the open one with DialogNone.
	DialogAsked struct{ Dialog Dialog }

	// PanelToggled shows or hides who is here.
	PanelToggled struct{}

	// ThemeChosen changes the theme.
	ThemeChosen struct{ Theme Theme }

	// NotifyChosen turns notifications on or off.
	NotifyChosen struct{ On bool }

	// NotifyAnswered answers [AskNotify].
	NotifyAnswered struct{ Granted bool }

	// EndWanted wants the newest message in view.
	EndWanted struct{}

	// ToastExpired takes a short notice away.
	ToastExpired struct{ ID int }

	// Resized tells how many columns the page has room for: 1 for rooms or
	// messages, 2 for both, 3 for who is here as well.
	Resized struct{ Columns int }
)

// What Update sends itself with [Later].
type (
	typingExpired struct{ room chat.RoomID }
	joinAgain     struct{ room chat.RoomID }
	healAgain     struct{ room chat.RoomID }
	listAgain     struct{}
)

func (LocalLoaded) msg()    {}
func (LocalMessages) msg()  {}
func (StorageFailed) msg()  {}
func (ConnChanged) msg()    {}
func (Hello) msg()          {}
func (Rejected) msg()       {}
func (RoomsListed) msg()    {}
func (RoomsFailed) msg()    {}
func (RoomAdded) msg()      {}
func (RoomCreated) msg()    {}
func (CreateFailed) msg()   {}
func (RoomJoined) msg()     {}
func (JoinFailed) msg()     {}
func (PageLoaded) msg()     {}
func (PageFailed) msg()     {}
func (Posted) msg()         {}
func (MemberJoined) msg()   {}
func (MemberLeft) msg()     {}
func (TypingHeard) msg()    {}
func (OutboxChanged) msg()  {}
func (OutboxSent) msg()     {}
func (OutboxGone) msg()     {}
func (UpdateReady) msg()    {}
func (Panicked) msg()       {}
func (Tick) msg()           {}
func (Started) msg()        {}
func (Navigated) msg()      {}
func (Visibility) msg()     {}
func (Scrolled) msg()       {}
func (OlderWanted) msg()    {}
func (GapWanted) msg()      {}
func (NameChosen) msg()     {}
func (Submitted) msg()      {}
func (Typed) msg()          {}
func (DraftChanged) msg()   {}
func (RetryAsked) msg()     {}
func (DiscardAsked) msg()   {}
func (CopyAsked) msg()      {}
func (Copied) msg()         {}
func (CreateAsked) msg()    {}
func (LeaveAsked) msg()     {}
func (ReconnectAsked) msg() {}
func (ReloadAsked) msg()    {}
func (SignOutAsked) msg()   {}
func (DialogAsked) msg()    {}
func (PanelToggled) msg()   {}
func (ThemeChosen) msg()    {}
func (NotifyChosen) msg()   {}
func (NotifyAnswered) msg() {}
func (EndWanted) msg()      {}
func (ToastExpired) msg()   {}
func (Resized) msg()        {}
func (typingExpired) msg()  {}
func (joinAgain) msg()      {}
func (healAgain) msg()      {}
func (listAgain) msg()      {}
