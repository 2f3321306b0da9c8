package interop_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

// endpoint is a server under test at the level of HTTP requests and frames.
type endpoint struct {
	base string // "http://127.0.0.1:1234"
	path string // "/engine.io/"
}

// answer is what one HTTP request got.
type answer struct {
	status int
	body   string
	err    error // the request got no answer
}

// request sends one HTTP request; query goes behind the path.
func (e endpoint) request(ctx context.Context, method, query, body string) answer {
	req, err := http.NewRequestWithContext(ctx, method, e.base+e.path+query, strings.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	if body != "" {
		req.Header.Set("Content-Type", "text/plain;charset=UTF-8")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, string(text), err}
}

func (e endpoint) get(t *testing.T, query string) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	a := e.request(ctx, "GET", query, "")
	require.NoError(t, a.err)
	return a
}

func (e endpoint) post(t *testing.T, query, body string) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	a := e.request(ctx, "POST", query, body)
	require.NoError(t, a.err)
	return a
}

// handshake is the open packet's payload, with its key names as they came.
type handshake map[string]any

func parseHandshake(t *testing.T, packet string) handshake {
	t.Helper()
	require.True(t, strings.HasPrefix(packet, "0"), "open packet: %q", packet)
	var h handshake
	require.NoError(t, json.Unmarshal([]byte(packet[1:]), &h))
	return h
}

const polling = "?EIO=4&transport=polling"

// session opens a polling session and returns the query of its further requests.
func (e endpoint) session(t *testing.T) string {
	t.Helper()
	a := e.get(t, polling)
	require.Equal(t, 200, a.status)
	return polling + "&sid=" + parseHandshake(t, a.body)["sid"].(string)
}

// upgradeQuery turns a session's polling query into the one that offers a WebSocket for it.
func upgradeQuery(session string) string {
	return strings.Replace(session, "transport=polling", "transport=websocket", 1)
}

// frames is a WebSocket connection, read and written frame by frame.
type frames struct {
	conn *websocket.Conn
}

func (e endpoint) dial(t *testing.T, query string) *frames {
	t.Helper()
	f, err := e.tryDial(t, query)
	require.NoError(t, err)
	return f
}

func (e endpoint) tryDial(t *testing.T, query string) (*frames, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(e.base, "http")+e.path+query, nil)
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(1 << 24)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &frames{conn}, nil
}

const direct = "?EIO=4&transport=websocket"

// open dials a WebSocket session and returns it with its handshake.
func (e endpoint) open(t *testing.T) (*frames, handshake) {
	t.Helper()
	f := e.dial(t, direct)
	return f, parseHandshake(t, f.text(t))
}

func (f *frames) send(t *testing.T, text string) {
	t.Helper()
	require.NoError(t, f.conn.Write(t.Context(), websocket.MessageText, []byte(text)))
}

func (f *frames) sendBinary(t *testing.T, data ...byte) {
	t.Helper()
	require.NoError(t, f.conn.Write(t.Context(), websocket.MessageBinary, data))
}

func (f *frames) read(t *testing.T) (websocket.MessageType, []byte, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	typ, data, err := f.conn.Read(ctx)
	require.NoError(t, ctx.Err(), "nothing came and the connection stayed open")
	return typ, data, err
}

// text returns the next text frame.
func (f *frames) text(t *testing.T) string {
	t.Helper()
	typ, data, err := f.read(t)
	require.NoError(t, err)
	require.Equal(t, websocket.MessageText, typ, "%q", data)
	return string(data)
}

// event returns the next text frame that is not a ping.
func (f *frames) event(t *testing.T) string {
	t.Helper()
	for {
		if s := f.text(t); s != "2" {
			return s
		}
	}
}

// binary returns the next binary frame, passing over pings.
func (f *frames) binary(t *testing.T) []byte {
	t.Helper()
	for {
		typ, data, err := f.read(t)
		require.NoError(t, err)
		if typ == websocket.MessageBinary {
			return data
		}
		require.Equal(t, "2", string(data))
	}
}

// closed reads until the server closes the connection.
func (f *frames) closed(t *testing.T) {
	t.Helper()
	for {
		if _, _, err := f.read(t); err != nil {
			return
		}
	}
}
