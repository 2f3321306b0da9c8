package engine_test

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server/engine"
	"parley/shared/engineio"
)

// A control frame is no message: after it a connection may be silent for as long
// as the heartbeat allows, and no longer.
// Rows: E12
func TestSilenceAfterAControlFrame(t *testing.T) {
	for name, first := range map[string]byte{"ping": 0x89, "pong": 0x8a} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := startPipe(t, engine.Config{PingInterval: time.Minute, MessageTimeout: time.Second})
				c, a := f.connectRaw()
				begin := time.Now()
				c.write(maskedFrame(first, []byte("x"))...)
				if name == "ping" {
					op, b, err := c.frame()
					require.NoError(t, err)
					require.Equal(t, "\x8ax", string(append([]byte{op}, b...)))
				}
				require.Equal(t, "2 close(1008) +closed", c.reaction())
				require.Equal(t, 80*time.Second, time.Since(begin))
				require.Equal(t, engineio.ReasonPingTimeout, await(t, a.closed).reason)
			})
		})
	}
}

// A control frame may be longer than the longest message.
// Rows: E13
func TestControlFrameAboveTheLimit(t *testing.T) {
	f := start(t, engine.Config{MaxPayload: 100})
	c, _ := f.connectRaw()
	c.write(maskedFrame(0x89, make([]byte, 120))...)
	c.write(closeFrame(1000, string(make([]byte, 120)))...)
	require.Equal(t, "pong close(1000) +closed", c.reaction())
}

// Half a frame and a reset are not a client that has left in order.
// Rows: E12
func TestResetInsideOfAHeader(t *testing.T) {
	f := start(t, engine.Config{})
	c, a := f.connectRaw()
	c.write(0x81)
	require.NoError(t, c.nc.(*net.TCPConn).SetLinger(0))
	require.NoError(t, c.nc.Close())
	end := await(t, a.closed)
	require.Equal(t, engineio.ReasonTransportError, end.reason)
	require.ErrorContains(t, end.err, "reset")
}
