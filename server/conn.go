package server

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"parley/server/engine"
	"parley/shared/engineio"
	"parley/shared/socketio"
)

// conn is one client's connection: an Engine.IO session and the sockets that share it, one for each namespace. It
// is the session's engine.Receiver.
type conn struct {
	srv     *Server
	session *engine.Session
	decoder socketio.Decoder // used by Receive only
	overdue *time.Timer      // used by Receive and Closed only; runs while a packet waits for attachments

	mu        sync.Mutex
	sockets   []*Socket   // guarded by mu; connecting ones too; seldom more than one or two
	timer     *time.Timer // guarded by mu; the connect timeout; nil once a namespace was joined
	admitting int         // guarded by mu; goroutines that let a socket in, also one that has left meanwhile
	closed    bool        // guarded by mu
	left      []string    // guarded by mu; namespaces that this server has put the client out of
}

// start begins the wait for the first namespace.
func (c *conn) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer = time.AfterFunc(c.srv.cfg.ConnectTimeout, c.expire)
}

// expire closes a connection that has joined nothing in time.
func (c *conn) expire() {
	c.mu.Lock()
	late := c.timer != nil && !c.closed
	c.mu.Unlock()
	if late {
		c.session.Close(engineio.ReasonForcedServerClose)
	}
}

// joined ends the connect timeout.
func (c *conn) joined() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
}

// Receive takes one Engine.IO message. It only decodes, resolves acknowledgements and queues; what is returned runs
// the handlers.
func (c *conn) Receive(binary bool, data []byte) engine.Task {
	if c.decoder == nil {
		l := &c.srv.cfg.Limits
		c.decoder = c.srv.cfg.Parser.NewDecoder(socketio.Limits{
			MaxAttachments: l.Attachments, MaxDepth: l.Depth, MaxBytes: l.PacketBytes,
		})
	}
	p, complete, err := c.decoder.Add(socketio.Frame{Binary: binary, Data: data})
	if err != nil {
		c.violation(fmt.Errorf("server: decode packet: %w", err))
		return nil
	}
	c.watchPending(complete)
	if !complete {
		return nil
	}
	return c.packet(&p)
}

// watchPending bounds the time for which a packet may wait for its attachments.
func (c *conn) watchPending(complete bool) {
	if complete {
		if c.overdue != nil {
			c.overdue.Stop()
			c.overdue = nil
		}
		return
	}
	if c.overdue == nil {
		c.overdue = time.AfterFunc(c.srv.cfg.Limits.PacketTime, func() {
			c.violation(errors.New("server: the attachments of a packet did not come in time"))
		})
	}
}

func (c *conn) packet(p *socketio.Packet) engine.Task {
	if p.Type == socketio.PacketConnect {
		c.connect(p)
		return nil
	}
	s := c.find(p.Namespace)
	if s == nil {
		if c.forgiven(p.Namespace) { // sent before the client knew that it is out
			return nil
		}
		c.violation(fmt.Errorf("server: packet of type %d for a namespace that is not joined", p.Type))
		return nil
	}
	switch p.Type {
	case socketio.PacketEvent, socketio.PacketBinaryEvent:
		if s.state.Load() == stateConnecting {
			c.violation(fmt.Errorf("server: event before the namespace is joined"))
			return nil
		}
		name, args, err := p.Event()
		if err != nil {
			c.violation(fmt.Errorf("server: decode event: %w", err))
			return nil
		}
		return s.receive(&Event{Name: name, Args: args, socket: s, id: p.ID, wantsAck: p.HasID, apart: p.Apart(), size: size(p)})
	case socketio.PacketAck, socketio.PacketBinaryAck:
		args, err := p.Args()
		if err != nil {
			c.violation(fmt.Errorf("server: decode acknowledgement: %w", err))
			return nil
		}
		s.resolve(p.ID, args)
	case socketio.PacketDisconnect:
		s.end(engineio.ReasonClientNamespaceDisconnect, nil, true)
	default:
		c.violation(fmt.Errorf("server: unexpected packet of type %d", p.Type))
	}
	return nil
}

// size is what a received packet holds in memory.
func size(p *socketio.Packet) int {
	n := len(p.Data)
	for _, a := range p.Attachments {
		n += len(a)
	}
	return n
}

// find returns the connection's socket in that namespace, or nil.
func (c *conn) find(ns string) *Socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.has(ns)
}

// has is find; the caller holds mu.
func (c *conn) has(ns string) *Socket {
	for _, s := range c.sockets {
		if s.nsName == ns {
			return s
		}
	}
	return nil
}

// forgiven reports whether the server has put the client out of a namespace it may still have packets on their way for.
func (c *conn) forgiven(ns string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.left, ns)
}

// violation closes the connection of a client that breaks the protocol.
func (c *conn) violation(err error) {
	f := Fault{Err: err, Client: true}
	for _, s := range c.all() {
		if s.Connected() {
			f.Socket, f.Namespace = s, s.ns
			break
		}
	}
	c.srv.fault(f)
	c.session.Close(engineio.ReasonForcedClose)
}

// remove forgets a socket that has ended. putOut says that it was this server that ended it: the client may not know yet.
func (c *conn) remove(s *Socket, putOut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if putOut && !slices.Contains(c.left, s.nsName) && len(c.left) < c.srv.cfg.Limits.Namespaces {
		c.left = append(c.left, s.nsName)
	}
	for i, other := range c.sockets {
		if other == s {
			c.sockets = append(c.sockets[:i], c.sockets[i+1:]...)
			break
		}
	}
}

// all is a snapshot of the sockets.
func (c *conn) all() []*Socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*Socket(nil), c.sockets...)
}

// Closed ends every socket of the connection.
func (c *conn) Closed(reason engineio.Reason, err error) {
	c.mu.Lock()
	c.closed = true
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	c.mu.Unlock()
	c.watchPending(true)
	endAll(c.all(), reason, err, true)
}

// endAll ends the sockets of a connection, the others also when a listener ends the goroutine at one.
func endAll(list []*Socket, reason engineio.Reason, err error, keep bool) {
	if len(list) > 0 {
		defer endAll(list[1:], reason, err, keep)
		list[0].end(reason, err, keep)
	}
}

// push queues messages. The sockets of a session that has ended follow in a moment.
func (c *conn) push(o engine.SendOptions, group []*engine.Message) error {
	err := c.session.Send(o, group...)
	if err == engine.ErrClosed {
		err = ErrDisconnected
	}
	return err
}

// send queues one packet that is not an event.
func (c *conn) send(p socketio.Packet) error {
	e := c.srv.encoders.get()
	defer c.srv.encoders.put(e)
	e.packet = p
	group, err := e.encode(c.srv.cfg.Parser)
	if err != nil {
		return err
	}
	return c.push(engine.SendOptions{}, group)
}

// sendAck queues the answer to ev, unless another one was. It gives up lent, buffers that nothing but args refers to.
// The answer is written before it counts: after an error of encoding another one can be given.
func (c *conn) sendAck(ev *Event, args []any, lent [][]byte) error {
	e := c.srv.encoders.get()
	defer c.srv.encoders.put(e)
	if err := e.ack(ev.socket.nsName, ev.id, args); err != nil {
		return err
	}
	group, err := e.encode(c.srv.cfg.Parser)
	if err != nil {
		return err
	}
	if !ev.claim() {
		return nil
	}
	for _, b := range lent {
		c.srv.engine.Recycle(b, group...)
	}
	return c.push(engine.SendOptions{Until: &ev.socket.over}, group)
}

// encode turns a packet into messages.
func (srv *Server) encode(p socketio.Packet) ([]*engine.Message, error) {
	e := srv.encoders.get()
	defer srv.encoders.put(e)
	e.packet = p
	group, err := e.encode(srv.cfg.Parser)
	if err != nil {
		return nil, err
	}
	return append([]*engine.Message(nil), group...), nil
}
