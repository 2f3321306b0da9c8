package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/chat"
	"parley/shared/client"
	"parley/shared/event"
)

// lockedLog is what the program writes.
type lockedLog struct {
	mu   sync.Mutex
	text strings.Builder // guarded by mu
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// start runs the program in this process until the returned function is called,
// which waits for its end and gives its exit code.
func start(t *testing.T, log io.Writer, args ...string) (stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	code := make(chan int, 1)
	go func() { code <- run(ctx, args, log, log) }()
	stop = sync.OnceValue(func() int { cancel(); return <-code })
	t.Cleanup(func() { stop() })
	return stop
}

// freeAddr is an address nobody listens on.
func freeAddr(t *testing.T) string {
	t.Helper()
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, ln.Close()) }()
	return ln.Addr().String()
}

func fetch(t *testing.T, url string) (int, string) {
	t.Helper()
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { assert.NoError(t, res.Body.Close()) }()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(body)
}

func waitReady(t *testing.T, url string, log *lockedLog) {
	t.Helper()
	require.Eventually(t, func() bool { code, _ := fetch(t, url); return code == http.StatusOK },
		20*time.Second, 10*time.Millisecond, "%s", log)
}

// Rows: X01 X02 X19
func TestProgramServesAndStops(t *testing.T) {
	addr, internal, log := freeAddr(t), freeAddr(t), &lockedLog{}
	data := filepath.Join(t.TempDir(), "new", "folder")
	stop := start(t, log, "--addr", addr, "--internal", internal, "--pprof", "--data", data, "--log-format", "json", "--origin", "https://friend.example")
	waitReady(t, "http://"+addr+"/readyz", log)

	code, body := fetch(t, "http://"+addr+"/room/lobby")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, "<title>Parley</title>")
	code, _ = fetch(t, "http://"+addr+"/metrics")
	require.Equal(t, http.StatusNotFound, code, "not for the public")
	code, _ = fetch(t, "http://"+addr+"/debug/pprof/")
	require.Equal(t, http.StatusNotFound, code)

	// Not upgraded, the request of whom may come in is only bad.
	for origin, want := range map[string]int{
		"https://friend.example": http.StatusBadRequest, "http://" + addr: http.StatusBadRequest,
		"https://stranger.example": http.StatusForbidden,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/socket.io/?EIO=4&transport=websocket", nil)
		require.NoError(t, err)
		req.Header.Set("Origin", origin)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, want, res.StatusCode, origin)
	}

	conn, err := client.Dial(t.Context(), "http://"+addr, client.Config{
		Auth: func(context.Context) (any, error) { return chat.Credentials{Name: "Ann"}, nil },
	})
	require.NoError(t, err)
	sock := conn.Of(chat.NS)
	require.NoError(t, sock.Emit("made up", 1))
	rooms, err := client.Call(t.Context(), sock, chat.ListRooms, event.None{}) // handled after it
	require.NoError(t, err)
	require.Len(t, rooms.Rooms, 3)

	_, body = fetch(t, "http://"+internal+"/metrics")
	for _, line := range []string{
		"socket_io_connected ", "socket_io_connect_total 1\n",
		`socket_io_events_received_total{event="room:list"} 1`, `socket_io_events_received_total{event="other"} 1`,
		`socket_io_events_sent_total{event="server:hello"} 1`, "go_goroutines",
	} {
		require.Contains(t, body, line)
	}
	code, body = fetch(t, "http://"+internal+"/debug/pprof/goroutine?debug=1")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, "goroutine profile")
	code, _ = fetch(t, "http://"+internal+"/livez")
	require.Equal(t, http.StatusOK, code)
	require.NoError(t, conn.Close())

	require.Equal(t, exitDone, stop(), "%s", log)
	require.Contains(t, log.String(), `"msg":"stopped"`)
	_, err = os.Stat(filepath.Join(data, "chat.db"))
	require.NoError(t, err)
}

func TestProgramSaysWhatIsWrong(t *testing.T) {
	taken := freeAddr(t)
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", taken)
	require.NoError(t, err)
	defer func() { require.NoError(t, ln.Close()) }()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, tc := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"help", []string{"--help"}, exitDone, "Serves the Parley chat"},
		{"unknown flag", []string{"--nope"}, exitUsage, "unknown flag --nope"},
		{"profiles for everybody", []string{"--pprof"}, exitUsage, "--internal"},
		{"odd level", []string{"--log-level", "loud"}, exitUsage, "loud"},
		{"address in use", []string{"--addr", taken, "--data", t.TempDir()}, exitFailed, "address already in use"},
		{"internal address in use", []string{"--addr", freeAddr(t), "--internal", taken, "--data", t.TempDir()}, exitFailed, "internal address"},
		{"data is a file", []string{"--addr", freeAddr(t), "--data", file}, exitFailed, "data folder"},
		{"nothing to serve", []string{"--addr", freeAddr(t), "--data", t.TempDir(), "--web", t.TempDir()}, exitFailed, "make wasm"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			log := &lockedLog{}
			require.Equal(t, tc.code, run(t.Context(), tc.args, log, log), "%s", log)
			require.Contains(t, log.String(), tc.says)
		})
	}
}

func TestAddress(t *testing.T) {
	require.Equal(t, ":3000", address("", ""))
	require.Equal(t, ":8080", address("", "8080"))
	require.Equal(t, "localhost:1", address("localhost:1", "8080"))
	for addr, want := range map[string]string{
		"0.0.0.0:3000": "http://localhost:3000", "[::]:3000": "http://localhost:3000",
		"127.0.0.1:80": "http://127.0.0.1:80", "[::1]:80": "http://[::1]:80",
	} {
		tcp, err := net.ResolveTCPAddr("tcp", addr)
		require.NoError(t, err)
		require.Equal(t, want, pageURL(tcp))
	}
}
