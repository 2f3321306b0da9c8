package chat

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/shared/chat"
	"parley/shared/event"
)

// Config is what a [Service] is made of.
type Config struct {
	Store     Store     // required
	Publisher Publisher // required

	// Now is the clock that stamps messages; time.Now when nil.
	Now func() time.Time

	// MaxRooms is the number of rooms from which on users may create no more; 0 means 500. The whole list travels in
	// one answer.
	MaxRooms int
}

// Service runs the use cases. Its methods may be called at once from many goroutines. Errors that a user may read are
// *[event.Error]; others are faults.
type Service struct {
	cfg    Config
	writer *writer
}

// Open returns a service over a store and makes the rooms of a new chat in an empty one. It starts nothing, so
// there is nothing to close; the store remains the caller's.
func Open(ctx context.Context, cfg Config) (*Service, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.MaxRooms == 0 {
		cfg.MaxRooms = 500
	}
	s := &Service{cfg: cfg, writer: newWriter(cfg)}
	rooms, err := cfg.Store.Rooms(ctx)
	if err != nil {
		return nil, fmt.Errorf("open chat: %w", err)
	}
	if len(rooms) > 0 {
		return s, nil
	}
	for _, room := range []chat.RoomInfo{
		{ID: "lobby", Title: "Lobby", Topic: "Say hello"},
		{ID: "random", Title: "Random", Topic: "Anything goes"},
		{ID: "help", Title: "Help", Topic: "Ask, and somebody may know"},
	} {
		if err := cfg.Store.CreateRoom(ctx, room, cfg.Now().UnixMilli()); err != nil && !errors.Is(err, ErrRoomExists) {
			return nil, fmt.Errorf("open chat: %w", err)
		}
	}
	return s, nil
}

// Check reports whether the store can take a message now, for a readiness probe. It writes.
func (s *Service) Check(ctx context.Context) error { return s.cfg.Store.Check(ctx) }

// Rooms returns all rooms, the oldest first, with Online 0.
func (s *Service) Rooms(ctx context.Context) ([]chat.RoomInfo, error) {
	rooms, err := s.cfg.Store.Rooms(ctx)
	if err != nil {
		return nil, coded(err)
	}
	return rooms, nil
}

// Room returns one room, or code not_found.
func (s *Service) Room(ctx context.Context, id chat.RoomID) (chat.RoomInfo, error) {
	room, err := s.cfg.Store.Room(ctx, id)
	if err != nil {
		return chat.RoomInfo{}, coded(err)
	}
	return room, nil
}

// CreateRoom opens a room and publishes it; origin is the caller's connection. The id is made from the title. When it
// is taken the answer is code conflict with {"room":id} as data, and code forbidden when there are too many rooms.
func (s *Service) CreateRoom(ctx context.Context, origin string, r chat.NewRoom) (chat.RoomInfo, error) {
	if err := r.Validate(); err != nil {
		return chat.RoomInfo{}, err
	}
	room := chat.RoomInfo{ID: slug(r.Title), Title: chat.CleanLine(r.Title), Topic: chat.CleanLine(r.Topic)}
	err := s.writer.inTurn(ctx, func() error {
		rooms, err := s.cfg.Store.Rooms(ctx)
		switch {
		case err != nil:
			return err
		case slices.ContainsFunc(rooms, func(r chat.RoomInfo) bool { return r.ID == room.ID }):
			return roomTaken(room.ID)
		case len(rooms) >= s.cfg.MaxRooms:
			return event.Errorf(event.CodeForbidden, "there are too many rooms already")
		}
		if err := s.cfg.Store.CreateRoom(ctx, room, s.cfg.Now().UnixMilli()); err != nil {
			return err
		}
		s.cfg.Publisher.RoomCreated(ctx, room, origin)
		return nil
	})
	if err != nil {
		return chat.RoomInfo{}, coded(err)
	}
	return room, nil
}

func roomTaken(id chat.RoomID) error {
	e := event.Errorf(event.CodeConflict, "there is a room %q already", string(id))
	e.Data, _ = json.Marshal(map[string]chat.RoomID{"room": id})
	return e
}

// slug makes an id from a title: letters and digits of ASCII in lower case, "-" between words. A title without any
// gets a random id.
func slug(title string) chat.RoomID {
	var b strings.Builder
	for _, r := range strings.ToLower(title) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	id := b.String()[:min(b.Len(), chat.MaxRoomID)]
	id = strings.Trim(id, "-")
	if id == "" {
		id = "room-" + strings.ToLower(rand.Text()[:8])
	}
	return chat.RoomID(id)
}

// coded turns what a store reports into what a user may read.
func coded(err error) error {
	switch {
	case errors.Is(err, ErrNoRoom):
		return event.Errorf(event.CodeNotFound, "there is no such room").Because(err)
	case errors.Is(err, ErrRoomExists): // made by another process on the same store just now
		return event.Errorf(event.CodeConflict, "there is such a room already").Because(err)
	case errors.Is(err, ErrUnavailable):
		return event.Errorf(event.CodeUnavailable, "the chat cannot do this at the moment").Because(err)
	}
	return err
}
