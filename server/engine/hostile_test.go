package engine_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"parley/server/engine"
	"parley/shared/engineio"
)

func closeFrame(code uint16, reason string) []byte {
	return maskedFrame(0x88, append(binary.BigEndian.AppendUint16(nil, code), reason...))
}

func joined(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// What the server answers to WebSocket frames, each sent to an open session and
// to a candidate for an upgrade. The reference (package ws) reacts with the same
// close codes, except where the table says otherwise.
// Rows: E08 E13 E23
// Advisories: CVE-2022-21676, CVE-2020-27813
func TestHostileFrames(t *testing.T) {
	unmasked := append(frameHeader(0x81, 2, false), '4', 'x')
	text := func(s string) []byte { return maskedFrame(0x81, []byte(s)) }
	const lost = "+closed"
	for _, c := range []struct {
		name     string
		bytes    []byte
		reaction string // after a close frame the connection ends; "open": it goes on
		reason   engine.Reason
	}{
		{"RSV1 without an extension", maskedFrame(0xc1, []byte("4x")), "close(1002) " + lost, engineio.ReasonTransportError},
		{"RSV2", maskedFrame(0xa1, []byte("4x")), "close(1002) " + lost, engineio.ReasonTransportError},
		{"RSV3", maskedFrame(0x91, []byte("4x")), "close(1002) " + lost, engineio.ReasonTransportError},
		{"reserved data opcode", maskedFrame(0x83, []byte("4x")), "close(1002) " + lost, engineio.ReasonTransportError},
		{"reserved control opcode", maskedFrame(0x8b, nil), "close(1002) " + lost, engineio.ReasonTransportError},
		{"unmasked frame", unmasked, "close(1002) " + lost, engineio.ReasonTransportError},
		{"ping of 126 bytes", maskedFrame(0x89, make([]byte, 126)), "close(1002) " + lost, engineio.ReasonTransportError},
		{"fragmented ping", maskedFrame(0x09, nil), "close(1002) " + lost, engineio.ReasonTransportError},
		{"continuation of nothing", maskedFrame(0x80, []byte("4x")), "close(1002) " + lost, engineio.ReasonTransportError},
		{"text inside of fragmented text", joined(maskedFrame(0x01, []byte("4x")), text("4y")), "close(1002) " + lost, engineio.ReasonTransportError},
		{"close of one byte", maskedFrame(0x88, []byte{3}), "close(1002) " + lost, engineio.ReasonTransportError},
		{"close 999", closeFrame(999, ""), "close(1002) " + lost, engineio.ReasonTransportError},
		{"close 1005", closeFrame(1005, ""), "close(1002) " + lost, engineio.ReasonTransportError},
		{"close 1006", closeFrame(1006, ""), "close(1002) " + lost, engineio.ReasonTransportError},
		{"close 1015", closeFrame(1015, ""), "close(1002) " + lost, engineio.ReasonTransportError},
		{"close 2999", closeFrame(2999, ""), "close(1002) " + lost, engineio.ReasonTransportError},
		{"close 1000", closeFrame(1000, ""), "close(1000) " + lost, engineio.ReasonTransportClose},
		{"close 4000", closeFrame(4000, ""), "close(4000) " + lost, engineio.ReasonTransportClose},
		{"close without a code", maskedFrame(0x88, nil), "close(1005) " + lost, engineio.ReasonTransportClose},
		// The reference answers 1007; the library below echoes the code. The session ends either way.
		{"close with a reason that is not UTF-8", closeFrame(1000, "\xff"), "close(1000) " + lost, engineio.ReasonTransportClose},
		{"text ff", text("4\xff"), "close(1007) " + lost, engineio.ReasonTransportError},
		{"text with a lone surrogate", text("4\xed\xa0\x80"), "close(1007) " + lost, engineio.ReasonTransportError},
		{"text above U+10FFFF", text("4\xf4\x90\x80\x80"), "close(1007) " + lost, engineio.ReasonTransportError},
		{"overlong text", text("4\xc0\x80"), "close(1007) " + lost, engineio.ReasonTransportError},
		// The reference answers 1009 at once; the library drops the connection.
		{"length with the highest bit", append(frameHeader(0x81, 1<<63, true), 0, 0, 0, 0), "close(1002) " + lost, engineio.ReasonTransportError},
		{"limit + 1 in one frame", maskedFrame(0x82, make([]byte, 10_001)), "close(1009) " + lost, engineio.ReasonTransportError},
		{"limit + 1 in fragments", joined(maskedFrame(0x02, make([]byte, 6000)), maskedFrame(0x80, make([]byte, 4001))), "close(1009) " + lost, engineio.ReasonTransportError},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := start(t, engine.Config{MaxPayload: 10_000})
			s, a := f.connectRaw()
			s.write(c.bytes...)
			require.Equal(t, c.reaction, s.reaction())
			require.Equal(t, c.reason, await(t, a.closed).reason)
			require.Empty(t, a.got)

			p, a := f.poll()
			s = f.dialRaw("&sid=" + p.sid)
			s.write(c.bytes...)
			require.Equal(t, c.reaction, s.reaction())
			send(t, a, "polling goes on")
			require.Equal(t, "4polling goes on", p.get().body)
		})
	}
	for _, c := range []struct {
		name  string
		bytes []byte
		want  string // what the server says before the echo of the last message
	}{
		{"ping of 125 bytes", maskedFrame(0x89, make([]byte, 125)), "pong "},
		{"unsolicited pong", maskedFrame(0x8a, nil), ""},
		{"a rune in two fragments", joined(maskedFrame(0x01, []byte("4\xe2\x82")), maskedFrame(0x80, []byte("\xac"))), "4€ "},
		{"ping inside of a message", joined(maskedFrame(0x01, []byte("4a")), maskedFrame(0x89, nil), maskedFrame(0x80, []byte("b"))), "pong 4ab "},
		{"200,000 empty fragments", joined(maskedFrame(0x01, nil), bytes.Repeat(maskedFrame(0x00, nil), 200_000), maskedFrame(0x80, []byte("4x"))), "4x "},
		{"fragments of one byte", joined(maskedFrame(0x01, []byte("4")), bytes.Repeat(maskedFrame(0x00, []byte("x")), 100), maskedFrame(0x80, nil)), "4" + strings.Repeat("x", 100) + " "},
		{"base64 in a text frame", maskedFrame(0x81, []byte("bAQI=")), "82:0102 "},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := start(t, engine.Config{})
			s, a := f.connectRaw()
			s.write(c.bytes...)
			s.write(maskedFrame(0x81, []byte("4end"))...)
			s.write(closeFrame(1000, "")...)
			require.Equal(t, c.want+"4end close(1000) +closed", s.reaction())
			require.Equal(t, engineio.ReasonTransportClose, await(t, a.closed).reason)
		})
	}
}

// A message has its time, in however many fragments it comes and whatever comes between them.
// Rows: E12 E13 E23
// Advisories: CVE-2026-42786 and its like, fragments without end
func TestFragmentsWithoutEnd(t *testing.T) {
	begun := maskedFrame(0x01, []byte("4x"))
	for name, c := range map[string]struct{ first, then []byte }{
		"empty fragments":     {begun, maskedFrame(0x00, nil)},
		"fragments":           {begun, maskedFrame(0x00, []byte("x"))},
		"pings":               {begun, maskedFrame(0x89, nil)},
		"pongs":               {begun, maskedFrame(0x8a, nil)},
		"fragments and pings": {begun, joined(maskedFrame(0x00, nil), maskedFrame(0x89, nil))},
		"bytes of a frame":    {append(frameHeader(0x01, 1000, true), 0, 0, 0, 0, '4'), []byte("x")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := startPipe(t, engine.Config{})
				s, a := f.connectRaw()
				said := make(chan string, 1)
				go func() { said <- s.reaction() }()
				begin := time.Now()
				s.write(c.first...)
				cut := make(chan struct{})
				go func() {
					defer close(cut)
					for err := error(nil); err == nil; _, err = s.nc.Write(c.then) {
						time.Sleep(999 * time.Millisecond)
					}
				}()
				require.Equal(t, engineio.ReasonTransportError, await(t, a.closed).reason)
				require.Equal(t, 30*time.Second, time.Since(begin))
				require.Contains(t, await(t, said), "2 ")
				await(t, cut)
				require.Empty(t, a.got)
			})
		})
	}
}

// The time of a message begins with its first byte, as little as that says.
// Rows: E13 E23
func TestFirstByteOfAMessage(t *testing.T) {
	ends := func(t *testing.T, a *app, begin time.Time) {
		require.Equal(t, engineio.ReasonTransportError, await(t, a.closed).reason)
		require.Equal(t, 30*time.Second, time.Since(begin))
	}
	for name, last := range map[string]byte{"of a message": 0x81, "of a ping": 0x89, "of no frame": 0xff} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := startPipe(t, engine.Config{})
				s, a := f.connectRaw()
				go s.reaction()
				s.write(append(maskedFrame(0x8a, nil), last)...)
				ends(t, a, time.Now())
			})
		})
		t.Run(name+" over TCP", func(t *testing.T) {
			f := start(t, engine.Config{MessageTimeout: 10 * time.Millisecond})
			s, a := f.connectRaw()
			s.write(append(maskedFrame(0x8a, nil), last)...)
			s.reaction()
			require.Equal(t, engineio.ReasonTransportError, await(t, a.closed).reason)
		})
	}
	t.Run("of a packet on a stream", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := startStreams(t, engine.Config{})
			nc, _ := s.connect("")
			writePacket(t, nc, "0")
			go io.Copy(io.Discard, nc) //nolint:errcheck // until it is closed
			a := s.opened()
			_, err := nc.Write([]byte{126})
			require.NoError(t, err)
			ends(t, a, time.Now())
		})
	})
	t.Run("not yet", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := startPipe(t, engine.Config{PingInterval: time.Hour})
			s, a := f.connectRaw()
			for range 3 {
				s.write(maskedFrame(0x81, []byte("4x"))...)
				_, _, err := s.frame()
				require.NoError(t, err)
				time.Sleep(time.Minute)
			}
			require.Empty(t, a.closed)
		})
	})
}

// Who floods with pings and does not read the pongs is evicted.
func TestPingFlood(t *testing.T) {
	f := start(t, engine.Config{Queue: engine.QueueLimits{Bytes: 64 << 10}})
	c, a := f.connectRaw()
	flood := bytes.Repeat(maskedFrame(0x89, make([]byte, 125)), 1000)
	for {
		if _, err := c.nc.Write(flood); err != nil {
			break
		}
	}
	require.Equal(t, engineio.ReasonSlow, await(t, a.closed).reason)
}

// Packets that mean nothing are tolerated, as in the reference.
// Rows: E23
func TestToleratedPackets(t *testing.T) {
	f := start(t, engine.Config{})
	c, a := f.connect()
	for _, packet := range []string{"0", "0{}", "3", "3x", "5", "6", "6x"} {
		c.send(packet)
	}
	c.send("4still here")
	require.Equal(t, "4still here", c.text())
	require.Empty(t, a.closed)
}

// Requests of which only a part arrives do no harm.
// Rows: E23 E07
// Advisories: CVE-2022-41940
func TestHalfRequests(t *testing.T) {
	f := start(t, engine.Config{})
	p, _ := f.poll()
	whole := "POST /socket.io/" + p.query() + " HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n4hell"
	for n := 1; n < len(whole); n += 7 {
		q, _ := f.poll()
		request := strings.Replace(whole, p.sid, q.sid, 1)
		nc := f.dialConn()
		_, err := nc.Write([]byte(request[:n]))
		require.NoError(t, err)
		require.NoError(t, nc.Close())
	}
	upgrade := fmt.Sprintf("GET /socket.io/?EIO=4&transport=websocket&sid=%s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"+
		"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"+
		"%s%s%s", p.sid, maskedFrame(0x81, []byte("2probe")), maskedFrame(0x81, []byte("x")), maskedFrame(0x81, []byte("4x")))
	for n := 1; n < len(upgrade); n += 5 { // cut at each step of an upgrade
		nc := f.dialConn()
		_, err := nc.Write([]byte(upgrade[:n]))
		require.NoError(t, err)
		if t, ok := nc.(interface{ SetLinger(int) error }); ok && n%2 == 0 {
			_ = t.SetLinger(0) // with a reset
		}
		require.NoError(t, nc.Close())
	}
	require.Eventually(t, func() bool { // the session is free for an upgrade that is meant
		c := f.dial("&sid=" + p.sid)
		c.send("2probe")
		_, b, err := c.ws.Read(t.Context())
		if err != nil || string(b) != "3probe" {
			return false
		}
		c.send("5")
		c.send("4x")
		return c.text() == "4x"
	}, 10*time.Second, time.Millisecond)
}

// A connection that is used for one request after another is not disturbed by
// the deadlines of a post.
// Rows: E04
func TestKeepAliveAfterAPost(t *testing.T) {
	f := start(t, engine.Config{MessageTimeout: 50 * time.Millisecond})
	p, a := f.poll()
	for i := range 3 {
		require.Equal(t, "ok", p.post(fmt.Sprint("4", i)).body)
		require.Equal(t, fmt.Sprint("4", i), p.get().body)
		waiting := p.start()
		time.AfterFunc(100*time.Millisecond, func() { send(t, a, "later") })
		require.Equal(t, "4later", await(t, waiting).body, "the wait outlasts the deadline of the post")
	}
	a.Close(engineio.ReasonForcedClose)
	require.Equal(t, "1", p.get().body)
}

// A client that closes the connection as soon as it has its answer is as good as
// one that keeps it.
// Rows: E03 E07
func TestWithoutKeepAlive(t *testing.T) {
	f := start(t, engine.Config{})
	f.http.Transport.(*http.Transport).DisableKeepAlives = true
	p, a := f.poll()
	for i := range 200 {
		require.Equal(t, "ok", p.post(fmt.Sprint("4", i)).body)
		require.Equal(t, fmt.Sprint("4", i), p.get().body)
	}
	require.Empty(t, a.closed)
}

// A message that is small on the wire and large when it is unpacked is refused at
// the limit, and what is held for it is bounded by that.
// Rows: E13 E15
// Advisories: CVE-2026-1526 and its like, deflate bombs
func TestDeflateBomb(t *testing.T) {
	f := start(t, engine.Config{MaxPayload: 100_000, Compression: engine.Compression{WebSocket: 1024}})
	ws, _, err := websocket.Dial(t.Context(), f.url+"?EIO=4&transport=websocket",
		&websocket.DialOptions{CompressionMode: websocket.CompressionNoContextTakeover})
	require.NoError(t, err)
	defer func() { _ = ws.CloseNow() }()
	a := f.opened()
	_ = ws.Write(t.Context(), websocket.MessageBinary, make([]byte, 50_000_000)) // may fail when the server closes first
	end := await(t, a.closed)
	require.Equal(t, engineio.ReasonTransportError, end.reason)
	require.ErrorIs(t, end.err, engine.ErrTooLarge)
	require.Empty(t, a.got)
}
