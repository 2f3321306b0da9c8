package server_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/cryptotest"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/engine"
	"parley/server/httpd"
)

// Behind the HTTP server of this repository a request with too many headers is refused before
// anybody here sees it, on every transport, and one with as many as there can be is served.
//
// Rows: E23
// Advisories: CVE-2024-37890 CVE-2021-32640
func TestHeadersBehindOurHTTPServer(t *testing.T) {
	srv := server.New(quiet(server.Config{Engine: engine.Config{CloseTimeout: 100 * time.Millisecond}}))
	addr := make(chan net.Addr, 1)
	web := httpd.Server{
		Handler: httpd.New(httpd.Config{Socket: srv}), Drain: srv.Shutdown, Log: slog.New(slog.DiscardHandler),
		Ready: func(a net.Addr) { addr <- a },
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- web.Run(ctx, "127.0.0.1:0") }()
	address := (<-addr).String()
	defer func() {
		stop()
		require.NoError(t, <-done)
	}()
	for _, c := range []struct {
		name, header string
		served       bool
	}{
		{"as many as there can be", strings.Repeat("a: b\r\n", 2500), true},
		{"10,000", strings.Repeat("a: b\r\n", 10_000), false},
		{"a megabyte", "X: " + strings.Repeat("x", 1<<20) + "\r\n", false},
		{"a long subprotocol", "Sec-WebSocket-Protocol: b" + strings.Repeat(" ", 15_000) + "x\r\n", true},
		{"a longer one", "Sec-WebSocket-Protocol: b" + strings.Repeat(" ", 1<<20) + "x\r\n", false},
	} {
		for transport, served := range map[string]int{"polling": 200, "websocket": 101} {
			t.Run(c.name+", "+transport, func(t *testing.T) {
				nc, err := net.Dial("tcp", address)
				require.NoError(t, err)
				defer nc.Close()
				header := c.header
				if transport == "websocket" {
					header = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + wsKey + "\r\n" + header
				}
				go fmt.Fprintf(nc, "GET /socket.io/?EIO=4&transport=%s HTTP/1.1\r\nHost: x\r\n%s\r\n", transport, header) //nolint:errcheck // it may be refused before the end
				resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
				require.NoError(t, err)
				if !c.served {
					require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, resp.StatusCode)
					return
				}
				require.Equal(t, served, resp.StatusCode)
			})
		}
	}
	require.LessOrEqual(t, srv.Engine().Count(), 4)
}

// Socket ids, and the secret ids for recovery, are 120 bits of the system's generator: where
// that repeats itself, so do they, and every bit is now one, now the other.
//
// Rows: N07 K12
// Advisories: CVE-2017-16031
func TestIDsAreRandom(t *testing.T) {
	ids := func(seed uint64) (list [][3]string) {
		cryptotest.SetGlobalRandom(t, seed)
		srv := server.New(quiet(server.Config{Recovery: time.Minute}))
		defer srv.Close() //nolint:errcheck // always nil
		request := func(method, sid, body string) string {
			w := httptest.NewRecorder()
			srv.ServeHTTP(w, httptest.NewRequest(method, "/socket.io/?EIO=4&transport=polling"+sid, strings.NewReader(body)))
			text, err := io.ReadAll(w.Body)
			require.NoError(t, err)
			return string(text)
		}
		for range 200 {
			session := strings.Split(request("GET", "", ""), `"`)[3]
			require.Equal(t, "ok", request("POST", "&sid="+session, "40"))
			answer := strings.Split(request("GET", "&sid="+session, ""), `"`)
			require.Equal(t, "pid", answer[5])
			list = append(list, [3]string{session, answer[3], answer[7]})
		}
		return list
	}
	first := ids(1)
	require.Equal(t, first, ids(1), "nothing but the system's generator")
	var ones [3][120]int
	seen := map[string]bool{}
	for _, of := range append(first, ids(2)...) {
		for kind, id := range of {
			require.False(t, seen[id])
			seen[id] = true
			b, err := base64.RawURLEncoding.DecodeString(id)
			require.NoError(t, err)
			require.Len(t, b, 15)
			for bit := range 120 {
				ones[kind][bit] += int(b[bit/8] >> (bit % 8) & 1)
			}
		}
	}
	for kind := range ones {
		for bit, n := range ones[kind] {
			require.InDelta(t, 200, n, 80, "id %d, bit %d", kind, bit)
		}
	}
}
