// Package chat holds the use cases of the chat: list and open rooms, post a message, catch up with a room.
//
// A [Service] promises, over any [Store]:
//   - a draft is stored once however often it is sent, also when the sends race, and every send is answered with
//     the one stored message;
//   - the messages of a room are numbered 1, 2, 3, … without a gap;
//   - a message is answered and published only after its transaction is durable;
//   - the messages of a room are published in the order of their numbers.
//
// It owns the interfaces it needs: a [Store] keeps rooms and messages (parley/server/chat/sqlite, proved by
// parley/server/chat/storetest), a [Publisher] tells those who are connected (parley/server/gateway). It knows
// the contract in parley/shared/chat; it must not know HTTP, SQL, sockets or who is online.
package chat
