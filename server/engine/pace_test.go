package engine_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server/engine"
	"parley/server/engine/internal/pipe"
	"parley/shared/engineio"
)

// readSlowly reads n bytes, so many at a time and with a pause after each.
func readSlowly(r io.Reader, n, each int, pause time.Duration) error {
	part := make([]byte, each)
	for n > 0 {
		k, err := io.ReadFull(r, part[:min(n, each)])
		if err != nil {
			return err
		}
		n -= k
		time.Sleep(pause)
	}
	return nil
}

// A client that reads slowly, but without a stop, gets a message of any size,
// however long that takes. So does one that pings meanwhile, and whose pong has to
// wait for the message.
// Rows: E17 E13
func TestSlowButSteadyReceiver(t *testing.T) {
	for name, c := range map[string]struct {
		size, each int
		pause      time.Duration
	}{
		"at the floor":           {1 << 20, 64 << 10, 9 * time.Second},
		"long, above the bounds": {24 << 20, 1 << 20, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := startPipe(t, engine.Config{PingInterval: time.Hour})
				raw, a := f.connectRaw()
				synctest.Wait() // for the open packet to be out: it would count
				require.NoError(t, a.Send(engine.SendOptions{}, engine.NewMessage(true, make([]byte, c.size))))
				begin := time.Now()
				require.NoError(t, readSlowly(raw.br, c.size, c.each, c.pause))
				require.Greater(t, time.Since(begin), 20*time.Second)
				_, err := io.ReadFull(raw.br, make([]byte, 10)) // the frame's header has shifted it
				require.NoError(t, err)
				send(t, a, "next")
				_, b, err := raw.frame()
				require.NoError(t, err)
				require.Equal(t, "4next", string(b))
				require.Empty(t, a.closed)
			})
		})
	}
	t.Run("with heartbeats", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := startPipe(t, engine.Config{PingInterval: 5 * time.Second, PingTimeout: 40 * time.Second})
			raw, a := f.connectRaw()
			synctest.Wait()
			require.NoError(t, a.Send(engine.SendOptions{}, engine.NewMessage(true, make([]byte, 2<<20))))
			require.NoError(t, readSlowly(raw.br, 256<<10, 64<<10, time.Second))
			raw.write(maskedFrame(0x89, []byte("mine"))...)
			require.NoError(t, readSlowly(raw.br, 10+2<<20-256<<10, 64<<10, time.Second))
			first, b, err := raw.frame()
			require.NoError(t, err)
			require.Equal(t, byte(0x8a), first)
			require.Equal(t, "mine", string(b))
			_, b, err = raw.frame()
			require.NoError(t, err)
			require.Equal(t, "2", string(b))
			raw.write(maskedFrame(0x81, []byte("3"))...)
			_, b, err = raw.frame()
			require.NoError(t, err)
			require.Equal(t, "2", string(b))
			require.Empty(t, a.closed)
		})
	})
	t.Run("a heartbeat behind a long message for a poll", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := startPipe(t, engine.Config{})
			p, a := f.poll()
			require.NoError(t, a.Send(engine.SendOptions{}, engine.NewMessage(false, make([]byte, 2<<20))))
			time.Sleep(26 * time.Second)
			body := p.get().body
			require.Equal(t, "\x1e2", body[1+2<<20:])
			require.Empty(t, a.closed)
		})
	})
	t.Run("polling", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := startPipe(t, engine.Config{PingInterval: time.Hour})
			p, a := f.poll()
			const size = 1 << 20
			require.NoError(t, a.Send(engine.SendOptions{}, engine.NewMessage(false, make([]byte, size))))
			nc := f.dialConn()
			br := bufio.NewReader(nc)
			resp := p.getOver(nc, br)
			require.Equal(t, int64(1+size), resp.ContentLength)
			require.NoError(t, readSlowly(resp.Body, 1+size, 64<<10, 9*time.Second))
			synctest.Wait()
			require.Empty(t, a.closed)
			time.Sleep(time.Minute) // no deadline is left behind on the connection
			send(t, a, "next")
			body, err := io.ReadAll(p.getOver(nc, br).Body)
			require.NoError(t, err)
			require.Equal(t, "4next", string(body))
		})
	})
}

// getOver polls over a connection and leaves the body to be read.
func (p *poller) getOver(nc net.Conn, br *bufio.Reader, header ...string) *http.Response {
	p.f.t.Helper()
	_, err := fmt.Fprintf(nc, "GET /socket.io/%s HTTP/1.1\r\nHost: x\r\n%s\r\n", p.query(), strings.Join(header, ""))
	require.NoError(p.f.t, err)
	resp, err := http.ReadResponse(br, nil)
	require.NoError(p.f.t, err)
	return resp
}

// Who takes a little now and then holds memory like who takes nothing.
// Rows: E17 E03
func TestDrippingReceiver(t *testing.T) {
	type notice struct{ messages, bytes int }
	for name, each := range map[string]int{"a byte": 1, "too little": 2 << 10} {
		t.Run(name, func(t *testing.T) {
			for _, kind := range []string{"websocket", "polling", "polling, compressed"} {
				t.Run(kind, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						slow := make(chan notice, 2)
						f := startPipe(t, engine.Config{OnSlow: func(_ *engine.Session, messages, bytes int) { slow <- notice{messages, bytes} }})
						var a *app
						var r io.Reader
						random := randomText(1 << 20)
						if kind == "websocket" {
							var c *rawSocket
							c, a = f.connectRaw()
							require.NoError(t, a.Send(engine.SendOptions{}, engine.NewMessage(false, random)))
							r = c.br
						} else {
							var p *poller
							p, a = f.poll()
							require.NoError(t, a.Send(engine.SendOptions{}, engine.NewMessage(false, random)))
							var header []string
							if kind == "polling, compressed" {
								header = []string{"Accept-Encoding: gzip\r\n"}
							}
							nc := f.dialConn()
							r = p.getOver(nc, bufio.NewReader(nc), header...).Body
						}
						begin := time.Now()
						read := make(chan error)
						go func() { read <- readSlowly(r, 1<<20, each, time.Second) }()
						require.Equal(t, ending{engineio.ReasonSlow, engine.ErrSlow}, await(t, a.closed))
						require.Equal(t, 10*time.Second, time.Since(begin))
						require.Error(t, <-read)
						n := await(t, slow)
						require.Positive(t, n.messages)
						require.Positive(t, n.bytes)
						require.Empty(t, slow)
						require.Zero(t, f.Count())
					})
				})
			}
		})
	}
}

// Nor is it enough to take a piece, when the next waits.
// Rows: E17
func TestReceiverThatTakesHalfAPiece(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{})
		c, a := f.connectRaw()
		synctest.Wait()
		m := engine.NewMessage(true, make([]byte, 20_000))
		require.NoError(t, a.Send(engine.SendOptions{}, m, m, m, m, m))
		begin := time.Now()
		read := make(chan error)
		go func() { read <- readSlowly(c.br, 100_000, 2400, time.Second) }()
		require.Equal(t, ending{engineio.ReasonSlow, engine.ErrSlow}, await(t, a.closed))
		require.Equal(t, 10*time.Second, time.Since(begin))
		require.Error(t, <-read)
	})
}

// randomText returns n bytes of text that does not compress well.
func randomText(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = ' ' + byte(x>>24)%90
	}
	return b
}

// A poll that is given up while its answer is written is not a slow one.
// Rows: E07
func TestPollGivenUpDuringALongAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{})
		p, a := f.poll()
		require.NoError(t, a.Send(engine.SendOptions{}, engine.NewMessage(false, randomText(1<<20))))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			r, err := http.NewRequestWithContext(ctx, "GET", f.url+p.query(), nil)
			if err == nil {
				_, err = f.http.Do(r) //nolint:bodyclose // it ends with the context
			}
			done <- err
		}()
		require.NoError(t, await(t, done))
		cancel()
		require.Equal(t, ending{engineio.ReasonTransportError, engine.ErrAborted}, await(t, a.closed))
	})
}

// CloseTimeout bounds an orderly close, whether the client reads slowly or not at
// all, and whether anything was being written before.
// Rows: E17
func TestCloseTimeoutOverWebSocket(t *testing.T) {
	for name, c := range map[string]struct {
		timeout time.Duration
		size    int // of what waits; 0: nothing but the close frame
		reads   bool
		want    time.Duration
	}{
		"nothing waits":               {time.Second, 0, false, time.Second},
		"reads nothing":               {time.Second, 1 << 20, false, time.Second},
		"reads nothing, and has time": {time.Minute, 1 << 20, false, 10 * time.Second},
		"reads slowly":                {5 * time.Second, 1 << 20, true, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := startPipe(t, engine.Config{CloseTimeout: c.timeout})
				raw, a := f.connectRaw()
				if c.size > 0 {
					require.NoError(t, a.Send(engine.SendOptions{}, engine.NewMessage(true, make([]byte, c.size))))
				}
				synctest.Wait()
				begin := time.Now()
				a.Close(engineio.ReasonForcedClose)
				require.Equal(t, ending{engineio.ReasonForcedClose, nil}, await(t, a.closed))
				if c.reads {
					go readSlowly(raw.br, c.size, 64<<10, time.Second) //nolint:errcheck // cut off
				}
				require.NoError(t, f.Shutdown(t.Context()))
				require.Equal(t, c.want, time.Since(begin))
			})
		})
	}
}

// The same over HTTP/2, where a request has no connection of its own.
// Rows: A16 E03 E17
func TestSlowPollOverHTTP2(t *testing.T) {
	for name, c := range map[string]struct {
		each int
		end  engine.Reason
	}{"steady": {64 << 10, ""}, "dripping": {2 << 10, engineio.ReasonSlow}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fixture{t: t, url: "http://pipe/socket.io/"}
				f.Server = engine.New(f.config(engine.Config{PingInterval: time.Hour}))
				l := pipe.Listen()
				var h2 http.Protocols
				h2.SetUnencryptedHTTP2(true)
				web := &http.Server{Handler: f.Server, Protocols: &h2}
				served := make(chan struct{})
				go func() {
					defer close(served)
					_ = web.Serve(l)
				}()
				f.http = l.Client()
				f.http.Transport.(*http.Transport).Protocols = &h2
				defer func() {
					require.NoError(t, f.Close())
					f.http.CloseIdleConnections()
					require.NoError(t, web.Close())
					<-served
				}()
				p, a := f.poll()
				const window = 4 << 20 // of the client for a stream: so much it takes unread
				size := window + 512<<10
				require.NoError(t, a.Send(engine.SendOptions{}, engine.NewMessage(false, randomText(size))))
				r, err := http.NewRequestWithContext(t.Context(), "GET", f.url+p.query(), nil)
				require.NoError(t, err)
				r.Header.Set("Accept-Encoding", "identity")
				resp, err := f.http.Do(r)
				require.NoError(t, err)
				defer resp.Body.Close()
				require.Equal(t, 2, resp.ProtoMajor)
				synctest.Wait()
				err = readSlowly(resp.Body, 16*c.each, c.each, 8*time.Second)
				require.NoError(t, err)
				_, err = io.Copy(io.Discard, resp.Body)
				if c.end == "" {
					require.NoError(t, err)
					require.Empty(t, a.closed)
					return
				}
				require.Error(t, err)
				require.Equal(t, ending{c.end, engine.ErrSlow}, await(t, a.closed))
			})
		})
	}
}
