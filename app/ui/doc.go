// Package ui holds the parts the chat's pages are put together from: buttons,
// avatars, message bubbles, room items, dialogs, banners. Each is a function or
// a small component from plain values to go-app elements; none knows what a chat
// is, holds state or carries an event handler.
//
//	ui.Button{Label: "Try again", Icon: ui.IconRetry, Act: "reconnect"}.UI()
//
// A part that can be pressed names what it means instead, in data-act and, for
// one of many, data-arg. One listener on the document reads them. That keeps
// rows in loops free of closures, which go-app would confuse when rows move.
//
// Looks come from the style sheets in web/css by class only: the page's content
// security policy forbids inline styles.
package ui
