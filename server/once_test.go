package server_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/shared/socketio"
)

// counting is a parser that counts the events of one name that it encodes.
type counting struct {
	socketio.Parser
	name string
	n    atomic.Int64
}

func (c *counting) Encode(dst []socketio.Frame, p *socketio.Packet) ([]socketio.Frame, error) {
	frames, err := c.Parser.Encode(dst, p)
	if err == nil && strings.Contains(string(frames[0].Data), c.name) {
		c.n.Add(1)
	}
	return frames, err
}

func (c *counting) Check(p *socketio.Packet) error { return c.Parser.(socketio.Checker).Check(p) }

// A broadcast is encoded once for all who get it, text or binary.
// Rows: E22
func TestBroadcastIsEncodedOnce(t *testing.T) {
	parser := &counting{Parser: socketio.JSON(), name: "to-many"}
	f := start(t, server.Config{Parser: parser})
	peers := make([]*peer, 5)
	for i := range peers {
		peers[i], _ = f.join("/")
	}
	require.NoError(t, f.Emit("to-many", 1))
	for _, p := range peers {
		p.expect(`2["to-many",1]`)
	}
	require.EqualValues(t, 1, parser.n.Load())
	require.NoError(t, f.Emit("to-many", []byte{1}))
	for _, p := range peers {
		p.expect(`51-["to-many",{"_placeholder":true,"num":0}]`)
	}
	require.EqualValues(t, 2, parser.n.Load())
}
