package server_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/shared/event"
)

// wire is a connection in memory: it reads what the benchmark feeds and reports what is written, so that what is
// measured is the server without the kernel.
type wire struct {
	feed    chan []byte
	rest    []byte
	written chan int
	done    chan struct{}
}

func newWire() *wire {
	return &wire{feed: make(chan []byte, 16), written: make(chan int, 1<<16), done: make(chan struct{})}
}

func (w *wire) Read(b []byte) (int, error) {
	if len(w.rest) == 0 {
		select {
		case w.rest = <-w.feed:
		case <-w.done:
			return 0, net.ErrClosed
		}
	}
	n := copy(b, w.rest)
	w.rest = w.rest[n:]
	return n, nil
}

func (w *wire) Write(b []byte) (int, error) {
	select {
	case w.written <- len(b):
	default:
	}
	return len(b), nil
}

func (w *wire) Close() error {
	select {
	case <-w.done:
	default:
		close(w.done)
	}
	return nil
}

func (w *wire) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (w *wire) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// hijacked is the ResponseWriter of a request that comes over a wire.
type hijacked struct {
	*httptest.ResponseRecorder
	w *wire
}

func (h hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.w, bufio.NewReadWriter(bufio.NewReader(h.w), bufio.NewWriter(h.w)), nil
}

// text makes a client's frame, masked with zeros.
func text(packet string) []byte {
	if len(packet) < 126 {
		return append([]byte{0x81, 0x80 | byte(len(packet)), 0, 0, 0, 0}, packet...)
	}
	return append([]byte{0x81, 0x80 | 126, byte(len(packet) >> 8), byte(len(packet)), 0, 0, 0, 0}, packet...)
}

// wired connects n clients to "/" over wires.
func wired(b testing.TB, srv *server.Server, n int) []*wire {
	wires := make([]*wire, n)
	for i := range wires {
		w := newWire()
		wires[i] = w
		r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/socket.io/?EIO=4&transport=websocket", nil)
		for name, value := range map[string]string{
			"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
		} {
			r.Header.Set(name, value)
		}
		go srv.ServeHTTP(hijacked{httptest.NewRecorder(), w}, r)
		w.feed <- text("40")
	}
	require.Eventually(b, func() bool { return srv.Len() == n }, 30*time.Second, time.Millisecond)
	b.Cleanup(func() {
		require.NoError(b, srv.Close())
		for _, w := range wires {
			w.Close()
		}
	})
	return wires
}

// BenchmarkBroadcast is one event to everybody; an operation is a delivery.
func BenchmarkBroadcast(b *testing.B) {
	for _, members := range []int{10, 1000, 10_000} {
		b.Run(fmt.Sprint(members), func(b *testing.B) {
			srv := newServer(server.Config{})
			wires := wired(b, srv, members)
			last := wires[len(wires)-1]
			for len(last.written) > 0 {
				<-last.written
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i += members {
				if err := srv.Emit("tick", "0123456789abcdef"); err != nil {
					b.Fatal(err)
				}
				for _, w := range wires {
					<-w.written
				}
			}
		})
	}
}

// BenchmarkRooms is one event to one of a hundred rooms of ten; an operation is a delivery.
func BenchmarkRooms(b *testing.B) {
	srv := newServer(server.Config{})
	wires := wired(b, srv, 1000)
	_ = wires
	i := 0
	for s := range srv.Sockets() {
		require.NoError(b, s.Join(event.Room(fmt.Sprint("room", i/10))))
		i++
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += 10 {
		if err := srv.To(event.Room(fmt.Sprint("room", i/10%100))).Emit("tick", "0123456789abcdef"); err != nil {
			b.Fatal(err)
		}
		for s := range srv.To(event.Room(fmt.Sprint("room", i/10%100))).Sockets() {
			_ = s.Conn().Flush(b.Context())
		}
	}
}

// BenchmarkEcho is an event and its acknowledgement on one connection.
func BenchmarkEcho(b *testing.B) {
	srv := newServer(server.Config{})
	srv.OnConnect(func(s *server.Socket) {
		s.OnAck("echo", func(args event.Args, ack func(...any)) { ack(args...) })
	})
	w := wired(b, srv, 1)[0]
	for len(w.written) > 0 {
		<-w.written
	}
	frame := text(`42001["echo","` + string(bytes.Repeat([]byte("x"), 64)) + `"]`)
	b.ReportAllocs()
	for b.Loop() {
		w.feed <- frame
		<-w.written
	}
}

// BenchmarkJoinLeave is one room entered and left.
func BenchmarkJoinLeave(b *testing.B) {
	for _, rooms := range []int{0, 10, 100, 1000} {
		b.Run(fmt.Sprintf("in%d", rooms), func(b *testing.B) {
			srv := newServer(server.Config{Limits: server.Limits{Rooms: -1}})
			wired(b, srv, 1)
			for s := range srv.Sockets() {
				for i := range rooms {
					require.NoError(b, s.Join(event.Room(fmt.Sprint(i))))
				}
				b.ReportAllocs()
				for b.Loop() {
					if err := s.Join("room"); err != nil {
						b.Fatal(err)
					}
					s.Leave("room")
				}
			}
		})
	}
}
