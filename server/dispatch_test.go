package server_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/shared/event"
)

// A handler that is added while an event is on its way, before the handlers are called, is called for that event.
// Rows: L03 N18
func TestHandlerAddedWhileTheEventIsDispatched(t *testing.T) {
	for name, prepare := range map[string]func(*server.Socket){
		"a socket that has nothing of its own": func(*server.Socket) {},
		"one that has":                         func(s *server.Socket) { s.Set("k", 1) },
	} {
		for how, add := range map[string]func(f *fixture, once func(*server.Socket)){
			"middleware": func(f *fixture, once func(*server.Socket)) {
				f.UseEvent(func(next server.EventFunc) server.EventFunc {
					return func(ctx context.Context, e *server.Event) error {
						once(e.Socket())
						return next(ctx, e)
					}
				})
			},
			"catch-all": func(f *fixture, once func(*server.Socket)) {
				f.OnAny(func(s *server.Socket, _ string, _ event.Args) { once(s) })
			},
		} {
			t.Run(how+", "+name, func(t *testing.T) {
				f := start(t, server.Config{})
				got := make(chan string, 8)
				added := false
				add(f, func(s *server.Socket) {
					if added {
						return
					}
					added = true
					s.OnAny(func(_ string, args event.Args) { got <- "any " + args.String(0) })
					s.On("x", func(args event.Args) { got <- args.String(0) })
				})
				p, s := f.join("/")
				prepare(s)
				p.send(`2["x","1"]`)
				p.send(`2["x","2"]`)
				for _, want := range []string{"any 1", "1", "any 2", "2"} {
					require.Equal(t, want, await(t, got))
				}
			})
		}
	}
}
