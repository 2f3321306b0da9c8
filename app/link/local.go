package link

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"

	"parley/app/state"
	"parley/shared/chat"
	"parley/shared/client"
	"parley/shared/client/outbox"
	"parley/shared/event"
)

// local is this device's data of one user, open.
type local struct {
	host    Host
	key     string // names the data among that of other users
	store   Store
	box     *outbox.Box
	stop    context.CancelFunc // ends the outbox
	running sync.WaitGroup

	mu    sync.Mutex
	token string // guarded by mu
}

// codeStorage marks what went wrong on this device rather than on the server.
const codeStorage = "storage"

func storageFailure(err error) state.Failure {
	return state.Failure{Code: codeStorage, Message: err.Error()}
}

func (l *Link) localData() *local {
	l.localMu.Lock()
	defer l.localMu.Unlock()
	return l.local
}

// store runs a storage command in order with all others; a failure is told.
func (l *Link) store(fn func(context.Context, *local) error) {
	l.do(laneLocal, func() {
		d := l.localData()
		if d == nil {
			return // nothing can be stored before it is known for whom
		}
		if err := fn(l.ctx, d); err != nil && l.ctx.Err() == nil {
			l.cfg.Log.Warn("storage", "error", err)
			l.tell(state.StorageFailed{Failure: storageFailure(err)})
		}
	})
}

// loadLocal opens this device's data and tells what is there. What cannot be
// read is told as well and missing; what cannot be opened is kept in memory, so
// that the chat works without memory of this device.
func (l *Link) loadLocal() {
	host := l.cfg.Host
	var problems []error
	note := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	loaded := state.LocalLoaded{}
	var err error
	loaded.Profile, loaded.Prefs, err = host.Identity(l.ctx, newToken)
	note(err)
	d := &local{host: host, key: keyOf(loaded.Profile.Token), token: loaded.Profile.Token}
	d.store, err = host.Open(l.ctx, d.key)
	if err != nil {
		note(err)
		d.store = NewMemoryStore()
	}
	loaded.Rooms, err = d.store.Rooms(l.ctx)
	note(err)
	loaded.Drafts, err = d.store.Drafts(l.ctx)
	note(err)
	note(l.startOutbox(d))
	if d.box != nil {
		items, err := d.box.Items(l.ctx)
		note(err)
		for _, it := range items {
			status := outbox.Queued
			if it.Failure != nil {
				status = outbox.Dead
			}
			loaded.Outbox = append(loaded.Outbox, itemOf(it, status))
		}
	}
	l.localMu.Lock()
	previous := l.local
	l.local = d
	l.localMu.Unlock()
	if previous != nil {
		previous.close(l)
	}
	l.syncOutbox()
	l.tell(loaded)
	if err := errors.Join(problems...); err != nil && l.ctx.Err() == nil {
		l.cfg.Log.Warn("storage", "error", err)
		l.tell(state.StorageFailed{Failure: storageFailure(err)})
	}
}

// newToken makes the secret that proves who uses this device.
func newToken() string {
	var b [20]byte
	random(b[:])
	return hex.EncodeToString(b[:])
}

// keyOf names a user's data on this device. It is not the public id, which other
// pages of this origin may know, and says too little about the token to find it:
// 64 bits of 160.
func keyOf(token string) string {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(token)) // never fails
	return hex.EncodeToString(sum.Sum(nil))
}

func (d *local) saveProfile(ctx context.Context, p state.Profile) error {
	d.mu.Lock()
	p.Token = d.token // the page may not have it any more, and never changes it
	d.mu.Unlock()
	return d.host.SaveProfile(ctx, p)
}

func (d *local) close(l *Link) {
	if d.stop != nil {
		d.stop()
		d.running.Wait()
	}
	if err := d.store.Close(); err != nil {
		l.cfg.Log.Warn("close storage", "error", err)
	}
}

func (l *Link) closeLocal() {
	l.localMu.Lock()
	d := l.local
	l.local = nil
	l.localMu.Unlock()
	if d != nil {
		d.close(l)
	}
}

func (l *Link) loadMessages(c state.LoadMessages) {
	answer := state.LocalMessages{Room: c.Room, Before: c.Before}
	if d := l.localData(); d != nil {
		var err error
		answer.Messages, err = d.store.Messages(l.ctx, c.Room, c.Before, c.Limit)
		if err != nil && l.ctx.Err() == nil {
			l.tell(state.StorageFailed{Failure: storageFailure(err)})
		}
	}
	l.tell(answer)
}

func (l *Link) signOut() {
	l.disconnect()
	key := ""
	if d := l.localData(); d != nil {
		key = d.key
	}
	l.closeLocal()
	if err := l.cfg.Host.Forget(l.ctx, key); err != nil {
		l.tell(state.StorageFailed{Failure: storageFailure(err)})
		return
	}
	l.cfg.Host.Reload()
}

// payload is what an outbox item carries besides its id and lane.
type payload struct {
	Room chat.RoomID `json:"room"`
	Text string      `json:"text"`
}

// startOutbox gives d its outbox and lets it run.
func (l *Link) startOutbox(d *local) error {
	store, group := d.store.Outbox()
	box, err := outbox.New(outbox.Config{
		Store:     store,
		Group:     group,
		Send:      l.sendItem,
		Permanent: permanent,
		OnChange:  l.outboxChanged,
		Log:       l.cfg.Log,
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(l.ctx)
	d.box, d.stop = box, stop
	d.running.Go(func() { box.Run(ctx) })
	return nil
}

// sendItem gives one message to the server.
func (l *Link) sendItem(ctx context.Context, it outbox.Item) (json.RawMessage, error) {
	var p payload
	if err := json.Unmarshal(it.Payload, &p); err != nil {
		return nil, event.Errorf(event.CodeInvalid, "unreadable item: %w", err)
	}
	sock := l.socket()
	if sock == nil {
		return nil, client.ErrNotConnected
	}
	m, err := client.Call(ctx, sock, chat.Send, chat.Draft{ID: it.ID, Room: p.Room, Text: p.Text})
	if err != nil {
		return nil, err
	}
	return json.Marshal(m)
}

// permanent are the server's refusals and what can never be sent.
func permanent(err error) bool {
	if errors.Is(err, client.ErrTooLarge) {
		return true
	}
	e, ok := errors.AsType[*event.Error](err)
	return ok && !e.Code.Retryable()
}

// outboxChanged tells what became of an item, here or in another tab.
func (l *Link) outboxChanged(c outbox.Change) {
	switch c.Status {
	case outbox.Gone:
		l.tell(state.OutboxGone{ID: c.Item.ID})
	case outbox.Sent:
		var m chat.Message
		if err := json.Unmarshal(c.Result, &m); err != nil {
			l.cfg.Log.Warn("sent message not understood", "id", c.Item.ID, "error", err)
			l.tell(state.OutboxGone{ID: c.Item.ID}) // it will come as a message
			return
		}
		l.tell(state.OutboxSent{ID: c.Item.ID, Message: m})
	default:
		l.tell(state.OutboxChanged{Item: itemOf(c.Item, c.Status)})
	}
}

func itemOf(it outbox.Item, status outbox.Status) state.Item {
	var p payload
	// An item that does not decode has no text and is refused when it is sent.
	_ = json.Unmarshal(it.Payload, &p)
	item := state.Item{ID: it.ID, Room: p.Room, Text: p.Text, At: it.At}
	switch status {
	case outbox.Sending:
		item.Status = state.Sending
	case outbox.Dead:
		item.Status = state.Failed
	default:
		item.Status = state.Queued
	}
	if it.Failure != nil {
		item.Code, item.Reason = it.Failure.Code, it.Failure.Message
	}
	return item
}

func (l *Link) enqueue(it state.Item) {
	box := l.outboxOf()
	err := errors.New("this device's storage is not open")
	if box != nil {
		var body []byte
		if body, err = json.Marshal(payload{Room: it.Room, Text: it.Text}); err == nil {
			_, err = box.Add(l.ctx, it.ID, string(it.Room), body)
		}
	}
	if err != nil {
		it.Status, it.Code, it.Reason = state.Failed, codeStorage, err.Error()
		l.tell(state.OutboxChanged{Item: it})
	}
}

func (l *Link) retryItem(id string) {
	box := l.outboxOf()
	if box == nil {
		return
	}
	l.itemOutcome(id, box.Retry(l.ctx, id))
}

func (l *Link) discardItem(id string) {
	box := l.outboxOf()
	if box == nil {
		return
	}
	l.itemOutcome(id, box.Discard(l.ctx, id))
}

// itemOutcome tells what the outbox itself does not: that there is no such item,
// or that storage failed.
func (l *Link) itemOutcome(id string, err error) {
	switch {
	case err == nil:
	case errors.Is(err, outbox.ErrUnknown):
		l.tell(state.OutboxGone{ID: id})
	default:
		l.tell(state.StorageFailed{Failure: storageFailure(fmt.Errorf("outbox: %w", err))})
	}
}
