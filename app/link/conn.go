package link

import (
	"context"
	"errors"
	"time"

	"parley/app/state"
	"parley/shared/chat"
	"parley/shared/client"
	"parley/shared/engineio"
	"parley/shared/event"
)

// codeOffline marks a question that could not be asked or answered for want of a
// connection.
const codeOffline = "offline"

// The pauses before a namespace is asked for again that the server refused for
// now or left by itself; the client does that only for lost connections.
const (
	againMin = time.Second
	againMax = 30 * time.Second
)

// connection is one client connection with the credentials it was made for. Its
// changing fields are guarded by Link.connMu.
type connection struct {
	credentials chat.Credentials
	conn        *client.Conn
	sock        *client.Socket

	greeted  bool // hello has come on the present connection
	build    string
	refusals int         // in a row
	again    *time.Timer // nil when no attempt is planned here
}

// connect makes the connection, or the next attempt when it is there already.
func (l *Link) connect(credentials chat.Credentials) {
	l.connMu.Lock()
	c := l.conn
	l.connMu.Unlock()
	if c != nil && c.credentials == credentials {
		c.sock.Connect()
		c.conn.Retry()
		return
	}
	l.disconnect()
	c = &connection{credentials: credentials}
	cfg := l.cfg.Client
	cfg.Buffer = client.Buffer{None: true} // what must not get lost is in the outbox
	cfg.Auth = func(context.Context) (any, error) { return credentials, nil }
	cfg.OnPanic = l.panicked
	if cfg.Logger == nil {
		cfg.Logger = l.cfg.Log
	}
	conn, err := client.New(l.cfg.URL, cfg)
	if err != nil {
		l.tell(state.Rejected{Failure: failureOf(err)})
		return
	}
	c.conn, c.sock = conn, conn.Of(chat.NS)
	l.listen(c)
	l.connMu.Lock()
	if l.ctx.Err() != nil { // closed meanwhile
		l.connMu.Unlock()
		_ = conn.Close()
		return
	}
	l.conn = c
	l.connMu.Unlock()
	conn.Connect()
}

// listen binds what the server tells to messages.
func (l *Link) listen(c *connection) {
	c.conn.OnState(func(client.State) { l.stateChanged(c) })
	c.sock.OnDisconnect(func(reason engineio.Reason, err error) { l.disconnected(c, reason, err) })
	c.sock.OnConnectError(func(err error) { l.refused(c, err) })
	client.On(c.sock, chat.Hello, func(info chat.ServerInfo) { l.hello(c, info) })
	client.On(c.sock, chat.RoomAdded, func(r chat.RoomInfo) { l.tell(state.RoomAdded{Room: r}) })
	client.On(c.sock, chat.Posted, func(b chat.Batch) { l.tell(state.Posted{Messages: b.Messages}) })
	client.On(c.sock, chat.Joined, func(n chat.Notice) { l.tell(state.MemberJoined{Notice: n}) })
	client.On(c.sock, chat.Left, func(n chat.Notice) { l.tell(state.MemberLeft{Notice: n}) })
	client.On(c.sock, chat.IsTyping, func(n chat.TypingNotice) { l.tell(state.TypingHeard{Notice: n}) })
}

// stateChanged tells how the connection is now. It asks the connection instead
// of believing the change it was called for: calls come on another goroutine
// than events, and "connecting" told after "hello" would stay on the screen.
func (l *Link) stateChanged(c *connection) {
	l.connMu.Lock()
	defer l.connMu.Unlock()
	if l.conn != c {
		return
	}
	now := c.conn.State()
	changed := state.ConnChanged{Attempt: now.Attempt, Reason: reasonOf(now.Err)}
	switch now.Phase {
	case client.Connecting:
		changed.Phase = state.Connecting
	case client.Waiting:
		changed.Phase = state.Waiting
		changed.RetryAt = time.Now().Add(now.Retry).UnixMilli()
		if !l.cfg.Host.Online() {
			changed.Phase = state.Offline
		}
	default:
		return
	}
	l.lost(c)
	l.tell(changed)
}

// lost is called with connMu held when a connection is known to be gone.
func (l *Link) lost(c *connection) {
	c.greeted = false
	if box := l.outboxOf(); box != nil {
		box.SetOnline(false)
	}
}

func (l *Link) hello(c *connection, info chat.ServerInfo) {
	l.connMu.Lock()
	defer l.connMu.Unlock()
	if l.conn != c || !c.sock.Connected() {
		return // of a connection that has ended since; the next one has its own
	}
	c.greeted, c.build, c.refusals = true, info.Build, 0
	l.tell(state.Hello{Info: info})
	if box := l.outboxOf(); box != nil {
		box.SetOnline(true)
	}
}

// disconnected sees to it that the chat comes back when the server has ended the
// namespace: the client itself comes back only from a lost connection.
func (l *Link) disconnected(c *connection, reason engineio.Reason, err error) {
	l.connMu.Lock()
	defer l.connMu.Unlock()
	if l.conn != c {
		return
	}
	l.lost(c)
	if c.sock.Active() {
		return
	}
	text := string(reason)
	if err != nil {
		text = err.Error()
	}
	l.tryAgain(c, text)
}

// refused tells that the server does not want these credentials, or tries again
// when it said that this may help.
func (l *Link) refused(c *connection, err error) {
	refusal, ok := errors.AsType[*client.ConnectError](err)
	if !ok || !refusal.Refused() {
		return // no connection: stateChanged tells
	}
	l.connMu.Lock()
	defer l.connMu.Unlock()
	if l.conn != c {
		return
	}
	l.lost(c)
	if refusal.Retryable {
		l.tryAgain(c, refusal.Message)
		return
	}
	failure := state.Failure{Code: string(event.CodeForbidden), Message: refusal.Message}
	if coded, ok := errors.AsType[*event.Error](err); ok {
		failure.Code = string(coded.Code)
	}
	l.tell(state.Rejected{Failure: failure})
}

// tryAgain plans the next CONNECT of the namespace; connMu is held.
func (l *Link) tryAgain(c *connection, reason string) {
	delay := min(againMin<<min(c.refusals, 10), againMax)
	c.refusals++
	if c.again != nil {
		c.again.Stop()
	}
	c.again = time.AfterFunc(delay, func() { l.do(laneConn, c.sock.Connect) })
	l.tell(state.ConnChanged{
		Phase: state.Waiting, Attempt: c.refusals, Reason: reason,
		RetryAt: time.Now().Add(delay).UnixMilli(),
	})
}

// reconnect makes a waiting connection try at once.
func (l *Link) reconnect() {
	l.connMu.Lock()
	c := l.conn
	l.connMu.Unlock()
	if c == nil || c.sock.Connected() {
		return
	}
	c.sock.Connect()
	c.conn.Retry()
}

// disconnect ends the connection and waits for it.
func (l *Link) disconnect() {
	l.connMu.Lock()
	c := l.conn
	l.conn = nil
	if c != nil {
		l.lost(c)
		if c.again != nil {
			c.again.Stop()
		}
	}
	l.connMu.Unlock()
	if c != nil {
		_ = c.conn.Close() // never fails
	}
}

// socket is the namespace of the chat, nil when there was no Connect.
func (l *Link) socket() *client.Socket {
	l.connMu.Lock()
	defer l.connMu.Unlock()
	if l.conn == nil {
		return nil
	}
	return l.conn.sock
}

// syncOutbox tells the outbox whether there is a connection right now.
func (l *Link) syncOutbox() {
	l.connMu.Lock()
	defer l.connMu.Unlock()
	if box := l.outboxOf(); box != nil {
		box.SetOnline(l.conn != nil && l.conn.greeted)
	}
}

// serverBuild is the release the server was last heard to run, "" when unknown.
func (l *Link) serverBuild() string {
	l.connMu.Lock()
	defer l.connMu.Unlock()
	if l.conn == nil {
		return ""
	}
	return l.conn.build
}

// failureOf says what went wrong in the words of the page's contract.
func failureOf(err error) state.Failure {
	if coded, ok := errors.AsType[*event.Error](err); ok {
		return state.Failure{Code: string(coded.Code), Message: coded.Message}
	}
	for _, lost := range []error{client.ErrNotConnected, client.ErrDisconnected, client.ErrClosed, client.ErrBufferFull} {
		if errors.Is(err, lost) {
			return state.Failure{Code: codeOffline, Message: "no connection"}
		}
	}
	known := event.AsError(err)
	return state.Failure{Code: string(known.Code), Message: known.Message}
}

func reasonOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
