package browsertest

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

// ChildVariable is set in the environment of a test binary that shall be the
// server; its TestMain runs the program's main function then.
const ChildVariable = "PARLEYD_CHILD"

// Server is the program under test in a process of its own, always on the same
// port and with the same data.
type Server struct {
	URL  string // http://127.0.0.1:port
	Data string // its data folder

	addr   string
	args   []string
	cmd    *exec.Cmd
	output *lockedBuffer
}

// Serve starts this test binary as the server, with a fresh data folder and more
// arguments as given. It ends with the test.
func Serve(t testing.TB, args ...string) *Server {
	t.Helper()
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("find a free port: %v", err)
	}
	addr := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatalf("free the port: %v", err)
	}
	s := &Server{URL: "http://" + addr, Data: t.TempDir(), addr: addr, args: args, output: &lockedBuffer{}}
	s.Start(t)
	t.Cleanup(func() {
		s.Kill(t)
		if t.Failed() {
			t.Logf("the server's output:\n%s", s.output)
		}
	})
	return s
}

// Start starts the server, after Kill or Stop, and returns when it is ready.
// Arguments replace those of Serve.
func (s *Server) Start(t testing.TB, args ...string) {
	t.Helper()
	if len(args) > 0 {
		s.args = args
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatalf("find this program: %v", err)
	}
	s.cmd = exec.Command(self, append([]string{"--addr", s.addr, "--data", s.Data}, s.args...)...)
	s.cmd.Env = append(os.Environ(), ChildVariable+"=1")
	s.cmd.Stdout, s.cmd.Stderr = s.output, s.output
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("start the server: %v", err)
	}
	for deadline := time.Now().Add(patience); ; {
		if s.ready() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server does not become ready:\n%s", s.output)
		}
		<-time.After(20 * time.Millisecond)
	}
}

func (s *Server) ready() bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/readyz", nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// Kill ends the server with SIGKILL: it gets no chance to do anything. It does
// nothing when the server does not run.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	s.end(t, syscall.SIGKILL)
}

// Stop ends the server with SIGTERM, as a restart does, waits for it and returns
// its exit code.
func (s *Server) Stop(t testing.TB) int {
	t.Helper()
	return s.end(t, syscall.SIGTERM)
}

func (s *Server) end(t testing.TB, signal os.Signal) int {
	t.Helper()
	if s.cmd == nil {
		return 0
	}
	http.DefaultClient.CloseIdleConnections()
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Logf("signal the server: %v", err)
	}
	_ = s.cmd.Wait() // the exit code says the rest
	code := s.cmd.ProcessState.ExitCode()
	s.cmd = nil
	return code
}

// Output is what the server has written so far.
func (s *Server) Output() string { return s.output.String() }

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
