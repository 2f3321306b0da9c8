package chat

import (
	"context"
	"errors"

	"parley/shared/chat"
)

// What a [Store] reports, wrapped, and the service turns into coded errors.
var (
	// ErrNoRoom is reported for a room that does not exist.
	ErrNoRoom = errors.New("no such room")

	// ErrRoomExists is reported for a new room whose id is taken.
	ErrRoomExists = errors.New("room exists")

	// ErrUnavailable is reported when the store cannot do its work now and may be able to later: disk full, database
	// busy or gone. Nothing of the failed operation is promised to be kept or to be absent.
	ErrUnavailable = errors.New("store unavailable")
)

// Store keeps rooms and messages. All methods may be called at once from many goroutines, respect the context, and
// report failures as the sentinels above say. Package storetest holds the tests that every Store passes.
type Store interface {
	// Rooms returns all rooms, the oldest first. Online is 0: the store does not know it.
	Rooms(ctx context.Context) ([]chat.RoomInfo, error)

	// Room returns one room or ErrNoRoom. Its LastSeq includes every message whose Append has returned.
	Room(ctx context.Context, id chat.RoomID) (chat.RoomInfo, error)

	// CreateRoom keeps a new room that has no messages, durably, or reports ErrRoomExists.
	CreateRoom(ctx context.Context, room chat.RoomInfo, at int64) error

	// Append stores messages in one transaction and returns one result for each, in their order, when it is durable.
	// A message gets the number after its room's last one, unless its sender has stored its id before: then the result
	// is that message, whatever room and text it had. When the call itself fails, no result is known.
	Append(ctx context.Context, messages []chat.Message) ([]Appended, error)

	// Messages returns a stretch of a room in ascending order; nothing for a room that does not exist.
	Messages(ctx context.Context, r Range) ([]chat.Message, error)

	// Check makes a durable write and reports whether that works.
	Check(ctx context.Context) error
}

// Appended is the fate of one message given to Append.
type Appended struct {
	Message chat.Message // as stored, with its number
	Again   bool         // it was stored before; Message is the first result
	Err     error        // ErrNoRoom: it alone was left out
}

// Range selects up to Limit messages of a room by their numbers.
type Range struct {
	Room  chat.RoomID
	After int64 // numbers above it only

	// Before selects the highest numbers below it. With 0 the lowest numbers above After are selected.
	Before int64

	Limit int // at least 1
}

// Publisher tells connected users what happened. Its methods are called one at a time and in order, after the
// change is durable; they must not block on a slow receiver, as everybody's posts wait for them meanwhile.
type Publisher interface {
	// MessagesPosted reports new messages of one room with consecutive numbers.
	MessagesPosted(ctx context.Context, room chat.RoomID, posted []Posted)

	// RoomCreated reports a new room and the connection that asked for it.
	RoomCreated(ctx context.Context, room chat.RoomInfo, origin string)
}

// Posted is a new message and the connection it came from, which has it already from the answer to its call.
type Posted struct {
	Message chat.Message
	Origin  string
}
