package interop_test

import (
	"bytes"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// proxy is a TCP connection between a client and a server that a test can make fail.
type proxy struct {
	url    string
	target string
	ln     net.Listener
	wg     sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	conns   map[net.Conn]bool
	fault   fault
	accepts int
}

// fault is what is wrong with the network. The zero value is nothing.
type fault struct {
	refuse      func(accept int, first []byte) bool // closes a connection instead of passing on its first bytes
	swallowUp   bool                                // what the client sends disappears
	swallowDown bool                                // what the server sends disappears
	chunk       int                                 // passes on this many bytes at a time …
	pause       time.Duration                       // … after this pause
}

// startProxy passes connections on to the server at an address until the test ends.
func startProxy(t *testing.T, address string) *proxy {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{url: "http://" + ln.Addr().String(), target: u.Host, ln: ln, conns: map[net.Conn]bool{}}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		_ = ln.Close()
		p.cut()
		p.wg.Wait()
	})
	return p
}

// set changes what is wrong, for connections that stand too.
func (p *proxy) set(f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
}

func (p *proxy) now() fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault
}

// cut resets every connection.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
	clear(p.conns)
}

func (p *proxy) accept() {
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

func (p *proxy) serve(near net.Conn, n int) {
	defer near.Close()
	first := make([]byte, 4096)
	k, err := near.Read(first)
	if refuse := p.now().refuse; err != nil || refuse != nil && refuse(n, first[:k]) {
		return
	}
	far, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer far.Close()
	p.mu.Lock()
	p.conns[far] = true
	p.mu.Unlock()
	if !p.now().swallowUp {
		_, _ = far.Write(first[:k])
	}
	var both sync.WaitGroup
	both.Go(func() { p.pass(far, near, func(f fault) bool { return f.swallowUp }) })
	both.Go(func() { p.pass(near, far, func(f fault) bool { return f.swallowDown }) })
	both.Wait()
}

func (p *proxy) pass(to, from net.Conn, swallows func(fault) bool) {
	defer to.Close()
	buf := make([]byte, 32<<10)
	for {
		size := len(buf)
		if f := p.now(); f.chunk > 0 {
			size = min(size, f.chunk)
			<-time.After(f.pause)
		}
		n, err := from.Read(buf[:size])
		if n > 0 && !swallows(p.now()) {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// isWebSocket reports whether the first bytes of a connection ask for one.
func isWebSocket(first []byte) bool { return bytes.Contains(first, []byte("transport=websocket")) }
