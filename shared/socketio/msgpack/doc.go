// Package msgpack is the Socket.IO parser that puts a whole packet into one
// MessagePack map {type, nsp, data, id} and sends it as one binary frame. It
// speaks what the JavaScript package socket.io-msgpack-parser does. Both peers
// must have been given it:
//
//	server.New(server.Config{Parser: msgpack.New()})
//
// It turns MessagePack into the form packets have inside Parley, JSON text and
// attachments, and back; nothing above notices which parser is in use. It knows
// socketio and one MessagePack module, and must not know connections. A program
// that does not import it does not link it.
package msgpack
