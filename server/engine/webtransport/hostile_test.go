package webtransport_test

import (
	"encoding/binary"
	"io"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server/engine"
	"parley/shared/engineio"
)

// length is the header of a packet of n bytes with a length of 64 bits.
func length(n uint64) string { return string(binary.BigEndian.AppendUint64([]byte{127}, n)) }

// fin, reset and bye end what a client sends, the stream or the whole session.
func fin(c *client)   { _ = c.stream.Close() }
func reset(c *client) { c.stream.CancelWrite(7) }
func bye(c *client)   { _ = c.session.CloseWithError(7, "bye") }

// What the server makes of a stream that is not what it should be: each is sent on
// that of an open session, on that of a candidate for an upgrade, and as the first
// bytes of a new one. The server reacts at once, whatever is still to come of the
// packet, and a candidate that misbehaves does not harm the session that polls.
//
// Rows: E11 E13 E23 E09
// Advisories: CVE-2022-21676 CVE-2022-41940 CVE-2020-27813
func TestHostileFrames(t *testing.T) {
	for _, c := range []struct {
		name   string
		bytes  string
		end    func(*client)
		reason engine.Reason
		err    error
	}{
		{"zero length", "\x00", nil, engineio.ReasonParseError, engineio.ErrFrameLength},
		{"zero length, binary", "\x80", nil, engineio.ReasonParseError, engineio.ErrFrameLength},
		{"zero length in 16 bits", "\x7e\x00\x00", nil, engineio.ReasonParseError, engineio.ErrFrameLength},
		{"zero length in 64 bits", length(0), nil, engineio.ReasonParseError, engineio.ErrFrameLength},
		{"limit + 1 in 16 bits", "\x7e\x27\x11", nil, engineio.ReasonParseError, engineio.ErrFrameLength},
		{"limit + 1 in 16 bits, binary", "\xfe\x27\x11", nil, engineio.ReasonParseError, engineio.ErrFrameLength},
		{"limit + 1 in 64 bits", length(10_001), nil, engineio.ReasonParseError, engineio.ErrFrameLength},
		{"length 2^31", length(1 << 31), nil, engineio.ReasonParseError, engineio.ErrFrameLength},
		{"length 2^32 + 1", length(1<<32 + 1), nil, engineio.ReasonParseError, engineio.ErrFrameLength},
		{"length 2^53", length(1 << 53), nil, engineio.ReasonParseError, engineio.ErrFrameLength},
		{"length 2^62", length(1 << 62), nil, engineio.ReasonParseError, engineio.ErrFrameLength},
		{"length 2^63", length(1 << 63), nil, engineio.ReasonParseError, engineio.ErrFrameLength},
		{"length 2^64 - 1", length(1<<64 - 1), nil, engineio.ReasonParseError, engineio.ErrFrameLength},
		{"limit + 1 with all its bytes", "\x7e\x27\x11" + strings.Repeat("4", 10_001), nil, engineio.ReasonParseError, engineio.ErrFrameLength},
		{"unknown packet", "\x019", nil, engineio.ReasonParseError, nil},
		{"ping", "\x012", nil, engineio.ReasonTransportError, engine.ErrHeartbeat},
		{"not UTF-8", "\x024\xff", nil, engineio.ReasonTransportError, nil},
		{"half a header, end of the stream", "\x7e\x00", fin, engineio.ReasonTransportError, io.ErrUnexpectedEOF},
		{"half a packet, end of the stream", "\x054", fin, engineio.ReasonTransportError, io.ErrUnexpectedEOF},
		{"header, end of the stream", "\x05", fin, engineio.ReasonTransportError, io.ErrUnexpectedEOF},
		{"end of the stream", "", fin, engineio.ReasonTransportClose, nil},
		{"reset", "", reset, engineio.ReasonTransportError, nil},
		{"half a header, reset", "\x7e\x00", reset, engineio.ReasonTransportError, nil},
		{"half a packet, reset", "\x054", reset, engineio.ReasonTransportError, nil},
		{"end of the session", "", bye, engineio.ReasonTransportClose, nil},
		{"half a packet, end of the session", "\x054", bye, engineio.ReasonTransportError, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := gather(t, engine.Config{MaxPayload: 10_000})
				send := func(to *client) {
					_, _ = to.stream.Write([]byte(c.bytes)) // fails when the server has closed before the last of them
					if c.end != nil {
						synctest.Wait() // the bytes have arrived
						c.end(to)
					}
					begin := time.Now()
					to.gone()
					require.Less(t, time.Since(begin), 100*time.Millisecond, "what was wrong was plain at once")
				}
				send(f.join())
				e := await(t, f.ended)
				require.Equal(t, c.reason, e.reason, "%v", e.err)
				if c.err != nil {
					require.ErrorIs(t, e.err, c.err)
				}

				sid := f.poll()
				u := f.dial(`0{"sid":"` + sid + `"}`)
				u.text("2probe")
				require.Equal(t, "3probe", u.read())
				send(u)
				w := httptest.NewRecorder()
				f.ServeHTTP(w, httptest.NewRequest("POST", "/socket.io/?EIO=4&transport=polling&sid="+sid, strings.NewReader("4polling goes on")))
				require.Equal(t, "ok", w.Body.String())

				send(f.dial(""))
				require.Equal(t, "no open packet", await(t, f.refused).Message)
				require.Equal(t, 1, f.Count())
				require.Empty(t, f.ended)
			})
		})
	}
}

// What is unusual but means something is taken for that.
//
// Rows: E11 E13 E23
func TestUnusualFrames(t *testing.T) {
	largest := "4" + strings.Repeat("x", 9_999)
	for _, c := range []struct{ name, bytes, want string }{
		{"short in 16 bits", "\x7e\x00\x024x", "4x"},
		{"short in 64 bits", length(2) + "4x", "4x"},
		{"short in 64 bits, binary", "\xff" + length(2)[1:] + "\x01\x02", "b:\x01\x02"},
		{"the limit", "\x7e\x27\x10" + largest, largest},
		{"the limit in 64 bits", length(10_000) + largest, largest},
		{"packets without a meaning", "\x010\x013\x023x\x015\x016\x024x", "4x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := gather(t, engine.Config{MaxPayload: 10_000})
				j := f.join()
				j.raw([]byte(c.bytes))
				require.Equal(t, c.want, j.read())
				for i := range min(len(c.bytes), 20) {
					j.raw([]byte{c.bytes[i]})
					synctest.Wait() // byte after byte
				}
				j.raw([]byte(c.bytes[min(len(c.bytes), 20):]))
				require.Equal(t, c.want, j.read())
			})
		})
	}
}

// A message that comes drop by drop is given up in time, however many of its bytes
// have come.
//
// Rows: E11 E13
// Advisories: CVE-2026-42786
func TestMessageTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := gather(t, engine.Config{MessageTimeout: 20 * time.Second})
		j := f.join()
		synctest.Wait() // the session has its greeting before it counts
		begin := time.Now()
		j.raw([]byte("\x7e\x03\xe84"))
		for f.Count() > 0 {
			_, _ = j.stream.Write([]byte("x")) // may fail when the server has just closed
			time.Sleep(time.Second)
		}
		require.Equal(t, engineio.ReasonTransportError, await(t, f.ended).reason)
		require.InDelta(t, 20, time.Since(begin).Seconds(), 1.5)
	})
}

// The announcement of long messages gets little memory.
//
// Rows: E11 E13
// Advisories: CVE-2016-10542
func TestAnnouncedMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := gather(t, engine.Config{})
		var all []*client
		for range 100 {
			all = append(all, f.join())
		}
		heap := func() uint64 {
			synctest.Wait()
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		before := heap()
		for _, c := range all {
			c.raw([]byte(length(1_000_000) + "4"))
		}
		require.Less(t, heap(), before+100*100<<10)
		require.Equal(t, 100, f.Count())
	})
}

// Streams and datagrams that nobody asked for are left alone, and end with the
// session.
//
// Rows: E11 E23
func TestFurtherStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := gather(t, engine.Config{})
		f.join().session.CloseWithError(0, "") //nolint:errcheck // starts what all connections share
		time.Sleep(10 * time.Second)
		await(t, f.ended)
		before := goroutines()
		j := f.join()
		for range 40 {
			both, err := j.session.OpenStream()
			require.NoError(t, err)
			_, err = both.Write([]byte("\x010\x024x"))
			require.NoError(t, err)
			one, err := j.session.OpenUniStream()
			require.NoError(t, err)
			_, err = one.Write([]byte("\x010\x024x"))
			require.NoError(t, err)
			require.NoError(t, j.session.SendDatagram([]byte("\x024x")))
		}
		j.text("4still here")
		require.Equal(t, "4still here", j.read())
		require.Equal(t, 1, f.Count())
		j.text("1")
		require.Equal(t, engineio.ReasonTransportClose, await(t, f.ended).reason)
		j.gone()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.LessOrEqual(t, goroutines(), before)
	})
}

// A client that refuses to receive is one that has gone.
//
// Rows: E11 E12
func TestClientThatDoesNotReceive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := gather(t, engine.Config{})
		j := f.join()
		j.stream.CancelRead(1)
		synctest.Wait()
		j.text("4x") // the answer cannot be sent
		require.Equal(t, engineio.ReasonTransportError, await(t, f.ended).reason)
		require.Zero(t, f.Count())
		<-f.conns[0].Context().Done()
	})
}
