package engine

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"parley/server/engine/frame"
	"parley/shared/engineio"
)

// HandshakeInfo is what the first request of a session said.
type HandshakeInfo struct {
	Host       string // as the client named the server; Header is without it
	Header     http.Header
	URL        *url.URL // path and query
	Query      url.Values
	RemoteAddr string // see Config.RemoteAddr
	Secure     bool   // over TLS
	Time       time.Time
}

// handshake is a HandshakeInfo as sessions keep it: in little memory.
type handshake struct {
	header string // the host, then lines of name, colon, value
	url    string
	remote string
	secure bool
	time   time.Time
}

func newHandshake(r *http.Request, remote string) *handshake {
	var b strings.Builder
	size := len(r.Host) + 1
	for name, values := range r.Header {
		for _, v := range values {
			size += len(name) + len(v) + 2
		}
	}
	b.Grow(size) // exactly: it is kept as long as the session
	b.WriteString(r.Host)
	b.WriteByte('\n')
	for name, values := range r.Header {
		for _, v := range values {
			b.WriteString(name)
			b.WriteByte(':')
			b.WriteString(v)
			b.WriteByte('\n')
		}
	}
	return &handshake{
		header: b.String(),
		url:    r.URL.RequestURI(),
		remote: strings.Clone(remote),
		secure: r.TLS != nil,
		time:   time.Now(),
	}
}

func (h *handshake) expand() *HandshakeInfo {
	host, header, _ := strings.Cut(h.header, "\n")
	info := &HandshakeInfo{Host: host, Header: http.Header{}, RemoteAddr: h.remote, Secure: h.secure, Time: h.time}
	for line := range strings.Lines(header) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		info.Header[name] = append(info.Header[name], value)
	}
	u, err := url.ParseRequestURI(h.url)
	if err != nil { // it came out of a URL
		u = &url.URL{}
	}
	info.URL, info.Query = u, u.Query()
	return info
}

// newID returns 120 random bits as 20 characters.
func newID() string {
	var b [15]byte
	rand.Read(b[:]) //nolint:errcheck // it never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// newSession returns a session that nobody knows yet. Its receiver is locked
// until open has been called.
func (srv *Server) newSession(id string, info *handshake) *Session {
	s := &Session{srv: srv, id: id, info: info, shard: srv.shardOf(id)}
	s.recv.lock(&s.mu)
	return s
}

// greeting is what every session receives first.
func (srv *Server) greeting(s *Session) []*Message {
	h := engineio.Handshake{
		SID:          s.id,
		Upgrades:     srv.upgrades(s.transportName()),
		PingInterval: int(srv.cfg.PingInterval.Milliseconds()),
		PingTimeout:  int(srv.cfg.PingTimeout.Milliseconds()),
		MaxPayload:   int(srv.cfg.MaxPayload),
	}
	first := []*Message{frame.Control(engineio.PacketOpen, h.Append(nil))}
	if srv.cfg.InitialPacket != nil {
		first = append(first, srv.cfg.InitialPacket)
	}
	return first
}

// upgrades lists the transports that a session on the named one may change to.
func (srv *Server) upgrades(from string) []string {
	if from != transportPolling || srv.cfg.NoUpgrades {
		return nil
	}
	var list []string
	for _, name := range []string{transportWebSocket, transportWebTransport} {
		if slices.Contains(srv.cfg.Transports, name) {
			list = append(list, name)
		}
	}
	return list
}

// open makes the session known: to the server, to time, and to the application,
// in this order, so that a shutdown does not miss what the application sends. The
// newcomer's place becomes the session's.
func (srv *Server) open(s *Session, n *newcomer) {
	srv.count.Add(1)
	srv.log.Debug("session opened", "transport", s.transportName())
	s.receiver = nobody{}
	s.step(func(do *after) {
		s.place, n.place = n.place, nil
		if !srv.insert(s) {
			s.finish(do, ending{reason: engineio.ReasonServerShuttingDown, abort: true})
			return
		}
		s.pingAt = srv.now() + instant(srv.cfg.PingInterval)
	})
	defer s.recv.unlock(&s.mu)
	if s.ended.Load() {
		return
	}
	returned := false
	defer s.contain(&returned)
	s.receiver = srv.cfg.Open(s)
	returned = true
}

// nobody receives when the application's Open was not called, or has panicked.
type nobody struct{}

func (nobody) Receive(bool, []byte) Task { return nil }
func (nobody) Closed(Reason, error)      {}
