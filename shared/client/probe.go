package client

import (
	"time"

	"parley/shared/client/engine"
	"parley/shared/engineio"
	"parley/shared/socketio"
)

// In Engine.IO v4 only the server pings, so a client that wants an answer has
// nothing to ask with. It asks to connect a namespace that does not exist: every
// server answers that with an error at once and keeps the connection (Socket.IO
// v5, section "Connection to a namespace"). The answer proves that the connection
// works, and that the server has dealt with everything sent before.
const probeNamespace = "/parley-liveness-probe"

// probeTimeout is how long the answer, or any other packet, may take.
const probeTimeout = 4 * time.Second

// probe counts the probes of a link. One is under way at a time.
type probe struct {
	sent, answered int
}

// probe makes sure that the connection works. The lock is held.
func (c *Conn) probe() {
	l := c.live
	if l.session.Expired() {
		c.hurry = true
		return
	}
	if l.probe.sent > l.probe.answered {
		return
	}
	asked := c.cfg.now()
	if l.send(&socketio.Packet{Type: socketio.PacketConnect, Namespace: probeNamespace}) != nil {
		c.hurry = true // it is ending in this moment
		return
	}
	l.probe.sent++
	n := l.probe.sent
	c.wg.Go(func() {
		timer := time.NewTimer(probeTimeout)
		defer timer.Stop()
		select {
		case <-l.ctx.Done():
			return
		case <-timer.C:
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if l.probe.answered < n && !l.session.Seen().After(asked) {
			c.hurry = true
			l.session.End(engineio.ReasonPingTimeout, engine.ErrHeartbeat)
		}
	})
}

// probed handles the answer.
func (l *link) probed(p *socketio.Packet) {
	l.probe.answered = l.probe.sent
	if p.Type == socketio.PacketConnect { // a server that takes any namespace
		_ = l.send(&socketio.Packet{Type: socketio.PacketDisconnect, Namespace: probeNamespace})
	}
	for _, k := range l.conn.order {
		if k.barred && k.active && k.phase == phaseOff && !l.leaving {
			k.join(l)
		}
	}
}

// forgotten reports whether the server has certainly carried out an earlier
// DISCONNECT of the namespace on this link, and asks it otherwise. The reference
// server carries out a DISCONNECT a moment after it has read it, and a CONNECT
// at once: one that follows too closely is a violation of the protocol to it.
func (l *link) forgotten(ns string) bool {
	n, left := l.left[ns]
	if !left {
		return true
	}
	if l.probe.answered > n {
		delete(l.left, ns)
		return true
	}
	l.conn.probe() // if one is under way that was sent before, its answer brings us here again
	return false
}

// networkChanged is what Config.Network reports to.
func (c *Conn) networkChanged(e NetworkEvent) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e == NetworkDown {
		if c.live != nil {
			c.live.session.End(engineio.ReasonTransportClose, errNetworkDown)
		}
		return
	}
	c.retry()
}
