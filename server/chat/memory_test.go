package chat_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	service "parley/server/chat"
	"parley/server/chat/storetest"
	"parley/shared/chat"
)

// memory is a store for tests of the service, which can hold up and fail Append.
type memory struct {
	mu       sync.Mutex
	rooms    []chat.RoomInfo
	messages map[chat.RoomID][]chat.Message
	groups   []int // sizes of the groups that were appended

	before func([]chat.Message) error // called by Append first, without the lock
}

func (s *memory) Rooms(context.Context) ([]chat.RoomInfo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.rooms), nil
}

func (s *memory) find(id chat.RoomID) *chat.RoomInfo {
	for i := range s.rooms {
		if s.rooms[i].ID == id {
			return &s.rooms[i]
		}
	}
	return nil
}

func (s *memory) Room(_ context.Context, id chat.RoomID) (chat.RoomInfo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.find(id); r != nil {
		return *r, nil
	}
	return chat.RoomInfo{}, service.ErrNoRoom
}

func (s *memory) CreateRoom(_ context.Context, r chat.RoomInfo, _ int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.find(r.ID) != nil {
		return service.ErrRoomExists
	}
	s.rooms = append(s.rooms, r)
	return nil
}

func (s *memory) Append(ctx context.Context, messages []chat.Message) ([]service.Appended, error) {
	if s.before != nil {
		if err := s.before(messages); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups = append(s.groups, len(messages))
	stored := make([]service.Appended, len(messages))
	for i, m := range messages {
		stored[i] = s.one(m)
	}
	return stored, nil
}

func (s *memory) one(m chat.Message) service.Appended {
	for _, room := range s.messages {
		for _, first := range room {
			if first.ID == m.ID && first.From.ID == m.From.ID {
				return service.Appended{Message: first, Again: true}
			}
		}
	}
	room := s.find(m.Room)
	if room == nil {
		return service.Appended{Err: service.ErrNoRoom}
	}
	room.LastSeq++
	m.Seq = room.LastSeq
	if s.messages == nil {
		s.messages = make(map[chat.RoomID][]chat.Message)
	}
	s.messages[m.Room] = append(s.messages[m.Room], m)
	return service.Appended{Message: m}
}

func (s *memory) Messages(_ context.Context, r service.Range) ([]chat.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []chat.Message
	for _, m := range s.messages[r.Room] {
		if m.Seq > r.After && (r.Before == 0 || m.Seq < r.Before) {
			found = append(found, m)
		}
	}
	if n := len(found); n > r.Limit && r.Before > 0 {
		return found[n-r.Limit:], nil
	} else if n > r.Limit {
		return found[:r.Limit], nil
	}
	return found, nil
}

func (s *memory) Check(context.Context) error { return nil }

func TestTheStoreOfTheseTestsIsAStore(t *testing.T) {
	storetest.Run(t, storetest.Subject{
		Open:   func(*testing.T) service.Store { return &memory{} },
		Reopen: func(_ *testing.T, s service.Store) service.Store { return s },
	})
}

// record is a publisher that remembers.
type record struct {
	mu      sync.Mutex
	posted  map[chat.RoomID][]service.Posted
	batches int
	rooms   []chat.RoomInfo
	origins []string
}

func (r *record) MessagesPosted(_ context.Context, room chat.RoomID, posted []service.Posted) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.posted == nil {
		r.posted = make(map[chat.RoomID][]service.Posted)
	}
	r.posted[room] = append(r.posted[room], posted...)
	r.batches++
}

func (r *record) RoomCreated(_ context.Context, room chat.RoomInfo, origin string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rooms = append(r.rooms, room)
	r.origins = append(r.origins, origin)
}
