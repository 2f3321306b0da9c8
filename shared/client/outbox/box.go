package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"parley/shared/event"
)

// Config says what a Box stores into and how it sends.
type Config struct {
	// Store keeps the items. Required.
	Store Store
	// Send gives one item to the peer and returns when the peer has acknowledged
	// it, with the acknowledgement as JSON or nil. An error means "not known to
	// have arrived". It must fail, and not queue, when there is no connection.
	// Called from one goroutine per busy lane. Required.
	Send func(ctx context.Context, it Item) (json.RawMessage, error)
	// Permanent decides whether an error of Send makes the item a dead letter.
	// Default: an *event.Error whose code is not retryable. The refusal of a
	// connection (a *client.ConnectError) says nothing about the item.
	Permanent func(error) bool
	// Group is shared with the other programs that use the same store. Default
	// Alone().
	Group Group
	// OnChange is told of every change of every item, by this program or another
	// of the group, one call at a time; for one item the calls come in the order
	// of the changes. It must not block for long and not call the Box. Default:
	// nobody is told.
	OnChange func(Change)
	// SendTimeout bounds one Send. Default 20 s.
	SendTimeout time.Duration
	// RetryMin and RetryMax bound the pause before an item is sent again on the
	// same connection; it doubles from one to the other. Default 1 s and 30 s.
	RetryMin, RetryMax time.Duration
	// Log receives storage errors that nobody else is told of. Default: discarded.
	Log *slog.Logger
}

// Box is an outbox. Its methods may be called concurrently.
type Box struct {
	cfg  Config
	wake chan struct{} // capacity 1: something is to be sent, or online changed

	mu     sync.Mutex
	online context.Context         // guarded by mu, done when offline; nil when offline
	cut    context.CancelCauseFunc // guarded by mu, ends online
	adding map[string][]Change     // guarded by mu: being stored here, with what others told meanwhile
	gone   map[string]struct{}     // guarded by mu: discarded while a flush may hold it
	flush  *flush                  // guarded by mu, while this program sends

	tell sync.Mutex // serialises OnChange and Post, so that they agree on the order
}

// errOffline is why a Send under way was cut.
var errOffline = errors.New("outbox: connection lost")

// New returns a Box. It starts nothing and touches no storage; see Run.
func New(cfg Config) (*Box, error) {
	if cfg.Store == nil || cfg.Send == nil {
		return nil, errors.New("outbox: Config needs Store and Send")
	}
	if cfg.Permanent == nil {
		cfg.Permanent = permanent
	}
	if cfg.Group == nil {
		cfg.Group = Alone()
	}
	if cfg.OnChange == nil {
		cfg.OnChange = func(Change) {}
	}
	if cfg.SendTimeout <= 0 {
		cfg.SendTimeout = 20 * time.Second
	}
	if cfg.RetryMin <= 0 {
		cfg.RetryMin = time.Second
	}
	if cfg.RetryMax < cfg.RetryMin {
		cfg.RetryMax = max(30*time.Second, cfg.RetryMin)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Box{
		cfg:    cfg,
		wake:   make(chan struct{}, 1),
		adding: make(map[string][]Change),
		gone:   make(map[string]struct{}),
	}, nil
}

// refusal is what a *client.ConnectError is, which this package does not import.
type refusal interface {
	error
	Refused() bool
}

// permanent is the default of Config.Permanent.
func permanent(err error) bool {
	if _, refused := errors.AsType[refusal](err); refused {
		return false
	}
	e, ok := errors.AsType[*event.Error](err)
	return ok && !e.Code.Retryable()
}

// Run sends while the Box is online and listens to the group, until ctx is done.
// It returns when every goroutine it started has ended; a Send under way is cut
// short. Call it once.
func (b *Box) Run(ctx context.Context) {
	stop := b.cfg.Group.Listen(b.hear)
	defer stop()
	for {
		online := b.onlineContext()
		if online == nil {
			select {
			case <-b.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		held, cancel := context.WithCancel(ctx)
		unhook := context.AfterFunc(online, cancel)
		err := b.cfg.Group.Hold(held, b.sendAll)
		unhook()
		ended := held.Err() != nil
		cancel()
		if ctx.Err() != nil {
			return
		}
		if err != nil && !ended {
			b.cfg.Log.Warn("outbox cannot get its turn", "error", err)
		}
		if !ended && !pause(ctx, b.cfg.RetryMin) { // the turn was taken away: queue for it again
			return
		}
	}
}

// SetOnline tells the Box whether there is a connection. Items are sent only
// while there is one. Going offline cuts the sends under way: their items stay.
func (b *Box) SetOnline(online bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case online && b.online == nil:
		b.online, b.cut = context.WithCancelCause(context.Background())
	case !online && b.online != nil:
		b.cut(errOffline)
		b.online, b.cut = nil, nil
	default:
		return
	}
	b.nudge()
}

func (b *Box) onlineContext() context.Context {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.online
}

// nudge wakes whoever sends; one pending wake-up is enough.
func (b *Box) nudge() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Add stores a new item behind all others and returns when it is durable; it is
// Queued then. When the store holds the id already, that item is returned and
// nothing changes. An error means that nothing was stored. Add works online and
// offline.
func (b *Box) Add(ctx context.Context, id, lane string, payload json.RawMessage) (Item, error) {
	b.mu.Lock()
	if _, twice := b.adding[id]; !twice {
		b.adding[id] = nil
	}
	delete(b.gone, id)
	b.mu.Unlock()
	it, err := b.cfg.Store.Add(ctx, Item{ID: id, Lane: lane, Payload: payload, At: time.Now().UnixMilli()})
	if err == nil {
		status := Queued
		if it.Failure != nil {
			status = Dead
		}
		b.say(Change{Status: status, Item: it})
	}
	b.tell.Lock()
	b.mu.Lock()
	early := b.adding[id]
	delete(b.adding, id)
	b.mu.Unlock()
	for _, c := range early {
		b.cfg.OnChange(c)
	}
	b.tell.Unlock()
	if err != nil {
		return Item{}, fmt.Errorf("store outbox item: %w", err)
	}
	b.nudge()
	return it, nil
}

// Items returns what is in the outbox, dead letters included, in order.
func (b *Box) Items(ctx context.Context) ([]Item, error) {
	items, err := b.cfg.Store.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	return items, nil
}

// Retry gives a dead letter another chance, behind everything else in its lane.
// It returns ErrUnknown when there is no such item, and does nothing to one that
// is not dead.
func (b *Box) Retry(ctx context.Context, id string) error {
	items, err := b.Items(ctx)
	if err != nil {
		return err
	}
	for _, it := range items {
		if it.ID != id {
			continue
		}
		if it.Failure == nil {
			return nil
		}
		it.Failure, it.Order = nil, 0
		it, err = b.cfg.Store.Put(ctx, it)
		if err != nil {
			return fmt.Errorf("store outbox item: %w", err)
		}
		b.say(Change{Status: Queued, Item: it})
		b.nudge()
		return nil
	}
	return ErrUnknown
}

// Discard removes an item. One that is being sent at this moment may still
// arrive; it is reported as Sent then, after Gone. It returns ErrUnknown when
// there is no such item.
func (b *Box) Discard(ctx context.Context, id string) error {
	items, err := b.Items(ctx)
	if err != nil {
		return err
	}
	for _, it := range items {
		if it.ID != id {
			continue
		}
		if err := b.cfg.Store.Remove(ctx, id); err != nil {
			return fmt.Errorf("remove outbox item: %w", err)
		}
		b.forget(id)
		b.say(Change{Status: Gone, Item: it})
		return nil
	}
	return ErrUnknown
}

// forget keeps a flush under way from sending an item it has read already.
func (b *Box) forget(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.flush != nil {
		b.gone[id] = struct{}{}
	}
}

// say tells OnChange here and the group elsewhere.
func (b *Box) say(c Change) {
	b.tell.Lock()
	defer b.tell.Unlock()
	b.cfg.OnChange(c)
	message, err := json.Marshal(c)
	if err != nil {
		b.cfg.Log.Warn("outbox change not told to the group", "error", err)
		return
	}
	b.cfg.Group.Post(message)
}

// hear takes a change another member of the group made.
func (b *Box) hear(message []byte) {
	var c Change
	if err := json.Unmarshal(message, &c); err != nil {
		b.cfg.Log.Warn("odd message in the outbox group", "error", err)
		return
	}
	b.tell.Lock()
	b.mu.Lock()
	_, early := b.adding[c.Item.ID]
	if early { // we have not said "queued" yet; this must come after it
		b.adding[c.Item.ID] = append(b.adding[c.Item.ID], c)
	}
	b.mu.Unlock()
	if !early {
		b.cfg.OnChange(c)
	}
	b.tell.Unlock()
	switch c.Status {
	case Queued:
		b.mu.Lock()
		delete(b.gone, c.Item.ID)
		b.mu.Unlock()
		b.nudge()
	case Gone:
		b.forget(c.Item.ID)
	}
}

// pause waits; it reports false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
