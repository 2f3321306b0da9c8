package client

import (
	"context"
	"fmt"

	"parley/shared/client/engine"
	"parley/shared/engineio"
	"parley/shared/socketio"
)

// link is one open session with what hangs on it. It is the session's handler.
type link struct {
	conn    *Conn
	session *engine.Session
	decoder socketio.Decoder // used by the session's reader only
	ctx     context.Context  // ends with the session; for auth functions and hooks
	cancel  context.CancelCauseFunc
	ended   chan dropped

	// Guarded by Conn.mu.
	leaving bool           // the last Socket has left; the connection is being closed
	probe   probe          // see probe.go
	left    map[string]int // namespaces that were left here, by the probes sent until then
}

// attach makes l the connection and connects the namespaces.
func (c *Conn) attach(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live = l
	c.maxPayload = l.session.Handshake().MaxPayload
	if c.first != nil {
		c.first <- nil
		c.first = nil
	}
	c.setState(State{Phase: Open, Transport: l.session.Transport()})
	for _, k := range c.order {
		if k.active {
			k.join(l)
		}
	}
}

// Receive takes a message of the session apart and hands the packet on.
func (l *link) Receive(binary bool, data []byte) {
	p, complete, err := l.decoder.Add(socketio.Frame{Binary: binary, Data: data})
	if err != nil {
		l.session.End(engineio.ReasonParseError, err)
		return
	}
	if !complete {
		return
	}
	c := l.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live != l {
		return
	}
	if p.Namespace == probeNamespace {
		l.probed(&p)
		return
	}
	k := c.cores[p.Namespace]
	if k == nil || k.phase == phaseOff {
		return // it left meanwhile
	}
	if err := k.receive(l, &p); err != nil {
		l.session.End(engineio.ReasonParseError, err)
	}
}

// Closed tells every namespace and the loop that the session is gone.
func (l *link) Closed(reason engineio.Reason, err error) {
	c := l.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	l.cancel(ErrDisconnected)
	c.live = nil
	if l.probe.sent > l.probe.answered {
		c.hurry = true // who asked wants a connection that works, not one after a pause
	}
	for _, k := range c.order {
		k.lose(reason, err)
	}
	l.ended <- dropped{reason, err, l.leaving}
}

// send encodes and queues a control packet. The lock is held.
func (l *link) send(p *socketio.Packet) error {
	packets, err := l.conn.encode(p)
	if err != nil {
		return err
	}
	return l.session.Flush(packets...)
}

// encode turns a packet into messages of the session.
func (c *Conn) encode(p *socketio.Packet) ([]engineio.Packet, error) {
	frames, err := c.cfg.Parser.Encode(nil, p)
	if err != nil {
		return nil, fmt.Errorf("client: encode: %w", err)
	}
	packets := make([]engineio.Packet, len(frames))
	for i, f := range frames {
		packets[i] = engineio.Packet{Type: engineio.PacketMessage, Binary: f.Binary, Data: f.Data}
	}
	return packets, nil
}
