package websocket_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func handshake() *http.Request {
	return &http.Request{
		Method: "GET", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
			"Sec-Websocket-Key":        {"AAAAAAAAAAAAAAAAAAAAAA=="},
			"Sec-Websocket-Extensions": {"permessage-deflate; client_no_context_takeover"},
		},
	}
}

// hijackable is a response writer that gives away a connection.
type hijackable struct {
	nc     net.Conn
	br     *bufio.Reader
	header http.Header
}

func (w *hijackable) Header() http.Header {
	if w.header == nil {
		w.header = http.Header{}
	}
	return w.header
}

func (w *hijackable) Write(b []byte) (int, error) { return len(b), nil }
func (w *hijackable) WriteHeader(int)             {}

func (w *hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.nc, bufio.NewReadWriter(w.br, bufio.NewWriter(w.nc)), nil
}

// memory is a connection whose client has sent all it has to say and takes whatever
// comes.
type memory struct {
	mu     sync.Mutex
	in     []byte
	piece  int // of in, for one Read; 0: all
	out    []byte
	eof    bool
	closed bool
}

func newMemory(stream []byte, piece int) *memory { return &memory{in: stream, piece: piece} }

func (m *memory) Read(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return 0, net.ErrClosed
	case len(m.in) == 0:
		m.eof = true
		return 0, io.EOF
	}
	n := copy(p, m.in)
	if m.piece > 0 {
		n = min(n, m.piece)
	}
	m.in = m.in[n:]
	return n, nil
}

func (m *memory) Write(b []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return 0, net.ErrClosed
	}
	m.out = append(m.out, b...)
	return len(b), nil
}

func (m *memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

func (m *memory) output() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Clone(m.out)
}

// ended reports whether a Read has met the end of the stream.
func (m *memory) ended() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.eof
}

func (*memory) LocalAddr() net.Addr              { return &net.UnixAddr{Name: "memory", Net: "unix"} }
func (*memory) RemoteAddr() net.Addr             { return &net.UnixAddr{Name: "memory", Net: "unix"} }
func (*memory) SetDeadline(time.Time) error      { return nil }
func (*memory) SetReadDeadline(time.Time) error  { return nil }
func (*memory) SetWriteDeadline(time.Time) error { return nil }

// dial returns the server's end of a connection over TCP, whose client sends the stream
// and then nothing more. output waits for all that the client gets.
func dial(t *testing.T, l net.Listener, stream []byte, piece int) (server net.Conn, output func() ([]byte, error)) {
	to := net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: l.Addr().(*net.TCPAddr).Port}
	if runtime.GOOS == "linux" { // connections that have ended keep their addresses for a minute: there are plenty here
		binary.BigEndian.PutUint16(to.IP.To4()[1:], uint16(dials.Add(1)))
	}
	client, err := net.DialTCP("tcp", nil, &to)
	require.NoError(t, err)
	server, err = l.Accept()
	require.NoError(t, err)
	require.NoError(t, client.SetDeadline(time.Now().Add(patience)))
	var wg sync.WaitGroup
	wg.Go(func() {
		for rest := stream; len(rest) > 0; {
			n := len(rest)
			if piece > 0 {
				n = min(n, max(10*piece, len(stream)/100))
			}
			if _, err := client.Write(rest[:n]); err != nil {
				return
			}
			rest = rest[n:]
		}
		_ = client.CloseWrite() // the server may have gone
	})
	var out []byte
	wg.Go(func() { out, err = io.ReadAll(client) })
	return server, func() ([]byte, error) {
		wg.Wait()
		assert.NoError(t, client.Close())
		var late net.Error
		require.False(t, errors.As(err, &late) && late.Timeout(), "the server has not closed")
		return out, err
	}
}
