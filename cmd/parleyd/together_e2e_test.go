package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server/interop/browsertest"
)

// Two browsers, the terminal client and a script with nothing but the official JavaScript client are in one room, and
// each sees what the others write.
//
// Rows: X02
func TestEverybodyInOneRoom(t *testing.T) {
	terminal := filepath.Join(t.TempDir(), "parley")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", terminal, "parley/cmd/parley")
	build.Stderr = os.Stderr
	require.NoError(t, build.Run())
	require.DirExists(t, "../../server/interop/node_modules", "the official packages are not installed: run `make npm`")

	server := browsertest.Serve(t)
	ann := join(t, browsertest.Chromium(t), server.URL+"/room/lobby", "Ann")
	bob := join(t, browsertest.Chromium(t), server.URL+"/room/lobby", "Bob")
	tom := talk(t, terminal, "chat", "--url", server.URL, "--name", "Tom", "--room", "lobby", "--forget", "--follow")
	jo := talk(t, "node", "../../server/interop/peers/chat.mjs", server.URL, `["websocket"]`)
	jo.hears(t, `"room":"Lobby"`)

	said := []string{}
	everybodySees := func(text string) {
		t.Helper()
		said = append(said, text)
		ann.sees(t, text)
		bob.sees(t, text)
		tom.hears(t, text)
		jo.hears(t, text)
	}
	ann.write(t, "from the first page")
	everybodySees("from the first page")
	bob.write(t, "from the second page")
	everybodySees("from the second page")
	tom.says(t, "from the terminal")
	everybodySees("from the terminal")
	jo.says(t, "from the script")
	everybodySees("from the script")

	require.Equal(t, said, ann.stored(t))
	require.Equal(t, said, bob.stored(t))
	ann.sound(t)
	bob.sound(t)
}

// talker is a program that reads what its user says, line by line, and prints what it hears.
type talker struct {
	in    io.Writer
	lines chan string
}

// talk starts a program that ends with the test.
func talk(t *testing.T, program string, args ...string) talker {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := make(chan string, 256)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		for range lines {
		}
		_ = cmd.Wait()
	})
	return talker{in, lines}
}

func (p talker) says(t *testing.T, text string) {
	t.Helper()
	_, err := io.WriteString(p.in, text+"\n")
	require.NoError(t, err)
}

// hears waits for a line that contains the text.
func (p talker) hears(t *testing.T, text string) {
	t.Helper()
	late := time.After(time.Minute)
	for {
		select {
		case line, ok := <-p.lines:
			require.True(t, ok, "the program ended before it printed %q", text)
			if strings.Contains(line, text) {
				return
			}
		case <-late:
			require.FailNow(t, "not heard: "+text)
		}
	}
}
