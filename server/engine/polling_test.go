package engine_test

import (
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server/engine"
	"parley/server/engine/polling"
	"parley/shared/engineio"
)

// Rows: E03 E04 E05
func TestPollingMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{})
		p, a := f.poll()
		for _, payload := range []string{
			"4hello",
			"4test1\x1e4test2\x1e4test3",
			"4hello\x1ebAQIDBA==",
			"4€\x1e4häß😀",
			"4",
		} {
			sent := p.post(payload)
			require.Equal(t, 200, sent.status)
			require.Equal(t, "ok", sent.body)
			require.Equal(t, "text/html", sent.header.Get("Content-Type"))
			require.Equal(t, "no-store", sent.header.Get("Cache-Control"))
			require.Equal(t, payload, p.get().body)
		}
		require.Equal(t, message{false, "hello"}, <-a.got)
		// What is sent while a poll waits goes to that poll.
		waiting := p.start()
		synctest.Wait()
		require.True(t, a.Writable())
		require.NoError(t, a.Send(engine.SendOptions{}, engine.NewMessage(false, []byte("one"))))
		require.Equal(t, "4one", await(t, waiting).body)
		require.False(t, a.Writable())
		// A group stays together.
		require.NoError(t, a.Send(engine.SendOptions{},
			engine.NewMessage(false, []byte("a")), engine.NewMessage(true, []byte{1, 2}), engine.NewMessage(true, nil)))
		n, size := a.Buffered()
		require.Equal(t, 3, n)
		require.Positive(t, size)
		require.Equal(t, "4a\x1ebAQI=\x1eb", p.get().body)
		n, size = a.Buffered()
		require.Zero(t, n+size)
		// The URL alphabet of base64 is read as well, and packets that mean nothing are tolerated.
		require.Equal(t, 200, p.post("b-_8\x1e0\x1e3\x1e6\x1e5").status)
		require.Equal(t, "b+/8=", p.get().body)
	})
}

// Rows: E04
func TestMessagesAreReceivedBeforeThePostIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		f := startPipe(t, engine.Config{Open: func(s *engine.Session) engine.Receiver { return blocks{s, release} }})
		a := f.do("GET", pollQuery, "")
		p := &poller{f, strings.Split(a.body, `"`)[3]}
		begin := time.Now()
		time.AfterFunc(time.Second, func() { close(release) })
		require.Equal(t, 200, p.post("4x").status)
		require.Equal(t, time.Second, time.Since(begin))
	})
}

// blocks is a receiver that takes its time.
type blocks struct {
	s       *engine.Session
	release chan struct{}
}

func (b blocks) Receive(bool, []byte) engine.Task {
	select {
	case <-b.release:
	case <-b.s.Done():
	}
	return nil
}
func (b blocks) Closed(engine.Reason, error) {}

// Rows: E06 E13 E04 E07
// Advisories: CVE-2020-36048 engine.io-6.6.7
func TestPollingMisuse(t *testing.T) {
	type check func(t *testing.T, f *fixture, p *poller)
	for name, c := range map[string]struct {
		misuse check
		reason engine.Reason
		err    error
	}{
		"two polls": {func(t *testing.T, f *fixture, p *poller) {
			first := p.start()
			synctest.Wait()
			require.Equal(t, 400, p.get().status)
			a := await(t, first)
			require.Equal(t, 200, a.status)
			require.Equal(t, "1", a.body)
		}, engineio.ReasonTransportError, engine.ErrOverlap},
		"two posts": {func(t *testing.T, f *fixture, p *poller) {
			body, w := io.Pipe()
			first := make(chan int, 1)
			go func() {
				resp, err := f.http.Post(f.url+p.query(), "text/plain", body)
				if err != nil {
					first <- 0
					return
				}
				defer resp.Body.Close()
				first <- resp.StatusCode
			}()
			_, err := w.Write([]byte("4half"))
			require.NoError(t, err)
			synctest.Wait()
			require.Equal(t, 400, p.post("4x").status)
			require.NotEqual(t, 200, await(t, first))
			w.CloseWithError(io.EOF)
		}, engineio.ReasonTransportError, engine.ErrOverlap},
		"unknown packet": {func(t *testing.T, f *fixture, p *poller) {
			require.Equal(t, 400, p.post("abc").status)
		}, engineio.ReasonParseError, engineio.ErrUnknownType},
		"empty body": {func(t *testing.T, f *fixture, p *poller) {
			require.Equal(t, 400, p.post("").status)
		}, engineio.ReasonParseError, engineio.ErrEmptyPacket},
		"many empty packets": {func(t *testing.T, f *fixture, p *poller) {
			require.Equal(t, 400, p.post(strings.Repeat("\x1e", 99)).status)
		}, engineio.ReasonParseError, engineio.ErrEmptyPacket},
		"bad base64": {func(t *testing.T, f *fixture, p *poller) {
			require.Equal(t, 400, p.post("b!!!").status)
		}, engineio.ReasonParseError, engineio.ErrBase64},
		"a bad packet after a good one": {func(t *testing.T, f *fixture, p *poller) {
			waiting := p.start()
			synctest.Wait()
			require.Equal(t, 400, p.post("4good\x1e9").status)
			require.Equal(t, "4good", await(t, waiting).body)
		}, engineio.ReasonParseError, engineio.ErrUnknownType},
		"too many packets": {func(t *testing.T, f *fixture, p *poller) {
			require.Equal(t, 400, p.post(strings.Repeat("4\x1e", 20)+"4").status)
		}, engineio.ReasonParseError, engineio.ErrTooManyPackets},
		"text that is not UTF-8": {func(t *testing.T, f *fixture, p *poller) {
			require.Equal(t, 400, p.post("4\xff").status)
		}, engineio.ReasonTransportError, polling.ErrUTF8},
		"binary content type": {func(t *testing.T, f *fixture, p *poller) {
			require.Equal(t, 400, f.do("POST", p.query(), "4x", "Content-Type", "application/octet-stream").status)
		}, engineio.ReasonTransportError, engine.ErrContentType},
		"a body above the limit": {func(t *testing.T, f *fixture, p *poller) {
			require.Equal(t, 413, p.post(strings.Repeat("4", 1001)).status)
		}, engineio.ReasonTransportError, engine.ErrTooLarge},
		"an endless body": {func(t *testing.T, f *fixture, p *poller) {
			body, w := io.Pipe()
			go func() {
				for {
					if _, err := w.Write([]byte("4444")); err != nil {
						return
					}
				}
			}()
			resp, err := f.http.Post(f.url+p.query(), "text/plain", body)
			require.NoError(t, err)
			resp.Body.Close()
			body.CloseWithError(io.EOF)
			require.Equal(t, 413, resp.StatusCode)
		}, engineio.ReasonTransportError, engine.ErrTooLarge},
		"a body that never ends": {func(t *testing.T, f *fixture, p *poller) {
			body, w := io.Pipe()
			begin := time.Now()
			go func() { _, _ = w.Write([]byte("4half")) }()
			resp, err := f.http.Post(f.url+p.query(), "text/plain", body)
			require.NoError(t, err)
			resp.Body.Close()
			w.CloseWithError(io.EOF)
			require.Equal(t, 408, resp.StatusCode)
			require.Equal(t, 30*time.Second, time.Since(begin))
		}, engineio.ReasonTransportError, engine.ErrStalled},
		"a cancelled poll": {func(t *testing.T, f *fixture, p *poller) {
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { _, err := f.request(ctx, "GET", p.query(), ""); done <- err }()
			synctest.Wait()
			cancel()
			require.Error(t, await(t, done))
			synctest.Wait()
		}, engineio.ReasonTransportError, engine.ErrAborted},
		"a cancelled post": {func(t *testing.T, f *fixture, p *poller) {
			body, w := io.Pipe()
			done := make(chan error, 1)
			go func() {
				_, err := f.http.Post(f.url+p.query(), "text/plain", body) //nolint:bodyclose // there is none
				done <- err
			}()
			_, err := w.Write([]byte("4half"))
			require.NoError(t, err)
			w.CloseWithError(io.ErrClosedPipe)
			require.Error(t, await(t, done))
			synctest.Wait()
		}, engineio.ReasonTransportError, engine.ErrAborted},
		"a ping from the client": {func(t *testing.T, f *fixture, p *poller) {
			require.Equal(t, 200, p.post("2").status)
		}, engineio.ReasonTransportError, engine.ErrHeartbeat},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := startPipe(t, engine.Config{MaxPayload: 1000, MaxPackets: 20})
				p, a := f.poll()
				c.misuse(t, f, p)
				e := await(t, a.closed)
				require.Equal(t, c.reason, e.reason)
				require.ErrorIs(t, e.err, c.err)
				require.Equal(t, `{"code":1,"message":"Session ID unknown"}`, p.get().body)
				require.Equal(t, 400, p.post("4x").status)
				require.Zero(t, f.Count())
			})
		})
	}
}

// A poll that was given up before the answer could be written ends the session:
// what it was to carry is lost.
func TestAnswerForAPollThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{})
		p, a := f.poll()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { _, err := f.request(ctx, "GET", p.query(), ""); done <- err }()
		synctest.Wait()
		cancel()
		sent := a.Send(engine.SendOptions{}, engine.NewMessage(false, []byte("lost")))
		failed := await(t, done)
		synctest.Wait()
		if sent == nil && failed == nil { // the answer was faster
			require.Empty(t, a.closed)
			return
		}
		// Whether the bytes had left before the client was gone decides how it is noticed.
		require.Contains(t, []engine.Reason{engineio.ReasonTransportError, engineio.ReasonPingTimeout}, await(t, a.closed).reason)
		require.Equal(t, 400, p.get().status)
	})
}

// Rows: E18
func TestVolatileOverPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{})
		p, a := f.poll()
		volatile := engine.SendOptions{Volatile: true}
		require.ErrorIs(t, a.Send(volatile, engine.NewMessage(false, []byte("lost"))), engine.ErrNotWritable)
		waiting := p.start()
		synctest.Wait()
		require.NoError(t, a.Send(volatile, engine.NewMessage(false, []byte("a")), engine.NewMessage(true, []byte{1})))
		require.ErrorIs(t, a.Send(volatile, engine.NewMessage(false, []byte("lost"))), engine.ErrNotWritable)
		require.Equal(t, "4a\x1ebAQ==", await(t, waiting).body)
	})
}

// Rows: E14
func TestCompressionOfPolls(t *testing.T) {
	long := strings.Repeat("x", 1100)
	decoders := map[string]func(io.Reader) (io.Reader, error){
		"gzip":    func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"deflate": func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) },
	}
	for _, c := range []struct {
		name     string
		cfg      engine.Compression
		data     string
		no       bool
		accept   string
		encoding string
		vary     string
	}{
		{"gzip", engine.Compression{}, long, false, "gzip", "gzip", "Accept-Encoding"},
		{"deflate", engine.Compression{}, long, false, "deflate", "deflate", "Accept-Encoding"},
		{"gzip is preferred", engine.Compression{}, long, false, "deflate, gzip", "gzip", "Accept-Encoding"},
		{"by weight", engine.Compression{}, long, false, "gzip;q=0.5, deflate;q=0.8", "deflate", "Accept-Encoding"},
		{"refused", engine.Compression{}, long, false, "gzip;q=0, br", "", "Accept-Encoding"},
		{"not asked for", engine.Compression{}, long, false, "identity", "", "Accept-Encoding"},
		{"anything", engine.Compression{}, long, false, "*", "gzip", "Accept-Encoding"},
		{"short", engine.Compression{}, "short", false, "gzip", "", ""},
		{"the threshold", engine.Compression{}, long[:1023], false, "gzip", "gzip", "Accept-Encoding"},
		{"below the threshold", engine.Compression{}, long[:1022], false, "gzip", "", ""},
		{"own threshold", engine.Compression{HTTP: 3}, "short", false, "gzip", "gzip", "Accept-Encoding"},
		{"off", engine.Compression{HTTP: -1}, long, false, "gzip", "", ""},
		{"no message wants it", engine.Compression{}, long, true, "gzip", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := start(t, engine.Config{Compression: c.cfg})
			p, a := f.poll()
			for range 2 { // the second time from the pool
				require.NoError(t, a.Send(engine.SendOptions{NoCompress: c.no}, engine.NewMessage(false, []byte(c.data))))
				r := f.do("GET", p.query(), "", "Accept-Encoding", c.accept)
				require.Equal(t, c.encoding, r.header.Get("Content-Encoding"))
				require.Equal(t, c.vary, r.header.Get("Vary"), "caches must know")
				body := r.body
				if c.encoding != "" {
					d, err := decoders[c.encoding](strings.NewReader(r.body))
					require.NoError(t, err)
					b, err := io.ReadAll(d)
					require.NoError(t, err)
					body = string(b)
				}
				require.Equal(t, "4"+c.data, body)
			}
		})
	}
}

// The server answers a body that is announced as too large without waiting for it.
func TestAnnouncedLengthAboveTheLimit(t *testing.T) {
	f := start(t, engine.Config{})
	p, a := f.poll()
	status := f.raw("POST /socket.io/" + p.query() + " HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n")
	require.Equal(t, 413, status)
	require.ErrorIs(t, await(t, a.closed).err, engine.ErrTooLarge)
}

// Half a body and then nothing: the connection is gone.
func TestBodyCutOff(t *testing.T) {
	f := start(t, engine.Config{})
	p, a := f.poll()
	nc, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(f.url, "http://"), "/socket.io/"))
	require.NoError(t, err)
	_, err = nc.Write([]byte("POST /socket.io/" + p.query() + " HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n4half"))
	require.NoError(t, err)
	require.NoError(t, nc.Close())
	e := await(t, a.closed)
	require.Equal(t, engineio.ReasonTransportError, e.reason)
	require.True(t, errors.Is(e.err, engine.ErrAborted), "%v", e.err)
}
