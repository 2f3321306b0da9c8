package engine_test

import (
	"bytes"
	"compress/flate"
	"net"
	"strings"
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

// A compressed message may end before its last fragment does. What follows has to
// be the rest of it all the same.
// Rows: E23
// Advisories: CVE-2022-21676
func TestMessageBehindACompressedOne(t *testing.T) {
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestSpeed)
	require.NoError(t, err)
	_, _ = w.Write([]byte("4first"))
	require.NoError(t, w.Flush())
	flushed := bytes.Clone(bytes.TrimSuffix(packed.Bytes(), []byte("\x00\x00\xff\xff")))
	require.NoError(t, w.Close())
	final := packed.Bytes()
	text := maskedFrame(0x81, []byte("4then"))
	for name, c := range map[string]struct {
		bytes    []byte
		reaction string
	}{
		"one frame":    {joined(maskedFrame(0xc1, flushed), text), "4first 4then 2 "},
		"fragments":    {joined(maskedFrame(0x41, flushed), maskedFrame(0x80, nil), text, text), "4first 4then 4then 2 "},
		"not its last": {joined(maskedFrame(0x41, final), text), "4first "},
		"inside of it": {joined(maskedFrame(0x41, flushed), text), ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := startPipe(t, engine.Config{Compression: engine.Compression{WebSocket: 1024}})
				s := f.dialRaw("", "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n")
				_, _, err := s.frame()
				require.NoError(t, err)
				go s.nc.Write(c.bytes) //nolint:errcheck // the server may close before it has read all
				code := "close(1002) +closed"
				if strings.HasSuffix(c.reaction, "2 ") { // nothing was wrong until it fell silent
					code = "close(1008) +closed"
				}
				require.Equal(t, c.reaction+code, s.reaction())
			})
		})
	}
}
