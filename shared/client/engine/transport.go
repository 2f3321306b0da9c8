package engine

import (
	"context"
	"net/url"

	"parley/shared/engineio"
)

// A Transport opens links of one kind. Its methods may be called at once from
// several goroutines.
type Transport interface {
	// Name is the transport query parameter on the wire: "polling", "websocket",
	// "webtransport".
	Name() string

	// Dial opens a link to the session that the request names, or to a new one.
	// ctx bounds the dialling, not the link. What fails is an *Error where the
	// transport knows more than that it failed.
	Dial(ctx context.Context, r Request) (Link, error)
}

// A Link carries packets between client and server. At most one goroutine reads
// and one writes at a time; Close may be called at any time.
type Link interface {
	// Read waits for packets and returns at least one, in the order of arrival.
	// The caller owns them. When ctx is done the link is of no further use. A
	// close by the peer is an *Error with Op "closed".
	Read(ctx context.Context) ([]engineio.Packet, error)

	// Write sends the packets in order and returns when the transport has taken
	// them over. When ctx is done the link is of no further use.
	Write(ctx context.Context, packets []engineio.Packet) error

	// Close says goodbye, frees what the link holds and makes a Read that waits
	// return. It takes no longer than ctx allows, and when ctx is done already
	// it says nothing to the peer. The first call counts.
	Close(ctx context.Context) error
}

// Request is what a transport needs to open a link.
type Request struct {
	// URL is the endpoint with scheme http or https, without query.
	URL *url.URL
	// Query holds EIO, transport and, for a session that exists, sid, besides
	// what the application adds.
	Query url.Values
	// Header are extra HTTP headers. Browsers allow them on polling only.
	Header map[string][]string
	// Credentials asks for cookies: fetch's "include" in a browser, the cookie
	// jar natively.
	Credentials bool
	// MaxPayload is the server's bound on one HTTP body or message in bytes as
	// far as it is known; 0 before a handshake.
	MaxPayload int
}

// SID is the id of the session the link joins, "" for a new one.
func (r Request) SID() string { return r.Query.Get("sid") }

// Address is the URL with its query, under the scheme the transport needs:
// Address("ws") turns http into ws and https into wss.
func (r Request) Address(scheme string) string {
	u := *r.URL
	if scheme != "" && scheme != "http" {
		if u.Scheme == "https" {
			scheme += "s"
		}
		u.Scheme = scheme
	}
	u.RawQuery = r.Query.Encode()
	return u.String()
}

// Origin is scheme, host and port of the endpoint.
func (r Request) Origin() string { return r.URL.Scheme + "://" + r.URL.Host }
