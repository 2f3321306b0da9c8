package server_test

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	wt "github.com/quic-go/webtransport-go"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/engine/webtransport"
	"parley/shared/engineio"
)

// line is a client's connection, joined to "/", over one of the transports. It
// speaks Engine.IO packets byte by byte; a binary one has "b:" in front.
type line interface {
	write(packets ...string)          // as far as the server reads them
	until(packet string) (all string) // reads until one begins so
	closed()                          // waits until the server has closed
	leave()
}

// with returns the fixture for the use of a part of the test.
func (f *fixture) with(t *testing.T) *fixture {
	part := *f
	part.t = t
	return &part
}

// joining joins "/" over l.
func (f *fixture) joining(l line) (line, *server.Socket) {
	f.t.Helper()
	joined := make(chan *server.Socket, 1)
	defer f.OnConnect(func(s *server.Socket) { joined <- s })()
	l.write("40")
	l.until(`40{"sid":`)
	return l, await(f.t, joined)
}

func isBinary(packet string) (data string, ok bool) { return strings.CutPrefix(packet, "b:") }

// webSocketLine is a line over WebSocket.
type webSocketLine struct{ *peer }

func (f *fixture) joinWebSocket() (line, *server.Socket) {
	f.t.Helper()
	return f.joining(webSocketLine{f.dial()})
}

func (l webSocketLine) write(packets ...string) {
	for _, packet := range packets {
		kind := websocket.MessageText
		data, binary := isBinary(packet)
		if binary {
			kind = websocket.MessageBinary
		}
		if l.ws.Write(l.t.Context(), kind, []byte(data)) != nil {
			return
		}
	}
}

func (l webSocketLine) until(packet string) string {
	l.t.Helper()
	for {
		if got := l.raw(); strings.HasPrefix(got, packet) {
			return got
		}
	}
}

func (l webSocketLine) closed() { l.expectClosed() }
func (l webSocketLine) leave()  { l.close() }

// pollingLine is a line over HTTP long-polling.
type pollingLine struct {
	f    *fixture
	url  string
	came []string // packets of the last poll that nobody has asked for
}

func (f *fixture) joinPolling() (line, *server.Socket) {
	f.t.Helper()
	return f.joining(f.openPolling())
}

func (f *fixture) openPolling() *pollingLine {
	f.t.Helper()
	l := &pollingLine{f: f, url: f.url + "/socket.io/?EIO=4&transport=polling"}
	_, body := l.poll()
	var open struct{ SID string }
	require.NoError(f.t, json.Unmarshal([]byte(body[1:]), &open))
	l.url += "&sid=" + open.SID
	return l
}

func (l *pollingLine) poll() (status int, body string) {
	l.f.t.Helper()
	resp, err := l.f.http.Get(l.url)
	require.NoError(l.f.t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(l.f.t, err)
	return resp.StatusCode, string(text)
}

// write posts all packets at once. The server may refuse them, or close the
// connection instead of reading them.
func (l *pollingLine) write(packets ...string) {
	encoded := make([]string, len(packets))
	for i, packet := range packets {
		encoded[i] = packet
		if data, binary := isBinary(packet); binary {
			encoded[i] = "b" + base64.StdEncoding.EncodeToString([]byte(data))
		}
	}
	resp, err := l.f.http.Post(l.url, "text/plain;charset=UTF-8", strings.NewReader(strings.Join(encoded, "\x1e")))
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
}

func (l *pollingLine) until(want string) string {
	l.f.t.Helper()
	for {
		for len(l.came) > 0 {
			packet := l.came[0]
			l.came = l.came[1:]
			if strings.HasPrefix(packet, want) {
				return packet
			}
		}
		status, body := l.poll()
		require.Equal(l.f.t, http.StatusOK, status)
		l.came = strings.Split(body, "\x1e")
	}
}

// closed polls until the session is no more.
func (l *pollingLine) closed() {
	l.f.t.Helper()
	for {
		if status, _ := l.poll(); status == http.StatusBadRequest {
			return
		}
	}
}

func (l *pollingLine) leave() { l.write("1") }

// overUDP is a server's side of WebTransport.
type overUDP struct {
	url   string
	trust *tls.Config
}

// listenUDP serves over HTTP/3 until the test ends.
func (f *fixture) listenUDP() overUDP {
	f.t.Helper()
	web := httptest.NewTLSServer(http.NotFoundHandler()) // it has a certificate
	mux := http.NewServeMux()
	h3 := &http3.Server{Handler: mux, TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: web.TLS.Certificates})}
	srv := webtransport.New(f.Engine(), h3)
	mux.Handle("/socket.io/", srv)
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(f.t, err)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = srv.Serve(udp)
	}()
	f.t.Cleanup(func() {
		_ = srv.Close()
		_ = udp.Close()
		web.Close()
		<-served
	})
	trust := web.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	trust.NextProtos = []string{http3.NextProtoH3}
	return overUDP{"https://" + udp.LocalAddr().String() + "/socket.io/", trust}
}

// streamLine is a line over WebTransport.
type streamLine struct {
	t       testing.TB
	session *wt.Session
	stream  *wt.Stream
	br      *bufio.Reader
}

func (u overUDP) join(f *fixture) (line, *server.Socket) {
	f.t.Helper()
	d := &wt.Transport{
		TLSClientConfig: u.trust,
		QUICConfig:      &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true},
	}
	_, session, err := d.Dial(f.t.Context(), u.url, nil)
	require.NoError(f.t, err)
	f.t.Cleanup(func() {
		_ = session.CloseWithError(0, "")
		_ = d.Close()
	})
	stream, err := session.OpenStream()
	require.NoError(f.t, err)
	require.NoError(f.t, stream.SetDeadline(time.Now().Add(20*time.Second)))
	l := &streamLine{f.t, session, stream, bufio.NewReader(stream)}
	l.write("0")
	l.until(`0{"sid":`)
	return f.joining(l)
}

func (l *streamLine) write(packets ...string) {
	for _, packet := range packets {
		data, binary := isBinary(packet)
		if _, err := l.stream.Write(append(engineio.AppendFrameHeader(nil, binary, len(data)), data...)); err != nil {
			return
		}
	}
}

func (l *streamLine) read() (string, error) {
	var h engineio.FrameHeader
	for n := 1; h.Size == 0; n++ {
		b, err := l.br.Peek(n)
		if err != nil {
			return "", err
		}
		if h, err = engineio.ParseFrameHeader(b, 0); err != nil {
			return "", err
		}
	}
	data := make([]byte, h.Size+h.Length)
	_, err := io.ReadFull(l.br, data)
	return string(data[h.Size:]), err
}

func (l *streamLine) until(packet string) string {
	l.t.Helper()
	for {
		got, err := l.read()
		require.NoError(l.t, err)
		if strings.HasPrefix(got, packet) {
			return got
		}
	}
}

func (l *streamLine) closed() {
	for {
		if _, err := l.read(); err != nil {
			return
		}
	}
}

func (l *streamLine) leave() { _ = l.session.CloseWithError(0, "") }
