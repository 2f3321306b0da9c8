package server

import (
	"io/fs"
	"log/slog"
	"math"
	"time"

	"parley/server/adapter"
	"parley/server/engine"
	"parley/shared/socketio"
)

// Config is the configuration of a [Server]. The zero value works: WebSocket and HTTP long-polling under
// /socket.io/, no recovery, default limits.
type Config struct {
	// Engine configures the connections below: path, transports, heartbeat, sizes, queue bounds, CORS, origins,
	// cookies, HTTP middleware. Its Open field is the server's own and ignored. Its Logger defaults to Logger.
	Engine engine.Config

	// ConnectTimeout is how long a connection may stay without its first namespace: it bounds the wait for the
	// CONNECT packet and the time that middlewares take. Then the connection is closed. Default 45 s.
	ConnectTimeout time.Duration

	// AckTimeout is the deadline of every acknowledgement that is asked for without one of its own (a deadline of
	// the context, or Target.Timeout). Default 20 s.
	AckTimeout time.Duration

	// Recovery is how long after a lost connection a client finds its rooms, data and missed events again
	// (connection state recovery). Default 0: off. With recovery on every event that may be missed is kept in
	// memory for that long and carries its position in the log as an additional last argument.
	Recovery time.Duration

	// RecoveryBytes bounds the log of each namespace. When it cuts the log short, clients that would need the
	// lost part come back as not recovered. Default 64 MiB.
	RecoveryBytes int

	// RecoverySkipsMiddleware lets a recovered client in without asking the connect middleware again, as the
	// reference does. Default false: who was locked out meanwhile stays out.
	RecoverySkipsMiddleware bool

	// CleanupNamespaces removes a namespace made by [Server.Match] or [Server.MatchFunc] when its last socket has
	// gone. It is made again on demand. Default false.
	CleanupNamespaces bool

	// Parser translates packets into frames and back; both ends must use the same. Default [socketio.JSON].
	Parser socketio.Parser

	// Adapter makes the adapter of a namespace. It is called with a lock of the server held and must not wait for
	// anything. Default: [adapter.NewLocal] for a single server.
	Adapter func(adapter.Sink) adapter.Adapter

	// Limits protect the server from one client.
	Limits Limits

	// Admit decides about each received event before it is queued: by its name, its sender, or what it holds. It is
	// called once, by [New], as a middleware: what it returns may ask next, which is the plain limit of
	// Limits.EventRate, at most once for an event. Who does not ask spends nothing of that limit. See [AdmitFunc].
	// Default: the plain limit alone.
	Admit func(next AdmitFunc) AdmitFunc

	// Client holds the browser bundles of the official client: socket.io.js, socket.io.min.js,
	// socket.io.esm.min.js, socket.io.msgpack.min.js and a .map of each, served below the path. Beside a file may
	// lie its .br and .gz form, which is then sent to who accepts it; a gzip or deflate form that is not there is
	// made and kept in memory. Default nil: these paths answer 404 and say where to get them.
	Client fs.FS

	// ClientVersion is the version of the bundles, which becomes their ETag. Default: a hash of each file.
	ClientVersion string

	// OnFault is told what went wrong where nobody is there to receive an error: a handler that panicked or
	// returned an error, a packet that could not be decoded, a refused limit. It is called on the goroutine that
	// met the fault and must not block. Default: nothing but the log.
	OnFault func(Fault)

	// Logger receives one line for each connect and disconnect at debug level, faults of clients at info, other faults
	// and clients that are disconnected for reading too slowly at warn, and panics at error level; never payloads,
	// tokens or recovery ids. Default: slog.Default().
	Logger *slog.Logger
}

// Limits bound what one client can make the server hold. Zero fields take the default, negative ones mean no
// limit. The sizes of messages and queues, and how many connections there may be, are in [engine.Config].
//
// Depth is for both directions: an argument that a handler relays as it came leaves as deep as it was let in, so a client
// of yours that receives it needs the same limit. All else that is emitted, also a relayed argument inside of something,
// has to fit into the 512 levels that every receiver of this module takes, or Emit returns an error; see
// AppendArgs in package parley/shared/event.
//
// An event above EventRate is refused: it is dropped, and who wants an acknowledgement gets the error code
// "rate_limited". A client that goes on and loses a whole further burst is disconnected. Config.Admit may decide
// otherwise.
type Limits struct {
	Namespaces  int           // namespaces joined by one connection; more are refused with CONNECT_ERROR. Default 16
	Rooms       int           // rooms of one socket beside its own; Join fails with ErrTooManyRooms. Default 128
	RoomBytes   int           // length of a room's name; Join fails with ErrRoomName. Default 255
	Attachments int           // binary attachments of one received packet; more close the connection. Default: the parser's, 10 for JSON
	Depth       int           // nesting of one received packet; more closes the connection. Default 512
	PacketBytes int           // one received packet with its attachments; more closes the connection. Default 11 x MaxPayload
	PacketTime  time.Duration // how long a received packet may wait for its attachments. Default 60 s
	Inbox       int           // events of one socket that wait for its handlers; see "Bounds" in the package doc. Default 256
	InboxBytes  int           // the same in bytes. Default 1 MiB
	Held        int           // packets emitted to a socket before it is connected; more are refused. Default 256
	EventRate   Rate          // events that one socket may send, see below. Default: no limit
}

const (
	defaultConnectTimeout = 45 * time.Second
	defaultAckTimeout     = 20 * time.Second
)

// withDefaults fills in what was left open.
func (c Config) withDefaults() Config {
	if c.ConnectTimeout <= 0 {
		c.ConnectTimeout = defaultConnectTimeout
	}
	if c.AckTimeout <= 0 {
		c.AckTimeout = defaultAckTimeout
	}
	if c.Parser == nil {
		c.Parser = socketio.JSON()
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Engine.Logger == nil {
		c.Engine.Logger = c.Logger
	}
	if c.Adapter == nil {
		local := adapter.LocalConfig{
			Recovery: c.Recovery,
			LogBytes: c.RecoveryBytes,
			Unproven: orDefault(c.Engine.PingInterval, 25*time.Second) + 2*orDefault(c.Engine.PingTimeout, 20*time.Second),
		}
		c.Adapter = func(s adapter.Sink) adapter.Adapter { return adapter.NewLocal(s, local) }
	}
	c.Limits = c.Limits.withDefaults(int(orDefault(c.Engine.MaxPayload, 1_000_000)))
	return c
}

func (l Limits) withDefaults(maxPayload int) Limits {
	set := func(field *int, value int) {
		switch {
		case *field == 0:
			*field = value
		case *field < 0:
			*field = int(^uint(0) >> 1)
		}
	}
	set(&l.Namespaces, 16)
	set(&l.Rooms, 128)
	set(&l.RoomBytes, 255)
	if l.Attachments != 0 {
		set(&l.Attachments, 0)
	}
	set(&l.Depth, 512)
	set(&l.PacketBytes, 11*maxPayload)
	if l.PacketTime == 0 {
		l.PacketTime = time.Minute
	} else if l.PacketTime < 0 {
		l.PacketTime = math.MaxInt64
	}
	set(&l.Inbox, 256)
	set(&l.InboxBytes, 1<<20)
	set(&l.Held, 256)
	return l
}

// orDefault is v, or def when v was left at zero or below.
func orDefault[T int | int64 | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}
