package load

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"parley/shared/chat"
	"parley/shared/client"
	"parley/shared/engineio"
	"parley/shared/event"
)

// user is one connection.
type user struct {
	run     *run
	index   int
	name    string    // unlike any other user's
	members []*member // the rooms the user is in; the first ones are made by the user if they are missing
	byRoom  map[chat.RoomID]*member

	conn *client.Conn
	sock *client.Socket
	back atomic.Bool // it has reconnected
}

// newUser makes a user of some of the rooms; it does nothing yet.
func newUser(r *run, index int) (*user, error) {
	u := &user{run: r, index: index, name: fmt.Sprintf("bench %d", index+1), byRoom: make(map[chat.RoomID]*member)}
	for k := range r.cfg.RoomsEach {
		m := &member{user: u, room: r.rooms[(index+k)%len(r.rooms)]}
		u.members = append(u.members, m)
		u.byRoom[m.room.id] = m
	}
	cfg := r.cfg.Client
	credentials := chat.Credentials{Name: u.name, Token: rand.Text()}
	cfg.Auth = func(context.Context) (any, error) { return credentials, nil }
	cfg.Logger = slog.New(slog.DiscardHandler)
	var err error
	if u.conn, err = client.New(r.cfg.URL, cfg); err != nil {
		return nil, err
	}
	u.sock = u.conn.Of(chat.NS)
	return u, nil
}

// connect opens the connection and joins the rooms.
func (u *user) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, u.run.cfg.Timeout)
	defer cancel()
	outcome := make(chan error, 1)
	report := func(err error) {
		select {
		case outcome <- err:
		default:
		}
	}
	client.On(u.sock, chat.Posted, u.posted)
	var in atomic.Bool // the rooms are joined: from now on a connect is a reconnect
	u.sock.OnConnect(func() {
		report(nil)
		if in.Load() {
			u.run.reconnects.Add(1)
			u.back.Store(true)
			u.run.background.Go(func() { u.catchUp(u.run.ctx) })
		}
	})
	defer u.sock.OnConnectError(func(err error) {
		if !u.sock.Active() {
			report(err)
		}
	})()
	start := time.Now()
	u.conn.Connect()
	select {
	case err := <-outcome:
		if err != nil {
			return err
		}
	case <-ctx.Done():
		if err := u.conn.State().Err; err != nil {
			return err
		}
		return context.Cause(ctx)
	}
	u.run.connects.add(time.Since(start))
	if err := u.makeRoom(ctx); err != nil {
		return err
	}
	for _, m := range u.members {
		h, err := u.joinOnceThere(ctx, m.room.id)
		if err != nil {
			return err
		}
		m.start(h.Room.LastSeq)
		m.room.enter(m)
	}
	in.Store(true)
	u.sock.OnDisconnect(func(engineio.Reason, error) { u.run.drops.Add(1) })
	return nil
}

// makeRoom makes the room that falls to this user, unless an earlier run has.
func (u *user) makeRoom(ctx context.Context) error {
	if u.index >= len(u.run.rooms) {
		return nil
	}
	title := string(u.run.rooms[u.index].id)
	_, err := client.Call(ctx, u.sock, chat.CreateRoom, chat.NewRoom{Title: title, Topic: "Made by parley bench"})
	if event.CodeOf(err) == event.CodeConflict {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make room %s: %w", title, err)
	}
	return nil
}

// joinOnceThere joins a room, and waits for whoever makes it.
func (u *user) joinOnceThere(ctx context.Context, id chat.RoomID) (chat.History, error) {
	for {
		h, err := client.Call(ctx, u.sock, chat.Join, chat.JoinRequest{Room: id})
		if event.CodeOf(err) != event.CodeNotFound {
			return h, err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return h, fmt.Errorf("join %s: %w", id, err)
		}
	}
}

// catchUp joins again after a lost connection and takes what was missed.
func (u *user) catchUp(ctx context.Context) {
	for _, m := range u.members {
		h, err := client.Call(ctx, u.sock, chat.Join, chat.JoinRequest{Room: m.room.id, After: m.seen()})
		for err == nil {
			for _, msg := range h.Messages {
				if m.read(msg.Seq) && !u.mine(msg) {
					u.run.delivered.Add(1)
				}
			}
			now := m.seen()
			if now >= h.Room.LastSeq || len(h.Messages) == 0 {
				break
			}
			h, err = client.Call(ctx, u.sock, chat.Page, chat.PageAfter(m.room.id, now))
		}
		if err != nil && ctx.Err() == nil {
			u.run.failed(err)
		}
	}
}

// mine reports whether this user sent a message.
func (u *user) mine(m chat.Message) bool { return m.From.Name == u.name }

// posted takes a live event. It may come for a message that a page of the history held, and for the user's own if it
// was sent over a connection that is lost; whatever else is known already came twice.
func (u *user) posted(b chat.Batch) {
	for _, msg := range b.Messages {
		m := u.byRoom[msg.Room]
		switch {
		case m == nil, u.mine(msg) && !u.back.Load():
			u.run.repeated.Add(1)
			continue
		case !m.see(msg.Seq):
			if !m.wasRead(msg.Seq) {
				u.run.repeated.Add(1)
			}
			continue
		case u.mine(msg):
			continue
		}
		u.run.delivered.Add(1)
		if due, ok := u.run.dueTime(msg.Text); ok {
			u.run.deliveries.add(time.Since(due))
		}
	}
}

// send posts a message that is due now.
func (u *user) send(ctx context.Context, nth int, due time.Time) {
	m := u.members[nth%len(u.members)]
	d := chat.Draft{ID: uuid.NewString(), Room: m.room.id, Text: u.run.text(due)}
	stored, err := client.Call(ctx, u.sock.Unbuffered(), chat.Send, d)
	if err != nil {
		u.run.failed(err)
		return
	}
	u.run.answers.add(time.Since(due))
	u.run.answered.Add(1)
	m.see(stored.Seq)
	m.room.answered(stored.Seq, u)
}

// text is a message that tells when it was due, filled up to the wanted size.
func (r *run) text(due time.Time) string {
	head := "bench " + r.id + " " + strconv.FormatInt(int64(due.Sub(r.start)), 10) + " "
	return head + strings.Repeat("x", max(1, r.cfg.Payload-len(head)))
}

// dueTime reads when a message of this run was due.
func (r *run) dueTime(text string) (time.Time, bool) {
	rest, ok := strings.CutPrefix(text, "bench "+r.id+" ")
	if !ok {
		return time.Time{}, false
	}
	number, _, _ := strings.Cut(rest, " ")
	ns, err := strconv.ParseInt(number, 10, 64)
	return r.start.Add(time.Duration(ns)), err == nil
}

// failed counts an error of a call by its kind.
func (r *run) failed(err error) {
	kind := string(event.CodeOf(err))
	switch {
	case errors.Is(err, client.ErrNotConnected), errors.Is(err, client.ErrDisconnected):
		kind = "disconnected"
	case errors.Is(err, client.ErrClosed), errors.Is(err, context.Canceled):
		kind = "ended"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures[kind]++
}
