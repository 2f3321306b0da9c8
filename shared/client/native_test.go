//go:build !js

package client_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/client"
	"parley/shared/engineio"
)

// Where no WebSocket gets through, the same attempt falls back to polling, which
// keeps the cookies a load balancer needs.
//
// Rows: G01 G02 G08
func TestDefaultTransportsAndCookies(t *testing.T) {
	for _, credentials := range []bool{true, false} {
		var mu sync.Mutex
		var cookies, tokens []string
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			q := r.URL.Query()
			if q.Get("transport") == "websocket" {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			if q.Get("sid") != "" {
				cookies = append(cookies, r.Header.Get("Cookie"))
				tokens = append(tokens, r.Header.Get("X-Token"))
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			http.SetCookie(w, &http.Cookie{Name: "node", Value: "7"})
			h := engineio.Handshake{SID: "s", PingInterval: 25000, PingTimeout: 20000}
			_, _ = w.Write(engineio.Packet{Type: engineio.PacketOpen, Data: h.Append(nil)}.AppendText(nil))
		}))
		conn, err := client.Dial(t.Context(), web.URL, client.Config{
			WithCredentials: credentials, Header: map[string][]string{"X-Token": {"abc"}},
		})
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		web.Close()
		mu.Lock()
		require.NotEmpty(t, cookies)
		want := ""
		if credentials {
			want = "node=7"
		}
		assert.Equal(t, want, cookies[0])
		assert.Equal(t, "abc", tokens[0])
		mu.Unlock()
	}
}

// Rows: G08
func TestProxy(t *testing.T) {
	asked := make(chan *http.Request, 10)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r
		w.WriteHeader(http.StatusForbidden)
	}))
	defer proxy.Close()
	through, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	transport := &http.Transport{Proxy: http.ProxyURL(through)}
	defer transport.CloseIdleConnections()
	cfg := client.Config{Native: client.Native{HTTPClient: &http.Client{Transport: transport}}}
	_, err = client.Dial(context.Background(), "http://far.example", cfg)
	require.ErrorContains(t, err, "403")
	assert.Equal(t, "far.example", (<-asked).Host)
}

// An address without a scheme means https, as in a browser's address bar, and most
// servers on one's own machine speak http.
func TestAMissingSchemeIsNamed(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	host := strings.TrimPrefix(web.URL, "http://")
	for _, address := range []string{host, host + "/chat", "//" + host} {
		_, err := client.Dial(t.Context(), address, client.Config{})
		assert.ErrorContains(t, err, `write "http://`+host+`"`, address)
	}
	for _, address := range []string{web.URL, "https://" + host} {
		_, err := client.Dial(t.Context(), address, client.Config{})
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "scheme", address)
	}
}
