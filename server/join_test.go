package server_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/adapter"
	"parley/shared/engineio"
	"parley/shared/event"
)

// racer is an adapter in which a Join that has begun meets the end of its socket: right before it, or right after.
type racer struct {
	*adapter.Local
	after         bool
	armed         bool
	joining, met  chan struct{}
	removed, done chan struct{}
}

func newRacer(k adapter.Sink, after bool) *racer {
	return &racer{
		Local: adapter.NewLocal(k, adapter.LocalConfig{Recovery: time.Minute}), after: after, armed: true,
		joining: make(chan struct{}), met: make(chan struct{}), removed: make(chan struct{}), done: make(chan struct{}),
	}
}

func (a *racer) Join(m adapter.Member, rooms ...event.Room) error {
	close(a.joining)
	<-a.met
	defer close(a.done)
	return a.Local.Join(m, rooms...)
}

func (a *racer) Remove(m adapter.Member) []event.Room {
	if !a.armed {
		return a.Local.Remove(m)
	}
	a.armed = false
	if !a.after {
		close(a.met)
		<-a.done
	}
	defer close(a.removed)
	rooms := a.Local.Remove(m)
	if a.after {
		close(a.met)
		<-a.done
	}
	return rooms
}

// A Join that has returned nil is part of what is recovered; one that came too late says so.
// Rows: K03 R01
func TestJoinAtTheEnd(t *testing.T) {
	for _, after := range []bool{false, true} {
		t.Run(map[bool]string{false: "before", true: "after"}[after], func(t *testing.T) {
			var race *racer
			f := start(t, server.Config{Recovery: time.Minute, Adapter: func(k adapter.Sink) adapter.Adapter {
				race = newRacer(k, after)
				return race
			}})
			c := &comer{f: f}
			s := c.come()
			joined := make(chan error)
			go func() { joined <- s.Join("r") }()
			await(t, race.joining)
			c.p.cut()
			err := await(t, joined)
			await(t, race.removed)
			s = c.come()
			require.True(t, c.recovered)
			if after {
				require.ErrorIs(t, err, server.ErrDisconnected)
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, err == nil, s.In("r"))
		})
	}
}

// lastMoment is an adapter that lets something happen between the replay and the welcome.
type lastMoment struct {
	*adapter.Local
	then func(*server.Socket)
}

func (a lastMoment) Replay(ctx context.Context, m adapter.Member, s adapter.Session, rooms []event.Room, flush func(context.Context) error) error {
	err := a.Local.Replay(ctx, m, s, rooms, flush)
	a.then(m.(*server.Socket))
	return err
}

// Rows: K03 N16
func TestJoinOnTheThresholdIsKept(t *testing.T) {
	broken := true
	f := start(t, server.Config{Recovery: time.Minute, Adapter: func(k adapter.Sink) adapter.Adapter {
		return lastMoment{adapter.NewLocal(k, adapter.LocalConfig{Recovery: time.Minute}), func(s *server.Socket) {
			if broken {
				assert.NoError(t, s.Join("a", "b"))
				s.Leave("b", "old")
				assert.ElementsMatch(t, []event.Room{event.Room(s.ID()), "a"}, s.Rooms())
				s.Conn().Close(engineio.ReasonTransportClose)
				<-s.Context().Done()
			}
		}}
	}})
	c := &comer{f: f}
	s := c.come()
	require.NoError(t, s.Join("old"))
	c.p.cut()
	gone(t, s)
	p := f.dial()
	p.send(`0{"pid":"` + c.pid + `"}`)
	p.expectClosed()
	broken = false
	s = c.come()
	require.True(t, c.recovered)
	require.ElementsMatch(t, []event.Room{event.Room(s.ID()), "a"}, s.Rooms())
}

// Rows: R01
func TestRoomLimitCountsARoomOnce(t *testing.T) {
	f := start(t, server.Config{Limits: server.Limits{Rooms: 2}})
	f.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			assert.NoError(t, s.Join("a", "a", event.Room(s.ID())))
			assert.NoError(t, s.Join("a", "b", "b"))
			assert.NoError(t, s.Join("b"))
			assert.ErrorIs(t, s.Join("a", "c"), server.ErrTooManyRooms)
			s.Leave("b")
			assert.NoError(t, s.Join("c"))
			assert.ElementsMatch(t, []event.Room{"a", "c"}, s.Rooms())
			return next(ctx, s)
		}
	})
	_, s := f.join("/")
	require.ElementsMatch(t, []event.Room{event.Room(s.ID()), "a", "c"}, s.Rooms())
	require.NoError(t, s.Join("a", "c", event.Room(s.ID())))
	require.ErrorIs(t, s.Join("d"), server.ErrTooManyRooms)
}
