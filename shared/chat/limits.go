package chat

import "time"

// Limits of the contract. Lengths count runes (Unicode code points), not bytes.
const (
	MaxName    = 40   // runes in a user's name, at least 1
	MaxText    = 4000 // runes in a message, at least 1
	MaxTitle   = 60   // runes in a room's title, at least 1
	MaxTopic   = 200  // runes in a room's topic
	MaxRoomID  = 40   // bytes in a room id
	MinDraftID = 16   // bytes in a draft's id
	MaxDraftID = 64   // bytes in a draft's id
	MinToken   = 16   // bytes in a credential token that is not empty
	MaxToken   = 256  // bytes in a credential token

	NewestPage = 50   // messages that a first join answers, and a page with limit 0
	MaxPage    = 200  // messages in one answer at most
	MaxBehind  = 2000 // a join that is further behind than this many messages gets a reset

	MaxPageBytes = 256 << 10 // of messages in one answer, about; there are fewer of them when they are long
	MaxMembers   = 1000      // members listed in one answer
)

// TypingLasts is how long a typing notice is worth showing when nothing follows it.
const TypingLasts = 5 * time.Second
