package engine

import (
	"errors"
	"maps"
	"net/url"
	"slices"
	"time"

	"parley/shared/engineio"
)

// Config says where a session leads and how. URL and Transports are mandatory.
type Config struct {
	// URL is the endpoint: http or https, a path that ends in a slash where the
	// server's does, no query.
	URL *url.URL
	// Query is added to every request. The protocol's own keys (EIO, transport,
	// sid, t, j, b64) are ignored.
	Query url.Values
	// Header are extra HTTP headers of every request. See [Request].
	Header map[string][]string
	// Credentials asks the transports to send and keep cookies.
	Credentials bool

	// Transports are tried in this order. The first opens the session; with
	// TryAll the next one does when it fails. Those not yet tried serve as
	// upgrades, if the server offers them.
	Transports []Transport
	// TryAll goes on to the next transport when one cannot be opened. Default:
	// the attempt fails with the first.
	TryAll bool
	// NoUpgrade stays on the transport that opened the session.
	NoUpgrade bool
	// UpgradeTimeout bounds one attempt to upgrade. Default 10 s.
	UpgradeTimeout time.Duration

	// MaxQueued bounds the bytes that wait to be sent. Default 16 MiB. A Send
	// beyond it fails with [ErrQueueFull]; one message that is larger alone is
	// taken by an empty queue.
	MaxQueued int
	// CloseTimeout bounds how long a Close waits for queued packets to leave and
	// for the goodbye. Default 3 s.
	CloseTimeout time.Duration

	// Trace observes the session. May be nil.
	Trace *Trace
	// Now is the wall clock. Default time.Now; tests set it.
	Now func() time.Time
}

func (c Config) withDefaults() (Config, error) {
	if c.URL == nil || (c.URL.Scheme != "http" && c.URL.Scheme != "https") || c.URL.Host == "" {
		return c, errors.New("engine: URL needs a scheme http or https and a host")
	}
	if len(c.Transports) == 0 {
		return c, errors.New("engine: no transports")
	}
	setDefault(&c.UpgradeTimeout, 10*time.Second)
	setDefault(&c.CloseTimeout, 3*time.Second)
	setDefault(&c.MaxQueued, 16<<20)
	if c.Trace == nil {
		c.Trace = &Trace{}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c, nil
}

func setDefault[T comparable](field *T, v T) {
	var zero T
	if *field == zero {
		*field = v
	}
}

// request makes the request for one link of the session sid ("": a new one).
func (c *Config) request(transport, sid string, maxPayload int) Request {
	q := maps.Clone(c.Query)
	if q == nil {
		q = url.Values{}
	}
	for _, key := range []string{"EIO", "transport", "sid", "t", "j", "b64"} {
		q.Del(key)
	}
	q.Set("EIO", "4")
	q.Set("transport", transport)
	if sid != "" {
		q.Set("sid", sid)
	}
	return Request{URL: c.URL, Query: q, Header: c.Header, Credentials: c.Credentials, MaxPayload: maxPayload}
}

// upgradesFrom returns the transports that the server offers as upgrades and the
// configuration allows, in the server's order.
func (c *Config) upgradesFrom(current Transport, tried []Transport, offered []string) []Transport {
	if c.NoUpgrade {
		return nil
	}
	var up []Transport
	for _, name := range offered {
		for _, t := range c.Transports {
			if t.Name() == name && t.Name() != current.Name() && !slices.Contains(tried, t) {
				up = append(up, t)
			}
		}
	}
	return up
}

// Trace observes a session. Every field may be nil. The functions are called on
// the session's own goroutines, never two of one field at once: they must return
// soon and must not call the session's Close.
type Trace struct {
	// Opened is called when the handshake has arrived.
	Opened func(transport string, h engineio.Handshake)
	// Received and Sent are called for every packet, control packets included,
	// in the order of the wire. They must not change or keep the data.
	Received func(p engineio.Packet)
	Sent     func(p engineio.Packet)
	// Upgrading is called before a better transport is probed, Upgraded when the
	// session has moved to it, UpgradeFailed when it has not. A failed upgrade
	// leaves the session on the transport it has.
	Upgrading     func(transport string)
	Upgraded      func(transport string)
	UpgradeFailed func(transport string, err error)
	// Drained is called when the send queue has become empty.
	Drained func()
}
