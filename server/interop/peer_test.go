package interop_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds each step that waits for a peer. It is long because the machine may be busy; no
// case depends on reaching it.
const patience = 20 * time.Second

// peer is a program in another language that answers with one JSON value a line.
type peer struct {
	in    io.WriteCloser
	lines chan []byte // closed at the end of the peer's output
	done  chan error  // carries what Wait returned, once
}

// startPeer runs a program that lives in server/interop. Its standard error goes to the test's
// output, and it is ended with the test.
func startPeer(t *testing.T, program string, args ...string) *peer {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start(), "the peers need node and `make npm`")

	p := &peer{in: in, lines: make(chan []byte, 1024), done: make(chan error, 1)}
	go func() {
		s := bufio.NewScanner(out)
		s.Buffer(nil, 16<<20)
		for s.Scan() {
			p.lines <- append([]byte(nil), s.Bytes()...)
		}
		close(p.lines)
		p.done <- cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = p.in.Close() // peers that serve end with their input
		select {
		case <-p.done:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			<-p.done
		}
	})
	return p
}

// node runs a script of the peers folder.
func node(t *testing.T, script string, args ...string) *peer {
	t.Helper()
	require.DirExists(t, "node_modules", "the official packages are not installed: run `make npm`")
	return startPeer(t, "node", append([]string{"peers/" + script}, args...)...)
}

// next decodes the peer's next line into v and reports whether there was one.
func (p *peer) next(t *testing.T, v any) bool {
	t.Helper()
	select {
	case line, ok := <-p.lines:
		if ok {
			require.NoError(t, json.Unmarshal(line, v), "the peer printed %s", line)
		}
		return ok
	case <-time.After(3 * patience):
		require.FailNow(t, "the peer says nothing")
		return false
	}
}

// wait returns how the peer ended, after it has printed everything.
func (p *peer) wait(t *testing.T) error {
	t.Helper()
	for range p.lines {
	}
	select {
	case err := <-p.done:
		p.done <- err // for the clean-up
		return err
	case <-time.After(patience):
		require.FailNow(t, "the peer does not end")
		return nil
	}
}
