//go:build !js

package websocket_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"parley/shared/client/engine"
	"parley/shared/client/transporttest"
	"parley/shared/client/websocket"
	"parley/shared/engineio"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Rows: G01 G06 G08 G11 G12 E08
func TestTransport(t *testing.T) {
	server := transporttest.NewServer(t, httptest.NewServer)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	transporttest.Run(t, server.URL, func() engine.Transport {
		tr := &websocket.Transport{MaxMessage: 2 << 20}
		tr.HTTPClient = client
		return tr
	})
}

func request(t *testing.T, address string) engine.Request {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	return engine.Request{URL: u, Query: url.Values{"EIO": {"4"}}, Header: map[string][]string{"Host": {"virtual.example"}}}
}

// Rows: G13 G08
func TestCompressionAndSubprotocol(t *testing.T) {
	seen := make(chan *http.Request, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r
		c, err := coder.Accept(w, r, &coder.AcceptOptions{
			Subprotocols: []string{"chosen"}, CompressionMode: coder.CompressionContextTakeover, CompressionThreshold: 1,
		})
		if err != nil {
			return
		}
		defer func() { _ = c.CloseNow() }()
		kind, data, err := c.Read(r.Context())
		if err == nil {
			_ = c.Write(r.Context(), kind, data)
		}
		_, _, _ = c.Read(r.Context())
	}))
	defer server.Close()
	tr := &websocket.Transport{Protocols: []string{"other", "chosen"}}
	tr.HTTPClient = &http.Client{Transport: &http.Transport{}}
	defer tr.HTTPClient.CloseIdleConnections()
	tr.Compress = true
	l, err := tr.Dial(t.Context(), request(t, server.URL))
	require.NoError(t, err)
	r := <-seen
	assert.Contains(t, r.Header.Get("Sec-WebSocket-Extensions"), "permessage-deflate")
	assert.Equal(t, "other,chosen", strings.ReplaceAll(r.Header.Get("Sec-WebSocket-Protocol"), " ", ""))
	assert.Equal(t, "virtual.example", r.Host)
	long := engineio.Packet{Type: engineio.PacketMessage, Data: []byte(strings.Repeat("x", 5000))}
	require.NoError(t, l.Write(t.Context(), []engineio.Packet{long}))
	got, err := l.Read(t.Context())
	require.NoError(t, err)
	assert.Len(t, got[0].Data, 5000)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, l.Close(ctx))
}

// A message of a server that is small on the wire and large when it is unpacked ends the
// connection at the limit, and what is held for it is bounded by that.
// Rows: G08 G13
// Advisories: CVE-2026-1526
func TestDeflateBomb(t *testing.T) {
	const limit = 100_000
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := coder.Accept(w, r, &coder.AcceptOptions{CompressionMode: coder.CompressionContextTakeover, CompressionThreshold: 1})
		if err != nil {
			return
		}
		defer func() { _ = c.CloseNow() }()
		_ = c.Write(r.Context(), coder.MessageText, append([]byte("4"), make([]byte, limit-1)...))
		_ = c.Write(r.Context(), coder.MessageBinary, make([]byte, 50_000_000)) // fails when the client has closed
	}))
	defer server.Close()
	tr := &websocket.Transport{MaxMessage: limit}
	tr.HTTPClient = &http.Client{Transport: &http.Transport{}}
	defer tr.HTTPClient.CloseIdleConnections()
	tr.Compress = true
	l, err := tr.Dial(t.Context(), request(t, server.URL))
	require.NoError(t, err)
	got, err := l.Read(t.Context())
	require.NoError(t, err)
	require.Len(t, got[0].Data, limit-1, "the limit itself")
	_, err = l.Read(t.Context())
	require.ErrorIs(t, err, coder.ErrMessageTooBig)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_ = l.Close(ctx) // it has ended
}

// Rows: G08
func TestBase64(t *testing.T) {
	server := transporttest.NewServer(t, httptest.NewServer)
	tr := &websocket.Transport{Base64: true}
	tr.HTTPClient = &http.Client{Transport: &http.Transport{}}
	r := request(t, server.URL)
	r.Query.Set("transport", "websocket")
	r.Query.Set("script", "echo")
	l, err := tr.Dial(t.Context(), r)
	require.NoError(t, err)
	_, err = l.Read(t.Context())
	require.NoError(t, err)
	data := engineio.Packet{Type: engineio.PacketMessage, Binary: true, Data: []byte{1, 2}}
	require.NoError(t, l.Write(t.Context(), []engineio.Packet{data}))
	got, err := l.Read(t.Context())
	require.NoError(t, err)
	assert.Equal(t, data, got[0])
	require.NoError(t, l.Close(t.Context()))
}

// Rows: G08
func TestTLS(t *testing.T) {
	server := transporttest.NewServer(t, httptest.NewTLSServer)
	u, err := url.Parse(server.URL + "/engine.io/")
	require.NoError(t, err)
	r := engine.Request{URL: u, Query: url.Values{"transport": {"websocket"}, "script": {"echo"}}}
	_, err = (&websocket.Transport{}).Dial(t.Context(), r)
	require.Error(t, err, "an unknown authority")
	tr := &websocket.Transport{}
	tr.HTTPClient = server.Client()
	l, err := tr.Dial(t.Context(), r)
	require.NoError(t, err)
	require.NoError(t, l.Close(t.Context()))
	http.DefaultClient.CloseIdleConnections()
}
