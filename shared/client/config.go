package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"parley/shared/client/engine"
	"parley/shared/client/polling"
	"parley/shared/client/websocket"
	"parley/shared/socketio"
)

// Config configures a Conn. The zero value connects over WebSocket, falls back
// to polling, reconnects for ever and buffers a bounded number of emits.
type Config struct {
	// Path is where the server listens. Default "/socket.io/". A missing slash
	// at the end is added; for a server without it, set PathAsIs.
	Path     string
	PathAsIs bool
	// Query is added to every request, besides the query of the URL, which it
	// overrides. The protocol's own keys are ignored. Query is fixed for a
	// session; Prepare can change it for the next.
	Query url.Values
	// Header are extra HTTP headers. In a browser they reach polling requests
	// only, because a WebSocket there cannot have any.
	Header map[string][]string
	// WithCredentials sends and keeps cookies: across origins in a browser (the
	// server must allow it), in a cookie jar natively.
	WithCredentials bool
	// Prepare, if set, is called before every attempt and may change a copy of
	// Query and Header, to renew a token for example. Its error fails the
	// attempt.
	Prepare func(ctx context.Context, query url.Values, header map[string][]string) error

	// Transports are tried in this order until one opens; those after it serve
	// as upgrades. Default: WebSocket, then polling. The reference begins with
	// polling; set {polling, websocket} for that.
	Transports []engine.Transport
	// FirstOnly fails an attempt when the first transport fails, as the reference
	// does by default, instead of trying the next one.
	FirstOnly bool
	// NoUpgrade stays on the transport that opened the connection.
	NoUpgrade bool
	// RememberUpgrade begins the next connection with the transport that the last
	// one was upgraded to. It is forgotten when that fails.
	RememberUpgrade bool
	// Native holds what only programs outside a browser can set: TLS, proxies and
	// dialling. Used by the default Transports.
	Native

	// Timeout bounds one attempt. Default 20 s; negative means no bound.
	Timeout time.Duration
	// Reconnect says when to try again.
	Reconnect Reconnect
	// Auth is called for every CONNECT of every namespace (each reconnection has
	// one) and returns what the server finds as the handshake's auth: a struct or
	// map that becomes a JSON object, or nil. Its error postpones the CONNECT as
	// a lost connection would, or for good if it is an *event.Error whose code is
	// not retryable. Socket.SetAuth overrides it for one namespace.
	Auth func(ctx context.Context) (any, error)

	// RetryRefused makes a Socket come back by itself, after the pause of the
	// back-off, when the server's refusal says that this may help (see
	// ConnectError.Retryable). Default: it waits for Connect, as the reference.
	RetryRefused bool

	// AckTimeout bounds the wait for an acknowledgement where the context ends
	// later or never. Default 20 s; negative means no bound, so that only the
	// context and a disconnect end the wait. The reference waits for ever.
	AckTimeout time.Duration
	// Retries, if above zero, sends every emit that is not volatile one at a time
	// and waits for its acknowledgement, up to Retries+1 times: at least once and
	// in order, as long as the program lives. See Socket.Emit. It needs an
	// AckTimeout.
	Retries int
	// Buffer says what becomes of emits while a namespace is not connected.
	Buffer Buffer
	// MaxQueued bounds the bytes that wait in an open connection because the
	// network is slower than the program. Default 16 MiB. An emit beyond it
	// fails with ErrBufferFull.
	MaxQueued int
	// MaxPending bounds the received events of one namespace that wait for their
	// handlers. Default 16384. When handlers are so slow that it is exceeded, the
	// connection is dropped with reason "slow consumer" and made again, which
	// lets a server with state recovery or an application's own catch-up replay
	// what was missed; silently losing events would not. A replay that is longer
	// than MaxPending by itself is given up: OnConnectError is told, and the
	// Socket connects anew, so that Recovered reports false.
	MaxPending int
	// StreamBuffer is how many events a Stream holds for its loop. Default 1024.
	// The Stream ends with ErrStreamOverflow when more come.
	StreamBuffer int

	// Parser must be the server's: with another one either side ends the
	// connection with "parse error" at the first packet. Default socketio.JSON().
	Parser socketio.Parser
	// Limits bound what the server may send.
	Limits socketio.Limits
	// Offset tells the offset that a server with state recovery appends to stored
	// events from an ordinary string as last argument. Default: the server's own
	// word where it gives one (this project's server does), else the formats of
	// the reference's adapters (in memory, Redis streams, MongoDB) with a time
	// within a day of this machine's clock. Needed only for other adapters.
	Offset func(argument string) bool

	// Logger gets what has no other way to the program: panics of handlers,
	// buffered emits that turned out too large, events that do not decode.
	// Default slog.Default().
	Logger *slog.Logger
	// OnPanic, if set, is called with what a handler panicked with, on the
	// handler's goroutine, before it is logged. The connection goes on.
	OnPanic func(v any, stack []byte)
	// Trace observes the Engine.IO sessions of the connection. May be nil.
	Trace *engine.Trace
	// Network reports changes of the network. Default: the browser's events in a
	// browser, nothing natively.
	Network Network

	// CloseOnUnload closes the Conn when the page is about to go away, so that the
	// server knows at once. Default: the connection goes with the page, and a
	// server with state recovery keeps the state for the next one. Browsers only.
	CloseOnUnload bool

	now func() time.Time // wall clock; tests set it
}

// Buffer says what becomes of an emit while its namespace is not connected. What
// is buffered is held in memory, belongs to the Socket, and is sent in order at
// the next connect; parley/shared/client/outbox keeps messages across restarts.
type Buffer struct {
	// None fails such an emit with ErrNotConnected.
	None bool
	// MaxEvents and MaxBytes bound what all sockets of the Conn hold together.
	// Default 1000 events and 4 MiB. An emit beyond either fails with
	// ErrBufferFull; what is buffered stays.
	MaxEvents int
	MaxBytes  int
}

func (c Config) withDefaults() (Config, error) {
	setDefault(&c.Path, "/socket.io/")
	if !strings.HasPrefix(c.Path, "/") {
		c.Path = "/" + c.Path
	}
	if !c.PathAsIs && !strings.HasSuffix(c.Path, "/") {
		c.Path += "/"
	}
	setDefault(&c.Timeout, 20*time.Second)
	setDefault(&c.AckTimeout, 20*time.Second)
	setDefault(&c.Buffer.MaxEvents, 1000)
	setDefault(&c.Buffer.MaxBytes, 4<<20)
	setDefault(&c.MaxQueued, 16<<20)
	setDefault(&c.MaxPending, 16384)
	setDefault(&c.StreamBuffer, 1024)
	c.Reconnect = c.Reconnect.withDefaults()
	if c.Parser == nil {
		c.Parser = socketio.JSON()
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.Retries > 0 && c.AckTimeout < 0 {
		return c, errors.New("client: Retries needs an AckTimeout")
	}
	for name, v := range map[string]int{
		"Retries": c.Retries, "MaxQueued": c.MaxQueued, "MaxPending": c.MaxPending, "StreamBuffer": c.StreamBuffer,
		"Buffer.MaxEvents": c.Buffer.MaxEvents, "Buffer.MaxBytes": c.Buffer.MaxBytes, "Reconnect.Attempts": c.Reconnect.Attempts,
	} {
		if v < 0 {
			return c, fmt.Errorf("client: %s must not be negative", name)
		}
	}
	return c, nil
}

// defaultTransports are WebSocket and polling with the configuration's HTTP
// client.
func (c *Config) defaultTransports() []engine.Transport {
	ws, poll := &websocket.Transport{}, &polling.Transport{}
	c.Native.apply(ws, poll)
	return []engine.Transport{ws, poll}
}

func setDefault[T comparable](field *T, v T) {
	var zero T
	if *field == zero {
		*field = v
	}
}
