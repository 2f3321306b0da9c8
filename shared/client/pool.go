package client

import (
	"net/url"
	"sync"
)

// Pool shares connections: its Sockets of one server and path have one Conn, as
// with the reference's io(), which keeps such a pool in a global variable. A
// program that has one server needs none. Its methods may be called by several
// goroutines at once.
type Pool struct {
	cfg Config

	mu     sync.Mutex // guards conns and closed
	conns  map[string]*Conn
	closed bool
}

// NewPool returns an empty pool whose connections have this configuration.
func NewPool(cfg Config) *Pool { return &Pool{cfg: cfg, conns: map[string]*Conn{}} }

// Socket returns the Socket of the namespace in the path of the address, on the
// connection that the pool has to that server, or on a new one, which starts
// connecting. The query of the address counts for a new connection only.
// Errors: those of New, and ErrClosed.
func (p *Pool) Socket(address string) (*Socket, error) {
	server, ns, err := parseAddress(address, pageAddress())
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrClosed
	}
	key := (&url.URL{Scheme: server.Scheme, User: server.User, Host: server.Host}).String()
	c := p.conns[key]
	if c == nil {
		if c, err = New(address, p.cfg); err != nil {
			return nil, err
		}
		p.conns[key] = c
		defer c.Connect() // after Of, so that one round trip does both
	}
	return c.Of(ns), nil
}

// Close closes every connection; see Conn.Close.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	conns := p.conns
	p.conns = nil
	p.mu.Unlock()
	var wg sync.WaitGroup
	for _, c := range conns {
		wg.Go(func() { _ = c.Close() })
	}
	wg.Wait()
	return nil
}
