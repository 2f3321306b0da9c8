package httpd

import (
	"bufio"
	"context"
	"fmt"
	"go/version"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// pipes is a listener without a network, for tests in a synctest bubble.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// overPipes serves while f runs; dial opens a connection.
func overPipes(t *testing.T, f func(t *testing.T, dial func() net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		l := &pipes{make(chan net.Conn), make(chan struct{})}
		s := &Server{Log: slog.New(slog.DiscardHandler), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprint(w, r.Proto)
		})}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Serve(ctx, l) }()
		f(t, func() net.Conn {
			near, far := net.Pipe()
			l.conns <- far
			t.Cleanup(func() { _ = near.Close() })
			return near
		})
		stop()
		require.NoError(t, <-done)
	})
}

// A connection is not held by a client that takes its time: not with the header, and not
// between two requests.
//
// Rows: E23
// Advisories: CVE-2022-41717 CVE-2023-45288
func TestSlowAndIdleClients(t *testing.T) {
	overPipes(t, func(t *testing.T, dial func() net.Conn) {
		nc := dial()
		begin := time.Now()
		go func() { // a byte a second
			for {
				if _, err := nc.Write([]byte("G")); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		_, err := io.Copy(io.Discard, nc)
		require.NoError(t, err)
		require.Less(t, time.Since(begin), 12*time.Second)
		require.Greater(t, time.Since(begin), 8*time.Second)
		require.NoError(t, nc.Close())

		idle := dial()
		_, err = io.WriteString(idle, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		br := bufio.NewReader(idle)
		resp, err := http.ReadResponse(br, nil)
		require.NoError(t, err)
		require.Equal(t, "HTTP/1.1", body(t, resp))
		begin = time.Now()
		_, err = br.ReadByte()
		require.ErrorIs(t, err, io.EOF)
		require.Equal(t, 60*time.Second, time.Since(begin))
	})
}

// What a header may have is bounded in bytes, and so in number.
//
// Rows: E23
// Advisories: CVE-2024-37890 CVE-2022-41717
func TestHeaderLimit(t *testing.T) {
	overPipes(t, func(t *testing.T, dial func() net.Conn) {
		for name, c := range map[string]struct {
			header string
			status int
		}{
			"2,000 headers":  {strings.Repeat("a: b\r\n", 2000), 200},
			"10,000 headers": {strings.Repeat("a: b\r\n", 10_000), 431},
			"a megabyte":     {"a: " + strings.Repeat("b", 1<<20) + "\r\n", 431},
			"a long name":    {strings.Repeat("a", 1<<20) + ": b\r\n", 431},
		} {
			nc := dial()
			go func() { _, _ = io.WriteString(nc, "GET / HTTP/1.1\r\nHost: x\r\n"+c.header+"\r\n") }()
			resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
			require.NoError(t, err, name)
			require.Equal(t, c.status, resp.StatusCode, name)
			require.NoError(t, nc.Close())
		}
	})
}

// Nobody gets HTTP/2, with its streams to be reset and its headers without end, by asking for
// it: neither by its preface nor by an upgrade.
//
// Rows: E23
// Advisories: CVE-2023-44487 CVE-2023-39325 CVE-2023-45288 CVE-2022-41717
func TestNoHTTP2(t *testing.T) {
	overPipes(t, func(t *testing.T, dial func() net.Conn) {
		for _, request := range []string{
			"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
			"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
		} {
			nc := dial()
			go func() { _, _ = io.WriteString(nc, request) }()
			resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
			require.NoError(t, err, "an answer of HTTP/1")
			require.Equal(t, 1, resp.ProtoMajor)
			require.NotEqual(t, http.StatusSwitchingProtocols, resp.StatusCode)
			require.NoError(t, nc.Close())
		}
	})
}

// Whoever builds this does it with a Go, and a golang.org/x/net if any, that have the fixes:
// for HTTP/2 the last of them came with 1.22.2 and 0.23.0.
//
// Advisories: CVE-2022-41717 CVE-2023-44487 CVE-2023-39325 CVE-2023-45288
func TestGoHasTheFixes(t *testing.T) {
	text, err := os.ReadFile("../../go.mod")
	require.NoError(t, err)
	floor := regexp.MustCompile(`(?m)^go (\S+)$`).FindSubmatch(text)
	require.NotNil(t, floor)
	require.GreaterOrEqual(t, version.Compare("go"+string(floor[1]), "go1.22.2"), 0)
	if net := regexp.MustCompile(`golang.org/x/net v(\d+\.\d+)\.`).FindSubmatch(text); net != nil {
		require.GreaterOrEqual(t, version.Compare("go"+string(net[1]), "go0.23"), 0)
	}
}
