package socketio_test

import (
	"encoding/json"
	"fmt"

	"parley/shared/socketio"
)

// objects is a parser that sends a packet as one JSON object, without binary
// data. Both peers have to be given it.
type objects struct{}

type object struct {
	Type socketio.PacketType `json:"type"`
	NSP  string              `json:"nsp"`
	ID   *uint64             `json:"id,omitempty"`
	Data json.RawMessage     `json:"data,omitempty"`
}

func (objects) Name() string { return "objects" }

func (objects) Encode(dst []socketio.Frame, p *socketio.Packet) ([]socketio.Frame, error) {
	if len(p.Attachments) > 0 {
		return dst, socketio.ErrAttachments
	}
	o := object{Type: p.Type, NSP: p.Namespace, Data: p.Data}
	if p.HasID {
		o.ID = &p.ID
	}
	text, err := json.Marshal(o)
	return append(dst, socketio.Frame{Data: text}), err
}

func (objects) NewDecoder(l socketio.Limits) socketio.Decoder { return objectDecoder{l.WithDefaults()} }

type objectDecoder struct{ limits socketio.Limits }

func (objectDecoder) Pending() bool { return false }

func (d objectDecoder) Add(f socketio.Frame) (p socketio.Packet, complete bool, err error) {
	if f.Binary {
		return p, false, socketio.ErrUnexpectedBinary
	}
	if d.limits.MaxBytes > 0 && len(f.Data) > d.limits.MaxBytes {
		return p, false, socketio.ErrPacketTooLarge
	}
	var o object
	if err := json.Unmarshal(f.Data, &o); err != nil {
		return p, false, err
	}
	p = socketio.Packet{Type: o.Type, Namespace: o.NSP, Data: o.Data}
	if o.ID != nil {
		p.ID, p.HasID = *o.ID, true
	}
	if err := p.Valid(d.limits); err != nil { // shape, names, depth: the same rules for every parser
		return socketio.Packet{}, false, err
	}
	return p, true, nil
}

// A parser of one's own, passed to both sides as Config.Parser.
// Rows: B06
func ExampleParser() {
	var parser socketio.Parser = objects{}
	p, err := socketio.NewEvent("/chat", "hello", "world", 1)
	if err != nil {
		panic(err)
	}
	frames, err := parser.Encode(nil, &p)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s\n", frames[0].Data)

	d := parser.NewDecoder(socketio.Limits{})
	q, complete, err := d.Add(frames[0])
	name, args, _ := q.Event()
	fmt.Println(complete, err, q.Namespace, name, args)

	_, _, err = d.Add(socketio.Frame{Data: []byte(`{"type":2,"nsp":"/chat","data":["connect"]}`)})
	fmt.Println(err)
	// Output:
	// {"type":2,"nsp":"/chat","data":["hello","world",1]}
	// true <nil> /chat hello ["world" 1]
	// socketio: invalid payload: reserved event name
}
