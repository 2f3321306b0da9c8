package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"parley/server/interop/browsertest"
)

const bundles = "../../server/interop/node_modules/socket.io/client-dist"

// start runs the program until the test ends and returns its address and what it prints.
func start(t *testing.T, bundles string) (url string, lines *bufio.Scanner) {
	t.Helper()
	r, w := io.Pipe()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, "127.0.0.1:0", bundles, w)
		_ = w.Close()
	}()
	t.Cleanup(func() {
		stop()
		go func() { _, _ = io.Copy(io.Discard, r) }()
		require.NoError(t, <-ended)
	})
	lines = bufio.NewScanner(r)
	require.True(t, lines.Scan())
	_, url, found := strings.Cut(lines.Text(), "listening on ")
	require.True(t, found, lines.Text())
	return url, lines
}

// Rows: A05
func TestThePageChatsInABrowser(t *testing.T) {
	require.FileExists(t, bundles+"/socket.io.js", "the official client is not installed: run `make npm`")
	url, lines := start(t, bundles)
	expect := func(want string) {
		t.Helper()
		require.True(t, lines.Scan())
		require.Contains(t, lines.Text(), want)
	}
	browser := browsertest.Chromium(t)
	ann := browser.Open(t, url)
	expect("a user connected")
	bob := browser.Open(t, url)
	expect("a user connected")

	ann.Type(t, "#input", "hello <b>bob</b>")
	ann.Press(t, kb.Enter)
	for _, tab := range []*browsertest.Tab{ann, bob} {
		tab.Wait(t, "document.querySelectorAll('#messages li').length === 1")
		require.Equal(t, "hello <b>bob</b>", tab.Text(t, "#messages li"))
	}
	bob.Type(t, "#input", "hello ann")
	bob.Click(t, "button")
	for _, tab := range []*browsertest.Tab{ann, bob} {
		tab.Wait(t, "document.querySelectorAll('#messages li').length === 2")
		require.Equal(t, []string{"hello <b>bob</b>", "hello ann"}, tab.Texts(t, "#messages li"))
	}
	require.Equal(t, "websocket", browsertest.Eval[string](t, ann, `new Promise((resolve) => {
		const { engine } = socket.io;
		if (engine.transport.name === "websocket") resolve("websocket");
		else engine.once("upgrade", () => resolve(engine.transport.name));
	})`))
	require.Empty(t, ann.Problems())

	bob.Close(t)
	expect("a user disconnected: transport close")
}

// Rows: A05
func TestWithoutTheBundleThePathSaysWhatToDo(t *testing.T) {
	url, _ := start(t, t.TempDir())
	res, err := http.Get(url + "/socket.io/socket.io.js")
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusNotFound, res.StatusCode)
	help, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Contains(t, string(help), "npm")
}
