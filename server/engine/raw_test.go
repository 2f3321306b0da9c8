package engine_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server/engine"
)

// rawSocket is a WebSocket client that sends bytes as they stand.
type rawSocket struct {
	t  testing.TB
	nc net.Conn
	br *bufio.Reader
}

// dialConn opens a connection to the server of the fixture.
func (f *fixture) dialConn() net.Conn {
	f.t.Helper()
	var nc net.Conn
	var err error
	if dial := f.http.Transport.(*http.Transport).DialContext; dial != nil {
		nc, err = dial(context.Background(), "tcp", f.host())
	} else {
		nc, err = net.Dial("tcp", f.host())
	}
	require.NoError(f.t, err)
	f.t.Cleanup(func() { _ = nc.Close() })
	return nc
}

func (f *fixture) host() string {
	host, _, _ := strings.Cut(strings.TrimPrefix(f.url, "http://"), "/")
	return host
}

// dialRaw opens a WebSocket; query follows the transport.
func (f *fixture) dialRaw(query string, header ...string) *rawSocket {
	f.t.Helper()
	nc := f.dialConn()
	_, err := fmt.Fprintf(nc, "GET /socket.io/?EIO=4&transport=websocket%s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"+
		"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%s\r\n",
		query, strings.Join(header, ""))
	require.NoError(f.t, err)
	br := bufio.NewReader(nc)
	resp, err := http.ReadResponse(br, nil)
	require.NoError(f.t, err)
	require.Equal(f.t, 101, resp.StatusCode)
	return &rawSocket{f.t, nc, br}
}

// connectRaw opens a session on WebSocket.
func (f *fixture) connectRaw() (*rawSocket, *app) {
	f.t.Helper()
	c := f.dialRaw("")
	op, b, err := c.frame()
	require.NoError(f.t, err)
	require.Equal(f.t, byte(0x81), op)
	require.Equal(f.t, byte('0'), b[0])
	return c, f.opened()
}

// maskedFrame is a client's frame: first byte, payload, mask of zeros.
func maskedFrame(first byte, payload []byte) []byte {
	b := frameHeader(first, uint64(len(payload)), true)
	return append(append(b, 0, 0, 0, 0), payload...)
}

func frameHeader(first byte, n uint64, masked bool) []byte {
	var mask byte
	if masked {
		mask = 0x80
	}
	switch {
	case n < 126:
		return []byte{first, mask | byte(n)}
	case n < 1<<16:
		return binary.BigEndian.AppendUint16([]byte{first, mask | 126}, uint16(n))
	default:
		return binary.BigEndian.AppendUint64([]byte{first, mask | 127}, n)
	}
}

func (c *rawSocket) write(b ...byte) {
	c.t.Helper()
	_, err := c.nc.Write(b)
	require.NoError(c.t, err)
}

// frame reads one frame of the server.
func (c *rawSocket) frame() (first byte, payload []byte, err error) {
	head := make([]byte, 2)
	if _, err = io.ReadFull(c.br, head); err != nil {
		return 0, nil, err
	}
	n := uint64(head[1])
	if n >= 126 {
		more := make([]byte, map[uint64]int{126: 2, 127: 8}[n])
		if _, err = io.ReadFull(c.br, more); err != nil {
			return 0, nil, err
		}
		n = 0
		for _, b := range more {
			n = n<<8 | uint64(b)
		}
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(c.br, payload)
	return head[0], payload, err
}

// reaction reads until the server has nothing to say any more and describes it:
// the frames, "close(code)" for a close frame, and "+closed" or "+reset" for the
// end of the connection.
func (c *rawSocket) reaction() string {
	var b bytes.Buffer
	for {
		first, payload, err := c.frame()
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return b.String() + "+closed"
		case err != nil:
			return b.String() + "+reset"
		case first == 0x88:
			code := 1005
			if len(payload) >= 2 {
				code = int(binary.BigEndian.Uint16(payload))
			}
			fmt.Fprintf(&b, "close(%d) ", code)
		case first == 0x8a:
			b.WriteString("pong ")
		case first == 0x81:
			fmt.Fprintf(&b, "%s ", payload)
		default:
			fmt.Fprintf(&b, "%x:%x ", first, payload)
		}
	}
}

// untilClose is reaction up to the server's close frame, or the end.
func (c *rawSocket) untilClose() string {
	var b bytes.Buffer
	for {
		first, payload, err := c.frame()
		if err != nil {
			return b.String() + err.Error()
		}
		if first == 0x88 {
			fmt.Fprintf(&b, "close(%d) ", binary.BigEndian.Uint16(payload))
			return b.String()
		}
		fmt.Fprintf(&b, "%s ", payload)
	}
}

// The answer to the request and the open packet are one write, and so arrive
// together.
func TestHandshakeIsOneWrite(t *testing.T) {
	f := start(t, engine.Config{})
	c := f.dialRaw("")
	require.NotZero(t, c.br.Buffered())
	op, b, err := c.frame()
	require.NoError(t, err)
	require.Equal(t, byte(0x81), op)
	require.Equal(t, byte('0'), b[0])
}

// The answer to the request and the open packet leave, whatever the queue may hold.
// Rows: E01
func TestGreetingAboveTheLimit(t *testing.T) {
	for name, cfg := range map[string]engine.Config{
		"a short queue":         {Queue: engine.QueueLimits{Bytes: 1, Messages: 1}},
		"a long initial packet": {InitialPacket: engine.NewMessage(false, make([]byte, 5<<20))},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := startPipe(t, cfg)
				begin := time.Now()
				c, _ := f.connectRaw()
				if cfg.InitialPacket != nil {
					_, b, err := c.frame()
					require.NoError(t, err)
					require.Len(t, b, 1+5<<20)
				}
				require.Zero(t, time.Since(begin))
			})
		})
	}
}

// What a middleware put in the header goes out with the answer, and nothing beyond
// it. A client that does not wait for the answer loses nothing.
// Rows: E01
func TestAnswerToAWebSocketRequest(t *testing.T) {
	f := start(t, engine.Config{Middleware: []func(http.Handler) http.Handler{func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Odd", "a\r\nX-Evil: b")
			w.Header()["X Evil: 1\r\n"] = []string{"c"}
			http.SetCookie(w, &http.Cookie{Name: "one", Value: "1"})
			http.SetCookie(w, &http.Cookie{Name: "two", Value: "2"})
			next.ServeHTTP(w, r)
		})
	}}})
	nc := f.dialConn()
	_, err := fmt.Fprintf(nc, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"+
		"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n%s",
		maskedFrame(0x81, []byte("4early")))
	require.NoError(t, err)
	br := bufio.NewReader(nc)
	resp, err := http.ReadResponse(br, nil)
	require.NoError(t, err)
	require.Equal(t, 101, resp.StatusCode)
	require.Empty(t, resp.Header.Get("X-Evil"))
	require.Len(t, resp.Cookies(), 2)
	c := &rawSocket{t, nc, br}
	_, b, err := c.frame()
	require.NoError(t, err)
	require.Equal(t, byte('0'), b[0])
	_, b, err = c.frame()
	require.NoError(t, err)
	require.Equal(t, "4early", string(b))
}

// A browser that offers subprotocols fails the connection unless one is chosen: it is
// the first, as in the reference, unless the application has chosen.
// Rows: E08
func TestSubprotocol(t *testing.T) {
	f := start(t, engine.Config{Headers: func(h http.Header, r *http.Request, _ bool) {
		if r.URL.Query().Has("own") {
			h.Set("Sec-WebSocket-Protocol", "second")
		}
	}})
	for _, c := range []struct {
		query string
		offer []string
		want  []string
	}{
		{"", nil, nil},
		{"", []string{"first"}, []string{"first"}},
		{"", []string{"First, second"}, []string{"First"}},
		{"", []string{" first ,second", "third"}, []string{"first"}},
		{"", []string{"first", "second"}, []string{"first"}},
		{"", []string{""}, nil},
		{"", []string{"not a token, second"}, nil},
		{"", []string{"a=b"}, nil},
		{"&own", []string{"first, second"}, []string{"second"}},
	} {
		header := ""
		for _, o := range c.offer {
			header += "Sec-WebSocket-Protocol: " + o + "\r\n"
		}
		nc := f.dialConn()
		_, err := fmt.Fprintf(nc, "GET /socket.io/?EIO=4&transport=websocket%s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"+
			"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%s\r\n", c.query, header)
		require.NoError(t, err)
		resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
		require.NoError(t, err)
		require.Equal(t, 101, resp.StatusCode, "%q", c.offer)
		require.Equal(t, c.want, resp.Header["Sec-Websocket-Protocol"], "%q", c.offer)
	}
}

// Extensions that nobody knows, or that are spelt wrong, are declined: the connection works
// without them.
// Rows: E15 E23
// Advisories: GHSA-5v72-xg48-5rpm
func TestOddExtensions(t *testing.T) {
	f := start(t, engine.Config{Compression: engine.Compression{WebSocket: 1}})
	for _, offer := range []string{
		"", ",", ";", ";;;,,,;", "=", `"`, `a="`, "constructor", "__proto__", "hasOwnProperty; constructor", "x; __proto__=1",
		"permessage-deflate; constructor", "permessage-deflate; __proto__=__proto__", "permessage-deflate; =",
		"permessage-deflate; client_max_window_bits=99", "permessage-deflate; server_max_window_bits=7",
		`permessage-deflate; client_max_window_bits="`, "permessage-deflate; server_no_context_takeover=1",
		"permessage-deflate; client_no_context_takeover; client_no_context_takeover", "permessage-deflate;permessage-deflate",
		"x-webkit-deflate-frame", "permessage-bzip2", "PERMESSAGE-DEFLATE", "\xff", "permessage-deflate; \xff",
	} {
		s := f.dialRaw("", "Sec-WebSocket-Extensions: "+offer+"\r\n")
		_, _, err := s.frame()
		require.NoError(t, err)
		f.opened()
		s.write(maskedFrame(0x81, []byte("4works"))...)
		first, b, err := s.frame()
		require.NoError(t, err)
		if first&0x40 == 0 {
			require.Equal(t, "4works", string(b), "%q", offer)
		}
		s.write(closeFrame(1000, "")...)
		require.Equal(t, "close(1000) +closed", s.reaction(), "%q", offer)
	}
}

// Who cannot give away the connection answers so.
// Rows: E01
func TestConnectionThatCannotBeTaken(t *testing.T) {
	f := start(t, engine.Config{})
	r, err := http.NewRequestWithContext(t.Context(), "GET", "/socket.io/?EIO=4&transport=websocket", nil)
	require.NoError(t, err)
	r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"},
		"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"AAAAAAAAAAAAAAAAAAAAAA=="}}
	w := newRecorder()
	f.ServeHTTP(w, r)
	require.Equal(t, 500, w.status)
	require.Zero(t, f.Count())
}
