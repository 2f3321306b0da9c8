//go:build !unix

package main

import (
	"context"

	"golang.org/x/term"

	"parley/cmd/parley/internal/talk"
)

// followSize tells the screen the size of the terminal as it is now.
func followSize(_ context.Context, fd int, t *talk.Terminal) (stop func()) {
	if width, height, err := term.GetSize(fd); err == nil && width > 0 && height > 0 {
		_ = t.Resize(width, height) // a terminal that has gone ends the input too
	}
	return func() {}
}
