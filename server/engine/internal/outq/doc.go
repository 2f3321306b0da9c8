// Package outq puts an output queue under a WebSocket library.
//
// The library does the handshake, reads, and answers control frames. Data frames
// that are sent go past it: they are encoded once for all receivers (package
// frame) and handed to [Conn.Send]. The library never notices, because it was given our [Conn] as
// the connection: websocket.Accept takes whatever Hijack returns, and
// [ResponseWriter] is a response writer whose Hijack returns a Conn and buffers
// of our sizes. What the library writes itself are whole control frames; they
// enter the same queue, so nothing interleaves.
//
// # Writing
//
// A Conn is idle, writing or blocked. Whoever sends to an idle one writes at
// once, on his own goroutine and without blocking; what others queue meanwhile
// goes out with the next write. When the socket is full, the rest moves to a
// goroutine that exists only until the queue is empty again. Batched messages
// are only queued; the flusher of the connection's [Group] writes everything that
// has gathered for a connection in one write. Order is the order of the Send
// calls in every case.
//
// Writing without blocking needs a bare socket: TCP on Linux. Everything else
// (TLS, net.Pipe, other systems) counts as blocked from the first byte on and
// uses the goroutine; all other rules are the same, and so are the tests.
//
// # Reading
//
// While a connection has no unread data it holds no buffer, and between two
// messages no goroutine: on Linux it waits in an epoll set that a group has for
// all of its connections, and when something comes the group's crew reads it.
// With the stack that is some 4 KiB less for each. The set is edge-triggered, so
// that parking a connection costs no system call; for the same reason somebody
// who has read all there was need not ask the socket whether there is more.
//
// A connection is parked before what it has brought is dealt with: whoever read a
// message runs its handlers too, without another switch, and when they take their
// time somebody else reads on. What is not a bare socket keeps a goroutine.
//
// # Bounds
//
// [Limits] says what may wait for one connection, and for how long more than that
// may: a burst does not make a peer slow, only time does. What the peer is taking at
// the moment does not count, so a message may be of any size when nothing else waits.
// Who exceeds the bounds gets [frame.ErrSlow] and is to be closed by the caller. A peer that is written to and
// takes too little for too long loses the connection; one that keeps taking may take
// as long as it likes, until the connection is to end.
//
// The package knows bytes and connections, no sessions and no packets' meaning.
package outq
