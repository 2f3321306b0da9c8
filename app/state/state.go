package state

import (
	"parley/shared/chat"
)

// State is everything the page knows. It is a value: Update returns a new one
// and leaves the old one as it was.
type State struct {
	Ready   bool   // what this device knows has been read
	Build   string // the running release
	Now     int64  // unix milliseconds, of the last Tick
	Profile Profile
	Prefs   Prefs
	Conn    Conn

	Rooms    map[chat.RoomID]*Room
	Outbox   []Item      // not yet stored by the server, in the order written
	Open     chat.RoomID // the room on screen, "" for none
	Columns  int         // how many the page has room for
	Visible  bool        // the page can be seen
	AtEnd    bool        // the newest message of the open room is in view
	NoPanel  bool        // who is here is hidden
	Listed   bool        // the server's list of rooms has been seen
	ListedAt int64       // when it was last asked for

	Dialog      Dialog
	DialogError string // shown in the open dialog
	Busy        bool   // the open dialog waits for an answer
	Toasts      []Toast
	NextToast   int
	Limits      chat.Limits
	Release     Release
	Installed   bool   // a release other than the running one is installed
	CheckedAt   int64  // when the service worker last looked for one
	Crash       string // a part of the page crashed; shown with a reload button
	TypedAt     int64  // when "typing" was last sent for the open room
}

// Profile is who uses this device. The token is a secret that proves it; ID is
// what the server made of it, "" before the first hello.
type Profile struct {
	Name, Token string
	ID          chat.UserID
}

// Prefs are the settings of this device.
type Prefs struct {
	Theme    Theme
	Notify   bool        // show system notifications
	LastRoom chat.RoomID // the room opened last
}

// Theme is how the page looks.
type Theme string

// The themes; the zero value follows the system.
const (
	ThemeSystem Theme = ""
	ThemeLight  Theme = "light"
	ThemeDark   Theme = "dark"
)

// Phase says how the connection is.
type Phase int

// The phases of a connection.
const (
	Idle       Phase = iota // nothing was tried yet
	Connecting              // an attempt runs
	Online                  // the server said hello
	Waiting                 // the next attempt comes at RetryAt
	Offline                 // the device has no network; tried again when it has
	Refused                 // the server does not want these credentials
)

// Conn is the connection as the page shows it.
type Conn struct {
	Phase    Phase
	Attempt  int
	RetryAt  int64  // unix milliseconds, 0 when none is planned
	Reason   string // why the last one ended; for people
	OnlineAt int64  // when the server was last heard of, 0 never
}

// Release says whether a newer release than the running one is there.
type Release int

// The states of a release.
const (
	ReleaseCurrent Release = iota
	ReleaseSeen            // the server runs another one; being installed
	ReleaseReady           // installed, a reload starts it
)

// Dialog is the dialog on screen; there is at most one.
type Dialog int

// The dialogs.
const (
	DialogNone Dialog = iota
	DialogName        // first run, or another name
	DialogNewRoom
	DialogSwitcher // jump to a room by typing
	DialogSettings
	DialogHelp
	DialogLeave
	DialogMembers // who is here, on a narrow screen
	DialogSignOut
)

// Toast is a short notice that goes away by itself.
type Toast struct {
	ID    int
	Text  string
	Error bool
}

// Status says how far an unsent message is.
type Status string

// The states of an item of the outbox.
const (
	Saving  Status = "saving"  // being stored on this device
	Queued  Status = "queued"  // stored on this device, waits for a connection
	Sending Status = "sending" // on its way
	Failed  Status = "failed"  // the server does not want it; see Reason
)

// Item is a message of ours that the server has not confirmed.
type Item struct {
	ID     string
	Room   chat.RoomID
	Text   string
	At     int64 // when it was written, unix milliseconds
	Status Status
	Code   string // why it failed, one of the contract's error codes
	Reason string // the same for people
}

// Room is one room as the page knows it.
type Room struct {
	Info    chat.RoomInfo
	Mine    bool // opened once and not left: it is joined on every connection
	Joined  bool // joined on this connection
	Joining bool // asked for on this connection
	Gone    bool // the server does not know it

	Members []chat.Member // who is here, by name, 1,000 at most; stale unless Joined
	Early   []Msg         // who came and went since Joining began
	Log     Log
	Tail    int64        // the highest number held here or on the disk
	Last    chat.Message // the newest message, zero before the first
	Loaded  bool         // the stored messages have been read
	Bottom  bool         // there is nothing older on the disk

	Read    int64 // the highest number that was seen
	Unread  int   // messages of others above Read
	NewFrom int64 // the "new" line is above this number, 0 for none
	Draft   string

	Notices  []Notice
	Typing   []Typist
	Fetch    *chat.PageRequest // the piece of history under way
	Local    bool              // stored messages under way
	Stuck    bool              // the last piece could not be had
	SyncedAt int64             // when it was last known to be complete
}

// Typist is somebody who writes, believed until a time.
type Typist struct {
	Member chat.Member
	Until  int64
}

// Notice tells who came or went, below message number After.
type Notice struct {
	After int64
	At    int64
	From  chat.Member
	Left  bool
}

// LocalRoom is what a device stores about a room besides its messages.
type LocalRoom struct {
	Info     chat.RoomInfo
	Mine     bool
	Read     int64
	Tail     int64        // the highest number stored
	Last     chat.Message // its message, for the list of rooms
	SyncedAt int64
}
