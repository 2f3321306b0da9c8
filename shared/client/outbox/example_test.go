package outbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"parley/shared/client"
	"parley/shared/client/outbox"
	"parley/shared/event"
)

// Save is what the example's server offers: it stores a note under an id, once.
var Save = event.NewCall[Note, event.None](event.NewNamespace("/notes"), "note:save")

// Note is the payload of Save.
type Note struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// A client that works offline: what is written is stored first, sent whenever
// there is a connection, and survives the program.
func Example() {
	conn, err := client.New("https://notes.example", client.Config{
		Buffer: client.Buffer{None: true}, // the outbox keeps what must not be lost
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = conn.Close() }()
	notes := conn.Of(Save.Namespace())

	box, err := outbox.New(outbox.Config{
		Store: outbox.NewMemory(), // OpenFile natively, NewIndexedDB in a browser
		Send: func(ctx context.Context, it outbox.Item) (json.RawMessage, error) {
			var text string
			if err := json.Unmarshal(it.Payload, &text); err != nil {
				return nil, event.Errorf(event.CodeInvalid, "unreadable note: %w", err)
			}
			_, err := client.Call(ctx, notes, Save, Note{ID: it.ID, Text: text})
			return nil, err
		},
		OnChange: func(c outbox.Change) { fmt.Println(c.Item.ID, c.Status) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	notes.OnConnect(func() { box.SetOnline(true) })
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { box.Run(ctx) })

	// There is no connection yet, and that does not matter to who writes.
	if _, err := box.Add(ctx, "note-1", "notes", json.RawMessage(`"buy milk"`)); err != nil {
		fmt.Println(err)
	}
	items, err := box.Items(ctx)
	fmt.Println(len(items), err)
	stop()
	running.Wait()
	// Output:
	// note-1 queued
	// 1 <nil>
}

// What a peer refuses for good becomes a dead letter: it is reported, stays in
// the outbox until somebody decides about it, and holds nothing up.
func ExampleBox_Retry() {
	full := true
	changes := make(chan outbox.Change, 10)
	box, err := outbox.New(outbox.Config{
		Store: outbox.NewMemory(),
		Send: func(context.Context, outbox.Item) (json.RawMessage, error) {
			if full {
				return nil, event.Errorf(event.CodeForbidden, "the notebook is full")
			}
			return json.RawMessage(`{"page":7}`), nil
		},
		OnChange: func(c outbox.Change) { changes <- c },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { box.Run(ctx) })
	box.SetOnline(true)
	until := func(s outbox.Status) outbox.Change {
		for c := range changes {
			if c.Status == s {
				return c
			}
		}
		return outbox.Change{}
	}

	_, err = box.Add(ctx, "note-1", "notes", json.RawMessage(`"buy milk"`))
	fmt.Println(err, until(outbox.Dead).Item.Failure.Message)
	full = false
	fmt.Println(box.Retry(ctx, "note-1"), string(until(outbox.Sent).Result))
	fmt.Println(errors.Is(box.Retry(ctx, "note-1"), outbox.ErrUnknown))
	stop()
	running.Wait()
	// Output:
	// <nil> the notebook is full
	// <nil> {"page":7}
	// true
}
