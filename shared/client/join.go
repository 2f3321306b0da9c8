package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"parley/shared/engineio"
	"parley/shared/event"
	"parley/shared/socketio"
)

// Connecting and leaving one namespace. All methods here are called with
// Conn.mu held.

// activate makes the namespace wanted, and with wake the connection too.
func (k *core) activate(wake bool) {
	if k.conn.closed {
		return
	}
	k.active, k.refusal, k.final = true, nil, false
	if wake || k.conn.running {
		k.conn.want()
	}
	if l := k.conn.usable(); l != nil && k.phase == phaseOff {
		k.join(l)
	}
}

// join asks the server to connect the namespace, once its auth is known.
func (k *core) join(l *link) {
	if !l.forgotten(k.ns) {
		k.barred = true // until the answer to a probe
		return
	}
	k.barred = false
	k.phase = phaseAsking
	k.joinCtx, k.joinEnd = context.WithCancelCause(l.ctx)
	if k.auth == nil {
		k.ask(l, nil)
		return
	}
	auth, ctx := k.auth, k.joinCtx
	k.conn.wg.Go(func() {
		v, err := callAuth(ctx, auth)
		k.conn.mu.Lock()
		defer k.conn.mu.Unlock()
		if k.joinCtx != ctx || ctx.Err() != nil {
			return
		}
		if err != nil {
			k.joinFailed(l, fmt.Errorf("auth: %w", err))
			return
		}
		k.ask(l, v)
	})
}

// callAuth turns a panic of the program's function into an error, since there is
// no going on without its result.
func callAuth(ctx context.Context, auth func(context.Context) (any, error)) (v any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return auth(ctx)
}

// ask sends CONNECT with what recovery needs and the auth.
func (k *core) ask(l *link, auth any) {
	data, err := k.session.connectData(auth)
	if err != nil {
		k.joinFailed(l, err)
		return
	}
	k.asked = true
	if err := l.send(&socketio.Packet{Type: socketio.PacketConnect, Namespace: k.ns, Data: data}); err != nil {
		k.asked = false // the session is ending, which lose will tell
	}
}

// accepted handles the server's CONNECT.
func (k *core) accepted(l *link, data []byte) error {
	if !k.asked {
		return errors.New("client: CONNECT without being asked")
	}
	k.asked = false
	if !k.active { // Disconnect was called meanwhile
		k.say(l, socketio.PacketDisconnect)
		k.reset()
		return nil
	}
	var reply struct {
		SID    string `json:"sid"`
		PID    string `json:"pid"`
		Offset string `json:"offset"`
	}
	if err := json.Unmarshal(data, &reply); err != nil || reply.SID == "" {
		k.reset()
		k.giveUp(&ConnectError{
			Namespace: k.ns, Err: errors.New("the server speaks an older protocol: its CONNECT has no sid"),
		})
		return nil
	}
	k.id = reply.SID
	k.recovered = k.session.accepted(reply.PID, reply.Offset)
	if !k.recovered {
		k.shown = k.session.Recovery
	}
	k.phase = phaseOpening
	if k.before == nil {
		k.open(l)
		return nil
	}
	hook, ctx := k.before, k.joinCtx
	k.conn.wg.Go(func() {
		err := callHook(ctx, hook, &Socket{core: k, direct: true})
		k.conn.mu.Lock()
		defer k.conn.mu.Unlock()
		if k.joinCtx != ctx || k.phase != phaseOpening {
			return
		}
		if err != nil {
			k.say(l, socketio.PacketDisconnect)
			k.joinFailed(l, fmt.Errorf("hook: %w", err))
			return
		}
		k.open(l)
	})
	return nil
}

func callHook(ctx context.Context, hook func(context.Context, *Socket) error, s *Socket) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return hook(ctx, s)
}

// open lets everything pass: what was buffered leaves, events that came early are
// handled, then OnConnect is called.
func (k *core) open(l *link) {
	k.phase, k.failures = phaseOn, 0
	k.flush(l)
	for _, f := range k.early {
		k.lane.push(f)
	}
	k.early = nil
	k.announced = true
	k.outcomes++
	k.wakeRetries()
	k.tellConnected()
}

// tellConnected calls the OnConnect functions that do not know of this connection.
func (k *core) tellConnected() {
	n := k.outcomes
	k.lane.push(func() {
		k.onConnect.tell(n, k.conn.guard)
	})
}

// refused handles CONNECT_ERROR: no further attempt until Connect.
func (k *core) refused(data []byte) error {
	if !k.asked {
		return errors.New("client: CONNECT_ERROR without being asked")
	}
	wanted, l := k.active, k.conn.live
	k.reset()
	refusal := newRefusal(k.ns, data)
	switch {
	case !wanted:
		k.conn.idleIfDeserted()
	case refusal.Retryable && k.conn.cfg.RetryRefused:
		k.connectFailed(refusal)
		k.joinLater(l)
	default:
		k.giveUp(refusal)
	}
	return nil
}

// joinFailed notes that connecting failed on this side, and tries again after
// the pause of the back-off unless that is pointless.
func (k *core) joinFailed(l *link, err error) {
	k.reset()
	failure := newFailure(k.ns, err)
	if !failure.Retryable {
		k.giveUp(failure)
		return
	}
	k.connectFailed(failure)
	k.joinLater(l)
}

// giveUp notes a failure after which only the program's Connect tries again.
func (k *core) giveUp(err *ConnectError) {
	k.active, k.refusal = false, err
	k.outcomes++
	k.tellRefused()
	k.conn.idleIfDeserted()
}

// tellRefused calls the OnConnectError functions that do not know of the refusal. If
// none of them calls Connect, nobody waits for an answer any longer.
func (k *core) tellRefused() {
	n, err := k.outcomes, k.refusal
	k.lane.push(func() {
		k.onError.tell(n, func(fn func(error)) { k.conn.guard(func() { fn(err) }) })
		k.conn.mu.Lock()
		defer k.conn.mu.Unlock()
		if k.refusal == err {
			k.final = true
			k.failQuestions(err)
		}
	})
}

// joinLater tries again after the pause of the back-off.
func (k *core) joinLater(l *link) {
	k.failures++
	pause := k.conn.reconnect.delay(k.failures)
	k.conn.wg.Go(func() {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-l.ctx.Done():
			return
		}
		k.conn.mu.Lock()
		defer k.conn.mu.Unlock()
		if k.conn.usable() == l && k.active && k.phase == phaseOff {
			k.join(l)
		}
	})
}

// connectFailed tells OnConnectError of a failure after which another attempt follows.
func (k *core) connectFailed(err *ConnectError) {
	k.lane.push(func() {
		k.onError.each(func(fn func(error)) { k.conn.guard(func() { fn(err) }) })
	})
}

// leave is the program's Disconnect.
func (k *core) leave() {
	k.active = false
	switch k.phase {
	case phaseOpening, phaseOn:
		if l := k.conn.live; l != nil {
			k.say(l, socketio.PacketDisconnect)
		}
		k.forget()
		k.disconnected(engineio.ReasonIOClientDisconnect, nil)
	case phaseAsking:
		// A second CONNECT before the answer to the first would be a violation of
		// the protocol, so the answer is awaited even if nobody wants it.
		if !k.asked {
			k.reset()
		}
	}
}

// dismissed is the server's DISCONNECT. The client does not come back by itself.
func (k *core) dismissed() {
	k.active = false
	k.forget()
	k.disconnected(engineio.ReasonIOServerDisconnect, nil)
	k.conn.idleIfDeserted()
}

// forget gives up the state on the server: who says goodbye does not come back
// to it.
func (k *core) forget() { k.session, k.shown = recovery{}, Recovery{} }

// lose is the end of the session below.
func (k *core) lose(reason engineio.Reason, err error) {
	if k.phase != phaseOff {
		k.disconnected(reason, err)
	}
}

// disconnected ends this connection of the namespace and tells OnDisconnect, if
// OnConnect was told.
func (k *core) disconnected(reason engineio.Reason, err error) {
	announced := k.announced
	k.reset()
	if !announced {
		return
	}
	k.lane.push(func() {
		k.onDisconnect.each(func(fn func(engineio.Reason, error)) { k.conn.guard(func() { fn(reason, err) }) })
	})
}

// reset forgets the connection: what is due from the server fails.
func (k *core) reset() {
	k.phase, k.asked, k.announced = phaseOff, false, false
	if len(k.early) > 0 && k.earlyFrom.PID == k.session.PID {
		k.session = k.earlyFrom // they were not handled, so they are still missing
	}
	k.id, k.early = "", nil
	cause := ErrDisconnected
	if k.conn.closed {
		cause = ErrClosed
	}
	if k.joinEnd != nil {
		k.joinEnd(cause)
	}
	for id, w := range k.pending {
		delete(k.pending, id)
		w.settle(nil, cause)
	}
}

// say sends a packet that has no data.
func (k *core) say(l *link, t socketio.PacketType) {
	if t == socketio.PacketDisconnect {
		l.left[k.ns] = l.probe.sent
	}
	_ = l.send(&socketio.Packet{Type: t, Namespace: k.ns}) // fails only when the session ends anyway
}

// receive handles a packet for this namespace.
func (k *core) receive(l *link, p *socketio.Packet) error {
	switch p.Type {
	case socketio.PacketConnect:
		return k.accepted(l, p.Data)
	case socketio.PacketConnectError:
		return k.refused(p.Data)
	case socketio.PacketDisconnect:
		k.dismissed()
	case socketio.PacketEvent:
		return k.received(l, p)
	case socketio.PacketAck:
		if w := k.pending[p.ID]; w != nil {
			args, err := p.Args()
			if err != nil {
				return err
			}
			delete(k.pending, p.ID)
			w.settle(args, nil)
		}
	}
	return nil
}

// received queues an event for its handlers.
func (k *core) received(l *link, p *socketio.Packet) error {
	name, args, err := p.Event()
	if err != nil {
		return err
	}
	if k.phase != phaseOn && len(k.early) == 0 {
		k.earlyFrom = k.session
	}
	var ack *answer
	if p.HasID {
		ack = &answer{core: k, link: l, joined: k.joinCtx, id: p.ID}
	} else {
		args = k.session.take(args, k.conn.cfg.Offset, k.conn.cfg.now())
	}
	at := k.session.Recovery
	handle := func() {
		k.handle(name, args, ack)
		if at.PID != "" {
			k.sawOffset(at)
		}
	}
	if k.phase != phaseOn {
		k.keepEarly(l, handle)
		return nil
	}
	if k.lane.push(handle) > k.conn.cfg.MaxPending {
		l.session.End(engineio.ReasonSlow, errSlow)
	}
	return nil
}

// keepEarly keeps an event that came before OnConnect may be called, which most are that are replayed. A replay that alone
// is more than may wait would be the same at every further attempt, so the state is given up for it.
func (k *core) keepEarly(l *link, handle func()) {
	limit := k.conn.cfg.MaxPending
	k.early = append(k.early, handle)
	switch {
	case len(k.early) > limit && k.phase == phaseAsking && k.session.PID != "":
		k.forget()
		k.connectFailed(newFailure(k.ns, errReplay))
		l.session.End(engineio.ReasonSlow, errReplay)
	case len(k.early)+k.lane.waiting() > limit:
		l.session.End(engineio.ReasonSlow, errSlow)
	}
}

var errReplay = fmt.Errorf("client: more was missed than MaxPending events: %w",
	event.Errorf(event.CodeUnavailable, "not recovered"))

var errSlow = fmt.Errorf("client: handlers fell behind: %w", event.Errorf(event.CodeUnavailable, "too many events wait"))
