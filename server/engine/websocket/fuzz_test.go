package websocket_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	coder "github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"parley/server/engine/frame"
	"parley/server/engine/internal/crew"
	"parley/server/engine/internal/outq"
	"parley/server/engine/internal/track"
	"parley/server/engine/websocket"
	"parley/shared/engineio"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Bits of how a stream arrives.
const (
	overTCP    = 1 << iota // else a connection in memory
	compressed             // permessage-deflate was agreed to
	early                  // the first piece came before the answer to the handshake
	long                   // the limit is longMessage, else shortMessage
	tasks                  // every packet is a task
	everyway               // all combinations
)

const (
	shortMessage = 1000
	longMessage  = 200_000
)

// FuzzReading gives the server any bytes as what a client sends after the handshake, in
// pieces of any length, up to the end of the stream. What is delivered, what is answered
// and how it ends is what [decode] makes of the same bytes, or, with compression, what
// the library does when it has the connection for itself.
func FuzzReading(f *testing.F) {
	for _, s := range seeds() {
		for _, how := range []byte{0, compressed, compressed | overTCP | long, early | tasks} {
			f.Add(s, how, byte(7))
		}
	}
	l := listen(f)
	f.Fuzz(func(t *testing.T, stream []byte, how, piece byte) {
		if len(stream) > 100_000 {
			return
		}
		if how %= everyway; crc32.ChecksumIEEE(stream)%16 > 0 {
			how &^= overTCP // of which there can only be so many in a minute
		}
		check(t, l, stream, how, int(piece))
	})
}

// The seeds in every way they can arrive.
//
// Rows: E08 E13 E23
// Advisories: CVE-2020-27813
func TestReading(t *testing.T) {
	l := listen(t)
	for i, s := range seeds() {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			for how := range byte(everyway) {
				check(t, l, s, how, 0)
				check(t, l, s, how, 7)
				if len(s) < 5000 {
					check(t, l, s, how, 1)
				}
			}
		})
	}
}

// check lets the server read a stream and compares.
func check(t *testing.T, l net.Listener, stream []byte, how byte, piece int) {
	t.Helper()
	before := runtime.NumGoroutine()
	got := serve(t, l, stream, how, piece)
	limit := limitOf(how)
	if how&compressed != 0 {
		want := library(t, stream, limit, piece)
		require.Equal(t, want.packets, got.packets)
		pongsFit(t, want.pongs, got)
	} else {
		want := decode(stream, limit)
		require.Equal(t, want.packets, got.packets)
		require.Equal(t, want.reason, got.reason, "%v", got.err)
		if !got.cut {
			require.Equal(t, want.code, got.code)
		}
		pongsFit(t, want.pongs, got)
	}
	for end := time.Now().Add(patience); runtime.NumGoroutine() > before; time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			require.Fail(t, "goroutines are left", "%s", stacks[:runtime.Stack(stacks, true)])
		}
	}
}

func listen(t testing.TB) net.Listener {
	l, err := net.Listen("tcp", "0.0.0.0:0")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close()) })
	return l
}

// outcome is what came of a stream.
type outcome struct {
	packets []string
	pongs   []string
	reason  engineio.Reason
	err     error
	code    int  // of the server's close frame; 0: none
	cut     bool // the client could not read to the end
}

// pongsFit: no pong but those that are due. What waits when the client has gone need not
// be sent any more.
func pongsFit(t *testing.T, want []string, got outcome) {
	if got.code != 0 && !got.cut {
		require.Equal(t, want, got.pongs)
		return
	}
	require.LessOrEqual(t, len(got.pongs), len(want))
	if len(got.pongs) > 0 {
		require.Equal(t, want[:len(got.pongs)], got.pongs)
	}
}

func limitOf(how byte) int {
	if how&long != 0 {
		return longMessage
	}
	return shortMessage
}

// patience is how long a stream may take that has an end.
const patience = 30 * time.Second

// serve lets the server read a stream.
func serve(t *testing.T, l net.Listener, stream []byte, how byte, piece int) (o outcome) {
	var goroutines track.Group
	g := outq.NewGroup(outq.Limits{
		Bytes: 1 << 30, Messages: 1 << 30, Age: time.Minute, Close: time.Minute, Linger: time.Minute,
	}, &goroutines)
	var buffers frame.Buffers
	options := websocket.Options{MaxPayload: int64(limitOf(how)), MessageTimeout: time.Minute, Buffers: &buffers}
	if how&compressed != 0 {
		options.Deflate = 1
	}
	buffers.Put(bytes.Repeat([]byte("old"), 10_000)) // nobody must see this

	var nc net.Conn = newMemory(stream, piece)
	output := func() ([]byte, error) { return nc.(*memory).output(), nil }
	if how&overTCP != 0 {
		nc, output = dial(t, l, stream, piece)
	}
	w := &hijackable{nc: nc, br: bufio.NewReader(nc)}
	if how&early != 0 {
		_, _ = w.br.Peek(1)
	}
	c, err := websocket.NewAcceptor(options).Accept(w, handshake(), g)
	require.NoError(t, err)
	c.Flush()
	ended := make(chan struct{})
	c.Start(func(p engineio.Packet) crew.Task {
		o.packets = append(o.packets, describe(p))
		if p.Binary {
			buffers.Put(p.Data)
		}
		if how&tasks != 0 {
			return nothing{}
		}
		return nil
	}, func(reason engineio.Reason, err error) {
		o.reason, o.err = reason, err
		close(ended) // twice would panic
	})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	select {
	case <-ended:
	case <-ctx.Done():
		require.FailNow(t, "reading has not ended")
	}
	require.NoError(t, goroutines.Wait(ctx), "goroutines of the connection")
	out, err := output()
	o.cut = err != nil
	o.read(t, out)
	return o
}

type nothing struct{}

func (nothing) Run() {}

func describe(p engineio.Packet) string { return fmt.Sprintf("%v %v %q", p.Type, p.Binary, p.Data) }

// read takes apart what the server has sent: pongs, and a close frame as the last.
func (o *outcome) read(t *testing.T, out []byte) {
	for len(out) > 0 {
		if o.cut && (len(out) < 2 || len(out) < 2+int(out[1])) {
			return
		}
		require.Zero(t, o.code, "the close frame is the last")
		require.GreaterOrEqual(t, len(out), 2)
		first, n := out[0], int(out[1])
		require.LessOrEqual(t, n, 125)
		require.GreaterOrEqual(t, len(out), 2+n)
		payload := out[2 : 2+n]
		out = out[2+n:]
		switch first {
		case 0x8a:
			o.pongs = append(o.pongs, string(payload))
		case 0x88:
			o.code = 1005
			if n > 0 {
				require.GreaterOrEqual(t, n, 2)
				o.code = int(binary.BigEndian.Uint16(payload))
			}
		default:
			require.Fail(t, "neither a pong nor a close frame", "%x", first)
		}
	}
}

// library lets the library read a stream alone, and treats the messages as the server
// has to.
func library(t *testing.T, stream []byte, limit, piece int) (o outcome) {
	nc := newMemory(stream, piece)
	ws, err := coder.Accept(&hijackable{nc: nc, br: bufio.NewReader(nc)}, handshake(), &coder.AcceptOptions{
		InsecureSkipVerify: true, CompressionMode: coder.CompressionNoContextTakeover,
	})
	require.NoError(t, err)
	ws.SetReadLimit(int64(limit))
	for {
		kind, data, err := ws.Read(context.Background())
		if err != nil || nc.ended() || !o.add(data, kind == coder.MessageText) {
			break
		}
	}
	_ = ws.CloseNow()
	var sent outcome
	sent.read(t, nc.output())
	o.pongs = sent.pongs
	return o
}

// add takes a message; false means that it must not be one.
func (o *outcome) add(data []byte, text bool) bool {
	p := engineio.ParseBinary(data)
	if text {
		if !utf8.Valid(data) {
			o.reason, o.code = engineio.ReasonTransportError, 1007
			return false
		}
		var err error
		if p, err = engineio.ParseText(data); err != nil {
			o.reason, o.code = engineio.ReasonParseError, 1008
			return false
		}
	}
	o.packets = append(o.packets, describe(p))
	return true
}

// decode is RFC 6455 in a plain form, for a whole stream without extensions.
func decode(stream []byte, limit int) (o outcome) {
	var message []byte
	var kind byte // of the message that has begun; 0: none has
	fail := func(code int) outcome {
		o.reason, o.code = engineio.ReasonTransportError, code
		return o
	}
	gone := func(code int) outcome {
		o.reason, o.code = engineio.ReasonTransportClose, code
		return o
	}
	for {
		h, masked, size, whole := header(stream, kind != 0)
		if !whole {
			return gone(0)
		}
		first, n := stream[0], h
		opcode, fin := first&0x0f, first&0x80 != 0
		begins := opcode == 1 || opcode == 2
		// Long messages are refused before anything else of them is looked at.
		if shortest := size == 6 || size == 8 && n > 125 || size == 14 && n > 0xffff && n < 1<<63; masked && shortest &&
			first&0x48 == 0 && kind == 0 && n > uint64(limit) {
			return fail(1009)
		}
		if n >= 1<<63 || first&0x70 != 0 || !masked || opcode > 10 || opcode > 2 && opcode < 8 {
			return fail(1002)
		}
		key := stream[size-4 : size]
		payload := stream[size:]
		complete := uint64(len(payload)) >= n
		if complete {
			payload = payload[:n]
		}
		plain := make([]byte, len(payload))
		for i := range payload {
			plain[i] = payload[i] ^ key[i%4]
		}
		if opcode >= 8 {
			switch {
			case n > 125 || !fin:
				return fail(1002)
			case !complete:
				return gone(0)
			case opcode == 9:
				o.pongs = append(o.pongs, string(plain))
			case opcode == 8 && n == 0:
				return gone(1005)
			case opcode == 8 && (n == 1 || !closeCode(plain)):
				return fail(1002)
			case opcode == 8:
				return gone(int(binary.BigEndian.Uint16(plain)))
			}
			stream = stream[size+int(n):]
			continue
		}
		if begins == (kind != 0) { // one inside of another, or the rest of none
			return fail(1002)
		}
		if begins {
			kind, message = opcode, nil
		}
		if message = append(message, plain...); len(message) > limit {
			return fail(1009)
		}
		if !complete {
			return gone(0)
		}
		if stream = stream[size+int(n):]; fin {
			if !o.add(message, kind == 1) {
				return o
			}
			kind = 0
		}
	}
}

// header returns the length that the header of a frame announces and its own. Inside of a
// message the library reads it, which does not wait for the key of an impossible length.
func header(stream []byte, inside bool) (n uint64, masked bool, size int, whole bool) {
	if len(stream) < 2 {
		return 0, false, 0, false
	}
	n, masked, size = uint64(stream[1]&0x7f), stream[1] >= 0x80, 2
	extended := map[uint64]int{126: 2, 127: 8}[n]
	size += extended
	if len(stream) < size {
		return 0, false, 0, false
	}
	if extended > 0 {
		n = 0
		for _, b := range stream[2:size] {
			n = n<<8 | uint64(b)
		}
	}
	if masked && !(inside && n >= 1<<63) {
		size += 4
	}
	return n, masked, size, len(stream) >= size
}

func closeCode(payload []byte) bool {
	switch code := binary.BigEndian.Uint16(payload); {
	case code == 1004 || code == 1005 || code == 1006:
		return false
	default:
		return code >= 1000 && code <= 1014 || code >= 3000 && code <= 4999
	}
}

// seeds are streams that have a bit of everything.
func seeds() [][]byte {
	key := []byte{0xa5, 0x01, 0xff, 0x40}
	masked := func(first byte, payload string) []byte {
		b := []byte{first}
		switch n := len(payload); {
		case n < 126:
			b = append(b, 0x80|byte(n))
		case n < 1<<16:
			b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
		default:
			b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
		}
		b = append(b, key...)
		for i := range payload {
			b = append(b, payload[i]^key[i%4])
		}
		return b
	}
	deflated := func(text string, last bool) string {
		var b strings.Builder
		w, _ := flate.NewWriter(&b, flate.BestSpeed) // the level is one
		_, _ = io.WriteString(w, text)               // a builder takes everything
		if last {
			_ = w.Close()
			return b.String()
		}
		_ = w.Flush()
		return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
	}
	join := func(frames ...[]byte) []byte { return bytes.Join(frames, nil) }
	code := func(code uint16, reason string) []byte {
		return masked(0x88, string(binary.BigEndian.AppendUint16(nil, code))+reason)
	}
	packed := deflated("4"+strings.Repeat("squeeze me ", 50), false)
	final := deflated("4final", true)
	bye := code(1000, "bye")
	return [][]byte{
		nil,
		join(masked(0x81, "4hello"), masked(0x82, "\x01\x02"), masked(0x89, "ping"), masked(0x8a, "pong"), bye),
		join(masked(0x01, "4hel"), masked(0x89, "inside"), masked(0x00, ""), masked(0x80, "lo"), masked(0x81, "4next"), bye),
		join(masked(0x81, "4"+strings.Repeat("x", 300)), masked(0x82, strings.Repeat("y", 999)), masked(0x81, "2probe"), bye),
		join(masked(0x82, strings.Repeat("z", 20_000)), masked(0x02, strings.Repeat("u", 5000)), masked(0x80, strings.Repeat("v", 5000)), bye),
		join(masked(0x81, "4\xe2\x82\xac"), masked(0x01, "4\xe2"), masked(0x80, "\x82\xac"), masked(0x81, "4\xff")),
		join(masked(0x81, "bAQID"), masked(0x81, "9"), bye),
		join(masked(0x01, strings.Repeat("a", 600)), masked(0x80, strings.Repeat("b", 401))),
		join([]byte{0x81, 0xfe, 0, 2}, key, []byte{'4' ^ key[0], 'x' ^ key[1]}, bye),
		join([]byte{0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 2}, key, []byte{'4' ^ key[0], 'x' ^ key[1]}, bye),
		append([]byte{0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, key...),
		append([]byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, key...),
		{0x81, 0x02, '4', 'x'},
		masked(0xa1, "4x"), masked(0x91, "4x"), masked(0x83, "4x"), masked(0x8b, ""), masked(0x09, ""), masked(0x80, "4x"),
		join(masked(0x01, "4x"), masked(0x81, "4y")),
		masked(0x89, strings.Repeat("p", 126)), masked(0x88, "\x03"), masked(0x88, ""), code(999, ""), code(1005, ""),
		code(4000, "\xff"), join(bye, masked(0x81, "4after")),
		join(masked(0xc1, packed), masked(0x81, "4plain"), masked(0xc2, packed), bye),
		join(masked(0x41, packed[:5]), masked(0x89, "p"), masked(0x80, packed[5:]), masked(0xc1, final), masked(0x81, "4x"), bye),
		join(masked(0x41, final), masked(0x80, ""), masked(0x81, "4x"), bye),
		join(masked(0x41, final), masked(0x81, "4x"), bye),
		join(masked(0x41, final), masked(0x80, "garbage"), masked(0x81, "4x"), bye),
		join(masked(0x41, final[:len(final)-4]), masked(0x80, ""), masked(0x81, "4x"), bye),
		join(masked(0xc1, packed[:len(packed)/2]), bye),
		masked(0xc1, packed)[:20], masked(0xc1, final)[:12], masked(0x41, packed), join(masked(0x81, "4x"), masked(0xc1, packed)[:20]),
		join(masked(0xc2, deflated(strings.Repeat("b", 150_000), false)), masked(0x81, "4x"), bye),
		join(masked(0xc1, final+strings.Repeat("rest", 2000)), bye),
	}
}

var dials atomic.Uint32
