package server_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/shared/event"
)

// TestAllocations keeps what a message costs in memory.
func TestAllocations(t *testing.T) {
	f := start(t, server.Config{})
	f.OnConnect(func(s *server.Socket) {
		s.OnAck("echo", func(args event.Args, ack func(...any)) { ack(args...) })
	})
	const members = 100
	conns := make([]net.Conn, members)
	for i := range conns {
		conns[i] = rawJoin(t, strings.TrimPrefix(f.url, "http://"))
		defer conns[i].Close()
	}
	drain := func() {
		for s := range f.Sockets() {
			assert.NoError(t, s.Conn().Flush(t.Context()))
		}
	}
	drain()
	perBroadcast := testing.AllocsPerRun(100, func() {
		assert.NoError(t, f.Emit("tick", "0123456789abcdef"))
	})
	drain()
	echo := text(`420["echo","0123456789abcdef"]`)
	answer := make([]byte, len("430[\"0123456789abcdef\"]")+2)
	conn := rawJoin(t, strings.TrimPrefix(f.url, "http://"))
	defer conn.Close()
	perEcho := testing.AllocsPerRun(100, func() {
		_, err := conn.Write(echo)
		assert.NoError(t, err)
		_, err = conn.Read(answer)
		assert.NoError(t, err)
	})
	t.Logf("a broadcast to %d: %.0f allocations, an echo: %.0f", members, perBroadcast, perEcho)
	require.LessOrEqual(t, perBroadcast, 12.0, "independent of the number of members")
	require.LessOrEqual(t, perEcho, 14.0)
}

// rawJoin connects to "/" with as little as possible on the client's side.
func rawJoin(t testing.TB, address string) net.Conn {
	c, err := net.Dial("tcp", address)
	if !assert.NoError(t, err) {
		return nil
	}
	fmt.Fprintf(c, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", address)
	var text strings.Builder
	buf := make([]byte, 512)
	joining := false
	for !strings.Contains(text.String(), `40{"sid"`) {
		n, err := c.Read(buf)
		if !assert.NoError(t, err) {
			return c
		}
		text.Write(buf[:n])
		if !joining && strings.Contains(text.String(), `0{"sid"`) {
			joining = true
			if _, err := c.Write([]byte{0x81, 0x82, 0, 0, 0, 0, '4', '0'}); !assert.NoError(t, err) {
				return c
			}
		}
	}
	return c
}
