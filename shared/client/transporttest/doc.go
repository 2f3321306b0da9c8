// Package transporttest is the suite that every transport of the client must
// pass, natively and in a browser: Run drives a transport against the server of
// NewServer, which does what the address asks for.
//
//	server := transporttest.NewServer(t, httptest.NewServer)
//	transporttest.Run(t, server.URL, func() engine.Transport { return &websocket.Transport{MaxMessage: 2 << 20} })
//
// The server half is not part of js/wasm builds; a browser's test is pointed at a
// native one.
package transporttest
