package engine

import (
	"log/slog"
	"math"
	"net"
	"net/http"
	"strings"
	"time"

	"parley/server/engine/internal/crew"
)

// Receiver is what a session hands its messages to. The methods are called one
// at a time, on goroutines of the engine.
type Receiver interface {
	// Receive takes one message. It owns data. While it blocks, nothing more is
	// read from the session's client. What has to be done about the message and
	// may take long is better returned: it is run right after, when others can
	// receive, and close the session, again. Nil means that nothing is left to do.
	Receive(binary bool, data []byte) Task

	// Closed is called once, after the last Receive. err says more than the
	// reason when there is more to say. It is never called from inside another
	// method of the session or of the receiver.
	Closed(reason Reason, err error)
}

// Task is what remains to be done after [Receiver].Receive. Run is called once, on
// a goroutine of the engine, which neither waits for it nor contains its panics.
type Task = crew.Task

// Config is the configuration of a [Server]. The zero value of every field but
// Open works.
type Config struct {
	// Open is called for each new session, before anything is received. What it
	// sends leaves after the handshake. Returning nil is a mistake in the program.
	Open func(*Session) Receiver

	// Path is where the server answers: every URL path that begins with it.
	// Without a slash at the end "/socket.io" also matches "/socket.iox". With one,
	// "/socket.io" belongs to others; mind that http.ServeMux redirects it to
	// "/socket.io/" unless it has a pattern of its own there, which
	// [Server.Before] does not. Default "/socket.io/".
	Path string

	// Transports lists what clients may use: "polling", "websocket" and, when a
	// handler of package webtransport is mounted, "webtransport".
	// Default polling and websocket.
	Transports []string

	// NoUpgrades keeps sessions on the transport they began with.
	NoUpgrades bool

	// PingInterval is the time from a pong to the next ping. Default 25 s.
	PingInterval time.Duration

	// PingTimeout is how long a client may stay silent after a ping. Default 20 s.
	PingTimeout time.Duration

	// UpgradeTimeout bounds an upgrade from its connection to its completion, and
	// over WebTransport every handshake, from the request to the first packet on the
	// client's stream. Default 10 s.
	UpgradeTimeout time.Duration

	// MessageTimeout bounds the time that one received message or POST body takes
	// from its first to its last byte. Default 30 s.
	MessageTimeout time.Duration

	// CloseTimeout bounds what happens after [Session.Close]: delivering what is
	// queued, over polling with the next poll. The client then has up to a second
	// to close a WebSocket on its side. Default 10 s.
	CloseTimeout time.Duration

	// MaxPayload is the size in bytes of a received message, of a POST body, and
	// of either after decompression. Clients are told. Default 1,000,000.
	MaxPayload int64

	// MaxPackets bounds the packets of one POST. Default 65,536; a client that
	// emits much in one go sends that many.
	MaxPackets int

	// Queue bounds what waits for one session; see "Slow receivers" above.
	Queue QueueLimits

	// Connections bounds how many sessions there are and how fast new ones come, all
	// together and those of one remote address. Default: nothing is bounded.
	Connections ConnectionLimits

	// CORS answers browsers on other origins, preflights included, before any
	// Middleware does. Default nil: there are none.
	CORS *CORS

	// CheckOrigin decides whether a request that carries an Origin header may
	// come in, WebSocket or not. Default: those from the same host, and those that
	// CORS allows; with an origin of "*" in CORS that is every page on the web.
	CheckOrigin func(r *http.Request) bool

	// Cookie, if not nil, is set on the first response of each session, with the
	// session id as its value. Empty fields get Name "io", Path "/" and
	// SameSite=Lax. HttpOnly is always set: the id is a secret, and the client does
	// not read it there. Who wants scripts to see it sets a cookie in Headers.
	Cookie *http.Cookie

	// AllowRequest decides about each handshake (a request without session id) for
	// which Connections has a place, WebSocket or not, and so once for a session. An
	// error refuses it with 403; its text goes to the client.
	AllowRequest func(r *http.Request) error

	// Middleware wraps the handling of every request, upgrades included, the
	// first one outermost; CORS has had its word before. One that answers by itself
	// ends the request there, which OnRefuse is told unless it was an OPTIONS
	// request: so a context that it puts in the place of the request's should be
	// made of that. [Refuse] answers in the protocol's words. An http.ResponseWriter that it
	// passes on instead of its own sees every status, the 101 of a WebSocket
	// included, and must let itself be hijacked or have an Unwrap method.
	Middleware []func(http.Handler) http.Handler

	// Headers may change the header of every successful response, the 101 of a
	// WebSocket included. first says that it opens a session.
	Headers func(h http.Header, r *http.Request, first bool)

	// GenerateID makes session ids, which are secrets: 120 random bits by
	// default. An error refuses the handshake.
	GenerateID func(r *http.Request) (string, error)

	// InitialPacket is a message that rides with the handshake. Default nil.
	InitialPacket *Message

	// Compression of polling responses and WebSocket messages.
	Compression Compression

	// RemoteAddr tells who sent a request, for servers behind a proxy. It should
	// believe a header only when the request comes from that proxy, and only what the
	// proxy itself has put there: the last entry of X-Forwarded-For, as anybody may
	// send the others. Default: the host part of the connection's peer address.
	RemoteAddr func(r *http.Request) string

	// OnRefuse is told of every request that is refused. It must not block.
	OnRefuse func(*Refusal)

	// OnSlow is told when a session is evicted because its client reads too
	// slowly, with what was waiting. It runs on a goroutine of its own. The log is
	// told too.
	OnSlow func(s *Session, messages, bytes int)

	// Logger receives a line for each session at debug level, for each client that
	// is evicted because it reads too slowly at warn level, and for each panic of a
	// Receiver at error level; never payloads, and no ids but those of evicted
	// sessions, which are good for nothing any more. Default slog.Default().
	Logger *slog.Logger
}

// QueueLimits bounds what waits for one session; see "Slow receivers" above. What
// the client is taking at the moment does not count, nor does what the system has
// taken.
type QueueLimits struct {
	Bytes    int // that may wait for long. Default 1 MiB
	Messages int // the same in messages. Default 16,384

	// Burst is how long without a break more than Bytes or Messages may wait. A
	// client for which still more waits then when the next message is sent is slow.
	// Default 1 s; negative: Bytes and Messages hold at once.
	Burst time.Duration

	// BurstBytes is the most that may wait, also for a moment. So long a client that
	// does not read may cost that much memory, but for messages that many clients
	// get, which are shared. Default 16 times Bytes, that is 16 MiB.
	BurstBytes int

	// BurstMessages is the same in messages. Default 16 times Messages, that is
	// 262,144.
	BurstMessages int

	// Age is the time within which a client has to take 64 KiB, or all that waits
	// for it if that is less. What it has taken is what the system says that it has,
	// and that tells of progress in steps: with TLS and over polling, of up to a
	// third of the socket's buffer, which grows with the connection's speed. So a
	// short Age cuts off clients that are slow by themselves. Default 10 s.
	Age time.Duration
}

// ConnectionLimits bounds how many sessions there are and how fast new ones come,
// whatever their transport. The further requests and the upgrade of a session are not
// concerned. A zero field is no bound, and no field has another default: a server
// may stand behind a proxy, and many clients behind one address. To one that faces the
// internet a PerAddress of 50 and an AddressRate of 20 a second are recommended, and a
// Total that its memory and its file descriptors can bear.
//
// The address is what Config.RemoteAddr says: behind a proxy set that, or all clients
// share one. An IPv6 address counts as its /64, unless it is link-local; a port
// behind it does not count, and what is no IP address counts as it stands.
//
// A session takes its place before AllowRequest is asked, so a bound is never
// exceeded, and keeps it until its connection is gone; one that polls, after
// [Session.Close], until the rest has been fetched or CloseTimeout is over. A
// handshake that fails gives its place back, but what it took of a Rate is spent.
//
// Who cannot come in gets status 429 because of its address and 503 because of the
// server, with a Retry-After header and "too many connections", code 3; clients report
// that and try again. OnRefuse sees the Context "ADDRESS_LIMIT", "ADDRESS_RATE",
// "CONNECTION_LIMIT" or "CONNECTION_RATE".
type ConnectionLimits struct {
	Total       int  // sessions of this server
	PerAddress  int  // sessions of one remote address
	Rate        Rate // new sessions of this server
	AddressRate Rate // new sessions of one remote address
}

// Rate is so many events a second on average, and Burst at once. The zero Rate is no
// limit.
type Rate struct {
	PerSecond float64
	Burst     int // default: PerSecond rounded up
}

func (r Rate) burst() float64 {
	if r.Burst > 0 {
		return float64(r.Burst)
	}
	return math.Ceil(r.PerSecond)
}

// Compression says what is compressed. All of it costs memory and time; with
// secrets and foreign input in one message it can leak the secrets.
type Compression struct {
	// HTTP is the size in bytes from which polling responses are compressed with
	// gzip or deflate, if the client accepts one and a message in it allows it.
	// Default 1024; negative: never.
	HTTP int

	// WebSocket is the size in bytes from which WebSocket messages are
	// compressed (permessage-deflate without context takeover, so that receivers
	// of one message share the compressed form). Default 0: never, and the
	// extension is not offered.
	WebSocket int
}

const (
	transportPolling      = "polling"
	transportWebSocket    = "websocket"
	transportWebTransport = "webtransport"
)

func (c Config) withDefaults() Config {
	if c.Open == nil {
		panic("engine.New: Config.Open is nil")
	}
	setDefault(&c.Path, "/socket.io/")
	if !strings.HasPrefix(c.Path, "/") {
		c.Path = "/" + c.Path
	}
	if c.Transports == nil {
		c.Transports = []string{transportPolling, transportWebSocket}
	}
	setDefault(&c.PingInterval, 25*time.Second)
	setDefault(&c.PingTimeout, 20*time.Second)
	setDefault(&c.UpgradeTimeout, 10*time.Second)
	setDefault(&c.MessageTimeout, 30*time.Second)
	setDefault(&c.CloseTimeout, 10*time.Second)
	setDefault(&c.MaxPayload, 1_000_000)
	setDefault(&c.MaxPackets, 1<<16)
	c.Queue = c.Queue.WithDefaults()
	setDefault(&c.Compression.HTTP, 1024)
	if c.GenerateID == nil {
		c.GenerateID = func(*http.Request) (string, error) { return newID(), nil }
	}
	if c.RemoteAddr == nil {
		c.RemoteAddr = hostOf
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// WithDefaults returns the limits with the defaults in the place of zeros.
func (l QueueLimits) WithDefaults() QueueLimits {
	setDefault(&l.Bytes, 1<<20)
	setDefault(&l.Messages, 1<<14)
	setDefault(&l.Burst, time.Second)
	if l.Burst < 0 {
		l.BurstBytes, l.BurstMessages = l.Bytes, l.Messages
	}
	setDefault(&l.BurstBytes, burstOf(l.Bytes))
	setDefault(&l.BurstMessages, burstOf(l.Messages))
	setDefault(&l.Age, 10*time.Second)
	return l
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// burstOf is how much may wait for a moment where n may wait for long.
func burstOf(n int) int {
	if n > math.MaxInt/16 {
		return n
	}
	return 16 * n
}

func hostOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
