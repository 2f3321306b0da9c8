package interop_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// socketSuite is what every Socket.IO v5 server owes its clients. The endpoint has the namespaces
// "/" and "/custom", where a client is greeted with an "auth" event that carries its auth payload,
// "message" comes back as "message-back" and "message-with-ack" is acknowledged with its arguments;
// a connection that joins no namespace is closed after 8 s.
func socketSuite(t *testing.T, e endpoint) {
	t.Run("connect", func(t *testing.T) { socketConnect(t, e) })
	t.Run("disconnect", func(t *testing.T) { socketDisconnect(t, e) })
	t.Run("message", func(t *testing.T) { socketMessages(t, e) })
	t.Run("violations", func(t *testing.T) { socketViolations(t, e) })
}

// join opens a connection, sends a CONNECT packet and returns the connection when the server has
// accepted and greeted, with the greeting.
func (e endpoint) join(t *testing.T, connect, prefix string) (*frames, string) {
	t.Helper()
	f, _ := e.open(t)
	f.send(t, connect)
	reply := f.event(t)
	require.True(t, strings.HasPrefix(reply, prefix), reply)
	var payload map[string]any
	require.NoError(t, json.Unmarshal([]byte(reply[len(prefix):]), &payload))
	require.Len(t, payload, 1)
	require.IsType(t, "", payload["sid"])
	return f, f.event(t)
}

func socketConnect(t *testing.T, e endpoint) {
	for name, c := range map[string]struct{ connect, prefix, greeting string }{
		"the main namespace":           {`40`, `40`, `42["auth",{}]`},
		"the main namespace with auth": {`40{"token":"123"}`, `40`, `42["auth",{"token":"123"}]`},
		"a custom namespace":           {`40/custom,`, `40/custom,`, `42/custom,["auth",{}]`},
		"a custom namespace with auth": {`40/custom,{"token":"abc"}`, `40/custom,`, `42/custom,["auth",{"token":"abc"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, greeting := e.join(t, c.connect, c.prefix)
			require.Equal(t, c.greeting, greeting)
		})
	}
	t.Run("an unknown namespace is refused", func(t *testing.T) {
		t.Parallel()
		f, _ := e.open(t)
		f.send(t, "40/random")
		require.Equal(t, `44/random,{"message":"Invalid namespace"}`, f.event(t))
	})
	t.Run("an undecodable packet closes the connection", func(t *testing.T) {
		t.Parallel()
		f, _ := e.open(t)
		f.send(t, "4abc")
		f.closed(t)
	})
	t.Run("joining nothing closes the connection", func(t *testing.T) {
		t.Parallel()
		f, _ := e.open(t)
		for {
			typ, data, err := f.read(t)
			if err != nil {
				return
			}
			require.Equal(t, "2", string(data), typ)
			f.send(t, "3") // alive, so that only the missing CONNECT can be the reason
		}
	})
}

func socketDisconnect(t *testing.T, e endpoint) {
	t.Run("from the main namespace", func(t *testing.T) {
		t.Parallel()
		f, _ := e.join(t, "40", "40")
		f.send(t, "41")
		require.Equal(t, "2", f.text(t), "the connection stays")
	})
	t.Run("from a custom namespace", func(t *testing.T) {
		t.Parallel()
		f, _ := e.join(t, "40", "40")
		f.send(t, "40/custom")
		require.True(t, strings.HasPrefix(f.event(t), "40/custom,"))
		require.Equal(t, `42/custom,["auth",{}]`, f.event(t))
		f.send(t, "41/custom")
		f.send(t, `42["message","to the main namespace"]`)
		require.Equal(t, `42["message-back","to the main namespace"]`, f.event(t))
	})
}

func socketMessages(t *testing.T, e endpoint) {
	t.Run("text", func(t *testing.T) {
		t.Parallel()
		f, _ := e.join(t, "40", "40")
		f.send(t, `42["message",1,"2",{"3":[true]}]`)
		require.Equal(t, `42["message-back",1,"2",{"3":[true]}]`, f.event(t))
	})
	t.Run("binary", func(t *testing.T) {
		t.Parallel()
		f, _ := e.join(t, "40", "40")
		f.send(t, `452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`)
		f.sendBinary(t, 1, 2, 3)
		f.sendBinary(t, 4, 5, 6)
		require.Equal(t, `452-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, f.event(t))
		require.Equal(t, []byte{1, 2, 3}, f.binary(t))
		require.Equal(t, []byte{4, 5, 6}, f.binary(t))
	})
	t.Run("text with acknowledgement", func(t *testing.T) {
		t.Parallel()
		f, _ := e.join(t, "40", "40")
		f.send(t, `42456["message-with-ack",1,"2",{"3":[false]}]`)
		require.Equal(t, `43456[1,"2",{"3":[false]}]`, f.event(t))
	})
	t.Run("binary with acknowledgement", func(t *testing.T) {
		t.Parallel()
		f, _ := e.join(t, "40", "40")
		f.send(t, `452-789["message-with-ack",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`)
		f.sendBinary(t, 1, 2, 3)
		f.sendBinary(t, 4, 5, 6)
		require.Equal(t, `462-789[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, f.event(t))
		require.Equal(t, []byte{1, 2, 3}, f.binary(t))
		require.Equal(t, []byte{4, 5, 6}, f.binary(t))
	})
}

func socketViolations(t *testing.T, e endpoint) {
	for name, packet := range map[string]string{
		"unknown packet type": `4abc`,
		"payload of no event": `42{}`,
		"ack id is no number": `42abc["message-with-ack",1,"2",{"3":[false]}]`,
		"a second CONNECT":    `40`,
		"unjoined namespace":  `42/custom,["message"]`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, _ := e.join(t, "40", "40")
			f.send(t, packet)
			f.closed(t)
		})
	}
}
