package engine_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/server/engine"
	"parley/shared/engineio"
)

// allocated returns how often and how much f allocates, and whatever else runs meanwhile.
func allocated(f func()) (count, size int) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.Mallocs - before.Mallocs), int(after.TotalAlloc - before.TotalAlloc)
}

// A post costs what its bytes cost, be they one packet or as many as there can be: it is read
// into few buffers, each four times the one before, and its packets are parts of the last. If
// anything were done for each pair of packets, or of bytes, a megabyte would take hours.
//
// Rows: E04 E13
// Advisories: CVE-2020-36049
func TestWorkOfAPost(t *testing.T) {
	const limit = 1 << 20
	for name, c := range map[string]struct {
		body    func(n int) string
		packets func(n int) int
		length  bool // it is announced
	}{
		"short packets": {
			func(n int) string { return strings.Repeat("4\x1e", n/2)[:n-1] },
			func(n int) int { return n / 2 }, true,
		},
		"short packets, of unknown length": {
			func(n int) string { return strings.Repeat("4\x1e", n/2)[:n-1] },
			func(n int) int { return n / 2 }, false,
		},
		"a long packet":                    {func(n int) string { return "4" + strings.Repeat("x", n-1) }, func(int) int { return 1 }, true},
		"a long packet, of unknown length": {func(n int) string { return "4" + strings.Repeat("x", n-1) }, func(int) int { return 1 }, false},
		"runes":                            {func(n int) string { return "4" + strings.Repeat("€", n/3-1) }, func(int) int { return 1 }, true},
		"separators":                       {func(n int) string { return strings.Repeat("\x1e", n) }, func(int) int { return 0 }, true},
	} {
		t.Run(name, func(t *testing.T) {
			for n := 1 << 14; n <= limit; n *= 4 {
				var f *fixture
				got := 0
				f = start(t, engine.Config{MaxPayload: limit, MaxPackets: limit, Open: func(s *engine.Session) engine.Receiver {
					f.open <- &app{Session: s}
					return counter{&got}
				}})
				p, _ := f.poll()
				body := c.body(n)
				r := httptest.NewRequest("POST", "/socket.io/"+p.query(), strings.NewReader(body))
				if !c.length {
					r.ContentLength = -1
				}
				w := newRecorder()
				count, size := allocated(func() { f.ServeHTTP(w, r) })
				require.Equal(t, c.packets(n), got)
				require.Less(t, count, 200, "%d bytes", n)
				require.Less(t, size, 6*n+64<<10, "%d bytes", n)
			}
		})
	}
}

// counter is a receiver that only counts.
type counter struct{ n *int }

func (c counter) Receive(bool, []byte) engine.Task { *c.n++; return nil }
func (counter) Closed(engine.Reason, error)        {}

// Taking a payload apart allocates nothing, whatever is in it, but for base64.
//
// Rows: E05
// Advisories: CVE-2020-36049
func TestWorkOfAPayload(t *testing.T) {
	for _, text := range []string{strings.Repeat("4\x1e", 1<<19) + "4", "4" + strings.Repeat("x", 1<<20)} {
		body := []byte(text)
		require.Zero(t, testing.AllocsPerRun(3, func() {
			for range engineio.Payload(body, 0) { //nolint:revive // only to count
			}
		}))
	}
}

// A request may have any headers that the HTTP server lets through: they are read in time, in
// memory that is in proportion, and whoever sends them is served or refused like others. The
// HTTP server's limit, 1 MB unless it is set, is what bounds them.
//
// Rows: E19 E23
// Advisories: CVE-2024-37890 CVE-2021-32640 CVE-2022-41717
func TestManyHeaders(t *testing.T) {
	f := start(t, engine.Config{Compression: engine.Compression{WebSocket: 1024}})
	many := &strings.Builder{}
	for i := range 10_000 {
		fmt.Fprintf(many, "X-%d: %d\r\n", i, i)
	}
	one := &strings.Builder{}
	for i := range 10_000 {
		fmt.Fprintf(one, "X-One: %d\r\n", i)
	}
	const n = 900_000
	headers := map[string]string{
		"10,000 names":          many.String(),
		"10,000 values":         one.String(),
		"10,000 subprotocols":   strings.ReplaceAll(one.String(), "X-One", "Sec-WebSocket-Protocol"),
		"10,000 extensions":     strings.ReplaceAll(one.String(), "X-One", "Sec-WebSocket-Extensions"),
		"a long value":          "X-One: " + strings.Repeat("x", n) + "\r\n",
		"a long cookie":         "Cookie: " + strings.Repeat("a=b; ", n/5) + "\r\n",
		"what is accepted":      "Accept-Encoding: " + strings.Repeat("gzip;q=0,", n/9) + "\r\n",
		"many ways":             "Connection: " + strings.Repeat("x,", n/2) + "\r\n",
		"a gap in subprotocols": "Sec-WebSocket-Protocol: b" + strings.Repeat(" ", n) + "x\r\n",
		"commas, subprotocols":  "Sec-WebSocket-Protocol: " + strings.Repeat(",", n) + "\r\n",
		"semicolons":            "Sec-WebSocket-Extensions: permessage-deflate" + strings.Repeat(";", n) + "\r\n",
		"commas":                "Sec-WebSocket-Extensions: " + strings.Repeat(",", n) + "\r\n",
		"quotes":                "Sec-WebSocket-Extensions: permessage-deflate; a=" + strings.Repeat(`"`, n) + "\r\n",
	}
	for name, header := range headers {
		t.Run(name, func(t *testing.T) {
			_, size := allocated(func() {
				nc := f.dialConn()
				_, err := fmt.Fprintf(nc, "GET /socket.io/%s HTTP/1.1\r\nHost: x\r\n%s\r\n", pollQuery, header)
				require.NoError(t, err)
				resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
				require.NoError(t, err)
				require.Equal(t, 200, resp.StatusCode)
				f.opened().Abort(engineio.ReasonForcedClose)

				s := f.dialRaw("", header)
				_, _, err = s.frame()
				require.NoError(t, err)
				a := f.opened()
				s.write(maskedFrame(0x81, []byte("4x"))...)
				_, b, err := s.frame()
				require.NoError(t, err)
				require.Equal(t, "4x", string(b))
				a.Abort(engineio.ReasonForcedClose)
			})
			require.Less(t, size, 2<<20+160*len(header), "the library makes a string of each part")
		})
	}
	nc := f.dialConn()
	go fmt.Fprintf(nc, "GET /socket.io/%s HTTP/1.1\r\nHost: x\r\n%s\r\n", pollQuery, strings.Repeat(many.String(), 10)) //nolint:errcheck // refused before the end
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, resp.StatusCode)
	require.Zero(t, f.Count())
}
