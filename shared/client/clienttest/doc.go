// Package clienttest connects clients to an http.Handler in memory, without ports
// and without a network, for the tests of programs that are made with this
// project's server:
//
//	conn := clienttest.Dial(t, srv, client.Config{})
//	got, err := client.Call(t.Context(), conn.Of(chat.NS), chat.Join, chat.JoinRequest{Room: "lobby"})
//
// Everything it starts ends with the test, and since nothing leaves the process
// it works inside a testing/synctest bubble, where time is the test's own.
//
// It is for native tests; the package is empty in js/wasm.
package clienttest
