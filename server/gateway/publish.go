package gateway

import (
	"context"
	"log/slog"
	"slices"

	"parley/server"
	service "parley/server/chat"
	"parley/shared/chat"
	"parley/shared/event"
)

// maxShared is how many messages go into one event. Each sender among the receivers gets an event of its own without
// the messages it has, so the number bounds what a crowd of senders costs.
const maxShared = 16

// Publisher tells the connected sockets what the service has stored. It is the service's
// [parley/server/chat.Publisher].
type Publisher struct {
	ns  *server.Namespace
	log *slog.Logger
}

var _ service.Publisher = (*Publisher)(nil)

// NewPublisher returns the publisher of a server. It logs what could not be sent; nil is slog.Default().
func NewPublisher(srv *server.Server, log *slog.Logger) *Publisher {
	if log == nil {
		log = slog.Default()
	}
	return &Publisher{ns: srv.Of(chat.NS), log: log}
}

// RoomCreated sends room:added to everybody but the socket that asked.
func (p *Publisher) RoomCreated(ctx context.Context, room chat.RoomInfo, origin string) {
	p.report(server.Emit(ctx, p.ns.Except(event.Room(origin)), chat.RoomAdded, room))
}

// MessagesPosted sends message:posted to every socket in the room, but to none its own messages.
func (p *Publisher) MessagesPosted(ctx context.Context, room chat.RoomID, posted []service.Posted) {
	for group := range slices.Chunk(posted, maxShared) {
		p.share(ctx, room, group)
	}
}

func (p *Publisher) share(ctx context.Context, room chat.RoomID, posted []service.Posted) {
	var origins []event.Room
	for _, one := range posted {
		if origin := event.Room(one.Origin); !slices.Contains(origins, origin) {
			origins = append(origins, origin)
		}
	}
	p.report(server.Emit(ctx, p.ns.To(room.Key()).Except(origins...), chat.Posted, batch(posted, "")))
	if len(origins) < 2 {
		return // nobody is left who does not have them
	}
	for _, origin := range origins {
		if s, ok := p.ns.Socket(string(origin)); ok && !s.In(room.Key()) {
			continue
		} // one that is away may come back, and then has to find it
		p.report(server.Emit(ctx, p.ns.To(event.Room(origin)), chat.Posted, batch(posted, string(origin))))
	}
}

// batch lists the messages that did not come from one connection.
func batch(posted []service.Posted, except string) chat.Batch {
	b := chat.Batch{Messages: make([]chat.Message, 0, len(posted))}
	for _, one := range posted {
		if except == "" || one.Origin != except {
			b.Messages = append(b.Messages, one.Message)
		}
	}
	return b
}

func (p *Publisher) report(err error) {
	if err != nil {
		p.log.Warn("chat: publish", "error", err)
	}
}
