package engineio_test

import (
	"fmt"

	"parley/shared/engineio"
)

// What a polling client posts: packets in one body.
func ExamplePayload() {
	body := engineio.AppendPayload(nil,
		engineio.Packet{Type: engineio.PacketPong},
		engineio.Packet{Type: engineio.PacketMessage, Data: []byte("hello")},
		engineio.Packet{Type: engineio.PacketMessage, Binary: true, Data: []byte{1, 2, 3}})

	for p, err := range engineio.Payload(body, 16) {
		if err != nil {
			fmt.Println(err) // close the session with ReasonParseError
			return
		}
		fmt.Println(p.Type, p.Binary, len(p.Data))
	}
	// Output:
	// pong false 0
	// message false 5
	// message true 3
}

// Reading frames off a byte stream.
func ExampleParseFrameHeader() {
	stream := engineio.AppendFrame(nil, engineio.Packet{Type: engineio.PacketMessage, Data: []byte("hi")})
	stream = engineio.AppendFrame(stream, engineio.Packet{Type: engineio.PacketPing})

	for len(stream) > 0 {
		h, err := engineio.ParseFrameHeader(stream, 1_000_000)
		if err != nil || h.Size == 0 || len(stream) < h.Size+h.Length {
			fmt.Println("close, or read more", err)
			return
		}
		p, err := engineio.ParseText(stream[h.Size : h.Size+h.Length])
		fmt.Println(p.Type, string(p.Data), err)
		stream = stream[h.Size+h.Length:]
	}
	// Output:
	// message hi <nil>
	// ping  <nil>
}
