// Package script is a transport whose server is the test that uses it: the test
// accepts the client's links one by one, says what the server sends and looks at
// what arrives. No network is involved, so that it works under testing/synctest,
// where time is the test's own.
//
//	server := script.New()
//	conn, _ := client.New("http://test", client.Config{Transports: []engine.Transport{server.Transport("websocket")}})
//	conn.Connect()
//	peer := server.Accept(t)
//	peer.Expect(t, "40")
//	peer.Send(`40{"sid":"s1"}`)
package script

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/shared/client/engine"
	"parley/shared/engineio"
)

// patience is how long a test waits for the client; a synctest bubble spends no
// real time on it.
const patience = 5 * time.Second

// Server hands the links that clients dial to the test.
type Server struct {
	// Handshake is sent on every new session. Accept gives each its own sid.
	Handshake engineio.Handshake

	mu     sync.Mutex // guards the fields below
	refuse func(engine.Request) error
	raw    bool
	dials  int
	queue  chan *Peer
}

// New returns a server with the reference's heartbeat, 25 s and 20 s.
func New() *Server {
	return &Server{
		Handshake: engineio.Handshake{SID: "engine-sid", PingInterval: 25000, PingTimeout: 20000, MaxPayload: 1_000_000},
		queue:     make(chan *Peer, 64),
	}
}

// Refuse makes dials fail with what f returns, until it is called with nil.
func (s *Server) Refuse(f func(engine.Request) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = f
}

// Raw stops the server from sending handshakes by itself.
func (s *Server) Raw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.raw = true
}

// Dials is how many dials there were, refused ones included.
func (s *Server) Dials() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dials
}

// Accept waits for the next link.
func (s *Server) Accept(t testing.TB) *Peer {
	t.Helper()
	return s.AcceptWithin(t, patience)
}

// AcceptWithin is Accept with another patience.
func (s *Server) AcceptWithin(t testing.TB, d time.Duration) *Peer {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case p := <-s.queue:
		return p
	case <-timer.C:
		require.FailNow(t, "the client did not dial")
		return nil
	}
}

// Transport returns a transport of that name to this server.
func (s *Server) Transport(name string) engine.Transport { return &transport{s, name} }

type transport struct {
	server *Server
	name   string
}

func (t *transport) Name() string { return t.name }

func (t *transport) Dial(ctx context.Context, r engine.Request) (engine.Link, error) {
	s := t.server
	s.mu.Lock()
	s.dials++
	refuse, raw := s.refuse, s.raw
	s.mu.Unlock()
	if refuse != nil {
		if err := refuse(r); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p := &Peer{
		Request: r, Transport: t.name,
		down: make(chan []engineio.Packet, 4096), up: make(chan engineio.Packet, 4096),
		broken: make(chan struct{}), closed: make(chan struct{}),
	}
	if r.SID() == "" && !raw {
		p.push(engineio.Packet{Type: engineio.PacketOpen, Data: s.Handshake.Append(nil)})
	}
	s.queue <- p
	return (*link)(p), nil
}

// Peer is the server's end of one link.
type Peer struct {
	Request   engine.Request
	Transport string

	down   chan []engineio.Packet
	up     chan engineio.Packet
	broken chan struct{} // closed by Break
	closed chan struct{} // closed when the client closes
	once   sync.Once
	shut   sync.Once

	mu     sync.Mutex // guards the fields below
	err    error
	polite bool
	stuck  chan struct{} // while set, writes of the client wait
}

func (p *Peer) push(packets ...engineio.Packet) { p.down <- packets }

// Send sends text frames, such as "2" or `42["hello"]`, in one batch.
func (p *Peer) Send(frames ...string) {
	packets := make([]engineio.Packet, len(frames))
	for i, f := range frames {
		packets[i], _ = engineio.ParseText([]byte(f))
		if packets[i].Type == 0 && (f == "" || f[0] != '0') {
			packets[i].Type = 99 // no packet: the client must object
		}
	}
	p.push(packets...)
}

// SendBinary sends a binary frame.
func (p *Peer) SendBinary(data []byte) { p.push(engineio.ParseBinary(data)) }

// Next waits for the next packet of the client and returns it in its text form.
func (p *Peer) Next(t testing.TB) string {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case q := <-p.up:
		return string(q.AppendText(nil))
	case <-timer.C:
		require.FailNow(t, "the client sent nothing")
		return ""
	}
}

// Expect waits for exactly these packets.
func (p *Peer) Expect(t testing.TB, frames ...string) {
	t.Helper()
	for _, f := range frames {
		require.Equal(t, f, p.Next(t))
	}
}

// ExpectNothing fails if the client has sent something.
func (p *Peer) ExpectNothing(t testing.TB) {
	t.Helper()
	select {
	case q := <-p.up:
		require.Failf(t, "unexpected packet", "%s", q.AppendText(nil))
	default:
	}
}

// Join answers the CONNECT of a namespace ("/" or "/name") with the given id.
func (p *Peer) Join(t testing.TB, ns, sid string) {
	t.Helper()
	prefix := "40"
	if ns != "/" {
		prefix += ns + ","
	}
	require.Equal(t, prefix, p.Next(t))
	p.Send(prefix + `{"sid":"` + sid + `"}`)
}

// Break makes the link fail with err after what was sent has been read.
func (p *Peer) Break(err error) {
	p.once.Do(func() {
		p.mu.Lock()
		p.err = err
		p.mu.Unlock()
		close(p.broken)
	})
}

// Hang closes the link as a server that goes away does.
func (p *Peer) Hang() {
	p.Break(&engine.Error{Transport: p.Transport, Op: engine.OpClosed, CloseCode: 1006})
}

// Block makes writes of the client wait until the returned function is called.
func (p *Peer) Block() (release func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ch := make(chan struct{})
	p.stuck = ch
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.stuck = nil
		close(ch)
	}
}

// Closed is closed when the client has closed the link.
func (p *Peer) Closed() <-chan struct{} { return p.closed }

// AwaitClosed waits for that and reports whether the client said goodbye.
func (p *Peer) AwaitClosed(t testing.TB) (polite bool) {
	t.Helper()
	timer := time.NewTimer(time.Minute)
	defer timer.Stop()
	select {
	case <-p.closed:
	case <-timer.C:
		require.FailNow(t, "the client did not close the link")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.polite
}

// link is the client's end.
type link Peer

var (
	errClosed = errors.New("script: link closed by the client")
	errBroken = errors.New("script: broken")
)

func (l *link) Read(ctx context.Context) ([]engineio.Packet, error) {
	select {
	case packets := <-l.down:
		return packets, nil
	default:
	}
	select {
	case packets := <-l.down:
		return packets, nil
	case <-l.broken:
		select {
		case packets := <-l.down:
			return packets, nil
		default:
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		return nil, l.err
	case <-l.closed:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *link) Write(ctx context.Context, packets []engineio.Packet) error {
	l.mu.Lock()
	stuck := l.stuck
	l.mu.Unlock()
	if stuck != nil {
		select {
		case <-stuck:
		case <-ctx.Done():
			return ctx.Err()
		case <-l.closed:
			return errClosed
		}
	}
	for _, p := range packets {
		p.Data = append([]byte(nil), p.Data...)
		select {
		case <-l.broken:
			return errBroken
		default:
		}
		l.up <- p
	}
	return nil
}

func (l *link) Close(ctx context.Context) error {
	l.shut.Do(func() {
		l.mu.Lock()
		l.polite = ctx.Err() == nil
		l.mu.Unlock()
		close(l.closed)
	})
	return nil
}
