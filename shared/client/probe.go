package client

import (
	"time"

	"parley/shared/client/engine"
	"parley/shared/engineio"
	"parley/shared/socketio"
)

// In Engine.IO v4 only the server pings, so a client that doubts its connection
// has nothing to ask with. It asks to connect a namespace that does not exist:
// every server answers that with an error at once and keeps the connection
// (Socket.IO v5, section "Connection to a namespace").
const probeNamespace = "/parley-liveness-probe"

// probeTimeout is how long the answer, or any other packet, may take.
const probeTimeout = 4 * time.Second

// probe makes sure that the connection works. The lock is held.
func (c *Conn) probe() {
	l := c.live
	if l.session.Expired() {
		c.hurry = true
		return
	}
	if c.probing {
		return
	}
	asked := c.cfg.now()
	if l.send(&socketio.Packet{Type: socketio.PacketConnect, Namespace: probeNamespace}) != nil {
		return
	}
	c.probing = true
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
		c.probing = false
		if l.session.Seen().Before(asked) {
			c.hurry = true
			l.session.End(engineio.ReasonPingTimeout, engine.ErrHeartbeat)
		}
	})
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
