package page

import "parley/app/state"

// Driver carries out the commands that reach beyond the page: the connection,
// local storage, the service worker. app/link is the real one.
type Driver interface {
	// Run starts a command and returns without waiting for it. Commands are begun
	// in the order of the calls. Whatever comes of one is told through the
	// function that was given to [Config.Driver]. Called on the UI goroutine only.
	Run(state.Cmd)
}

// Config is what the page needs from the program it runs in.
type Config struct {
	// Driver makes the driver when the page starts in a browser. tell may be
	// called from any goroutine, never blocks, and keeps the order of calls; it
	// is best given whole batches. Nil, as in the program that only pre-renders
	// the empty page, means there is nothing to drive.
	Driver func(tell func(...state.Msg)) Driver

	// Build names the running release, as the server's hello does.
	Build string
}
