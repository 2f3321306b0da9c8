package socketio_test

import (
	"fmt"

	"parley/shared/socketio"
)

func Example() {
	p, err := socketio.NewEvent("/chat", "photo", "cat.png", []byte{0x89, 'P', 'N', 'G'})
	if err != nil {
		panic(err)
	}
	frames, err := socketio.JSON().Encode(nil, &p)
	if err != nil {
		panic(err)
	}

	d := socketio.JSON().NewDecoder(socketio.Limits{MaxBytes: 1_000_000})
	for _, f := range frames {
		fmt.Printf("binary %v: %q\n", f.Binary, f.Data)
		q, complete, err := d.Add(f)
		if err != nil {
			panic(err) // in a server: close the connection
		}
		if complete {
			name, args, _ := q.Event()
			fmt.Println(q.Namespace, name, args.String(0), len(args.Bytes(1)))
		}
	}
	// Output:
	// binary false: "51-/chat,[\"photo\",\"cat.png\",{\"_placeholder\":true,\"num\":0}]"
	// binary true: "\x89PNG"
	// /chat photo cat.png 4
}
