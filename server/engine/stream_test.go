package engine_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server/engine"
	"parley/shared/engineio"
)

// streams is a server whose streams are made by hand, without QUIC.
type streams struct {
	*fixture
	refused chan *engine.Refusal
	wait    time.Duration // before the client opens its stream
}

func startStreams(t *testing.T, cfg engine.Config) *streams {
	s := &streams{refused: make(chan *engine.Refusal, 10)}
	cfg.Transports = []string{"polling", "websocket", "webtransport"}
	cfg.OnRefuse = func(r *engine.Refusal) { s.refused <- r }
	s.fixture = startPipe(t, cfg)
	return s
}

// connect asks for a stream. The client's end is nil when the request is refused,
// with that status.
func (s *streams) connect(query string) (net.Conn, int) {
	nc, w := s.ask(query)
	return nc, w.Code
}

// ask is connect with the whole answer.
func (s *streams) ask(query string) (net.Conn, *httptest.ResponseRecorder) {
	near, far := net.Pipe()
	s.t.Cleanup(func() { _ = near.Close(); _ = far.Close() })
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodConnect, "/socket.io/?EIO=4&transport=webtransport"+query, nil)
	r.RequestURI, r.URL.Path = "", "/socket.io/"
	r.URL.RawQuery = "EIO=4&transport=webtransport" + query
	accepted := make(chan bool, 1)
	go func() {
		s.ServeStream(w, r, func(ctx context.Context, _ http.ResponseWriter, _ *http.Request) (net.Conn, error) {
			accepted <- true
			select {
			case <-time.After(s.wait):
				return far, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		})
		accepted <- false
	}()
	if !await(s.t, accepted) {
		return nil, w
	}
	return near, httptest.NewRecorder() // the other is not ours
}

func writePacket(t *testing.T, nc net.Conn, packet string) {
	t.Helper()
	_, err := nc.Write(append(engineio.AppendFrameHeader(nil, false, len(packet)), packet...))
	require.NoError(t, err)
}

func readPacket(t *testing.T, br *bufio.Reader) string {
	t.Helper()
	for n := 1; ; n++ {
		b, err := br.Peek(n)
		require.NoError(t, err)
		h, err := engineio.ParseFrameHeader(b, 0)
		require.NoError(t, err)
		if h.Size == 0 {
			continue
		}
		packet := make([]byte, h.Size+h.Length)
		_, err = io.ReadFull(br, packet)
		require.NoError(t, err)
		return string(packet[h.Size:])
	}
}

// The stream and the first packet on it have one UpgradeTimeout together.
// Rows: E11
func TestTimeForAStream(t *testing.T) {
	for _, wait := range []time.Duration{0, 1500 * time.Millisecond, time.Hour} {
		t.Run(wait.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := startStreams(t, engine.Config{UpgradeTimeout: 2 * time.Second})
				s.wait = wait
				begin := time.Now()
				s.connect("")
				f := await(t, s.refused)
				require.Equal(t, 2*time.Second, time.Since(begin))
				require.Equal(t, "TRANSPORT_HANDSHAKE_ERROR", f.Context)
				require.Zero(t, s.Count())
			})
		})
	}
}

// The application is asked once for a session, not again for its upgrade: what lets
// a client in may be good only once.
// Rows: A08 A13 E11
func TestStreamsAreAdmittedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, ids := 0, 0
		s := startStreams(t, engine.Config{
			AllowRequest: func(r *http.Request) error {
				if asked++; asked > 1 {
					return errors.New("used")
				}
				return nil
			},
			GenerateID: func(*http.Request) (string, error) {
				if ids++; ids > 1 {
					return "", errors.New("no more")
				}
				return "one", nil
			},
		})
		p, a := s.poll()
		nc, _ := s.connect("&sid=" + p.sid)
		require.NotNil(t, nc)
		br := bufio.NewReader(nc)
		writePacket(t, nc, `0{"sid":"one"}`)
		writePacket(t, nc, "2probe")
		require.Equal(t, "3probe", readPacket(t, br))
		writePacket(t, nc, "5")
		synctest.Wait()
		require.Equal(t, "webtransport", a.Transport())
		require.Equal(t, 1, asked)
		require.Equal(t, 1, ids)

		_, status := s.connect("")
		require.Equal(t, 403, status)
		require.Equal(t, "used", await(t, s.refused).Message)
		_, status = s.connect("&sid=none")
		require.Equal(t, 400, status)
		require.Equal(t, engineio.UnknownSID, await(t, s.refused).Code)

		// Who says that it upgrades, and then does not, is asked for.
		nc, _ = s.connect("&sid=" + p.sid)
		require.NotNil(t, nc)
		writePacket(t, nc, "0")
		_, err := nc.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		f := await(t, s.refused)
		require.Equal(t, engineio.Forbidden, f.Code)
		require.Equal(t, "used", f.Message)
		require.Equal(t, 1, s.Count())
	})
}

// Rows: A12 A13
func TestStreamWithoutAnID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startStreams(t, engine.Config{GenerateID: func(*http.Request) (string, error) { return "", io.EOF }})
		nc, _ := s.connect("")
		writePacket(t, nc, "0")
		_, err := nc.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		f := await(t, s.refused)
		require.Equal(t, "ID_GENERATION_ERROR", f.Context)
		require.ErrorIs(t, f.Err, io.EOF)
		require.Zero(t, s.Count())
	})
}

// Rows: A07
func TestMiddlewaresBeforeStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startStreams(t, engine.Config{Middleware: []func(http.Handler) http.Handler{func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Has("stop") {
					engine.Refuse(w, engineio.Forbidden, "stopped")
					return
				}
				next.ServeHTTP(w, r)
			})
		}}})
		nc, _ := s.connect("")
		require.NotNil(t, nc)
		writePacket(t, nc, "0")
		require.Equal(t, "0{", readPacket(t, bufio.NewReader(nc))[:2])
		nc, status := s.connect("&stop")
		require.Nil(t, nc)
		require.Equal(t, 403, status)
		require.Equal(t, "MIDDLEWARE_FAILURE", await(t, s.refused).Context)
	})
}
