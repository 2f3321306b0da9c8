// Command jsprogram is a small program for the browser that uses the whole
// client. Tests build it to see what gets linked, and `make sizes` to see what
// the client adds to the wasm: built with the tag without_client it is the same
// program without it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
)

func main() {
	// What nearly every program has anyway is not counted to the client.
	text, err := json.Marshal(map[string]any{"hello": "world"})
	fmt.Println(string(text), err)
	fmt.Println(talk(context.Background(), "http://localhost:3000"))
}
