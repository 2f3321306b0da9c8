package engine_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"parley/server/engine"
	"parley/shared/engineio"
)

// A client that does not read is evicted as soon as its queue is full, whatever
// it uses; the application and the hook are told.
// Rows: E17
func TestSlowReceiver(t *testing.T) {
	for _, kind := range []string{"websocket", "polling"} {
		for _, batch := range []bool{false, true} {
			t.Run(fmt.Sprint(kind, " batch ", batch), func(t *testing.T) {
				type notice struct{ messages, bytes int }
				slow := make(chan notice, 10)
				f := start(t, engine.Config{OnSlow: func(s *engine.Session, messages, bytes int) {
					slow <- notice{messages, bytes}
				}})
				var a *app
				if kind == "polling" {
					_, a = f.poll()
				} else {
					_, a = f.connectRaw()
				}
				m := engine.NewMessage(true, make([]byte, 100_000))
				sent := 0
				var err error
				for err == nil && sent < 10_000 {
					err = a.Send(engine.SendOptions{Batch: batch}, m)
					sent++
				}
				require.ErrorIs(t, err, engine.ErrSlow)
				require.Equal(t, ending{engineio.ReasonSlow, engine.ErrSlow}, await(t, a.closed))
				n := await(t, slow)
				require.Greater(t, n.bytes, 900_000)
				require.LessOrEqual(t, n.bytes, 16<<20+200_000)
				require.Empty(t, slow)
				require.ErrorIs(t, a.Send(engine.SendOptions{}, m), engine.ErrClosed)
				require.Zero(t, f.Count())
			})
		}
	}
}

// An operator learns who was evicted and how much waited, once, without asking.
// Rows: E17
func TestEvictionIsLogged(t *testing.T) {
	full := func(t *testing.T, a *app) {
		for a.Send(engine.SendOptions{}, engine.NewMessage(true, make([]byte, 100_000))) == nil {
			require.Empty(t, a.closed)
		}
		_ = a.Send(engine.SendOptions{}, engine.NewMessage(true, nil))
	}
	for name, slow := range map[string]func(t *testing.T, f *fixture) *app{
		"a full queue": func(t *testing.T, f *fixture) *app {
			_, a := f.connectRaw()
			full(t, a)
			return a
		},
		"a full queue for a poll": func(t *testing.T, f *fixture) *app {
			_, a := f.poll()
			full(t, a)
			return a
		},
		"takes nothing": func(t *testing.T, f *fixture) *app {
			_, a := f.connectRaw()
			send(t, a, string(make([]byte, 2_000_000)))
			return a
		},
		"takes nothing of a poll's answer": func(t *testing.T, f *fixture) *app {
			p, a := f.poll()
			send(t, a, string(randomText(2_000_000)))
			nc := f.dialConn()
			p.getOver(nc, bufio.NewReader(nc))
			return a
		},
		"asked for by the application": func(t *testing.T, f *fixture) *app {
			_, a := f.connectRaw()
			send(t, a, string(make([]byte, 2_000_000)))
			a.Close(engineio.ReasonSlow)
			return a
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log logHandler
				f := startPipe(t, engine.Config{
					RemoteAddr: func(*http.Request) string { return "192.0.2.7" },
					Logger:     slog.New(slog.NewTextHandler(&log, nil)),
				})
				a := slow(t, f)
				await(t, a.closed)
				a.Abort(engineio.ReasonSlow)
				synctest.Wait()
				require.Regexp(t, `^time=\S+ level=WARN msg="slow client evicted" id=`+a.ID()+
					` remote=192\.0\.2\.7 transport=(polling|websocket) messages=[1-9]\d* bytes=[1-9]\d{6,7}\n$`, log.text())
			})
		})
	}
}

// What an application sends in one go reaches a client that reads, whatever it
// uses; over polling also when no poll is open yet.
// Rows: E17 E03
func TestOrdinaryBursts(t *testing.T) {
	for name, bursts := range map[string][]int{
		"a long message and a short one": {3 << 19, 10},
		"40 of 100 KB":                   slices.Repeat([]int{100_000}, 40),
		"20,000 of 100 B":                slices.Repeat([]int{100}, 20_000),
		"100 of 100 KB":                  slices.Repeat([]int{100_000}, 100),
		"5 of 2 MB":                      slices.Repeat([]int{2_000_000}, 5),
	} {
		burst := func(t *testing.T, a *app) {
			for _, size := range bursts {
				require.NoError(t, a.Send(engine.SendOptions{}, engine.NewMessage(false, make([]byte, size))))
			}
		}
		t.Run(name+" over polling", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := startPipe(t, engine.Config{Compression: engine.Compression{HTTP: -1}})
				p, a := f.poll()
				burst(t, a)
				sizes := bursts
				for packet := range strings.SplitSeq(p.get().body, "\x1e") {
					require.Len(t, packet, 1+sizes[0])
					sizes = sizes[1:]
				}
				require.Empty(t, sizes)
			})
		})
		t.Run(name+" over websocket", func(t *testing.T) {
			f := start(t, engine.Config{})
			c, a := f.connect()
			burst(t, a)
			for _, size := range bursts {
				require.Len(t, c.text(), 1+size)
			}
		})
		t.Run(name+" over a stream", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := startStreams(t, engine.Config{})
				nc, _ := s.connect("")
				writePacket(t, nc, "0")
				br := bufio.NewReader(nc)
				readPacket(t, br)
				burst(t, s.opened())
				for _, size := range bursts {
					require.Len(t, readPacket(t, br), 1+size)
				}
			})
		})
	}
}

// Being slow takes a second: a client that polls in time, or reads, is not.
// Rows: E17 E03
func TestSlowIsAMatterOfTime(t *testing.T) {
	for _, kind := range []string{"websocket", "polling"} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := startPipe(t, engine.Config{Compression: engine.Compression{HTTP: -1}})
				var a *app
				var take func()
				if kind == "polling" {
					var p *poller
					p, a = f.poll()
					take = func() { p.get() }
				} else {
					var c *rawSocket
					c, a = f.connectRaw()
					take = func() {
						for range 20 {
							_, _, err := c.frame()
							require.NoError(t, err)
						}
						synctest.Wait()
					}
				}
				m := engine.NewMessage(false, make([]byte, 100_000))
				for range 5 {
					for range 19 {
						require.NoError(t, a.Send(engine.SendOptions{}, m))
					}
					time.Sleep(time.Second)
					require.NoError(t, a.Send(engine.SendOptions{}, m))
					take()
				}
				for range 20 {
					require.NoError(t, a.Send(engine.SendOptions{}, m))
				}
				time.Sleep(time.Second + 1)
				require.ErrorIs(t, a.Send(engine.SendOptions{}, m), engine.ErrSlow)
				require.Equal(t, ending{engineio.ReasonSlow, engine.ErrSlow}, await(t, a.closed))
			})
		})
	}
}

// A long burst of small messages does not evict a client that reads.
func TestBurstToAHealthyReceiver(t *testing.T) {
	f := start(t, engine.Config{})
	for _, batch := range []bool{false, true} {
		c, a := f.connect()
		const n = 30_000
		done := make(chan string, 1)
		go func() {
			last := ""
			for range n {
				_, b, err := c.ws.Read(context.Background())
				if err != nil {
					done <- err.Error()
					return
				}
				last = string(b)
			}
			done <- last
		}()
		for i := range n {
			require.NoError(t, a.Send(engine.SendOptions{Batch: batch}, engine.NewMessage(false, []byte(fmt.Sprint(i)))))
			if i%1000 == 999 {
				require.NoError(t, a.Flush(t.Context()))
			}
		}
		require.Equal(t, fmt.Sprint("4", n-1), await(t, done))
	}
}

func TestStuckReceiverIsEvictedAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		evicted := make(chan int, 2)
		f := startPipe(t, engine.Config{OnSlow: func(_ *engine.Session, _, bytes int) { evicted <- bytes }})
		_, a := f.connectRaw()
		begin := time.Now()
		send(t, a, "never read")
		require.Equal(t, ending{engineio.ReasonSlow, engine.ErrSlow}, await(t, a.closed))
		require.Equal(t, 10*time.Second, time.Since(begin))
		require.Positive(t, await(t, evicted))
		require.Empty(t, evicted)
	})
}

func TestFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, engine.Config{})
		p, a := f.poll()
		require.NoError(t, a.Flush(t.Context()))
		flushed := func() <-chan error {
			ch := make(chan error, 1)
			go func() { ch <- a.Flush(t.Context()) }()
			synctest.Wait()
			return ch
		}
		send(t, a, "one")
		done := flushed()
		require.Empty(t, done)
		require.Equal(t, "4one", p.get().body)
		require.NoError(t, await(t, done))

		send(t, a, "two")
		done = flushed()
		c := p.probe()
		c.send("5")
		require.Equal(t, "4two", c.text())
		require.NoError(t, await(t, done), "flushed by the upgrade")

		send(t, a, "three")
		done = flushed()
		require.Empty(t, done)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, a.Flush(ctx), context.DeadlineExceeded)
		require.Equal(t, "4three", c.text())
		require.NoError(t, await(t, done))

		send(t, a, "four")
		done = flushed()
		require.NoError(t, f.Server.Close())
		require.ErrorIs(t, await(t, done), engine.ErrClosed)
	})
}

// Rows: E18
func TestVolatileOverWebSocket(t *testing.T) {
	f := start(t, engine.Config{})
	c, a := f.connectRaw()
	volatile := engine.SendOptions{Volatile: true}
	require.True(t, a.Writable())
	require.NoError(t, a.Send(volatile, engine.NewMessage(false, []byte("x"))))
	_, b, err := c.frame()
	require.NoError(t, err)
	require.Equal(t, "4x", string(b))

	big := engine.NewMessage(true, make([]byte, 100_000)) // until the socket is full
	sent := 0
	for a.Send(volatile, big) == nil {
		sent++
	}
	require.ErrorIs(t, a.Send(volatile, big), engine.ErrNotWritable)
	require.False(t, a.Writable())
	require.Empty(t, a.closed, "nobody is evicted for them")
	for range sent {
		_, _, err := c.frame()
		require.NoError(t, err)
	}
	require.Eventually(t, a.Writable, 5*time.Second, time.Millisecond)
}

// Acks, direct and batched messages to one client keep their order.
// Rows: M22 D01
func TestOrderOfSends(t *testing.T) {
	f := start(t, engine.Config{})
	c, a := f.connect()
	const n = 5000
	go func() {
		for i := range n {
			_ = a.Send(engine.SendOptions{Batch: i%3 != 0}, engine.NewMessage(i%5 == 0, []byte(fmt.Sprint(i))))
		}
	}()
	for i := range n {
		if i%5 == 0 {
			require.Equal(t, fmt.Sprint(i), string(c.binary()))
		} else {
			require.Equal(t, fmt.Sprint("4", i), c.text())
		}
	}
}

// Order holds across the upgrade while somebody keeps sending.
// Rows: D01 E09
func TestOrderAcrossTheUpgrade(t *testing.T) {
	f := start(t, engine.Config{})
	for range 10 {
		p, a := f.poll()
		a.silent = true
		const n = 2000
		stop := make(chan struct{})
		go func() {
			defer close(stop)
			for i := range n {
				_ = a.Send(engine.SendOptions{Batch: i%2 == 0}, engine.NewMessage(false, []byte(fmt.Sprint(i))))
			}
		}()
		var got []string
		take := func(payload string) {
			for packet := range strings.SplitSeq(payload, "\x1e") {
				if packet != "6" {
					got = append(got, packet)
				}
			}
		}
		take(p.get().body)
		c := p.probe()
		take(p.get().body)
		c.send("5")
		for len(got) < n {
			take(c.text())
		}
		for i, packet := range got {
			require.Equal(t, fmt.Sprint("4", i), packet)
		}
		<-stop
		_ = c.ws.CloseNow()
	}
}

// One message for many receivers is compressed once, and only for those who
// asked for it.
// Rows: E15
func TestCompressionOfMessages(t *testing.T) {
	f := start(t, engine.Config{Compression: engine.Compression{WebSocket: 1024}})
	dial := func(mode websocket.CompressionMode) *websocket.Conn {
		ws, resp, err := websocket.Dial(t.Context(), f.url+"?EIO=4&transport=websocket", &websocket.DialOptions{CompressionMode: mode})
		require.NoError(t, err)
		t.Cleanup(func() { _ = ws.CloseNow() })
		require.Equal(t, mode != websocket.CompressionDisabled, strings.HasPrefix(resp.Header.Get("Sec-WebSocket-Extensions"), "permessage-deflate"))
		ws.SetReadLimit(1 << 20)
		return ws
	}
	data := bytes.Repeat([]byte("again and again "), 200)
	for _, mode := range []websocket.CompressionMode{
		websocket.CompressionDisabled, websocket.CompressionNoContextTakeover, websocket.CompressionContextTakeover,
	} {
		ws := dial(mode)
		a := f.opened()
		_, _, err := ws.Read(t.Context())
		require.NoError(t, err)
		for _, binary := range []bool{false, true} {
			for _, o := range []engine.SendOptions{{}, {Batch: true}, {NoCompress: true}} {
				require.NoError(t, a.Send(o, engine.NewMessage(binary, data), engine.NewMessage(binary, []byte("short"))))
				for _, want := range []string{string(data), "short"} {
					if !binary {
						want = "4" + want
					}
					kind, b, err := ws.Read(t.Context())
					require.NoError(t, err)
					require.Equal(t, binary, kind == websocket.MessageBinary)
					require.Equal(t, want, string(b))
				}
			}
		}
		require.NoError(t, ws.Write(t.Context(), websocket.MessageText, append([]byte("4"), data...)))
		require.Equal(t, string(data), await(t, a.got).data)
	}

	// On the wire: the first bit after FIN, and much less of it.
	const offer = "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover\r\n"
	c := f.dialRaw("", offer)
	_, _, err := c.frame()
	require.NoError(t, err)
	a := f.opened()
	for _, o := range []engine.SendOptions{{}, {NoCompress: true}} {
		require.NoError(t, a.Send(o, engine.NewMessage(true, data)))
		first, b, err := c.frame()
		require.NoError(t, err)
		if o.NoCompress {
			require.Equal(t, byte(0x82), first)
			require.Len(t, b, len(data))
		} else {
			require.Equal(t, byte(0xc2), first)
			require.Less(t, len(b), 100)
		}
	}
	for size, compressed := range map[int]bool{1023: false, 1024: true} {
		require.NoError(t, a.Send(engine.SendOptions{}, engine.NewMessage(true, data[:size])))
		first, _, err := c.frame()
		require.NoError(t, err)
		require.Equal(t, compressed, first&0x40 != 0, "from the configured size on: %d", size)
	}

	// What has waited for a poll is compressed as it was to be.
	for _, no := range []bool{false, true} {
		p, a := f.poll()
		c := f.dialRaw("&sid="+p.sid, offer)
		c.write(maskedFrame(0x81, []byte("2probe"))...)
		_, b, err := c.frame()
		require.NoError(t, err)
		require.Equal(t, "3probe", string(b))
		require.NoError(t, a.Send(engine.SendOptions{NoCompress: no}, engine.NewMessage(true, data)))
		c.write(maskedFrame(0x81, []byte("5"))...)
		first, _, err := c.frame()
		require.NoError(t, err)
		require.Equal(t, !no, first&0x40 != 0, "NoCompress: %v", no)
	}
}

// A small compressed message that is large afterwards is refused like a large one.
// Advisories: CVE-2020-36048 CVE-2026-1526
func TestDecompressionIsBounded(t *testing.T) {
	f := start(t, engine.Config{MaxPayload: 10_000, Compression: engine.Compression{WebSocket: 1}})
	ws, _, err := websocket.Dial(t.Context(), f.url+"?EIO=4&transport=websocket", &websocket.DialOptions{
		CompressionMode: websocket.CompressionNoContextTakeover,
	})
	require.NoError(t, err)
	require.NoError(t, ws.Write(t.Context(), websocket.MessageBinary, make([]byte, 1_000_000)))
	a := f.opened()
	e := await(t, a.closed)
	require.Equal(t, engineio.ReasonTransportError, e.reason)
	require.ErrorIs(t, e.err, engine.ErrTooLarge)
	for err == nil {
		_, _, err = ws.Read(t.Context())
	}
	require.Equal(t, websocket.StatusMessageTooBig, websocket.CloseStatus(err))
}

// No extension unless it is configured.
// Rows: E08
func TestNoCompressionByDefault(t *testing.T) {
	f := start(t, engine.Config{})
	ws, resp, err := websocket.Dial(t.Context(), f.url+"?EIO=4&transport=websocket", &websocket.DialOptions{
		CompressionMode: websocket.CompressionContextTakeover,
	})
	require.NoError(t, err)
	defer ws.CloseNow() //nolint:errcheck // the test is over
	require.Empty(t, resp.Header.Get("Sec-WebSocket-Extensions"))
}

// Sending to an open WebSocket allocates nothing: a broadcast costs what its
// message costs, whatever the number of receivers.
func TestSendAllocatesNothing(t *testing.T) {
	f := start(t, engine.Config{})
	c, a := f.connectRaw()
	go io.Copy(io.Discard, c.br) //nolint:errcheck // ends with the test; it allocates nothing for a message, as all count
	m := engine.NewMessage(false, []byte("hello"))
	require.Zero(t, int(testing.AllocsPerRun(200, func() { _ = a.Send(engine.SendOptions{}, m) })))
}
