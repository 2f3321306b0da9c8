//go:build unix

package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"parley/cmd/parley/internal/talk"
)

// followSize tells the screen the size of the terminal, now and when it changes, until stop.
func followSize(ctx context.Context, fd int, t *talk.Terminal) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	done := make(chan struct{})
	resize(fd, t)
	go func() {
		defer close(done)
		for {
			select {
			case <-changed:
				resize(fd, t)
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		signal.Stop(changed)
		cancel()
		<-done
	}
}

func resize(fd int, t *talk.Terminal) {
	if width, height, err := term.GetSize(fd); err == nil && width > 0 && height > 0 {
		_ = t.Resize(width, height) // a terminal that has gone ends the input too
	}
}
