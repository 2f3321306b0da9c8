package engine_test

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
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

// recordedFrames are the bytes of each entry of testdata/ws-frames.txt.
var recordedFrames = map[string][]byte{
	"RSV1 set, no extension":                      maskedFrame(0xc1, []byte("4x")),
	"RSV2 set":                                    maskedFrame(0xa1, []byte("4x")),
	"RSV3 set":                                    maskedFrame(0x91, []byte("4x")),
	"reserved data opcode 3":                      maskedFrame(0x83, []byte("4x")),
	"reserved control opcode 11":                  maskedFrame(0x8b, nil),
	"unmasked client frame":                       append(frameHeader(0x81, 2, false), '4', 'x'),
	"ping payload 126":                            maskedFrame(0x89, make([]byte, 126)),
	"fragmented ping":                             maskedFrame(0x09, nil),
	"ping 125 ok":                                 maskedFrame(0x89, make([]byte, 125)),
	"continuation without start":                  maskedFrame(0x80, []byte("4x")),
	"new text inside fragmented text":             joined(maskedFrame(0x01, []byte("4x")), maskedFrame(0x81, []byte("4y"))),
	"close 1-byte body":                           maskedFrame(0x88, []byte{3}),
	"close code 999":                              closeFrame(999, ""),
	"close code 1005":                             closeFrame(1005, ""),
	"close code 1006":                             closeFrame(1006, ""),
	"close code 1015":                             closeFrame(1015, ""),
	"close code 2999":                             closeFrame(2999, ""),
	"close 1000 ok":                               closeFrame(1000, ""),
	"close 4000 ok":                               closeFrame(4000, ""),
	"close bad-utf8 reason":                       closeFrame(1000, "\xff"),
	"text invalid UTF-8 (ff)":                     maskedFrame(0x81, []byte("4\xff")),
	"text lone surrogate (eda080)":                maskedFrame(0x81, []byte("4\xed\xa0\x80")),
	"text >U+10FFFF (f4908080)":                   maskedFrame(0x81, []byte("4\xf4\x90\x80\x80")),
	"text overlong (c080)":                        maskedFrame(0x81, []byte("4\xc0\x80")),
	"fragmented text split inside a rune (valid)": joined(maskedFrame(0x01, []byte("4\xe2\x82")), maskedFrame(0x80, []byte("\xac"))),
	"64-bit length MSB set":                       append(frameHeader(0x81, 1<<63, true), 0, 0, 0, 0),
	"64-bit length 2^62":                          append(frameHeader(0x81, 1<<62, true), 0, 0, 0, 0),
	"1 MB + 1 single frame":                       maskedFrame(0x82, make([]byte, 1_000_001)),
	"fragments summing over 1 MB":                 joined(maskedFrame(0x02, make([]byte, 600_000)), maskedFrame(0x80, make([]byte, 400_001))),
	"200k empty continuation fragments": joined(maskedFrame(0x01, []byte("4")), bytes.Repeat(maskedFrame(0x00, nil), 200_000),
		maskedFrame(0x80, []byte("x"))),
	"100k pings": bytes.Repeat(maskedFrame(0x89, nil), 100_000),
}

// otherFrames lists where this server reacts otherwise than the reference, package ws,
// and why.
var otherFrames = map[string]struct{ reaction, reason, why string }{
	"close bad-utf8 reason": {"close(1000)", "", "the library echoes the code; the session ends either way"},
	"64-bit length MSB set": {"close(1002)", "transport error", "no length, says RFC 6455; the reference takes it for a long one"},
	"200k empty continuation fragments": {"open", "",
		"a message has its time, see TestFragmentsWithoutEnd, and nothing is kept of an empty fragment"},
	"fragmented text split inside a rune (valid)": {"4€ open", "", "the file does not have the echo"},
}

// What the server answers to WebSocket frames: what the reference has answered, or what the
// table above says. What ends a session is also sent to a candidate for an upgrade, which it
// ends without harm to the session.
//
// Rows: E08 E12 E13 E23
// Advisories: CVE-2022-21676 CVE-2020-27813 CVE-2016-10542 CVE-2020-36048
func TestRecordedFrames(t *testing.T) {
	text, err := os.ReadFile("testdata/ws-frames.txt")
	require.NoError(t, err)
	seen := 0
	for line := range strings.Lines(string(text)) {
		m := recordedFrame.FindStringSubmatch(line)
		if m == nil {
			require.NotContains(t, line, "| node:", "an entry that was not understood")
			continue // a stray line
		}
		seen++
		name, reaction, reason := m[1], m[2], m[3]
		t.Run(name, func(t *testing.T) {
			require.Contains(t, recordedFrames, name, "an entry without its bytes")
			if other, ok := otherFrames[name]; ok {
				require.NotEqual(t, reaction+reason, other.reaction+other.reason, "not other than the reference")
				reaction, reason = other.reaction, other.reason
			}
			if before, open := strings.CutSuffix(reaction, "open"); open {
				staysOpen(t, recordedFrames[name], strings.TrimPrefix(before, "- "))
				return
			}
			// The file has no reason for a close of code 1000: that of the session is "transport close" all the same.
			endsSession(t, recordedFrames[name], reaction, cmp.Or(engine.Reason(reason), engineio.ReasonTransportClose))
		})
	}
	require.Equal(t, seen, len(recordedFrames), "an entry that is not in the file")
}

// recordedFrame is a line of the file: a name, and of the reference its reaction and the
// session's reason.
var recordedFrame = regexp.MustCompile(`^(.+?) +\| node: (.*?)(?: \+tcp-closed)? +\((.*?)\) +\| coder: `)

// More of the same, which the file does not have.
//
// Rows: E08 E12 E13 E23
// Advisories: CVE-2022-21676 CVE-2016-10542
func TestHostileFrames(t *testing.T) {
	for _, c := range []struct {
		name     string
		bytes    []byte
		reaction string
		reason   engine.Reason
	}{
		{"close without a code", maskedFrame(0x88, nil), "close(1005)", engineio.ReasonTransportClose},
		{"length 2^64 - 1", append(frameHeader(0x82, 1<<64-1, true), 0, 0, 0, 0), "close(1002)", engineio.ReasonTransportError},
		{"first fragment of 2^62", append(frameHeader(0x01, 1<<62, true), 0, 0, 0, 0), "close(1009)", engineio.ReasonTransportError},
		{"limit + 1 in three fragments", joined(maskedFrame(0x02, make([]byte, 500_000)), maskedFrame(0x00, make([]byte, 500_000)),
			maskedFrame(0x80, []byte("x"))), "close(1009)", engineio.ReasonTransportError},
	} {
		t.Run(c.name, func(t *testing.T) { endsSession(t, c.bytes, c.reaction, c.reason) })
	}
	for _, c := range []struct {
		name  string
		bytes []byte
		want  string // what the server says before the echo of the last message
	}{
		{"unsolicited pong", maskedFrame(0x8a, nil), ""},
		{"ping inside of a message", joined(maskedFrame(0x01, []byte("4a")), maskedFrame(0x89, nil), maskedFrame(0x80, []byte("b"))), "pong 4ab "},
		{"base64 in a text frame", maskedFrame(0x81, []byte("bAQI=")), "82:0102 "},
	} {
		t.Run(c.name, func(t *testing.T) { staysOpen(t, c.bytes, c.want) })
	}
}

// endsSession sends what ends an open session, and a candidate for an upgrade.
func endsSession(t *testing.T, bytes []byte, reaction string, reason engine.Reason) {
	f := start(t, engine.Config{})
	s, a := f.connectRaw()
	s.write(bytes...)
	require.Equal(t, reaction+" +closed", s.reaction())
	require.Equal(t, reason, await(t, a.closed).reason)
	require.Empty(t, a.got)

	p, a := f.poll()
	s = f.dialRaw("&sid=" + p.sid)
	s.write(bytes...)
	require.Equal(t, reaction+" +closed", s.reaction())
	send(t, a, "polling goes on")
	require.Equal(t, "4polling goes on", p.get().body)
}

// staysOpen sends what the server answers with want, and then a message.
func staysOpen(t *testing.T, bytes []byte, want string) {
	f := start(t, engine.Config{})
	s, a := f.connectRaw()
	said := make(chan string, 1)
	go func() { said <- s.reaction() }()
	s.write(bytes...)
	s.write(maskedFrame(0x81, []byte("4end"))...)
	s.write(closeFrame(1000, "")...)
	if pong, times, many := strings.Cut(strings.TrimSpace(want), "x"); many {
		n, err := strconv.Atoi(times)
		require.NoError(t, err)
		want = strings.Repeat(pong+" ", n)
	}
	if end := "4end close(1000) +closed"; len(want) < 1000 {
		require.Equal(t, want+end, strings.TrimPrefix(await(t, said), "4x "))
	} else {
		require.True(t, await(t, said) == want+end, "not %d pongs", len(want)/len("pong "))
	}
	require.Equal(t, engineio.ReasonTransportClose, await(t, a.closed).reason)
}

// A message has its time, in however many fragments it comes and whatever comes between them.
// Rows: E12 E13 E23
// Advisories: CVE-2026-42786
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
	const timeout = time.Second // for a post, however busy the machine is
	f := start(t, engine.Config{MessageTimeout: timeout})
	p, a := f.poll()
	for i := range 3 {
		require.Equal(t, "ok", p.post(fmt.Sprint("4", i)).body)
		require.Equal(t, fmt.Sprint("4", i), p.get().body)
		waiting := p.start()
		time.AfterFunc(timeout*3/2, func() { send(t, a, "later") })
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
// Advisories: CVE-2026-1526 CVE-2020-36048
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
