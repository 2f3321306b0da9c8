package frame

import (
	"bytes"
	"compress/flate"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/shared/engineio"
)

// Rows: E05 E08 E22
func TestForms(t *testing.T) {
	for _, c := range []struct {
		name      string
		m         *Message
		websocket string
		text      string
		data      string
	}{
		{"text", New(false, []byte("hello")), "\x81\x064hello", "4hello", "hello"},
		{"empty text", New(false, nil), "\x81\x014", "4", ""},
		{"binary", New(true, []byte{1, 2, 3}), "\x82\x03\x01\x02\x03", "bAQID", "\x01\x02\x03"},
		{"empty binary", New(true, nil), "\x82\x00", "b", ""},
		{"ping", Control(engineio.PacketPing, nil), "\x81\x012", "2", ""},
		{"probe", Control(engineio.PacketPong, []byte("probe")), "\x81\x063probe", "3probe", "probe"},
		{"125 bytes", New(false, bytes.Repeat([]byte("x"), 124)), "\x81\x7d4" + strings.Repeat("x", 124), "4" + strings.Repeat("x", 124), strings.Repeat("x", 124)},
		{"126 bytes", New(false, bytes.Repeat([]byte("x"), 125)), "\x81\x7e\x00\x7e4" + strings.Repeat("x", 125), "4" + strings.Repeat("x", 125), strings.Repeat("x", 125)},
		{"64 KiB", New(true, make([]byte, 1<<16)), "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00" + string(make([]byte, 1<<16)), "b" + strings.Repeat("A", 87381) + "A==", string(make([]byte, 1<<16))},
		{"long text", New(false, bytes.Repeat([]byte("y"), 5000)), "\x81\x7e\x13\x894" + strings.Repeat("y", 5000), "4" + strings.Repeat("y", 5000), strings.Repeat("y", 5000)},
	} {
		t.Run(c.name, func(t *testing.T) {
			head, body := c.m.WebSocket()
			require.Equal(t, c.websocket, string(head)+string(body))
			require.Equal(t, len(c.websocket), c.m.Size())
			require.Equal(t, c.text, string(c.m.AppendText(nil)))
			require.Equal(t, len(c.text), c.m.TextSize())
			require.Equal(t, c.data, string(c.m.Data()))
			require.False(t, c.m.IsClose())
		})
	}
}

func TestLongPayloadIsNotCopied(t *testing.T) {
	data := make([]byte, 5000)
	_, body := New(true, data).WebSocket()
	require.Same(t, &data[0], &body[0])
	require.Same(t, &data[0], &New(false, data).Data()[0])
}

func TestCloseFrame(t *testing.T) {
	head, _ := Close(1001, "bye").WebSocket()
	require.Equal(t, "\x88\x05\x03\xe9bye", string(head))
	head, _ = Close(1000, strings.Repeat("x", 200)).WebSocket()
	require.Len(t, head, 127)
	require.True(t, Close(1000, "").IsClose())
}

func TestPongFrame(t *testing.T) {
	head, _ := Pong([]byte("abc")).WebSocket()
	require.Equal(t, "\x8a\x03abc", string(head))
	head, _ = Pong(make([]byte, 125)).WebSocket()
	require.Len(t, head, 127)
	require.False(t, Pong(nil).IsClose())
}

// Rows: E15
func TestDeflated(t *testing.T) {
	for _, binary := range []bool{false, true} {
		data := bytes.Repeat([]byte("compress me "), 1000)
		m := New(binary, data)
		require.Same(t, m, m.Deflated(100_000), "below the threshold")
		var wg sync.WaitGroup
		forms := make([]*Message, 8)
		for i := range forms {
			wg.Go(func() { forms[i] = m.Deflated(10) })
		}
		wg.Wait()
		for _, f := range forms {
			require.Same(t, forms[0], f, "compressed once")
		}
		head, body := forms[0].WebSocket()
		require.Nil(t, body)
		require.Less(t, len(head), 500)
		require.Equal(t, byte(0x40), head[0]&0x40)
		n := int(head[1])
		if n == 126 {
			head = head[2:]
		}
		plain, err := io.ReadAll(flate.NewReader(strings.NewReader(string(head[2:]) + "\x00\x00\xff\xff\x01\x00\x00\xff\xff")))
		require.NoError(t, err)
		if !binary {
			data = append([]byte("4"), data...)
		}
		require.Equal(t, string(data), string(plain))
	}
	random := New(true, []byte{9, 200, 13, 77, 4, 190})
	require.Same(t, random, random.Deflated(1), "it would become longer")
	require.True(t, Close(1000, "").Deflated(0).IsClose())
}
