package chat

import (
	"parley/shared/event"
)

// UserID is the public id of a user. For a client with a token it is derived from the token and the same on every
// connection; a guest without one has an id for one connection.
type UserID string

// Member is a user as others see them.
type Member struct {
	ID   UserID `json:"id"`
	Name string `json:"name"`
}

// Credentials is the CONNECT payload. A connection with a bad one is refused with the message of the rule it
// breaks and data {"code":"invalid"}.
type Credentials struct {
	// Name is what others see: 1 to [MaxName] runes after trimming, without control characters.
	Name string `json:"name"`

	// Token is a random secret that the client made once and keeps, [MinToken] to [MaxToken] bytes. Whoever has
	// it is this user. Without one the connection is a guest's, whose drafts are not recognised after a reconnect.
	Token string `json:"token,omitempty"`
}

// Validate checks name and token. Its errors are *[event.Error] with code invalid.
func (c Credentials) Validate() error {
	if err := checkLine("name", CleanLine(c.Name), 1, MaxName); err != nil {
		return err
	}
	if c.Token != "" && (len(c.Token) < MinToken || len(c.Token) > MaxToken) {
		return event.Errorf(event.CodeInvalid, "invalid token")
	}
	return nil
}

// Limits tells a client the server's limits, so that it can check before it sends.
type Limits struct {
	Text    int `json:"text"`    // runes in a message
	Name    int `json:"name"`    // runes in a name
	History int `json:"history"` // messages in a page
}

// ServerInfo greets a connection.
type ServerInfo struct {
	Build  string `json:"build"` // changes with every release: a page of another build offers to reload
	Me     Member `json:"me"`    // who the server takes this connection for
	Limits Limits `json:"limits"`
}

// Notice says that a member came or went.
type Notice struct {
	Room   RoomID `json:"room"`
	Member Member `json:"member"`
	At     int64  `json:"at"` // unix milliseconds, the server's clock
}

// TypingState is what a client reports about its composer: on at the first key and again about every 3 seconds
// while writing goes on, off when the text is sent or deleted.
type TypingState struct {
	Room RoomID `json:"room"`
	On   bool   `json:"on"`
}

// Validate checks the room's id.
func (t TypingState) Validate() error { return t.Room.Validate() }

// TypingNotice is a [TypingState] with its user.
type TypingNotice struct {
	Room   RoomID `json:"room"`
	Member Member `json:"member"`
	On     bool   `json:"on"`
}
