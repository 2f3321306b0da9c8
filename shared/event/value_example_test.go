package event_test

import (
	"fmt"

	"parley/shared/event"
)

// Binary travels beside the JSON text, wherever it sits in a value.
func ExampleAppendArgs() {
	type photo struct {
		Name string `json:"name"`
		Data []byte `json:"data"`
	}
	text, attachments, err := event.AppendArgs(nil, nil, "album", photo{"cat.png", []byte{1, 2, 3}})
	fmt.Println(string(text), attachments, err)

	args := event.ParseArgs(text, attachments)
	var p photo
	err = args.Decode(nil, &p)
	fmt.Println(args.String(0), p.Name, p.Data, err)
	// Output:
	// "album",{"name":"cat.png","data":{"_placeholder":true,"num":0}} [[1 2 3]] <nil>
	// album cat.png [1 2 3] <nil>
}

// A received value decodes into any as JSON does, with []byte where the sender
// had binary.
func ExampleValue_Decode() {
	v := event.Value{
		JSON:        []byte(`{"n":1,"bin":{"_placeholder":true,"num":0}}`),
		Attachments: [][]byte{[]byte("hi")},
	}
	var x map[string]any
	if err := v.Decode(&x); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%v %s\n", x["n"], x["bin"])
	// Output: 1 hi
}
