package server_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/engine"
	"parley/shared/event"
)

// pollClient speaks to a server over HTTP long-polling, byte by byte.
type pollClient struct {
	f   *fixture
	url string
}

// joinPolling connects to "/" over long-polling.
func (f *fixture) joinPolling() (*pollClient, *server.Socket) {
	f.t.Helper()
	joined := make(chan *server.Socket, 1)
	stop := f.OnConnect(func(s *server.Socket) { joined <- s })
	defer stop()
	c := &pollClient{f, f.url + "/socket.io/?EIO=4&transport=polling"}
	_, body := c.get()
	var open struct{ SID string }
	require.NoError(f.t, json.Unmarshal([]byte(body[1:]), &open))
	c.url += "&sid=" + open.SID
	require.Equal(f.t, http.StatusOK, c.post("40"))
	c.until(`40{"sid":`)
	return c, <-joined
}

func (c *pollClient) get() (status int, body string) {
	c.f.t.Helper()
	resp, err := c.f.http.Get(c.url)
	require.NoError(c.f.t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(c.f.t, err)
	return resp.StatusCode, string(text)
}

// post returns 0 when the server closed the connection instead of reading on.
func (c *pollClient) post(payload string) (status int) {
	resp, err := c.f.http.Post(c.url, "text/plain;charset=UTF-8", strings.NewReader(payload))
	if err != nil {
		return 0
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// until polls until a packet begins with want.
func (c *pollClient) until(want string) {
	c.f.t.Helper()
	for {
		status, body := c.get()
		require.Equal(c.f.t, http.StatusOK, status)
		for packet := range strings.SplitSeq(body, "\x1e") {
			if strings.HasPrefix(packet, want) {
				return
			}
		}
	}
}

// The same inputs as TestHostileInputs have the same outcome when they are posted.
//
// Rows: B03 B04 N05 E04 E13 E16
// Advisories: as above
func TestHostileInputsOverPolling(t *testing.T) {
	text, err := os.ReadFile("testdata/hostile-inputs.txt")
	require.NoError(t, err)
	outcomes := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Split(line, "|"); fields[0] == "SIO" {
			outcomes[fields[1]] = strings.HasPrefix(fields[2], "open")
		}
	}
	for name, frames := range hostile {
		t.Run(name, func(t *testing.T) {
			f := start(t, server.Config{Engine: engine.Config{CloseTimeout: time.Second}})
			f.Of(event.NewNamespace("/other"))
			c, s := f.joinPolling()
			s.OnAny(func(_ string, args event.Args) {
				_ = s.Emit("relay", args...)
			})
			packets := make([]string, len(frames))
			for i, frame := range frames {
				packets[i] = frame
				if data, binary := strings.CutPrefix(frame, "b:"); binary {
					packets[i] = "b" + base64.StdEncoding.EncodeToString([]byte(data))
				}
			}
			status := c.post(strings.Join(packets, "\x1e"))
			open := outcomes[name]
			if _, strict := stricter[name]; strict {
				open = false
			}
			if !open {
				select {
				case <-s.Context().Done():
				case <-time.After(10 * time.Second):
					require.Fail(t, "the session is still open", "status %d", status)
				}
				return
			}
			if name == "attachments promised, never sent, then ping wait" {
				require.Equal(t, http.StatusOK, c.post("bAQ=="))
			}
			require.Equal(t, http.StatusOK, c.post(`42["still here"]`))
			c.until(`42["relay"]`)
			require.True(t, s.Connected())
		})
	}
}
