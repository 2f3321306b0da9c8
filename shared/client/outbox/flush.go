package outbox

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"parley/shared/event"
)

// flush is one turn of sending: from the moment this program holds the group
// until it loses the connection or the group.
type flush struct {
	box   *Box
	lanes sync.WaitGroup

	mu      sync.Mutex
	waiting map[string][]Item // guarded by mu: per busy lane, what comes next
	done    map[string]int64  // guarded by mu: Order of items settled in this turn
}

// sendAll runs one turn. It returns when ctx is done and every lane has stopped.
func (b *Box) sendAll(ctx context.Context) {
	f := &flush{box: b, waiting: make(map[string][]Item), done: make(map[string]int64)}
	b.mu.Lock()
	b.flush = f
	b.mu.Unlock()
	defer func() {
		f.lanes.Wait()
		b.mu.Lock()
		b.flush = nil
		clear(b.gone)
		b.mu.Unlock()
	}()
	retry := b.cfg.RetryMin
	for {
		if err := f.reload(ctx); err != nil && ctx.Err() == nil {
			b.cfg.Log.Warn("outbox cannot be read", "error", err)
			if !pause(ctx, retry) {
				return
			}
			retry = min(2*retry, b.cfg.RetryMax)
			continue
		}
		retry = b.cfg.RetryMin
		select {
		case <-b.wake:
		case <-ctx.Done():
			return
		}
	}
}

// reload reads the store and gives every lane what it has to send. Items that
// are being added wait for the next call: their writer has not been told yet
// that they are queued.
func (f *flush) reload(ctx context.Context) error {
	items, err := f.box.cfg.Store.All(ctx)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	fresh := make(map[string][]Item)
	for _, it := range items {
		if it.Failure == nil && f.done[it.ID] != it.Order && !f.box.isAdding(it.ID) {
			fresh[it.Lane] = append(fresh[it.Lane], it)
		}
	}
	for lane := range f.waiting { // a busy lane with nothing new keeps its goroutine
		f.waiting[lane] = nil
	}
	for lane, queue := range fresh {
		_, busy := f.waiting[lane]
		f.waiting[lane] = queue
		if !busy {
			f.lanes.Go(func() { f.run(ctx, lane) })
		}
	}
	return nil
}

func (b *Box) isAdding(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.adding[id]
	return ok
}

func (b *Box) isGone(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.gone[id]
	return ok
}

// next returns the first item of the lane that is still to be sent. When there
// is none the lane is no longer busy and its goroutine must end.
func (f *flush) next(ctx context.Context, lane string) (Item, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for ctx.Err() == nil && len(f.waiting[lane]) > 0 {
		it := f.waiting[lane][0]
		if f.done[it.ID] == it.Order || f.box.isGone(it.ID) {
			f.waiting[lane] = f.waiting[lane][1:]
			continue
		}
		return it, true
	}
	delete(f.waiting, lane)
	return Item{}, false
}

// settle notes that an item needs no more sending, for a reload that read the
// store before the item left it.
func (f *flush) settle(it Item) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done[it.ID] = it.Order
}

// run sends the items of one lane, one at a time. The first item stays first
// until it is settled, so nothing overtakes it.
func (f *flush) run(ctx context.Context, lane string) {
	wait := f.box.cfg.RetryMin
	for {
		it, ok := f.next(ctx, lane)
		if !ok {
			return
		}
		if f.send(ctx, it) {
			wait = f.box.cfg.RetryMin
			continue
		}
		if !pause(ctx, jitter(wait)) {
			continue // next sees that the turn is over
		}
		wait = min(2*wait, f.box.cfg.RetryMax)
	}
}

// jitter spreads repetitions over the second half of the pause, so that many
// clients refused together do not come back together.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }

// send sends one item and reports whether it is settled.
func (f *flush) send(ctx context.Context, it Item) bool {
	b := f.box
	b.say(Change{Status: Sending, Item: it})
	sendCtx, cancel := context.WithTimeout(ctx, b.cfg.SendTimeout)
	result, err := b.cfg.Send(sendCtx, it)
	cancel()
	// What follows records what happened and must not be cut by a lost connection.
	ctx = context.WithoutCancel(ctx)
	switch {
	case err == nil:
		f.settle(it)
		if err := b.cfg.Store.Remove(ctx, it.ID); err != nil {
			// It stays stored and is sent again in a later turn, under the same id.
			b.cfg.Log.Warn("sent item stays in the outbox", "id", it.ID, "error", err)
		}
		b.say(Change{Status: Sent, Item: it, Result: result})
		return true
	case b.cfg.Permanent(err):
		refused := event.AsError(err)
		it.Failure = &Failure{Code: string(refused.Code), Message: refused.Message}
		f.settle(it)
		if _, err := b.cfg.Store.Put(ctx, it); err != nil && !b.isGone(it.ID) {
			b.cfg.Log.Warn("dead letter not stored as one", "id", it.ID, "error", err)
		}
		if !b.isGone(it.ID) {
			b.say(Change{Status: Dead, Item: it})
		}
		return true
	default:
		b.cfg.Log.Debug("outbox item not sent", "id", it.ID, "error", err)
		if b.isGone(it.ID) {
			return true
		}
		b.say(Change{Status: Queued, Item: it})
		return false
	}
}
