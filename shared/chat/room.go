package chat

import (
	"parley/shared/event"
)

// RoomID is the id of a room, also in addresses: 1 to [MaxRoomID] of a-z, 0-9 and "-".
type RoomID string

// Key is the server room that holds the sockets of this chat room.
func (id RoomID) Key() event.Room { return event.Room("room:" + string(id)) }

// Validate checks the form of the id.
func (id RoomID) Validate() error {
	ok := len(id) >= 1 && len(id) <= MaxRoomID
	for i := 0; ok && i < len(id); i++ {
		c := id[i]
		ok = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-'
	}
	if !ok {
		return event.Errorf(event.CodeInvalid, "invalid room id")
	}
	return nil
}

// RoomInfo describes a room at one moment.
type RoomInfo struct {
	ID      RoomID `json:"id"`
	Title   string `json:"title"`
	Topic   string `json:"topic"`
	LastSeq int64  `json:"lastSeq"` // number of its newest message, 0 when there is none
	Online  int    `json:"online"`  // users who are in it
}

// RoomList answers [ListRooms]: the oldest room first.
type RoomList struct {
	Rooms []RoomInfo `json:"rooms"`
}

// NewRoom asks for a room.
type NewRoom struct {
	Title string `json:"title"` // 1 to MaxTitle runes, no control characters
	Topic string `json:"topic"` // at most MaxTopic runes, no control characters
}

// Validate checks title and topic as they are after [CleanLine].
func (r NewRoom) Validate() error {
	if err := checkLine("title", CleanLine(r.Title), 1, MaxTitle); err != nil {
		return err
	}
	return checkLine("topic", CleanLine(r.Topic), 0, MaxTopic)
}

// JoinRequest asks to become a member and for the messages after the last one the client has.
type JoinRequest struct {
	Room RoomID `json:"room"`

	// After is the number of the last message the client has without a gap before it; 0 asks for the newest
	// [NewestPage]. With n the answer starts at n+1 and has at most [MaxPage] messages. Long messages are fewer, see
	// [MaxPageBytes].
	After int64 `json:"after,omitempty"`
}

// Validate checks the room's id and the number.
func (j JoinRequest) Validate() error {
	if j.After < 0 {
		return event.Errorf(event.CodeInvalid, "invalid after")
	}
	return j.Room.Validate()
}

// LeaveRequest names the room to leave.
type LeaveRequest struct {
	Room RoomID `json:"room"`
}

// Validate checks the room's id.
func (l LeaveRequest) Validate() error { return l.Room.Validate() }

// PageRequest asks for messages before or after a number, not including it; with neither for the newest. See
// [PageAfter] for the messages from the first one on.
type PageRequest struct {
	Room   RoomID `json:"room"`
	Before int64  `json:"before,omitempty"`
	After  int64  `json:"after,omitempty"`
	Limit  int    `json:"limit,omitempty"` // 0 means NewestPage, at most MaxPage
}

// PageAfter asks for the messages that follow a number, as many as one answer may have. It also works after 0, where
// After has another meaning: then it asks for the first message alone.
func PageAfter(room RoomID, seq int64) PageRequest {
	if seq == 0 {
		return PageRequest{Room: room, Before: 2, Limit: 1}
	}
	return PageRequest{Room: room, After: seq, Limit: MaxPage}
}

// Validate checks the id and the numbers, of which at most one may be given.
func (p PageRequest) Validate() error {
	switch {
	case p.Before < 0, p.After < 0, p.Before > 0 && p.After > 0:
		return event.Errorf(event.CodeInvalid, "invalid before or after")
	case p.Limit < 0 || p.Limit > MaxPage:
		return event.Errorf(event.CodeInvalid, "invalid limit")
	}
	return p.Room.Validate()
}

// History is a stretch of a room's messages in ascending order, without a gap between them.
type History struct {
	Room     RoomInfo  `json:"room"`
	Members  []Member  `json:"members"` // who is in the room, at most MaxMembers of Room.Online; only [Join] fills it
	Messages []Message `json:"messages"`

	// More says that there are further messages in the direction that was asked for. In the answer to [Join] and to a
	// page "after" these are newer ones, to be fetched with [Page]; in a page "before", and in one of the newest, older.
	More bool `json:"more"`

	// Reset says that the answer does not continue at "after", because the client is more than [MaxBehind] messages
	// behind or ahead of the server: Messages are the newest page, and what the client has before them ends in a gap.
	Reset bool `json:"reset"`
}
