package server

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"parley/server/adapter"
	"parley/shared/event"
)

// Handshake is how a socket's client connected: the first HTTP request of its connection, and what it sent with
// CONNECT. It never changes; to renew Auth a client reconnects. The maps must not be written to.
type Handshake struct {
	Host    string      // as the client named the server in the first request
	Header  http.Header // of the first request, without the host
	Query   url.Values  // of the first request
	URL     string      // path and query of the first request
	Address string      // who connected, as the engine's configuration tells addresses
	Secure  bool        // over TLS
	XDomain bool        // the request named an Origin
	Time    time.Time   // when
	Auth    event.Value // what the client sent with CONNECT to this namespace: an object, or nothing
}

// Handshake is how the socket's client connected.
func (s *Socket) Handshake() Handshake {
	h := Handshake{Auth: s.authValue()}
	if info := s.conn.session.Handshake(); info != nil {
		h.Host, h.Header, h.Query = info.Host, info.Header, info.Query
		h.Address, h.Secure, h.Time = info.RemoteAddr, info.Secure, info.Time
		if info.URL != nil {
			h.URL = info.URL.RequestURI()
		}
		h.XDomain = info.Header.Get("Origin") != ""
	}
	return h
}

// Describe is what other servers may know of the socket. It is for adapters.
func (s *Socket) Describe() adapter.Info {
	h := s.Handshake()
	info := adapter.Info{
		ID:    s.id,
		Rooms: s.Rooms(),
		Data:  map[string]any{},
		Handshake: adapter.Handshake{
			Headers: make(adapter.Pairs, 1+len(h.Header)),
			Query:   make(adapter.Pairs, len(h.Query)),
			Time:    h.Time.Format(time.RFC3339),
			Issued:  h.Time.UnixMilli(),
			Address: h.Address,
			XDomain: h.XDomain,
			Secure:  h.Secure,
			URL:     h.URL,
			Auth:    s.auth,
		},
	}
	if h.Host != "" {
		info.Handshake.Headers["host"] = h.Host
	}
	for name, values := range h.Header {
		info.Handshake.Headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	for name, values := range h.Query {
		info.Handshake.Query[name] = strings.Join(values, ",")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.more != nil {
		for key, value := range s.more.data {
			if name, ok := key.(string); ok {
				info.Data[name] = value
			}
		}
	}
	return info
}
