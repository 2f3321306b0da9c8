// Package faultnet is a network that fails, for tests: connections to a server
// over TCP that can be cut, slowed down, refused, or left standing while nothing
// passes any more.
package faultnet

import (
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Proxy passes connections on to a server.
type Proxy struct {
	URL string // for clients

	target string
	ln     net.Listener
	wg     sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	conns   map[net.Conn]bool
	holes   map[net.Conn]bool
	fault   Fault
	accepts int
	held    int
}

// Fault is what is wrong with the network. The zero value is nothing.
type Fault struct {
	Refuse      func(accept int, first []byte) bool // closes a connection instead of passing on its first bytes
	SwallowUp   bool                                // what the client sends disappears
	SwallowDown bool                                // what the server sends disappears
	Chunk       int                                 // passes on this many bytes at a time …
	Pause       time.Duration                       // … after this pause
}

// Start passes connections on to the server at an address until the test ends.
func Start(t testing.TB, address string) *Proxy {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &Proxy{URL: "http://" + ln.Addr().String(), target: u.Host, ln: ln, conns: map[net.Conn]bool{}, holes: map[net.Conn]bool{}}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		_ = ln.Close()
		p.Cut()
		p.wg.Wait()
	})
	return p
}

// Set changes what is wrong, for connections that stand too.
func (p *Proxy) Set(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
}

func (p *Proxy) now() Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault
}

// Cut resets every connection.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
	clear(p.conns)
	clear(p.holes)
}

// Freeze makes a black hole of every connection there is: it stands, and neither
// side hears of the other any more, not even of its end. New ones are not
// concerned.
func (p *Proxy) Freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		p.holes[c] = true
	}
}

// Held returns how many connections the server has not closed.
func (p *Proxy) Held() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held
}

func (p *Proxy) isHole(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.holes[c]
}

func (p *Proxy) accept() {
	for {
		near, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		p.accepts++
		n := p.accepts
		p.conns[near] = true
		p.mu.Unlock()
		p.wg.Go(func() { p.serve(near, n) })
	}
}

func (p *Proxy) serve(near net.Conn, n int) {
	defer near.Close()
	first := make([]byte, 4096)
	k, err := near.Read(first)
	if refuse := p.now().Refuse; err != nil || refuse != nil && refuse(n, first[:k]) {
		return
	}
	far, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer far.Close()
	p.mu.Lock()
	p.conns[far] = true
	if p.holes[near] {
		p.holes[far] = true
	}
	p.held++
	p.mu.Unlock()
	if !p.now().SwallowUp && !p.isHole(near) {
		_, _ = far.Write(first[:k])
	}
	var both sync.WaitGroup
	both.Go(func() { p.pass(far, near, func(f Fault) bool { return f.SwallowUp }) })
	both.Go(func() {
		p.pass(near, far, func(f Fault) bool { return f.SwallowDown })
		p.mu.Lock()
		defer p.mu.Unlock()
		p.held--
	})
	both.Wait()
}

func (p *Proxy) pass(to, from net.Conn, swallows func(Fault) bool) {
	buf := make([]byte, 32<<10)
	for {
		size := len(buf)
		if f := p.now(); f.Chunk > 0 {
			size = min(size, f.Chunk)
			<-time.After(f.Pause)
		}
		n, err := from.Read(buf[:size])
		if p.isHole(from) {
			if err != nil {
				return
			}
			continue
		}
		if n > 0 && !swallows(p.now()) {
			_, failed := to.Write(buf[:n])
			if err == nil {
				err = failed
			}
		}
		if err != nil {
			_ = to.Close()
			return
		}
	}
}
