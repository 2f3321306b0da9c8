package talk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/google/uuid"

	"parley/shared/chat"
	"parley/shared/client"
	"parley/shared/client/outbox"
	"parley/shared/engineio"
	"parley/shared/event"
)

// Config is what a session needs to know.
type Config struct {
	URL   string      // of the server
	Name  string      // of the user
	Token string      // who the user is; see chat.Credentials
	Room  chat.RoomID // joined first

	Store outbox.Store // keeps what is not sent yet

	// History is how many older messages are shown when a room is opened. The session asks for no more than
	// chat.NewestPage.
	History int

	// Drain is how long the end of the input waits for what is not sent yet.
	Drain time.Duration

	// Follow goes on after the end of the input, until the context ends.
	Follow bool

	Client client.Config // Auth is the session's own
}

// ErrUnsent is returned by Run when messages wait in the store that could not be sent.
var ErrUnsent = errors.New("messages could not be sent")

const (
	gapPatience = 250 * time.Millisecond // before a missing message is asked for
	joinPause   = 2 * time.Second        // before a failed join is tried again
	mostWaiting = 100                    // unsent messages above which a pipe is not read
	impatience  = 2 * time.Second        // that somebody who ends the session waits for unsent messages
)

// Session is one user in the chat. Everything it knows belongs to the goroutine of Run; callbacks of the client and
// answers reach it as functions in its queue.
type Session struct {
	cfg    Config
	screen Screen
	style  style
	conn   *client.Conn
	sock   *client.Socket
	box    *outbox.Box

	ctx  context.Context // of Run
	todo todo
	wg   sync.WaitGroup // calls on their way

	me      chat.Member
	online  bool
	lost    bool // the loss of the connection has been told
	refused error
	rooms   map[chat.RoomID]*room
	order   []chat.RoomID // of joining
	current chat.RoomID
	calls   int               // on their way
	waiting map[string]string // unsent texts by id
	typists map[chat.UserID]typist
	typed   time.Time // when "is typing" was last told
	shown   time.Time // of the last message on the screen
	known   []string  // room ids for completion
}

// room is one that the user has joined or is joining.
type room struct {
	id       chat.RoomID
	log      log
	members  map[chat.UserID]chat.Member
	joined   bool     // on this connection
	loading  bool     // a join or a page is on its way
	whenDone []func() // to be called when it has been joined
	early    []func() // notices that came before the answer to the join
}

type typist struct {
	room  chat.RoomID
	name  string
	until time.Time
}

// New returns a session that does nothing until Run. The address is checked.
func New(cfg Config, screen Screen) (*Session, error) {
	s := &Session{
		cfg: cfg, screen: screen, style: style{screen.Styled()},
		todo: todo{wake: make(chan struct{}, 1)}, rooms: make(map[chat.RoomID]*room), waiting: make(map[string]string),
		typists: make(map[chat.UserID]typist),
	}
	cfg.Client.Auth = func(context.Context) (any, error) { return chat.Credentials{Name: cfg.Name, Token: cfg.Token}, nil }
	var err error
	if s.conn, err = client.New(cfg.URL, cfg.Client); err != nil {
		return nil, err
	}
	s.box, err = outbox.New(outbox.Config{Store: cfg.Store, Send: s.send, OnChange: s.changed})
	return s, err
}

// Run talks until the input ends, the user leaves, the server refuses the user or ctx ends; the last is no error. It
// waits for everything it has started but for a ReadLine that does not return.
func (s *Session) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	s.ctx = ctx
	if err := s.load(ctx); err != nil {
		cancel()
		return errors.Join(err, s.conn.Close())
	}
	s.listen()
	s.join(s.cfg.Room)
	s.current = s.cfg.Room
	s.screen.Complete(s.complete, func(string) { s.do(s.typing) })
	lines, inputErr := s.readLines(ctx)
	s.wg.Go(func() { s.box.Run(ctx) })
	s.conn.Connect()

	err := s.loop(ctx, lines)
	if ctx.Err() == nil {
		select {
		case readErr := <-inputErr:
			err = errors.Join(err, readErr)
		default:
		}
	}
	err = errors.Join(err, s.unsent(), s.conn.Close()) // says goodbye, so that the others see it at once
	cancel()
	s.wg.Wait()
	return err
}

// load counts what an earlier session could not send.
func (s *Session) load(ctx context.Context) error {
	items, err := s.box.Items(ctx)
	for _, it := range items {
		if it.Failure == nil {
			s.waiting[it.ID] = draftText(it)
		}
	}
	return err
}

// listen registers for what the client has to tell.
func (s *Session) listen() {
	s.sock = s.conn.Of(chat.NS)
	s.conn.OnState(func(st client.State) { s.do(func() { s.state(st) }) })
	s.sock.OnConnect(func() { s.do(s.connected) })
	s.sock.OnDisconnect(func(r engineio.Reason, err error) { s.do(func() { s.disconnected(r, err) }) })
	s.sock.OnConnectError(func(err error) { s.do(func() { s.connectError(err) }) })
	on(s, chat.Hello, func(h chat.ServerInfo) { s.me = h.Me })
	on(s, chat.Posted, func(b chat.Batch) { s.arrived(b.Messages...) })
	on(s, chat.Joined, func(n chat.Notice) { s.came(n, true) })
	on(s, chat.Left, func(n chat.Notice) { s.came(n, false) })
	on(s, chat.IsTyping, s.someoneTypes)
	on(s, chat.RoomAdded, func(r chat.RoomInfo) {
		s.screen.Print(s.style.notice("new room #%s: %s", line(string(r.ID)), line(r.Title)))
	})
}

func on[T any](s *Session, ev event.ToClient[T], fn func(T)) {
	client.On(s.sock, ev, func(v T) { s.do(func() { fn(v) }) })
}

// do hands a function to the goroutine of Run. It never blocks: the outbox calls it while the session may be waiting
// for the outbox.
func (s *Session) do(fn func()) { s.todo.push(fn) }

// later is do after a pause, unless the session ends before.
func (s *Session) later(pause time.Duration, fn func()) {
	s.wg.Go(func() {
		t := time.NewTimer(pause)
		defer t.Stop()
		select {
		case <-t.C:
			s.do(fn)
		case <-s.ctx.Done():
		}
	})
}

// ask runs a call on a goroutine of its own and then on the session's.
func ask[Req, Res any](s *Session, call event.Call[Req, Res], req Req, then func(Res, error)) {
	s.calls++
	s.wg.Go(func() {
		res, err := client.Call(s.ctx, s.sock, call, req)
		s.do(func() {
			s.calls--
			then(res, err)
		})
	})
}

// readLines reads the screen on a goroutine of its own, until it fails or ctx ends. The channel of lines is closed at
// the end of the input; the other one has the error, if any.
func (s *Session) readLines(ctx context.Context) (<-chan string, <-chan error) {
	lines, failed := make(chan string), make(chan error, 1)
	go func() {
		defer close(lines)
		for {
			l, err := s.screen.ReadLine()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					failed <- err
				}
				return
			}
			select {
			case lines <- l:
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines, failed
}

// errQuit ends the input at the user's wish.
var errQuit = errors.New("quit")

// loop is the session's goroutine.
func (s *Session) loop(ctx context.Context, lines <-chan string) error {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	var giveUp <-chan time.Time // not nil after the last line
	end := func() {
		lines = nil
		drain := s.cfg.Drain
		if s.screen.Interactive() {
			drain = min(drain, impatience)
		}
		giveUp = time.After(drain)
	}
	for s.refused == nil {
		s.screen.Status(s.status())
		in := lines
		if !s.screen.Interactive() && len(s.waiting) >= mostWaiting {
			in = nil
		}
		if giveUp != nil && s.settled() {
			return nil
		}
		select {
		case <-s.todo.wake:
			s.todo.run()
		case l, open := <-in:
			switch {
			case !open && s.cfg.Follow:
				lines = nil
			case !open:
				end()
			default:
				if err := s.command(ctx, l); errors.Is(err, errQuit) {
					end()
				} else if err != nil {
					return err
				}
			}
		case <-second.C: // names of typists expire
		case <-giveUp:
			if len(s.waiting) == 0 {
				return errors.New("the server did not answer")
			}
			return nil // Run says what was not sent
		case <-ctx.Done():
			return nil
		}
	}
	return s.refused
}

// settled reports whether nothing is on its way any more. Somebody at a terminal does not wait for a connection.
func (s *Session) settled() bool {
	if !s.online {
		return s.screen.Interactive()
	}
	return len(s.waiting) == 0 && s.calls == 0
}

// unsent says what was not sent when the session ends.
func (s *Session) unsent() error {
	s.todo.run()
	if n := len(s.waiting); n > 0 {
		return fmt.Errorf("%d %w", n, ErrUnsent)
	}
	return nil
}

// todo is a queue of functions for one goroutine.
type todo struct {
	wake chan struct{} // has an element when there may be something to run

	mu    sync.Mutex
	queue []func() // guarded by mu
}

func (t *todo) push(fn func()) {
	t.mu.Lock()
	t.queue = append(t.queue, fn)
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// run runs what is in the queue.
func (t *todo) run() {
	t.mu.Lock()
	queue := t.queue
	t.queue = nil
	t.mu.Unlock()
	for _, fn := range queue {
		fn()
	}
}

// send delivers one item of the outbox. It runs on a goroutine of the outbox.
func (s *Session) send(ctx context.Context, it outbox.Item) (json.RawMessage, error) {
	var d chat.Draft
	if err := json.Unmarshal(it.Payload, &d); err != nil {
		return nil, event.Errorf(event.CodeInvalid, "the outbox holds something else: %w", err)
	}
	m, err := client.Call(ctx, s.sock.Unbuffered(), chat.Send, d)
	if err != nil {
		return nil, err
	}
	return json.Marshal(m)
}

// changed is told by the outbox how far an item is.
func (s *Session) changed(c outbox.Change) {
	switch c.Status {
	case outbox.Sent:
		var m chat.Message
		if json.Unmarshal(c.Result, &m) == nil {
			s.do(func() {
				delete(s.waiting, c.Item.ID)
				s.arrived(m)
			})
		}
	case outbox.Dead:
		s.do(func() {
			delete(s.waiting, c.Item.ID)
			s.screen.Print(s.style.problem("not sent to #%s: %s (%s)", c.Item.Lane, text(draftText(c.Item)), line(c.Item.Failure.Message)))
			s.discard(c.Item.ID)
		})
	}
}

// discard removes a message that the server will never take: its text has been shown.
func (s *Session) discard(id string) {
	s.wg.Go(func() {
		if err := s.box.Discard(s.ctx, id); err != nil && !errors.Is(err, outbox.ErrUnknown) && s.ctx.Err() == nil {
			s.do(func() { s.screen.Print(s.style.problem("%v", err)) })
		}
	})
}

func draftText(it outbox.Item) string {
	var d chat.Draft
	_ = json.Unmarshal(it.Payload, &d) // an item that is no draft has no text
	return d.Text
}

// post stores a text to be sent to the current room.
func (s *Session) post(ctx context.Context, typed string) error {
	t := chat.CleanText(typed)
	if t == "" {
		return nil
	}
	if err := chat.CheckText(t); err != nil {
		s.screen.Print(s.style.problem("%s", event.AsError(err).Message))
		return nil
	}
	d := chat.Draft{ID: uuid.NewString(), Room: s.current, Text: t}
	payload, err := json.Marshal(d)
	if err != nil {
		return err
	}
	s.waiting[d.ID] = t
	s.typed = time.Time{}
	if s.screen.Interactive() && !s.online {
		s.screen.Print(s.style.dim("(waits) " + text(t)))
	}
	// On a goroutine of its own it could be overtaken by the next line. The outbox calls OnChange from here: for a
	// queued item, which changed passes over.
	if _, err := s.box.Add(ctx, d.ID, string(s.current), payload); err != nil {
		return fmt.Errorf("keep the message: %w", err)
	}
	return nil
}
