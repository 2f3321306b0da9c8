package server_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/adapter"
	"parley/shared/engineio"
	"parley/shared/event"
)

// Rows: R01 R02 R03 R04
func TestRooms(t *testing.T) {
	f := start(t, server.Config{})
	p, s := f.join("/")
	own := event.Room(s.ID())
	require.NoError(t, s.Join("a", "b"))
	require.NoError(t, s.Join("a"))
	require.Equal(t, []event.Room{own, "a", "b"}, s.Rooms())
	require.True(t, s.In("b"))
	require.Equal(t, 1, f.RoomLen("a"))
	require.ElementsMatch(t, []event.Room{own, "a", "b"}, f.Rooms())
	s.Leave("a", "never joined", own)
	require.Equal(t, []event.Room{own, "b"}, s.Rooms())
	require.Zero(t, f.RoomLen("a"), "an empty room is gone")

	seen := make(chan []event.Room, 2)
	s.OnDisconnecting(func(engineio.Reason, error) { seen <- s.Rooms() })
	s.OnDisconnect(func(engineio.Reason, error) { seen <- s.Rooms() })
	p.close()
	require.Equal(t, []event.Room{own, "b"}, await(t, seen))
	require.Empty(t, await(t, seen))
	require.ErrorIs(t, s.Join("c"), server.ErrDisconnected)
	require.Empty(t, f.Rooms())
	require.Zero(t, f.Len())
}

// Rows: R02 R03 R05
func TestRoomEvents(t *testing.T) {
	f := start(t, server.Config{})
	events := make(chan string, 64)
	stop := f.OnRoom(func(e adapter.RoomEvent) { events <- fmt.Sprint(e.Kind, " ", e.Room, " ", e.Socket) })
	expect := func(want ...string) {
		t.Helper()
		for _, event := range want {
			require.Equal(t, event, await(t, events))
		}
		require.Empty(t, events)
	}
	p, a := f.join("/")
	expect("create-room "+a.ID()+" ", "join-room "+a.ID()+" "+a.ID())
	_, b := f.join("/")
	expect("create-room "+b.ID()+" ", "join-room "+b.ID()+" "+b.ID())
	require.NoError(t, a.Join("r"))
	require.NoError(t, a.Join("r"))
	require.NoError(t, b.Join("r"))
	a.Leave("r")
	a.Leave("r")
	b.Leave("r")
	expect("create-room r ", "join-room r "+a.ID(), "join-room r "+b.ID(),
		"leave-room r "+a.ID(), "leave-room r "+b.ID(), "delete-room r ")

	require.NoError(t, a.Join(event.Room(b.ID()), "r")) // the own room of another
	expect("join-room "+b.ID()+" "+a.ID(), "create-room r ", "join-room r "+a.ID())
	p.close()
	gone(t, a)
	expect("leave-room r "+a.ID(), "delete-room r ", "leave-room "+b.ID()+" "+a.ID(),
		"leave-room "+a.ID()+" "+a.ID(), "delete-room "+a.ID()+" ")
	stop()
	require.NoError(t, b.Join("r"))
	require.Empty(t, events)
}

// Rows: R06 R07 R08 M23
func TestSetsOfSockets(t *testing.T) {
	f := start(t, server.Config{})
	var peers []*peer
	var socks []*server.Socket
	for range 4 {
		p, s := f.join("/")
		peers, socks = append(peers, p), append(socks, s)
	}
	socks[0].Set("user", "ada")
	require.NoError(t, f.To(event.Room(socks[0].ID()), event.Room(socks[1].ID())).Join("x", "y"))
	require.True(t, socks[0].In("x"))
	require.True(t, socks[1].In("y"))
	require.NoError(t, f.To("x").Except(event.Room(socks[1].ID())).Leave("x"))
	require.False(t, socks[0].In("x"))
	require.True(t, socks[1].In("x"))

	all, err := f.Fetch(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 4)
	found, err := f.To("y").Except("x").Fetch(t.Context())
	require.NoError(t, err)
	require.Len(t, found, 1)
	r := found[0]
	require.Equal(t, socks[0].ID(), r.ID())
	require.Equal(t, map[string]any{"user": "ada"}, r.Data())
	require.Contains(t, r.Rooms(), event.Room("y"))
	require.Equal(t, "yes", r.Handshake().Headers["x-test"])
	require.Equal(t, "one", r.Handshake().Query["room"])
	require.Empty(t, r.Node())

	require.NoError(t, r.Emit("hi", 1))
	peers[0].expect(`2["hi",1]`)
	go func() { _ = peers[0].read(); peers[0].send(`30["fine"]`) }()
	args, err := r.EmitAck(t.Context(), "how are you")
	require.NoError(t, err)
	require.Equal(t, "fine", args.String(0))
	require.NoError(t, r.Join("z"))
	require.NoError(t, r.Leave("y"))
	require.ElementsMatch(t, []event.Room{event.Room(r.ID()), "z"}, socks[0].Rooms())
	require.NoError(t, r.Disconnect(false))
	peers[0].expect("1")

	ids := []string{}
	for s := range f.Sockets() {
		ids = append(ids, s.ID())
	}
	slices.Sort(ids)
	want := []string{socks[1].ID(), socks[2].ID(), socks[3].ID()}
	slices.Sort(want)
	require.Equal(t, want, ids)

	require.NoError(t, f.Except("x").Disconnect(true))
	require.Equal(t, []string{"41"}, peers[2].expectClosed())
	require.Equal(t, []string{"41"}, peers[3].expectClosed())
	peers[1].silent(socks[1])
	_, err = r.EmitAck(t.Context(), "gone")
	require.ErrorIs(t, err, server.ErrDisconnected)
}

func TestRoomLimits(t *testing.T) {
	f := start(t, server.Config{Limits: server.Limits{Rooms: 3, RoomBytes: 5}})
	_, s := f.join("/")
	require.ErrorIs(t, s.Join("sixsix"), server.ErrRoomName)
	require.ErrorIs(t, s.Join("a\nb"), server.ErrRoomName)
	require.ErrorIs(t, s.Join("a\xff"), server.ErrRoomName)
	require.NoError(t, s.Join("a", "b", "c"))
	require.NoError(t, s.Join("a", "b"))
	require.ErrorIs(t, s.Join("a", "d"), server.ErrTooManyRooms)
	s.Leave("a")
	require.NoError(t, s.Join("d"))

	_, s = f.join("/")
	var all sync.WaitGroup // at once they have no more than one by one
	for i := range 30 {
		all.Go(func() { _ = s.Join(event.Room(fmt.Sprint(i))) })
	}
	all.Wait()
	require.Len(t, s.Rooms(), 1+3)

	_, s = start(t, server.Config{}).join("/")
	require.ErrorIs(t, s.Join(event.Room(strings.Repeat("x", 256))), server.ErrRoomName)
	for i := range 128 {
		require.NoError(t, s.Join(event.Room(fmt.Sprint(i))))
	}
	require.ErrorIs(t, s.Join("one more"), server.ErrTooManyRooms)
	_, s = start(t, server.Config{Limits: server.Limits{Rooms: -1}}).join("/")
	for i := range 1000 {
		require.NoError(t, s.Join(event.Room(fmt.Sprint(i))))
	}
	for i := range 500 {
		s.Leave(event.Room(fmt.Sprint(2 * i)))
	}
	require.Len(t, s.Rooms(), 501)
}
