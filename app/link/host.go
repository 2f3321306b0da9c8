package link

import (
	"context"

	"parley/app/state"
	"parley/shared/chat"
	"parley/shared/client/outbox"
)

// Host is the device the page runs on: what it remembers and what only it can
// do. [Browser] is the real one, [Memory] one for tests and programs without a
// browser. Its methods may be called concurrently.
type Host interface {
	// Identity returns the profile and settings this device remembers. On a device
	// that knows nobody it remembers a profile with the token that fresh makes,
	// once, however many pages ask at the same time. With an error the profile may
	// still be used: it is not remembered then.
	Identity(ctx context.Context, fresh func() string) (state.Profile, state.Prefs, error)
	// SaveProfile remembers the profile, token included.
	SaveProfile(ctx context.Context, p state.Profile) error
	// SavePrefs remembers the settings.
	SavePrefs(ctx context.Context, p state.Prefs) error
	// Open opens the data of one user, named by key (lower-case letters and
	// digits), and makes it when there is none.
	Open(ctx context.Context, key string) (Store, error)
	// Forget removes profile, settings and the data named by key.
	Forget(ctx context.Context, key string) error

	// Release looks for a newer release of the page than the running one.
	Release(ctx context.Context, running string) (Release, error)
	// Reload starts the page again.
	Reload()
	// Notify shows a system notification about a room, in place of the last one
	// about it.
	Notify(ctx context.Context, room chat.RoomID, title, body string) error
	// Online reports whether the device believes to have a network.
	Online() bool
}

// Release is what a host knows about newer releases.
type Release int

// The answers of Host.Release.
const (
	NoNewer     Release = iota // nothing newer is installed
	Installed                  // a newer one is installed; a reload starts it
	NoInstaller                // nothing is ever installed; a reload fetches what the server has
)

// Store keeps one user's data. A method that changes something does it as a
// whole or not at all. Its methods may be called concurrently.
type Store interface {
	// Rooms returns every room that was stored, in any order.
	Rooms(ctx context.Context) ([]state.LocalRoom, error)
	// PutRooms adds or replaces rooms.
	PutRooms(ctx context.Context, rooms []state.LocalRoom) error
	// PutMessages adds or replaces messages together with their room, and keeps
	// the newest of the room only, as many as KeepMessages says.
	PutMessages(ctx context.Context, room state.LocalRoom, messages []chat.Message) error
	// Messages returns up to limit messages of a room with the highest numbers
	// below before, or of all when before is 0, by ascending number.
	Messages(ctx context.Context, room chat.RoomID, before int64, limit int) ([]chat.Message, error)
	// ForgetMessages removes the messages of a room.
	ForgetMessages(ctx context.Context, room chat.RoomID) error
	// PutDraft stores an unfinished text; an empty one is removed.
	PutDraft(ctx context.Context, room chat.RoomID, text string) error
	// Drafts returns the unfinished texts.
	Drafts(ctx context.Context) (map[chat.RoomID]string, error)
	// Outbox returns the store and the group of the outbox.
	Outbox() (outbox.Store, outbox.Group)
	// Close lets go of the data.
	Close() error
}

// KeepMessages is how many messages of a room a Store keeps.
const KeepMessages = 500
