// Package gateway puts the chat on a Socket.IO server: it binds the events of parley/shared/chat to the use cases of
// parley/server/chat. Wiring is three lines:
//
//	publisher := gateway.NewPublisher(srv, log)
//	chats, err := chat.Open(ctx, chat.Config{Store: store, Publisher: publisher})
//	gate := gateway.New(srv, chats, gateway.Config{Build: build}) // and gate.Close() at the end
//
// It decides who a connection is (credentials in CONNECT), how much a user may send, who is present in a room, and to
// whom an event goes. It stores nothing and knows no SQL; rules of the chat itself are in the packages it binds.
//
// Presence and limits are those of one server process.
package gateway
