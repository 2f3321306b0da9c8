package chat

import (
	"context"

	"parley/shared/chat"
)

// Join answers what a user who joins a room needs, without Members and Online. Add the user to the receivers of the
// room before the call: then a message that is stored meanwhile is in the answer, published, or both, never in neither.
func (s *Service) Join(ctx context.Context, j chat.JoinRequest) (chat.History, error) {
	if err := j.Validate(); err != nil {
		return chat.History{}, err
	}
	room, err := s.Room(ctx, j.Room)
	if err != nil {
		return chat.History{}, err
	}
	reset := j.After > room.LastSeq || room.LastSeq-j.After > chat.MaxBehind
	if j.After == 0 || reset {
		h, err := s.page(ctx, room, Range{Before: newest, Limit: chat.NewestPage})
		h.Reset, h.More = reset && j.After > 0, false // newer ones cannot be missing
		return h, err
	}
	return s.page(ctx, room, Range{After: j.After, Limit: chat.MaxPage})
}

// Page answers a stretch of a room's messages.
func (s *Service) Page(ctx context.Context, p chat.PageRequest) (chat.History, error) {
	if err := p.Validate(); err != nil {
		return chat.History{}, err
	}
	room, err := s.Room(ctx, p.Room)
	if err != nil {
		return chat.History{}, err
	}
	r := Range{After: p.After, Before: p.Before, Limit: p.Limit}
	if r.Limit == 0 {
		r.Limit = chat.NewestPage
	}
	if r.After == 0 && r.Before == 0 {
		r.Before = newest
	}
	return s.page(ctx, room, r)
}

// newest is above every number.
const newest = 1<<63 - 1

// page reads one message more than asked for, to know whether there are more.
func (s *Service) page(ctx context.Context, room chat.RoomInfo, r Range) (chat.History, error) {
	limit := r.Limit
	r.Room, r.Limit = room.ID, limit+1
	messages, err := s.cfg.Store.Messages(ctx, r)
	if err != nil {
		return chat.History{}, coded(err)
	}
	kept := fit(messages, limit, r.Before > 0)
	h := chat.History{Room: room, Members: []chat.Member{}, Messages: kept, More: len(kept) < len(messages)}
	// Messages may have been stored since the room was read.
	if n := len(kept); n > 0 {
		h.Room.LastSeq = max(h.Room.LastSeq, kept[n-1].Seq)
	}
	return h, nil
}

// fit keeps as many messages as one answer may have, from the start or from the end: at least one, at most limit, and
// no more than chat.MaxPageBytes.
func fit(messages []chat.Message, limit int, fromEnd bool) []chat.Message {
	n, size := 0, 0
	for ; n < min(limit, len(messages)); n++ {
		i := n
		if fromEnd {
			i = len(messages) - 1 - n
		}
		if size += wireSize(messages[i]); n > 0 && size > chat.MaxPageBytes {
			break
		}
	}
	if fromEnd {
		return append([]chat.Message{}, messages[len(messages)-n:]...) // never nil: an empty list is [] on the wire
	}
	return append([]chat.Message{}, messages[:n]...)
}

// wireSize is about how long a message is as JSON.
func wireSize(m chat.Message) int {
	const names = 150 // field names, numbers and ids
	size := names + len(m.ID) + len(m.From.Name) + len(m.Text)
	for i := range len(m.Text) {
		switch m.Text[i] {
		case '<', '>', '&': // encoding/json writes six bytes for each
			size += 5
		case '"', '\\', '\n', '\t':
			size++
		}
	}
	return size
}
