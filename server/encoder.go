package server

import (
	"fmt"
	"sync"

	"parley/server/engine"
	"parley/shared/event"
	"parley/shared/socketio"
)

// encoder is the room in which a packet is written before it becomes messages, so that a small packet costs no
// memory but its messages'.
type encoder struct {
	packet socketio.Packet
	frames [4]socketio.Frame
	group  [4]*engine.Message
	text   []byte // for the first frame
	data   []byte // for an acknowledgement's payload
}

// encode turns e.packet into messages. The slice is valid until the encoder is used again.
func (e *encoder) encode(parser socketio.Parser) ([]*engine.Message, error) {
	const header = 64 // more than stands in front of namespace and payload
	if header+len(e.packet.Namespace)+len(e.packet.Data) <= len(e.text) {
		e.frames[0].Data = e.text // shorter than engine.CopyLimit, so it stays ours
	}
	frames, err := parser.Encode(e.frames[:0], &e.packet)
	if err != nil {
		return nil, fmt.Errorf("server: encode packet: %w", err)
	}
	group := e.group[:0]
	for _, f := range frames {
		group = append(group, engine.NewMessage(f.Binary, f.Data))
	}
	return group, nil
}

// ack makes e.packet the answer to the event with that id.
func (e *encoder) ack(ns string, id uint64, args []any) error {
	data, attachments, err := event.AppendArgs(append(e.data[:0], '['), nil, args...)
	if err != nil {
		return err
	}
	data = append(data, ']')
	if cap(data) <= engine.CopyLimit {
		e.data = data
	}
	e.packet = socketio.Packet{
		Type: socketio.PacketAck, Namespace: ns, ID: id, HasID: true, Data: data, Attachments: attachments,
	}
	return nil
}

// encoders keeps encoders for the next packet. The zero value is ready.
type encoders struct{ pool sync.Pool }

func (p *encoders) get() *encoder {
	if e, ok := p.pool.Get().(*encoder); ok {
		return e
	}
	return &encoder{text: make([]byte, engine.CopyLimit-1), data: make([]byte, 0, 512)}
}

func (p *encoders) put(e *encoder) {
	e.packet = socketio.Packet{}
	clear(e.frames[:])
	clear(e.group[:])
	p.pool.Put(e)
}
