// Package chat is the contract of the chat: its namespace, events, payloads, limits and rules. The server, the
// page and the terminal client import it; any other Socket.IO client can speak it from the tables here.
//
// A client connects to [NS] with [Credentials] as its CONNECT payload, receives [Hello], and then, in any order:
//
//	room:list       -> {}                          ack {"data":{"rooms":[…]}}
//	room:create     -> {title, topic}              ack {"data":RoomInfo}, everybody else gets room:added
//	room:join       -> {room, after}               ack {"data":History}, the others get room:joined
//	room:leave      -> {room}                      ack {"data":null}, the others get room:left
//	room:history    -> {room, before|after, limit} ack {"data":History}
//	message:send    -> {id, room, text}            ack {"data":Message}, the other sockets in the room get message:posted
//	typing          -> {room, on}                  the others in the room get typing
//
// A refusal is {"error":{"code","message"}} with a code of parley/shared/event.
//
// What a client can rely on:
//   - The messages of a room are numbered 1, 2, 3, … without a gap, in the order in which everybody reads them.
//   - An acknowledged message is on the disk.
//   - The id of a draft is made by its sender. A draft sent twice is stored once, and both times answered with
//     the stored message: after a broken connection, send again.
//   - message:posted may repeat what a history page held, and after a reconnect something may be missing between
//     the two. The number tells: ignore what is known, fetch what is missing with room:history.
//
// Rooms, members and messages are plain data. The package imports parley/shared/event only and builds for js/wasm.
package chat
