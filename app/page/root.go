package page

import (
	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"parley/app/state"
	"parley/app/ui"
)

// root is the page at every address. It is only a frame: it is drawn on every
// event, so everything that costs is in components that are not when their View
// stays the same.
type root struct {
	app.Compo

	p *program
}

// OnMount starts the program. It runs once: go-app keeps the component when the
// address changes.
func (r *root) OnMount(ctx app.Context) {
	p := r.p
	defer p.guard("start")
	p.ctx = ctx
	if p.driver != nil || p.cfg.Driver == nil {
		return
	}
	p.driver = p.cfg.Driver(p.tell)
	p.listen()
	p.tell(
		state.Resized{Columns: columns()},
		state.Visibility{On: document().Get("visibilityState").String() == "visible"},
		state.Navigated{Room: roomOf(app.Window().URL().Path)},
		state.Started{Build: p.cfg.Build},
	)
}

// OnNav follows the address.
func (r *root) OnNav(app.Context) {
	defer r.p.guard("navigation")
	if r.p.driver != nil {
		if r.p.drafting != nil {
			r.p.saveDraft() // the composer still shows the room that is left
		}
		r.p.tell(state.Navigated{Room: roomOf(app.Window().URL().Path)})
	}
}

// OnAppUpdate is told by go-app when a service worker installed a release. It is
// neither reliable nor free of false alarms: the State compares builds as well.
func (r *root) OnAppUpdate(app.Context) {
	if r.p.driver != nil {
		r.p.tell(state.UpdateReady{})
	}
}

// Render draws the frame.
func (r *root) Render() app.UI {
	if !r.p.state.Ready {
		return app.Div().ID("parley").Body(ui.Skeleton())
	}
	return r.p.drawing("page", r.frame)
}

func (r *root) frame() app.UI {
	p := r.p
	l := p.look()
	screen := "rooms"
	if l.Open != "" {
		screen = "room"
	}
	frame := app.Div().Class("app").DataSet("screen", screen)
	if l.panelShown() {
		frame.Class("app-panel")
	}
	return app.Div().ID("parley").Body(
		frame.Body(
			&railPart{P: p, View: l.rail()},
			app.Main().Class("room-pane").Body(
				&headPart{P: p, View: l.head()},
				&bannerPart{P: p, View: l.banners()},
				r.middle(l),
				r.dock(l),
			),
			&peoplePart{P: p, View: l.people(), Shown: l.panelShown()},
		),
		&dialogPart{P: p, View: l.dialogView(p)},
		&toastPart{P: p, View: l.Toasts},
		app.Div().Class("sr-only").Role("status").Aria("live", "polite").Text(l.connLine().Text),
	)
}

// middle is the messages, or what stands in their place.
func (r *root) middle(l look) app.UI {
	switch {
	case l.Open == "":
		return app.Div().Class("middle").Body(ui.Empty{
			Mark: true, Title: "Pick a room", Text: "Choose one on the left, or open a new one and invite others with its link.",
			Buttons: []ui.Button{
				{Label: "New room", Icon: ui.IconPlus, Kind: ui.Primary, Act: "dialog", Arg: "new"},
				{Label: "Jump to a room", Icon: ui.IconSearch, Act: "dialog", Arg: "switcher"},
			},
		}.UI())
	case l.nowhere() && len(l.Pending(l.Open)) == 0:
		return app.Div().Class("middle").Body(notThere().UI())
	default:
		return &timelinePart{P: r.p, View: l.timeline(r.p.scroll)}
	}
}

// notThere is what stands in the place of a room that is not there.
func notThere() ui.Empty {
	return ui.Empty{
		Icon: ui.IconSearch, Title: "This room is not there", Text: "The link may be wrong, or nobody has made the room yet.",
		Buttons: []ui.Button{{Label: "New room", Icon: ui.IconPlus, Kind: ui.Primary, Act: "dialog", Arg: "new"}},
	}
}

func (r *root) dock(l look) app.UI {
	if l.Open == "" || l.nowhere() {
		return app.Div().Class("dock").Hidden(true)
	}
	return app.Div().Class("dock").Body(
		&jumpPart{P: r.p, View: l.jump()},
		&typingPart{P: r.p, View: l.typing()},
		&composerPart{P: r.p, Room: string(l.Open), Title: l.composerTitle()},
	)
}
