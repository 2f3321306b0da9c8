package chat

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"parley/shared/chat"
	"parley/shared/event"
)

const (
	maxQueued     = 4096             // posts that wait for their turn; the next one is refused as unavailable
	maxBatch      = 256              // posts of one transaction
	commitTimeout = 10 * time.Second // for one transaction
)

// Post stores a message and answers it when it is durable and published. A draft that the sender has posted before is
// answered with the first result and not published again. origin is the caller's connection, for the publisher.
//
// It waits for the transaction that is running and for its own; posts that wait together share one. A context that
// ends while the post waits for its turn takes it back, later it has no influence.
//
// Codes: invalid, too_large, not_found, unavailable (also when too many wait), timeout. After the last two it is
// unknown whether the message is stored: post it again.
func (s *Service) Post(ctx context.Context, from chat.Member, origin string, d chat.Draft) (chat.Message, error) {
	if err := d.Validate(); err != nil {
		return chat.Message{}, err
	}
	return s.writer.post(ctx, chat.Message{ID: d.ID, Room: d.Room, From: from, Text: d.Text}, origin)
}

// writer commits posts in groups. There is one turn to commit; who gets it takes along all posts that have queued up
// while the transaction before ran, so a disk that syncs slowly makes larger groups and not longer queues.
type writer struct {
	store     Store
	publisher Publisher
	now       func() time.Time

	turn chan struct{} // holds one element while somebody commits and publishes

	mu    sync.Mutex
	queue []*pending // guarded by mu
}

// pending is one post on its way.
type pending struct {
	message chat.Message // without Seq and At
	origin  string

	done   chan struct{} // closed when result and err are set
	result chat.Message
	err    error
}

func newWriter(cfg Config) *writer {
	return &writer{store: cfg.Store, publisher: cfg.Publisher, now: cfg.Now, turn: make(chan struct{}, 1)}
}

func (w *writer) post(ctx context.Context, m chat.Message, origin string) (chat.Message, error) {
	p := &pending{message: m, origin: origin, done: make(chan struct{})}
	if !w.enqueue(p) {
		return chat.Message{}, event.Errorf(event.CodeUnavailable, "too many messages at once")
	}
	for {
		select {
		case <-p.done:
			return p.result, p.err
		case w.turn <- struct{}{}:
			w.commit(context.WithoutCancel(ctx))
		case <-ctx.Done():
			if w.withdraw(p) {
				return chat.Message{}, event.Errorf(event.CodeTimeout, "the message was not stored in time").Because(ctx.Err())
			}
			<-p.done // somebody is committing it: soon
			return p.result, p.err
		}
	}
}

func (w *writer) enqueue(p *pending) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) >= maxQueued {
		return false
	}
	w.queue = append(w.queue, p)
	return true
}

func (w *writer) take() []*pending {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(len(w.queue), maxBatch)
	group := slices.Clone(w.queue[:n])
	w.queue = slices.Delete(w.queue, 0, n)
	return group
}

func (w *writer) withdraw(p *pending) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.Index(w.queue, p)
	if i >= 0 {
		w.queue = slices.Delete(w.queue, i, i+1)
	}
	return i >= 0
}

// inTurn runs fn between two groups, so that what it publishes is in order with the messages.
func (w *writer) inTurn(ctx context.Context, fn func() error) error {
	select {
	case w.turn <- struct{}{}:
		defer func() { <-w.turn }()
		return fn()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// commit stores the next group, publishes what is new in it, and answers everybody. The caller has the turn and loses
// it here. Should the store or the publisher panic, then nobody is left waiting.
func (w *writer) commit(ctx context.Context) {
	defer func() { <-w.turn }()
	group := w.take()
	if len(group) == 0 {
		return
	}
	var stored []Appended
	err := errors.New("post: it did not come to an end")
	defer func() { answer(group, stored, err) }()

	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	at := w.now().UnixMilli()
	messages := make([]chat.Message, len(group))
	for i, p := range group {
		messages[i] = p.message
		messages[i].At = at
	}
	if stored, err = w.store.Append(ctx, messages); err == nil {
		w.publish(ctx, group, stored)
	}
}

func answer(group []*pending, stored []Appended, err error) {
	for i, p := range group {
		switch {
		case err != nil:
			p.err = coded(err)
		case stored[i].Err != nil:
			p.err = coded(stored[i].Err)
		default:
			p.result = stored[i].Message
		}
		close(p.done)
	}
}

// publish hands over the new messages room by room, in the order of their numbers.
func (w *writer) publish(ctx context.Context, group []*pending, stored []Appended) {
	var order []chat.RoomID
	rooms := make(map[chat.RoomID][]Posted, 1)
	for i, a := range stored {
		if a.Err != nil || a.Again {
			continue
		}
		room := a.Message.Room
		if rooms[room] == nil {
			order = append(order, room)
		}
		rooms[room] = append(rooms[room], Posted{Message: a.Message, Origin: group[i].origin})
	}
	for _, room := range order {
		w.publisher.MessagesPosted(ctx, room, rooms[room])
	}
}
