package interop_test

import (
	"context"
	"slices"

	"parley/server"
	"parley/shared/event"
)

// The typed contract that cases/typed.mjs speaks in plain JavaScript.
var (
	typedNS = event.NewNamespace("/typed")

	add    = event.NewCall[addends, sum](typedNS, "add")
	length = event.NewRawCall[string, int](typedNS, "length")
	note   = event.NewToServer[event.Args2[string, []byte]](typedNS, "note")
	noted  = event.NewToClient[event.Args2[string, []byte]](typedNS, "noted")
	vote   = event.NewAsk[string, bool](typedNS, "vote")
	poll   = event.NewCall[string, tally](typedNS, "poll")
)

type addends struct {
	A int `json:"a"`
	B int `json:"b"`
}

// Validate refuses negative addends, so that a case can meet an invalid payload.
func (a addends) Validate() error {
	if a.A < 0 || a.B < 0 {
		return event.Errorf(event.CodeInvalid, "negative")
	}
	return nil
}

type sum struct {
	Sum int `json:"sum"`
}

type tally struct {
	Votes  []bool `json:"votes"`
	Errors int    `json:"errors"`
}

func serveTyped(srv *server.Server) {
	ns := srv.Of(typedNS)
	server.Handle(ns, add, func(_ context.Context, _ *server.Socket, r addends) (sum, error) {
		if r.A == 13 {
			return sum{}, event.Errorf("unlucky", "13 is unlucky")
		}
		return sum{r.A + r.B}, nil
	})
	server.Handle(ns, length, func(_ context.Context, _ *server.Socket, text string) (int, error) { return len(text), nil })
	server.On(ns, note, func(ctx context.Context, s *server.Socket, p event.Args2[string, []byte]) error {
		slices.Reverse(p.B)
		return server.Emit(ctx, s.Broadcast(), noted, p)
	})
	server.Handle(ns, poll, func(ctx context.Context, s *server.Socket, question string) (tally, error) {
		var t tally
		for reply, err := range server.Ask(ctx, s.Broadcast(), vote, question) {
			if err != nil {
				t.Errors++
				continue
			}
			t.Votes = append(t.Votes, reply.Value)
		}
		return t, nil
	})
}
