// Package outbox sends what was written while there was no connection: every
// item is stored before anything else happens to it, sent in order while there
// is a connection, and removed only when the peer has acknowledged it.
//
//	box, err := outbox.New(outbox.Config{
//		Store: store,
//		Send: func(ctx context.Context, it outbox.Item) (json.RawMessage, error) {
//			return deliver(ctx, it.ID, it.Payload) // nil error: the peer has it
//		},
//		OnChange: func(c outbox.Change) { show(c) },
//	})
//	go box.Run(ctx)
//	stop := sock.OnConnect(func() { box.SetOnline(true) })
//	item, err := box.Add(ctx, id, "room:lobby", payload) // durable when it returns
//
// Delivery is at least once: an item whose acknowledgement got lost is sent
// again under the same id, and the peer answers a repeated id with the first
// result. With such a peer the effect is exactly once.
//
// Items of one lane are sent one at a time in the order they were added; lanes
// do not wait for each other. An error that a repetition cannot cure turns an
// item into a dead letter, which stays visible until it is retried or discarded
// and does not hold up the ones behind it. Every other error leaves the item
// where it is, to be sent again after a pause or at the next connection.
//
// Programs that share a store (the tabs of a browser) form a [Group]: one of
// them sends at a time and all of them hear of every change.
//
// The package knows neither the network nor the payloads. It must not import a
// transport, the server or an application.
package outbox
