package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"parley/server"
	"parley/shared/chat"
	"parley/shared/event"
)

// memberKey is where a socket keeps who it is.
type memberKey struct{}

// memberOf returns who a socket of the chat is.
func memberOf(s *server.Socket) chat.Member {
	m, _ := s.Get(memberKey{}).(chat.Member)
	return m
}

// authenticate is the connect middleware: it checks the credentials and gives the socket its member.
func (g *Gateway) authenticate(next server.ConnectFunc) server.ConnectFunc {
	return func(ctx context.Context, s *server.Socket) error {
		c, err := event.DecodePayload[chat.Credentials](event.Args{s.Handshake().Auth})
		if err != nil {
			return err
		}
		me := chat.Member{ID: userID(c.Token, s.ID()), Name: chat.CleanLine(c.Name)}
		if g.users.crowded(me.ID, 0) {
			return event.Errorf(event.CodeRateLimited, "too many connections of one user")
		}
		s.Set(memberKey{}, me)
		return next(ctx, s)
	}
}

// userID is the public id of whoever has the token. It tells nothing about the token. A connection without one is a
// user of its own.
func userID(token, socket string) chat.UserID {
	secret := "user " + token
	if token == "" {
		secret = "guest " + socket
	}
	sum := sha256.Sum256([]byte("parley " + secret))
	return chat.UserID(hex.EncodeToString(sum[:8]))
}

// roomOf is the chat room that a server room belongs to.
func roomOf(key event.Room) (chat.RoomID, bool) {
	id, ok := strings.CutPrefix(string(key), string(chat.RoomID("").Key()))
	return chat.RoomID(id), ok
}
