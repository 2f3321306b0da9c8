// Package adapter is how the servers of one cluster share a namespace: who is in which room, how a packet
// reaches every member wherever it is connected, and what a client that was away for a moment has missed.
//
// A namespace of parley/server owns one [Adapter] and talks to it in canonical packets (JSON text of the
// event's array beside its attachments), never in transport frames. The adapter answers through the [Sink],
// which is the namespace as an adapter sees it.
//
// [Local] is the adapter of a single server: an index of rooms and, when recovery is asked for, a log. An
// adapter for several servers embeds the same [Index] for its own sockets and adds the wire between servers;
// the suite in parley/server/adapter/adaptertest proves that it keeps every promise made here.
//
// # Positions
//
// With recovery on, every packet that may be missed gets a position in a log, a short string that grows in
// the order in which packets are delivered. The position travels to the client as the last argument of the
// event and comes back when the client reconnects. See [Recoverer].
//
// # What it must not know
//
// The package knows events, rooms and positions. It must not know Engine.IO sessions, HTTP, handlers or the
// server package; it may be imported by drivers for Redis or PostgreSQL without pulling any of them in.
package adapter
