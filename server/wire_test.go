package server_test

import (
	"bufio"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/engine"
	"parley/shared/event"
	"parley/shared/socketio"
	"parley/shared/socketio/msgpack"
)

// Rows: M15
func TestVolatile(t *testing.T) {
	f := start(t, server.Config{})
	p, s := f.join("/")
	require.NoError(t, s.Conn().Flush(t.Context()))
	require.NoError(t, s.Volatile().Emit("idle", []byte{1}))
	p.expect(`51-["idle",{"_placeholder":true,"num":0}]`, "b:\x01")
	require.NoError(t, s.Conn().Flush(t.Context()))

	// A client that does not read: what is volatile is dropped, nobody is told.
	text := strings.Repeat("x", 100_000)
	for s.Conn().Writable() {
		require.NoError(t, s.Emit("fill", text))
	}
	dropped := 0
	for i := range 10 {
		if err := s.Volatile().Emit("volatile", i, []byte{1}); err != nil {
			require.ErrorIs(t, err, engine.ErrNotWritable)
			dropped++
		}
		require.NoError(t, f.Volatile().Emit("volatile too", i))
	}
	require.Equal(t, 10, dropped)
	require.NoError(t, s.Emit("end"))
	for {
		if got := p.read(); got == `2["end"]` {
			break
		} else {
			require.True(t, strings.HasPrefix(got, `2["fill"`), got)
		}
	}
}

// Rows: M16
func TestNoCompress(t *testing.T) {
	f := start(t, server.Config{Engine: engine.Config{Compression: engine.Compression{WebSocket: 100}}})
	raw, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
	require.NoError(t, err)
	defer raw.Close()
	fmt.Fprint(raw, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"+
		"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n\r\n")
	r := bufio.NewReader(raw)
	for {
		line, err := r.ReadString('\n')
		require.NoError(t, err)
		if line == "\r\n" {
			break
		}
	}
	// A frame's first byte has the bit 0x40 when it is compressed.
	frame := func() (compressed bool, length int) {
		head := make([]byte, 2)
		_, err := r.Read(head[:1])
		require.NoError(t, err)
		_, err = r.Read(head[1:])
		require.NoError(t, err)
		n := int(head[1])
		if n == 126 {
			a, _ := r.ReadByte()
			b, _ := r.ReadByte()
			n = int(a)<<8 | int(b)
		}
		_, err = r.Discard(n)
		require.NoError(t, err)
		return head[0]&0x40 != 0, n
	}
	frame()
	_, err = raw.Write([]byte{0x81, 0x82, 0, 0, 0, 0, '4', '0'})
	require.NoError(t, err)
	frame()
	var s *server.Socket
	for s = range f.Sockets() {
	}
	text := strings.Repeat("x", 1000)
	for _, c := range []struct {
		to         server.Target
		compressed bool
	}{{f.To(event.Room(s.ID())), true}, {f.NoCompress(), false}, {s.NoCompress(), false}, {f.Except("nobody"), true}} {
		require.NoError(t, c.to.Emit("x", text))
		compressed, n := frame()
		require.Equal(t, c.compressed, compressed)
		require.Equal(t, c.compressed, n < 500)
	}
}

// Rows: M12 M21
func TestModifiersBelongToTheirTarget(t *testing.T) {
	f := start(t, server.Config{AckTimeout: 200 * time.Millisecond})
	p, s := f.join("/")
	q, other := f.join("/")
	require.NoError(t, s.Join("r"))
	base := s.Timeout(time.Hour)
	_ = base.Volatile().To("r").NoCompress()
	rooms := []event.Room{"r"}
	first := f.To(rooms...)
	second := first.To(event.Room(other.ID()))
	third := first.To("nobody")
	rooms[0] = "changed by the caller"
	require.NoError(t, second.Emit("second"))
	require.NoError(t, third.Emit("third"))
	require.NoError(t, s.Emit("direct"))
	p.expect(`2["second"]`, `2["third"]`, `2["direct"]`)
	q.expect(`2["second"]`)
	_, err := s.EmitAck(t.Context(), "x") // not an hour
	require.ErrorIs(t, err, server.ErrAckTimeout)
}

// Targets made of one target share no memory that one of them could change.
// Rows: M12
func TestTargetsOfOneTarget(t *testing.T) {
	f := start(t, server.Config{})
	_, p := meet(f, "p")
	_, q := meet(f, "q")
	to := f.To("a", "b", "c").To("d") // with room behind it, as it is
	first, second := to.To("p"), to.To("q")
	require.ElementsMatch(t, []*server.Socket{p}, slices.Collect(first.Sockets()))
	require.ElementsMatch(t, []*server.Socket{q}, slices.Collect(second.Sockets()))
	except := f.Except("a", "b", "c").Except("d")
	first, second = except.Except("p"), except.Except("q")
	require.ElementsMatch(t, []*server.Socket{q}, slices.Collect(first.Sockets()))
	require.ElementsMatch(t, []*server.Socket{p}, slices.Collect(second.Sockets()))
	others := p.Except("a", "b", "c").Except("d")
	require.ElementsMatch(t, []*server.Socket{q}, slices.Collect(others.Sockets()))
	require.Empty(t, slices.Collect(others.Except("q").Sockets()))
	require.ElementsMatch(t, []*server.Socket{q}, slices.Collect(others.Sockets()))
	done := make(chan error, 1)
	go func() { done <- others.Emit("one") }()
	require.NoError(t, others.Emit("two"))
	require.NoError(t, await(t, done))
}

// meet lets a client in whose socket is in a room.
func meet(f *fixture, room event.Room) (*peer, *server.Socket) {
	p, s := f.join("/")
	require.NoError(f.t, s.Join(room))
	return p, s
}

// A list of rooms that happens to be empty means nobody, whatever is done.
// Rows: M10 R07 R09
func TestToNoRooms(t *testing.T) {
	f := start(t, server.Config{})
	p, s := meet(f, "a")
	var none []event.Room
	for name, to := range map[string]server.Target{
		"server": f.To(none...), "but one": f.To(none...).Except("b"), "socket": s.To(none...), "local": f.To().Local(),
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, to.Emit("x"))
			require.ErrorIs(t, to.Emit("connect"), server.ErrReserved)
			for range to.EmitAck(t.Context(), "x") {
				require.Fail(t, "somebody was asked")
			}
			require.Empty(t, slices.Collect(to.Sockets()))
			list, err := to.Fetch(t.Context())
			require.NoError(t, err)
			require.Empty(t, list)
			require.NoError(t, to.Join("b"))
			require.NoError(t, to.Leave("a"))
			require.NoError(t, to.Disconnect(true))
			require.True(t, s.In("a"))
			require.False(t, s.In("b"))
		})
	}
	require.NoError(t, f.To(none...).To("a").Emit("to a"))
	p.expect(`2["to a"]`)
	p.silent(s)
}

// What is made of the target of one socket, here or elsewhere, means others.
// Rows: M07 M13 M23
func TestOthersThanOneSocket(t *testing.T) {
	f := start(t, server.Config{})
	p, s := meet(f, "a")
	q, other := meet(f, "a")
	list, err := f.To(event.Room(s.ID())).Fetch(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)
	for name, one := range map[string]server.Target{"socket": s.Timeout(time.Minute), "remote": list[0].Timeout(time.Minute)} {
		t.Run(name, func(t *testing.T) {
			for how, to := range map[string]server.Target{
				"broadcast": one.Broadcast(), "local": one.Local(), "to": one.To("a"), "except": one.Except("b"),
			} {
				require.NoError(t, to.Emit(how))
				q.expect(`2["` + how + `"]`)
			}
			require.NoError(t, one.Emit("own"))
			p.expect(`2["own"]`)
		})
	}
	p.silent(s)
	q.silent(other)
}

// Rows: B06 B07
func TestMessagePack(t *testing.T) {
	f := start(t, server.Config{Parser: msgpack.New()})
	p := f.dial()
	parser := msgpack.New()
	decoder := parser.NewDecoder(socketio.Limits{})
	send := func(packet socketio.Packet) {
		frames, err := parser.Encode(nil, &packet)
		require.NoError(t, err)
		require.Len(t, frames, 1)
		require.NoError(t, p.ws.Write(t.Context(), websocket.MessageBinary, frames[0].Data))
	}
	read := func() socketio.Packet {
		binary, data, err := p.next()
		require.NoError(t, err)
		require.True(t, binary)
		packet, complete, err := decoder.Add(socketio.Frame{Binary: true, Data: []byte(data)})
		require.NoError(t, err)
		require.True(t, complete)
		return packet
	}
	send(socketio.Packet{Type: socketio.PacketConnect, Data: []byte(`{"token":"x"}`)})
	packet := read()
	require.Equal(t, socketio.PacketConnect, packet.Type)
	var s *server.Socket
	for s = range f.Sockets() {
		require.JSONEq(t, `{"sid":"`+s.ID()+`"}`, string(packet.Data))
		require.JSONEq(t, `{"token":"x"}`, string(s.Handshake().Auth.JSON))
	}
	s.OnAck("echo", func(args event.Args, ack func(...any)) { ack(args...) })
	ask, err := socketio.NewEvent("/", "echo", 1, "é", []byte{1, 2, 3}, map[string]any{"deep": []byte{4}})
	require.NoError(t, err)
	ask.ID, ask.HasID = 5, true
	send(ask)
	packet = read()
	require.Equal(t, socketio.PacketAck, packet.Type)
	require.Equal(t, uint64(5), packet.ID)
	args, err := packet.Args()
	require.NoError(t, err)
	require.Len(t, args, 4)
	require.Equal(t, "é", args.String(1))
	require.Equal(t, []byte{1, 2, 3}, args.Bytes(2))
	many := make([]any, 50)
	for i := range many {
		many[i] = []byte{byte(i)}
	}
	require.NoError(t, f.Emit("many", many...)) // no limit of ten: it is one frame
	packet = read()
	_, args, err = packet.Event()
	require.NoError(t, err)
	require.Equal(t, []byte{49}, args.Bytes(49))
	require.NoError(t, p.ws.Write(t.Context(), websocket.MessageText, []byte(`42["json"]`)))
	p.expectClosed()
}
