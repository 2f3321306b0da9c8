package page

import (
	"strconv"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"parley/app/state"
	"parley/app/ui"
)

// railPart is the list of rooms.
type railPart struct {
	app.Compo

	P    *program
	View rail
}

// Render draws the list of rooms.
func (c *railPart) Render() app.UI {
	return c.P.drawing("rooms", func() app.UI {
		v := c.View
		rail := app.Div().Class("rail").Role("navigation").Aria("label", "Rooms")
		brand := app.UI(brandLink())
		if v.Alone {
			rail.Role("main")
			brand = app.H1().Body(brand)
		}
		return rail.Body(
			app.Div().Class("rail-head").Body(
				brand,
				ui.IconButton{Icon: ui.IconPlus, Label: "New room", Act: "dialog", Arg: "new"}.UI(),
			),
			app.Div().Class("rail-list").Body(
				app.Button().Type("button").Class("jump-box").DataSet("act", "dialog").DataSet("arg", "switcher").Body(
					ui.IconSearch.UI(), app.Span().Text("Jump to a room"), ui.Kbd(modifier(), "K"),
				),
				app.Div().Class("rail-rooms").Body(
					app.Div().Class("room-group").Body(c.items(v.Mine)...),
					c.more(),
				),
			),
			c.foot(),
		)
	})
}

func brandLink() app.UI {
	return app.A().Class("brand").Href("/").Aria("label", "Parley, all rooms").Body(
		ui.Mark(), app.Span().Class("brand-name").Text("Parley"),
	)
}

func (c *railPart) items(items []ui.RoomItem) []app.UI {
	body := make([]app.UI, 0, len(items))
	for _, it := range items {
		body = append(body, it.UI())
	}
	if len(body) == 0 && !c.View.Listed {
		for range 4 {
			body = append(body, app.Div().Class("sk-room").Body(
				app.Div().Class("sk sk-glyph"),
				app.Div().Class("sk-lines").Body(app.Div().Class("sk sk-line"), app.Div().Class("sk sk-line sk-short")),
			))
		}
	}
	return body
}

func (c *railPart) more() app.UI {
	if len(c.View.More) == 0 {
		return app.Div().Class("room-group").Hidden(true)
	}
	return app.Div().Class("room-group").Body(append(
		[]app.UI{app.H2().Class("rail-label").Text("More rooms")},
		c.items(c.View.More)...)...)
}

func (c *railPart) foot() app.UI {
	v := c.View
	return app.Div().Class("rail-foot").Body(
		ui.Avatar(orElse(v.MeID, v.Me), v.Me, "avatar-small"),
		app.Div().Class("me").Body(
			app.Span().Class("me-name").Text(v.Me),
			v.Conn.draw(),
		),
		ui.IconButton{Icon: ui.IconKeys, Label: "Keyboard shortcuts", Act: "dialog", Arg: "help", Class: "only-mouse", Keys: "?"}.UI(),
		ui.IconButton{Icon: ui.IconGear, Label: "Settings", Act: "dialog", Arg: "settings"}.UI(),
	)
}

// headPart is what stands above the messages.
type headPart struct {
	app.Compo

	P    *program
	View head
}

// Render draws the room's name, who is here and the connection.
func (c *headPart) Render() app.UI {
	return c.P.drawing("head", func() app.UI {
		v := c.View
		if v.ID == "" {
			return app.Header().Class("head").Body(
				app.A().Class("icon-btn head-back").Href("/").Aria("label", "Back to the rooms").Body(ui.IconBack.UI()),
				v.Conn.draw(),
			)
		}
		pressed := v.Panel
		people := ui.IconButton{Icon: ui.IconPeople, Label: "Who is here", Act: "panel"}
		if v.Columns >= 3 {
			people.Pressed = &pressed
		}
		return app.Header().Class("head").Body(
			app.A().Class("icon-btn head-back").Href("/").Aria("label", "Back to the rooms").Body(ui.IconBack.UI()),
			ui.RoomGlyph(v.ID, v.Title, "glyph-head"),
			app.Div().Class("head-main").Body(
				app.H1().Class("head-title").Text(v.Title),
				app.P().Class("head-line").Body(connLine{v.Conn.Kind, v.Line}.draw()),
			),
			people.UI(),
		)
	})
}

// draw draws the words behind a dot, and no dot without words.
func (c connLine) draw() app.UI {
	if c.Text == "" {
		return app.Span()
	}
	return app.Span().Class("conn", "conn-"+c.Kind).Body(app.Text(c.Text))
}

// bannerPart is the messages across the page.
type bannerPart struct {
	app.Compo

	P    *program
	View []ui.Banner
}

// Render draws the banners.
func (c *bannerPart) Render() app.UI {
	return c.P.drawing("banners", func() app.UI {
		body := make([]app.UI, 0, len(c.View))
		for _, b := range c.View {
			body = append(body, b.UI())
		}
		return app.Div().Class("banners").Role("status").Body(body...)
	})
}

// peoplePart is who is here, beside the messages.
type peoplePart struct {
	app.Compo

	P     *program
	View  people
	Shown bool
}

// Render draws the third column.
func (c *peoplePart) Render() app.UI {
	return c.P.drawing("people", func() app.UI {
		if !c.Shown {
			return app.Aside().Class("people").Hidden(true)
		}
		return app.Aside().Class("people").Aria("label", "Who is here").Body(c.View.draw()...)
	})
}

func (v people) draw() []app.UI {
	list := make([]app.UI, 0, len(v.Members))
	for _, m := range v.Members {
		note := ""
		if m.Me {
			note = "you"
		}
		list = append(list, ui.Person(m.ID, m.Name, note, !v.Known))
	}
	title, hint := "Here now", ""
	switch {
	case v.Known:
		title += " · " + strconv.Itoa(v.Count)
	case v.Offline:
		title, hint = "Who was here", "Nobody knows who is here without a connection."
	}
	body := []app.UI{
		app.Div().Class("people-room").Body(
			ui.RoomGlyph(v.Room, v.Title, "glyph-large"),
			app.H2().Text(v.Title),
			app.P().Text(orElse(v.Topic, "No topic")),
			ui.Button{Label: "Copy link", Icon: ui.IconLink, Small: true, Act: "copy-link", Arg: v.Room}.UI(),
		),
		app.H3().Class("rail-label").Text(title),
		app.P().Class("people-hint").Text(hint),
		app.Ul().Class("people-list").Body(list...),
	}
	if v.Mine {
		body = append(body, app.Div().Class("people-foot").Body(
			ui.Button{Label: "Leave room", Icon: ui.IconLeave, Kind: ui.Quiet, Small: true, Act: "dialog", Arg: "leave"}.UI(),
		))
	}
	return body
}

// toastPart is the short notices.
type toastPart struct {
	app.Compo

	P    *program
	View []state.Toast
}

// Render draws the notices.
func (c *toastPart) Render() app.UI {
	return c.P.drawing("toasts", func() app.UI {
		body := make([]app.UI, 0, len(c.View))
		for _, t := range c.View {
			body = append(body, ui.Toast{Text: t.Text, Error: t.Error}.UI())
		}
		return app.Div().Class("toasts").Role("status").Aria("live", "polite").Body(body...)
	})
}

// typingPart says who writes.
type typingPart struct {
	app.Compo

	P    *program
	View string
}

// Render draws the line above the composer. It is not read aloud: it changes all
// the time and says nothing that lasts.
func (c *typingPart) Render() app.UI {
	class := "typing"
	if c.View != "" {
		class += " typing-on"
	}
	return app.Div().Class(class).Aria("hidden", "true").Body(
		app.Span().Class("typing-dots").Body(app.I(), app.I(), app.I()),
		app.Span().Text(c.View),
	)
}

// jumpPart leads to the newest message.
type jumpPart struct {
	app.Compo

	P    *program
	View jump
}

type jump struct {
	Shown  bool
	Unread int
}

func (l look) jump() jump {
	v := jump{Shown: !l.AtEnd}
	if r := l.Rooms[l.Open]; r != nil {
		v.Unread = r.Unread
		v.Shown = v.Shown && r.Log.Len() > 0
	}
	return v
}

// Render draws the button.
func (c *jumpPart) Render() app.UI {
	class := "jump"
	if c.View.Shown {
		class += " jump-on"
	}
	text := "Jump to the newest message"
	if n := c.View.Unread; n > 0 {
		text = strconv.Itoa(n) + " new, jump to the newest message"
	}
	return app.Div().Class(class).Body(
		app.Button().Type("button").Class("jump-btn").DataSet("act", "end").Aria("label", text).Title(text).
			Disabled(!c.View.Shown).
			Body(ui.Badge(c.View.Unread, "new"), ui.IconDown.UI()),
	)
}
