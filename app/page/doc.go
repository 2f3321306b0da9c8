// Package page is the chat as pages: which address shows what, how a
// [parley/app/state.State] looks on screen, and how what a person does becomes
// a message for [parley/app/state.Update].
//
//	page.Register(page.Config{Driver: newLink, Build: build}) // in the browser
//	page.Register(page.Config{})                              // on the server
//
// Both programs register the same addresses. On the server, and in the browser
// until local data is read, every address shows the same neutral outline: no
// user data is ever rendered on the server.
package page
