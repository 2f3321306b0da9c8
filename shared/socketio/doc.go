// Package socketio holds the Socket.IO protocol, version 5: packets, the parser
// that turns them into frames and back, and the bounds on what a peer may send.
//
//	p, err := socketio.NewEvent("/chat", "hello", "world")
//	frames, err := socketio.JSON().Encode(nil, &p) // one text frame: 2/chat,["hello","world"]
//
//	d := socketio.JSON().NewDecoder(socketio.Limits{})
//	q, complete, err := d.Add(frames[0])
//	name, args, err := q.Event()
//
// A frame is one text or binary message of the connection below. This package
// must not know what that connection is (it does not import engineio), and it
// has no goroutines, clocks or sockets. Inside Parley a packet is always "JSON
// text and attachments", whichever parser is on the wire.
package socketio
