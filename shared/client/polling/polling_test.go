//go:build !js

package polling_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"parley/shared/client/engine"
	"parley/shared/client/polling"
	"parley/shared/client/transporttest"
	"parley/shared/engineio"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Rows: G01 G08 G11 E05
func TestTransport(t *testing.T) {
	server := transporttest.NewServer(t, httptest.NewServer)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	defer client.CloseIdleConnections()
	transporttest.Run(t, server.URL, func() engine.Transport {
		tr := &polling.Transport{MaxBody: 2 << 20}
		tr.HTTPClient = client
		return tr
	})
}

// recorder is a server that answers with a handshake and keeps what comes.
type recorder struct {
	*httptest.Server
	mu     sync.Mutex
	posts  []string
	query  []url.Values
	cookie []string
	types  []string
}

const maxPayload = 30

func newRecorder(t *testing.T) (*recorder, engine.Request, *polling.Transport) {
	t.Helper()
	rec := &recorder{}
	rec.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		rec.mu.Lock()
		defer rec.mu.Unlock()
		rec.query = append(rec.query, r.URL.Query())
		rec.cookie = append(rec.cookie, r.Header.Get("Cookie"))
		if r.Method == http.MethodPost {
			rec.posts = append(rec.posts, string(body))
			rec.types = append(rec.types, r.Header.Get("Content-Type"))
			_, _ = io.WriteString(w, "ok")
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "io", Value: "sticky"})
		h := engineio.Handshake{SID: "s1", PingInterval: 25000, PingTimeout: 20000, MaxPayload: maxPayload}
		_, _ = w.Write(engineio.Packet{Type: engineio.PacketOpen, Data: h.Append(nil)}.AppendText(nil))
	}))
	t.Cleanup(rec.Close)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	tr := &polling.Transport{}
	tr.HTTPClient = &http.Client{Transport: &http.Transport{}, Jar: jar}
	t.Cleanup(tr.HTTPClient.CloseIdleConnections)
	u, err := url.Parse(rec.URL + "/engine.io/")
	require.NoError(t, err)
	return rec, engine.Request{URL: u, Query: url.Values{"EIO": {"4"}, "transport": {"polling"}}}, tr
}

// Rows: G05 E04
func TestPayloadsAreSplit(t *testing.T) {
	rec, r, tr := newRecorder(t)
	l, err := tr.Dial(t.Context(), r)
	require.NoError(t, err)
	_, err = l.Read(t.Context())
	require.NoError(t, err)
	var packets []engineio.Packet
	for _, n := range []int{9, 9, 8, 9, 50, 1} { // 10+1+10+1+9 is 31
		packets = append(packets, engineio.Packet{Type: engineio.PacketMessage, Data: []byte(strings.Repeat("x", n))})
	}
	packets = append(packets, engineio.Packet{Type: engineio.PacketMessage, Binary: true, Data: make([]byte, 21)})
	require.NoError(t, l.Write(t.Context(), packets))
	var sizes []int
	for _, p := range rec.posts {
		sizes = append(sizes, len(p))
	}
	assert.Equal(t, []int{21, 20, 51, 2, 29}, sizes, "at most %d, but one packet alone may exceed it", maxPayload)
	assert.Equal(t, "4"+strings.Repeat("x", 9)+"\x1e4"+strings.Repeat("x", 9), rec.posts[0])
	assert.Equal(t, "text/plain;charset=UTF-8", rec.types[0])
	require.NoError(t, l.Close(t.Context()))
	assert.Equal(t, "1", rec.posts[len(rec.posts)-1])
}

// Rows: G06 G08
func TestAddressAndCookies(t *testing.T) {
	rec, r, tr := newRecorder(t)
	for range 2 {
		l, err := tr.Dial(t.Context(), r)
		require.NoError(t, err)
		_, err = l.Read(t.Context())
		require.NoError(t, err)
		require.NoError(t, l.Write(t.Context(), []engineio.Packet{{Type: engineio.PacketPong}}))
	}
	stamps := map[string]bool{}
	for _, q := range rec.query {
		stamps[q.Get("t")] = true
		assert.Equal(t, "polling", q.Get("transport"))
	}
	assert.Len(t, stamps, 4, "every address is different")
	assert.Empty(t, rec.query[0].Get("sid"))
	assert.Equal(t, "s1", rec.query[1].Get("sid"))
	assert.Equal(t, []string{"", "io=sticky", "io=sticky", "io=sticky"}, rec.cookie)

	tr.NoTimestamp = true
	l, err := tr.Dial(t.Context(), r)
	require.NoError(t, err)
	_, err = l.Read(t.Context())
	require.NoError(t, err)
	assert.False(t, rec.query[4].Has("t"))
}

// Rows: G08
func TestRequestTimeout(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
	}))
	defer server.Close()
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	tr := &polling.Transport{RequestTimeout: 50 * time.Millisecond}
	tr.HTTPClient = server.Client()
	l, err := tr.Dial(t.Context(), engine.Request{URL: u, Query: url.Values{"transport": {"polling"}}})
	require.NoError(t, err)
	_, err = l.Read(t.Context())
	require.ErrorContains(t, err, "no answer within the request timeout")
	require.NotErrorIs(t, err, context.Canceled)
}

func TestServerThatIsNoEngine(t *testing.T) {
	for body, status := range map[string]int{"<html>": 200, "": 200, "4hello": 200, "0{}": 200, "Bad Gateway": 502} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}))
		u, err := url.Parse(server.URL)
		require.NoError(t, err)
		tr := &polling.Transport{}
		tr.HTTPClient = server.Client()
		l, err := tr.Dial(t.Context(), engine.Request{URL: u, Query: url.Values{"transport": {"polling"}}})
		require.NoError(t, err)
		_, err = l.Read(t.Context())
		require.Error(t, err, body)
		server.Close()
	}
}

// An answer that was lost may have held packets, so that asking again would skip
// them without a trace. net/http does that by itself on a connection that it has
// used before.
//
// Rows: E07
func TestAPollIsNotRepeated(t *testing.T) {
	var mu sync.Mutex
	polls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		polls++
		n := polls
		mu.Unlock()
		if n > 1 {
			panic(http.ErrAbortHandler)
		}
		h := engineio.Handshake{SID: "s1", PingInterval: 25000, PingTimeout: 20000}
		_, _ = w.Write(engineio.Packet{Type: engineio.PacketOpen, Data: h.Append(nil)}.AppendText(nil))
	}))
	defer server.Close()
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	tr := &polling.Transport{}
	tr.HTTPClient = server.Client()
	l, err := tr.Dial(t.Context(), engine.Request{URL: u, Query: url.Values{"transport": {"polling"}}})
	require.NoError(t, err)
	_, err = l.Read(t.Context())
	require.NoError(t, err)
	_, err = l.Read(t.Context())
	require.Error(t, err)
	mu.Lock()
	defer mu.Unlock()
	assert.Equal(t, 2, polls)
}
