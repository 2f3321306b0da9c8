package chat

import (
	"time"

	"parley/shared/event"
)

// Draft is a message on its way to the server.
type Draft struct {
	// ID is made by the sender, before the first attempt and kept for all of them: a random UUID, or any
	// [MinDraftID] to [MaxDraftID] of A-Z, a-z, 0-9 and "-". A counter that restarts would swallow messages.
	ID   string `json:"id"`
	Room RoomID `json:"room"`
	Text string `json:"text"` // as CheckText allows
}

// Validate checks id, room and text. Its errors are *[event.Error]: code too_large for a text over [MaxText],
// invalid for the rest.
func (d Draft) Validate() error {
	if !validDraftID(d.ID) {
		return event.Errorf(event.CodeInvalid, "invalid message id")
	}
	if err := d.Room.Validate(); err != nil {
		return err
	}
	return CheckText(d.Text)
}

func validDraftID(id string) bool {
	if len(id) < MinDraftID || len(id) > MaxDraftID {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}

// Message is a stored message. Room and Seq identify it: two senders might choose the same ID.
type Message struct {
	ID   string `json:"id"` // the draft's
	Room RoomID `json:"room"`
	Seq  int64  `json:"seq"`  // 1, 2, 3, … in its room
	From Member `json:"from"` // with the name the sender had then
	Text string `json:"text"`
	At   int64  `json:"at"` // unix milliseconds, when the server stored it; order by Seq, clocks jump
}

// Time is At as a time in the local zone.
func (m Message) Time() time.Time { return time.UnixMilli(m.At) }

// Batch is the payload of [Posted].
type Batch struct {
	Messages []Message `json:"messages"`
}
