package engine_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server/engine"
	"parley/shared/engineio"
)

// Rows: E12
func TestHeartbeatOverWebSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{})
		c, a := f.connect()
		begin := time.Now()
		for i := range 3 {
			require.Equal(t, "2", c.text())
			require.Equal(t, time.Duration(i+1)*25*time.Second, time.Since(begin))
			c.send("3")
		}
		require.Equal(t, "2", c.text())
		require.Equal(t, ending{engineio.ReasonPingTimeout, nil}, await(t, a.closed))
		require.Equal(t, 120*time.Second, time.Since(begin))
		c.end()
	})
}

// Rows: E08
func TestEchoOverWebSocket(t *testing.T) {
	f := start(t, engine.Config{})
	c, a := f.connect()
	c.send("4hello €")
	require.Equal(t, "4hello €", c.text())
	c.sendBinary(1, 2, 3)
	require.Equal(t, []byte{1, 2, 3}, c.binary())
	require.NoError(t, c.ws.Close(1000, ""))
	require.Equal(t, engineio.ReasonTransportClose, await(t, a.closed).reason)
}

func TestEchoOverPolling(t *testing.T) {
	f := start(t, engine.Config{})
	p, a := f.poll()
	require.Equal(t, "ok", p.post("4hello\x1ebAQID").body)
	require.Equal(t, "4hello\x1ebAQID", p.get().body)
	require.Equal(t, 200, p.post("1").status)
	require.Equal(t, engineio.ReasonTransportClose, await(t, a.closed).reason)
	require.Equal(t, 400, p.get().status)
}

func TestUpgrade(t *testing.T) {
	f := start(t, engine.Config{})
	p, a := f.poll()
	waiting := p.start()
	c := f.dial("&sid=" + p.sid)
	c.send("2probe")
	require.Equal(t, "3probe", c.text())
	require.Equal(t, "6", await(t, waiting).body)
	c.send("5")
	require.Equal(t, 400, p.get().status)
	c.send("4hello")
	require.Equal(t, "4hello", c.text())
	require.Equal(t, "websocket", a.Transport())
}
