package server_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/shared/event"
)

// What a round trip may allocate on the server, from the frame that came to the frame that was written. Three are the
// wire's, which cannot be written to without a goroutine. Then there are the message, the event, its arguments, the
// worker's start, the list of what the handler returned, and two for the answer; and two more under the race detector,
// where pools forget on purpose. The number is the point: a change that raises it has to say why.
func TestEchoAllocations(t *testing.T) {
	echo := event.NewRawCall[event.Value, event.Value](event.NewNamespace("/"), "echo")
	srv := newServer(server.Config{})
	server.Handle(srv, echo, func(_ context.Context, _ *server.Socket, v event.Value) (event.Value, error) { return v, nil })
	w := wired(t, srv, 1)[0]
	for s := range srv.Sockets() {
		require.NoError(t, s.Conn().Flush(t.Context()))
	}
	for len(w.written) > 0 { // handshake and CONNECT
		<-w.written
	}
	frame := text(`4217["echo",{"text":"How are you today?"}]`)
	got := testing.AllocsPerRun(200, func() {
		w.feed <- frame
		<-w.written
	})
	assert.LessOrEqual(t, got, 12.0)
}
