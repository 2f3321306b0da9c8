package chat

import "parley/shared/event"

// NS is the namespace of the chat.
var NS = event.NewNamespace("/chat")

// What clients ask. Each is answered in its acknowledgement.
var (
	// ListRooms asks for every room there is.
	ListRooms = event.NewCall[event.None, RoomList](NS, "room:list")

	// CreateRoom opens a room and answers it; its id is derived from the title. The caller does not become a
	// member. A title that gives the id of an existing room answers code conflict.
	CreateRoom = event.NewCall[NewRoom, RoomInfo](NS, "room:create")

	// Join makes this socket a member of a room, until it leaves or disconnects, and answers what it missed.
	// Joining again is allowed and answers again. An unknown room is code not_found. Messages and notices of the room
	// may arrive before the answer; notices among them are newer than its members or repeat them.
	Join = event.NewCall[JoinRequest, History](NS, "room:join")

	// Leave ends this socket's membership. Leaving a room one is not in is not an error.
	Leave = event.NewCall[LeaveRequest, event.None](NS, "room:leave")

	// Page asks for a stretch of a room's messages. It needs no membership.
	Page = event.NewCall[PageRequest, History](NS, "room:history")

	// Send stores a message and answers it once it is durable. The same id from the same sender answers the
	// first result, whatever the text; then nothing is stored or posted again. It needs no membership, and
	// may be refused with rate_limited or unavailable: keep the draft and send it again.
	Send = event.NewCall[Draft, Message](NS, "message:send")

	// Typing says that the user began or stopped writing. It has no answer and may be dropped.
	Typing = event.NewToServer[TypingState](NS, "typing")
)

// What the server tells.
var (
	// Hello is the first event of every connection.
	Hello = event.NewToClient[ServerInfo](NS, "server:hello")

	// RoomAdded goes to every connected socket but the one that asked for it.
	RoomAdded = event.NewToClient[RoomInfo](NS, "room:added")

	// Posted carries new messages to every socket in the room except the sender's own, which has the answer of
	// [Send] (another socket of the same user does get it). The messages of one event are of one room, in order,
	// and the events of a room are in order.
	Posted = event.NewToClient[Batch](NS, "message:posted")

	// Joined says that a user who had no socket in the room has one now.
	Joined = event.NewToClient[Notice](NS, "room:joined")

	// Left says that the last socket of a user has gone from the room, by [Leave] or by a disconnect that
	// lasted longer than a moment.
	Left = event.NewToClient[Notice](NS, "room:left")

	// IsTyping passes [Typing] on to the others in the room. It is volatile; forget it after [TypingLasts].
	IsTyping = event.NewToClient[TypingNotice](NS, "typing")
)
