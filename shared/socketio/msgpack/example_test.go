package msgpack_test

import (
	"fmt"

	"parley/shared/socketio"
	"parley/shared/socketio/msgpack"
)

func Example() {
	p, err := socketio.NewEvent("/", "photo", map[string]any{"name": "cat.png", "data": []byte{1, 2, 3}})
	if err != nil {
		panic(err)
	}
	frames, err := msgpack.New().Encode(nil, &p)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%d frame: %q\n", len(frames), frames[0].Data)

	q, _, err := msgpack.New().NewDecoder(socketio.Limits{}).Add(frames[0])
	if err != nil {
		panic(err)
	}
	name, args, _ := q.Event()
	var photo struct {
		Name string
		Data []byte
	}
	err = args.Decode(&photo)
	fmt.Println(name, photo.Name, photo.Data, err)
	// Output:
	// 1 frame: "\x83\xa4type\x02\xa4data\x92\xa5photo\x82\xa4data\xc4\x03\x01\x02\x03\xa4name\xa7cat.png\xa3nsp\xa1/"
	// photo cat.png [1 2 3] <nil>
}
