package page

import (
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"parley/shared/chat"
)

// Register declares the addresses of the page: "/" is the list of rooms and
// /room/{id} a room. Call it once, before the program serves or runs.
func Register(cfg Config) {
	p := newProgram(cfg)
	open := func() app.Composer { return &root{p: p} }
	app.Route("/", open)
	app.RouteWithRegexp(`^/room/[a-z0-9-]{1,40}/?$`, open)
}

// Styles are the addresses of the style sheets, in the order in which they have
// to be loaded. Every one is needed offline.
func Styles() []string {
	return []string{
		"/web/css/tokens.css",
		"/web/css/base.css",
		"/web/css/parts.css",
		"/web/css/frame.css",
		"/web/css/messages.css",
		"/web/css/composer.css",
		"/web/css/dialogs.css",
	}
}

// Scripts are the addresses of the scripts that run before the page is drawn.
// Every one is needed offline.
func Scripts() []string { return []string{"/web/js/theme.js"} }

// roomOf is the room that an address names, "" for none.
func roomOf(path string) chat.RoomID {
	id, ok := strings.CutPrefix(path, "/room/")
	if !ok {
		return ""
	}
	return chat.RoomID(strings.TrimSuffix(id, "/"))
}
