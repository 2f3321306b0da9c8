package link

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"parley/app/state"
	"parley/shared/chat"
	"parley/shared/client"
	"parley/shared/client/outbox"
)

// tickEvery is how often a Link tells the time.
const tickEvery = 15 * time.Second

// Config says what a Link connects to and where it runs.
type Config struct {
	// URL is where the server is. Required.
	URL string
	// Build names the running release. Empty means that none is known and no
	// other is ever looked for.
	Build string
	// Host is the device. Required.
	Host Host
	// Client configures the connections. Auth, Buffer and OnPanic are the Link's.
	Client client.Config
	// Log receives what nobody is told of. Default slog.Default().
	Log *slog.Logger
}

// Link carries out commands. It implements page.Driver. Use New.
type Link struct {
	cfg   Config
	tell  func(...state.Msg)
	lanes *lanes
	ctx   context.Context // done at Close
	stop  context.CancelFunc
	ticks sync.WaitGroup

	connMu sync.Mutex  // serialises what is told about the connection with what is true
	conn   *connection // guarded by connMu; nil before the first Connect

	localMu sync.Mutex
	local   *local // guarded by localMu; nil before LoadLocal

	laterMu sync.Mutex
	later   map[*time.Timer]struct{} // guarded by laterMu; nil after Close
}

// New returns a Link that tells tell what happens. tell may be called from any
// goroutine, must not block, and must keep the order of calls. Close ends the
// Link; a page that lives as long as its program need not call it.
func New(cfg Config, tell func(...state.Msg)) *Link {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	l := &Link{cfg: cfg, tell: tell, lanes: newLanes(), later: make(map[*time.Timer]struct{})}
	l.ctx, l.stop = context.WithCancel(context.Background())
	l.ticks.Go(l.tick)
	return l
}

// Close ends the connection and everything else the Link started, and waits for
// it. What was written before stays in the outbox.
func (l *Link) Close() {
	l.stop()
	l.laterMu.Lock()
	for t := range l.later {
		t.Stop()
	}
	l.later = nil
	l.laterMu.Unlock()
	l.disconnect()
	l.lanes.close()
	l.ticks.Wait()
	l.closeLocal()
}

func (l *Link) tick() {
	t := time.NewTicker(tickEvery)
	defer t.Stop()
	for {
		select {
		case now := <-t.C:
			l.tell(state.Tick{Now: now.UnixMilli()})
		case <-l.ctx.Done():
			return
		}
	}
}

// Run begins a command and returns at once; what comes of it is told. Commands
// about one room, and commands about storage, are carried out in the order of
// the calls. Commands of the page itself are ignored.
func (l *Link) Run(cmd state.Cmd) {
	switch c := cmd.(type) {
	case state.LoadLocal:
		l.do(laneLocal, l.loadLocal)
	case state.SaveProfile:
		l.store(func(ctx context.Context, d *local) error { return d.saveProfile(ctx, c.Profile) })
	case state.SavePrefs:
		l.store(func(ctx context.Context, _ *local) error { return l.cfg.Host.SavePrefs(ctx, c.Prefs) })
	case state.SaveRooms:
		l.store(func(ctx context.Context, d *local) error { return d.store.PutRooms(ctx, c.Rooms) })
	case state.SaveMessages:
		l.store(func(ctx context.Context, d *local) error { return d.store.PutMessages(ctx, c.Room, c.Messages) })
	case state.ForgetMessages:
		l.store(func(ctx context.Context, d *local) error { return d.store.ForgetMessages(ctx, c.Room) })
	case state.SaveDraft:
		l.store(func(ctx context.Context, d *local) error { return d.store.PutDraft(ctx, c.Room, c.Text) })
	case state.LoadMessages:
		l.do(laneLocal, func() { l.loadMessages(c) })
	case state.SignOut:
		l.do(laneLocal, l.signOut)

	case state.Connect:
		l.do(laneConn, func() { l.connect(chat.Credentials{Name: c.Name, Token: c.Token}) })
	case state.Reconnect:
		l.do(laneConn, l.reconnect)
	case state.ListRooms:
		l.do("list", l.listRooms)
	case state.CreateRoom:
		l.do("create", func() { l.createRoom(c) })
	case state.JoinRoom:
		l.do(laneRoom(c.Request.Room), func() { l.joinRoom(c) })
	case state.LeaveRoom:
		l.do(laneRoom(c.Room), func() { l.leaveRoom(c) })
	case state.FetchPage:
		l.do(laneRoom(c.Request.Room), func() { l.fetchPage(c) })
	case state.SendTyping:
		l.do(laneRoom(c.Room)+" typing", func() { l.sendTyping(c) })

	case state.Enqueue:
		l.do(laneLocal, func() { l.enqueue(c.Item) })
	case state.RetryItem:
		l.do(laneLocal, func() { l.retryItem(c.ID) })
	case state.DiscardItem:
		l.do(laneLocal, func() { l.discardItem(c.ID) })

	case state.CheckUpdate:
		l.do("update", l.checkUpdate)
	case state.Reload:
		l.do("reload", l.cfg.Host.Reload)
	case state.Notify:
		l.do("notify", func() {
			if err := l.cfg.Host.Notify(l.ctx, c.Room, c.Title, c.Body); err != nil {
				l.cfg.Log.Warn("notification not shown", "error", err)
			}
		})
	case state.Later:
		l.tellLater(c)
	}
}

const (
	laneLocal = "local"
	laneConn  = "conn"
)

func laneRoom(id chat.RoomID) string { return "room " + string(id) }

// do runs fn in a lane. A panic in it stops neither the lane nor the page; it is
// told, so that the page can say that it is no longer sound.
func (l *Link) do(lane string, fn func()) {
	l.lanes.do(lane, func() {
		defer func() {
			if v := recover(); v != nil {
				l.panicked(v, debug.Stack())
			}
		}()
		fn()
	})
}

func (l *Link) panicked(v any, stack []byte) {
	l.cfg.Log.Error("panic in the page", "panic", v, "stack", string(stack))
	l.tell(state.Panicked{Text: fmt.Sprint(v)})
}

func (l *Link) tellLater(c state.Later) {
	l.laterMu.Lock()
	defer l.laterMu.Unlock()
	if l.later == nil {
		return
	}
	var t *time.Timer
	t = time.AfterFunc(c.Delay, func() {
		l.laterMu.Lock()
		_, live := l.later[t]
		delete(l.later, t)
		l.laterMu.Unlock()
		if live {
			l.tell(c.Msg)
		}
	})
	l.later[t] = struct{}{}
}

func (l *Link) checkUpdate() {
	if l.cfg.Build == "" {
		return
	}
	found, err := l.cfg.Host.Release(l.ctx, l.cfg.Build)
	switch {
	case err != nil:
		l.cfg.Log.Warn("cannot look for a newer release", "error", err)
	case found == Installed, found == NoInstaller && l.serverBuild() != "" && l.serverBuild() != l.cfg.Build:
		l.tell(state.UpdateReady{})
	}
}

// outboxOf is the outbox, nil before LoadLocal.
func (l *Link) outboxOf() *outbox.Box {
	if d := l.localData(); d != nil {
		return d.box
	}
	return nil
}
