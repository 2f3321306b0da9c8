package interop_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/chat"
	"parley/server/chat/sqlite"
	"parley/server/gateway"
)

// startChat runs the chat and returns its address.
func startChat(t *testing.T) (url string) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "chat.db"))
	require.NoError(t, err)
	srv := server.New(server.Config{})
	chats, err := chat.Open(t.Context(), chat.Config{Store: store, Publisher: gateway.NewPublisher(srv, nil)})
	require.NoError(t, err)
	gate := gateway.New(srv, chats, gateway.Config{})
	web := httptest.NewServer(srv)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		assert.NoError(t, srv.Shutdown(ctx))
		web.Close()
		gate.Close()
		assert.NoError(t, store.Close())
	})
	return web.URL
}

// A script with nothing but the official client and the terminal client talk in one room: the chat's contract is plain
// Socket.IO to whoever does not share its types.
//
// Rows: D05
func TestTheOfficialClientJoinsTheChat(t *testing.T) {
	program := filepath.Join(t.TempDir(), "parley")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "parley/cmd/parley")
	build.Stderr = os.Stderr
	require.NoError(t, build.Run())
	for name, transports := range officialTransports() {
		t.Run(name, func(t *testing.T) {
			url := startChat(t)
			list, err := json.Marshal(transports)
			require.NoError(t, err)
			jo := node(t, "chat.mjs", url, string(list))
			expect := func(want string) {
				t.Helper()
				var got json.RawMessage
				require.True(t, jo.next(t, &got), "waiting for %s", want)
				require.JSONEq(t, want, string(got))
			}
			say := func(to io.Writer, text string) {
				t.Helper()
				_, err := io.WriteString(to, text+"\n")
				require.NoError(t, err)
			}
			expect(`{"hello":"Jo"}`)
			expect(`{"room":"Lobby","members":["Jo"],"history":[]}`)
			say(jo.in, "hello from JavaScript")
			expect(`{"sent":"hello from JavaScript","seq":1,"again":1}`)

			terminal := startPeer(t, program, "chat", "--url", url, "--name", "Ann", "--data", t.TempDir())
			expect(`{"joined":"Ann","room":"lobby"}`)
			terminal.until(t, "Jo: hello from JavaScript")
			say(terminal.in, "hello from the terminal")
			expect(`{"posted":"hello from the terminal","from":"Ann","seq":2}`)
			say(jo.in, "and back")
			expect(`{"sent":"and back","seq":3,"again":3}`)
			terminal.until(t, "Jo: and back")
			require.NoError(t, terminal.in.Close())
			require.NoError(t, terminal.wait(t))
			require.NoError(t, jo.in.Close())
			require.NoError(t, jo.wait(t))
		})
	}
}

// until reads lines of a peer until one has the text.
func (p *peer) until(t *testing.T, text string) {
	t.Helper()
	late := time.After(3 * patience)
	for {
		select {
		case line, more := <-p.lines:
			require.True(t, more, "the peer ended before it said %s", text)
			if strings.Contains(string(line), text) {
				return
			}
		case <-late:
			require.FailNow(t, "the peer does not say "+text)
		}
	}
}
