// Package polling carries Engine.IO packets in HTTP requests: a GET that waits
// brings what the server has, a POST takes what the client has, several packets
// in one body (Engine.IO v4, section "HTTP long-polling"). It works wherever HTTP
// does and is what a session falls back to, or starts with and upgrades from.
//
//	conn, err := client.Dial(ctx, url, client.Config{
//		Transports: []engine.Transport{&polling.Transport{}, &websocket.Transport{}},
//	})
//
// Natively it uses net/http. In a browser, page or worker, it uses fetch through
// syscall/js: net/http's client would add 0.85 MB (brotli) to the wasm.
//
// The package knows engineio payloads and HTTP. It must not know Socket.IO or
// reconnection.
package polling
