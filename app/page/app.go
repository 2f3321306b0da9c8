package page

import (
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"parley/app/state"
	"parley/shared/chat"
)

// program is the running page: the one State, and the loop that feeds it. All
// fields but the queue belong to the UI goroutine.
type program struct {
	cfg    Config
	driver Driver
	ctx    app.Context // of the root component; everything is dispatched on it
	state  state.State
	clock  *clock
	scroll *scroller
	query  string // of the room switcher
	chosen int    // the switcher's highlighted row
	shown  shown  // what was last written outside of the components
	beat   *time.Timer

	drafting *time.Timer // stores the composer's text when it ends

	mu        sync.Mutex
	queue     []state.Msg // guarded by mu
	scheduled bool        // guarded by mu: a drain is dispatched
}

// shown is what the page has written into the document besides its components.
type shown struct {
	title   string
	badge   int
	room    string // whose draft is in the composer
	dialog  state.Dialog
	focus   app.Value   // what had the focus before the dialog
	focusIn chat.RoomID // the room that was open then
}

func newProgram(cfg Config) *program {
	p := &program{cfg: cfg, clock: newClock()}
	p.scroll = &scroller{p: p}
	return p
}

func (p *program) look() look { return look{State: p.state, clock: p.clock} }

// tell takes messages from anywhere, in order, without blocking: whatever comes
// until the UI goroutine is free is one batch and one drawing.
func (p *program) tell(msgs ...state.Msg) {
	p.mu.Lock()
	p.queue = append(p.queue, msgs...)
	dispatch := !p.scheduled && len(msgs) > 0 && p.driver != nil // otherwise nothing runs yet
	p.scheduled = p.scheduled || dispatch
	p.mu.Unlock()
	if dispatch {
		p.ctx.Dispatch(func(app.Context) { p.drain() })
	}
}

// drain brings the State up to date with the queue. It runs on the UI goroutine.
func (p *program) drain() {
	defer p.guard("update")
	p.mu.Lock()
	msgs := p.queue
	p.queue, p.scheduled = nil, false
	p.mu.Unlock()

	p.scroll.capture()
	p.update(state.Tick{Now: time.Now().UnixMilli()})
	for _, m := range msgs {
		p.update(m)
	}
	p.scroll.follow()
	p.ctx.Defer(func(app.Context) { p.drawn() })
}

func (p *program) update(m state.Msg) {
	var cmds []state.Cmd
	p.state, cmds = state.Update(p.state, m)
	for _, c := range cmds {
		p.run(c)
	}
}

// run carries out the commands that are about the page and hands on the others.
func (p *program) run(c state.Cmd) {
	switch c := c.(type) {
	case state.Navigate:
		path := "/"
		if c.Room != "" {
			path = href(c.Room)
		}
		p.ctx.Navigate(path)
	case state.CopyText:
		p.copyText(c.Text)
	case state.AskNotify:
		p.askNotify()
	case state.FocusComposer:
		p.scroll.focus = true
	case state.ScrollToEnd:
		p.scroll.toEnd()
	case state.ApplyTheme:
		applyTheme(c.Theme)
	default:
		p.driver.Run(c)
	}
}

// guard keeps a crash inside of one function: the page stays alive and says what
// happened. Use it deferred in everything that go-app or JavaScript calls.
func (p *program) guard(where string) {
	if r := recover(); r != nil {
		p.crashed(where, r)
	}
}

func (p *program) crashed(where string, r any) {
	app.Logf("%s crashed: %v\n%s", where, r, debug.Stack())
	p.state.Crash = fmt.Sprintf("%s: %v", where, r)
	p.tell(state.Panicked{Text: p.state.Crash})
}

// drawing makes what a component shows; when that crashes, a note in its place.
func (p *program) drawing(where string, draw func() app.UI) (out app.UI) {
	defer func() {
		if r := recover(); r != nil {
			p.crashed(where, r)
			out = app.Div().Class("broken").Text("This part of the page could not be shown.")
		}
	}()
	return draw()
}

// drawn runs when the components show the new State.
func (p *program) drawn() {
	defer p.guard("drawn")
	if title := p.look().title(); title != p.shown.title {
		p.shown.title = title
		app.Window().Get("document").Set("title", title)
	}
	if n := p.state.TotalUnread(); n != p.shown.badge {
		p.shown.badge = n
		setBadge(n)
	}
	p.fillComposer()
	p.moveFocus()
	p.scroll.settle()
	p.countDown()
}

// countDown draws every second while a time until the next attempt is shown.
func (p *program) countDown() {
	waiting := p.state.Conn.Phase == state.Waiting && p.state.Conn.RetryAt > p.state.Now
	switch {
	case waiting && p.beat == nil:
		p.beat = time.AfterFunc(time.Second, func() {
			p.ctx.Dispatch(func(app.Context) {
				p.beat = nil
				p.drain()
			})
		})
	case !waiting && p.beat != nil:
		p.beat.Stop()
		p.beat = nil
	}
}

// quietly runs f on the UI goroutine without drawing anything.
func (p *program) quietly(where string, f func()) {
	p.ctx.Dispatch(func(ctx app.Context) {
		defer p.guard(where)
		ctx.PreventUpdate()
		f()
	})
}
