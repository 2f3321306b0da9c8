package state

import (
	"slices"

	"parley/shared/chat"
)

func (u *step) submitted(m Submitted) {
	text := chat.CleanText(m.Text)
	if err := chat.CheckText(text); err != nil {
		u.toast(complaint(err), true)
		return
	}
	if u.itemAt(m.ID) >= 0 {
		return
	}
	r := u.ensure(m.Room)
	it := Item{ID: m.ID, Room: m.Room, Text: text, At: u.Now, Status: Saving}
	u.upsert(it)
	u.do(Enqueue{Item: it})
	if r.Draft != "" {
		r.Draft = ""
		u.do(SaveDraft{Room: m.Room})
	}
	r.NewFrom = 0
	u.TypedAt = 0
	if m.Room == u.Open {
		u.AtEnd = true
		u.readOpen()
		u.do(ScrollToEnd{})
	}
}

func (u *step) itemAt(id string) int {
	return slices.IndexFunc(u.Outbox, func(it Item) bool { return it.ID == id })
}

// upsert puts an item where it is, or at the end.
func (u *step) upsert(it Item) {
	at := u.itemAt(it.ID)
	u.Outbox = slices.Clone(u.Outbox)
	if at >= 0 {
		u.Outbox[at] = it
		return
	}
	u.Outbox = append(u.Outbox, it)
}

func (u *step) dropItem(id string) {
	u.Outbox = without(u.Outbox, func(it Item) bool { return it.ID == id })
}

// outboxChanged takes over how far an item is, unless its message is here
// already: then the item is only not yet cleared away.
func (u *step) outboxChanged(it Item) {
	r := u.ensure(it.Room)
	for m := range r.Log.Backward(r.Log.Last()) {
		if m.ID == it.ID && m.From.ID == u.Profile.ID {
			u.dropItem(it.ID)
			return
		}
	}
	u.upsert(it)
}

func (u *step) outboxSent(m OutboxSent) {
	u.dropItem(m.ID)
	r := u.ensure(m.Message.Room)
	if !r.Mine {
		return // left meanwhile
	}
	u.merge(r, []chat.Message{m.Message})
}

// delivered takes our own messages out of the outbox: each shows once, as an
// item or as a message.
func (u *step) delivered(r *Room, fresh []chat.Message) {
	if len(u.Outbox) == 0 || u.Profile.ID == "" {
		return
	}
	for i := range fresh {
		if m := &fresh[i]; m.From.ID == u.Profile.ID && u.itemAt(m.ID) >= 0 {
			u.dropItem(m.ID)
		}
	}
}

// retry puts a failed item at the end of its room's queue, where it is sent from.
func (u *step) retry(id string) {
	at := u.itemAt(id)
	if at < 0 || u.Outbox[at].Status != Failed {
		return
	}
	it := u.Outbox[at]
	it.Status, it.Code, it.Reason = Queued, "", ""
	u.dropItem(id)
	u.upsert(it)
	u.do(RetryItem{ID: id})
}

func (u *step) discard(id string) {
	if at := u.itemAt(id); at < 0 || u.Outbox[at].Status == Sending {
		return
	}
	u.dropItem(id)
	u.do(DiscardItem{ID: id})
}

func (u *step) draftChanged(m DraftChanged) {
	if old := u.Rooms[m.Room]; old == nil || old.Draft == m.Text {
		return
	}
	u.room(m.Room).Draft = m.Text
	u.do(SaveDraft(m))
}
