package adapter_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"parley/server"
	"parley/server/adapter"
	"parley/server/adapter/adaptertest"
	"parley/shared/event"
)

// counted is an adapter of our own: a Local that counts what is broadcast.
type counted struct {
	*adapter.Local
	packets *atomic.Int64
}

func (c counted) Broadcast(ctx context.Context, t adapter.Target, p adapter.Packet) error {
	c.packets.Add(1)
	return c.Local.Broadcast(ctx, t, p)
}

// A server makes an adapter for each namespace.
func Example() {
	var packets atomic.Int64
	srv := server.New(server.Config{
		Logger: slog.New(slog.DiscardHandler),
		Adapter: func(sink adapter.Sink) adapter.Adapter {
			fmt.Println("adapter of", sink.Namespace())
			return counted{adapter.NewLocal(sink, adapter.LocalConfig{}), &packets}
		},
	})
	defer srv.Close() //nolint:errcheck // always nil
	news := srv.Of(event.NewNamespace("/news"))
	_ = srv.Emit("hello")
	_ = news.To("sports").Emit("goal")
	fmt.Println(packets.Load(), "packets")
	// Output:
	// adapter of /
	// adapter of /news
	// 2 packets
}

// With recovery the log holds what clients may have missed.
func ExampleLocal_Stats() {
	srv := server.New(server.Config{Recovery: time.Minute, Logger: slog.New(slog.DiscardHandler)})
	defer srv.Close() //nolint:errcheck // always nil
	_ = srv.Emit("news", "first")
	_ = srv.Volatile().Emit("tick") // never kept
	stats := srv.Adapter().(*adapter.Local).Stats()
	fmt.Println(stats.Packets, "packet,", stats.Sessions, "sessions")
	// Output: 1 packet, 0 sessions
}

// member is a socket, as an adapter sees it.
type member struct {
	id   string
	slot adapter.Slot
}

func (m *member) ID() string               { return m.id }
func (m *member) Slot() *adapter.Slot      { return &m.slot }
func (m *member) Describe() adapter.Info   { return adapter.Info{ID: m.id} }
func (m *member) Session() adapter.Session { return adapter.Session{SID: m.id} }

// An Index is the membership of one server's sockets, for adapters to embed.
func ExampleIndex() {
	var index adapter.Index
	stop := index.Watch(func(e adapter.RoomEvent) { fmt.Println(e.Kind, e.Room) })
	defer stop()
	ada, bob := &member{id: "ada"}, &member{id: "bob"}
	for _, m := range []*member{ada, bob} {
		if after := index.Add(m); after != nil {
			after() // tells the watchers, when no lock is held
		}
	}
	fmt.Println(index.Join(ada, "chess"))
	for _, m := range index.Select(nil, adapter.Target{Rooms: []event.Room{"chess", "bob"}, Except: []event.Room{"bob"}}) {
		fmt.Println("meant:", m.ID(), index.RoomsOf(m))
	}
	// Output:
	// create-room ada
	// join-room ada
	// create-room bob
	// join-room bob
	// create-room chess
	// join-room chess
	// <nil>
	// meant: ada [ada chess]
}

// A PartialError comes with what those answered who did.
func ExamplePartialError() {
	bus := adaptertest.NewBus(adaptertest.Config{})
	cfg := server.Config{Adapter: bus.Open, Logger: slog.New(slog.DiscardHandler)}
	one, two := server.New(cfg), server.New(cfg)
	defer one.Close() //nolint:errcheck // always nil
	defer two.Close() //nolint:errcheck // always nil
	bus.Silence(two.Adapter())

	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	list, err := one.Fetch(ctx)
	if partial, ok := errors.AsType[*adapter.PartialError](err); ok {
		fmt.Println(len(list), "sockets, but nothing of", partial.Missing)
	}
	// Output: 0 sockets, but nothing of [node-2]
}
