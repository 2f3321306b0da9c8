package outbox

import (
	"context"
	"encoding/json"
	"errors"
)

// Errors of a Box and of its stores.
var (
	// ErrUnknown means that there is no item with this id: it was sent or
	// discarded, perhaps by another member of the group.
	ErrUnknown = errors.New("no such item in the outbox")
	// ErrCorrupt means that a store holds something it did not write.
	ErrCorrupt = errors.New("outbox storage is damaged")
	// ErrLocked means that another process has the store open.
	ErrLocked = errors.New("outbox storage is in use by another process")
)

// Item is one thing to be sent.
type Item struct {
	// ID is chosen by the writer, unique, and never changes: it is what the peer
	// recognises a repetition by.
	ID string `json:"id"`
	// Lane names the queue; items of one lane keep their order.
	Lane string `json:"lane"`
	// Payload is what is sent, as JSON.
	Payload json.RawMessage `json:"payload"`
	// At is when the item was written, in unix milliseconds. It orders nothing.
	At int64 `json:"at"`
	// Order is given by the store and grows with every item added to it.
	Order int64 `json:"order"`
	// Failure is set on a dead letter and says why it is one.
	Failure *Failure `json:"failure,omitempty"`
}

// Failure is why an item will not be sent again by itself.
type Failure struct {
	Code    string `json:"code"`    // for programs
	Message string `json:"message"` // for people
}

// Status says how far an item is.
type Status string

// The states of an item. Sent and Gone are final: the item is in no store then.
const (
	Queued  Status = "queued"  // stored, waiting
	Sending Status = "sending" // on its way; may or may not have arrived
	Sent    Status = "sent"    // acknowledged by the peer
	Dead    Status = "dead"    // refused for good; see Item.Failure
	Gone    Status = "gone"    // discarded
)

// Change tells that an item has reached a state.
type Change struct {
	Status Status          `json:"status"`
	Item   Item            `json:"item"`
	Result json.RawMessage `json:"result,omitempty"` // what Send returned, with Sent
}

// Store keeps items. Its methods may be called concurrently, by several members
// of a group at once where they share one. A method that changes something
// returns when the change survives a crash of the program and, as far as the
// medium allows, of the machine. [storetest] proves an implementation.
//
// [storetest]: parley/shared/client/outbox/storetest
type Store interface {
	// Add stores the item behind all others and returns it with its Order. When
	// an item with the same ID is there already, that one is returned unchanged.
	Add(ctx context.Context, it Item) (Item, error)
	// All returns every item by ascending Order.
	All(ctx context.Context) ([]Item, error)
	// Put replaces the item with the same ID. Order 0 moves it behind all others.
	// It returns the item with its Order, or ErrUnknown when there is none.
	Put(ctx context.Context, it Item) (Item, error)
	// Remove deletes the item; it is not an error when there is none.
	Remove(ctx context.Context, id string) error
}

// Group is what programs that share a store have in common. Its methods may be
// called concurrently.
type Group interface {
	// Hold waits until no other member holds the group, then runs fn and returns
	// when fn has returned. The context given to fn ends when the group is lost
	// or ctx is done. It returns ctx's error when ctx ends before fn is run.
	Hold(ctx context.Context, fn func(ctx context.Context)) error
	// Post hands a message to every other member, as far as they still run. It
	// does not wait for them to take it.
	Post(message []byte)
	// Listen calls fn for each message of another member, one at a time and in
	// each member's order, until stop is called.
	Listen(fn func(message []byte)) (stop func())
}

// Alone is the Group of a program that shares its store with nobody.
func Alone() Group { return alone{} }

type alone struct{}

func (alone) Hold(ctx context.Context, fn func(context.Context)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	fn(ctx)
	return nil
}

func (alone) Post([]byte) {}

func (alone) Listen(func([]byte)) (stop func()) { return func() {} }
