// Package client is a Socket.IO v5 client, the same natively and in a browser.
//
//	conn, err := client.Dial(ctx, "https://chat.example", client.Config{})
//	if err != nil {
//		return err
//	}
//	defer conn.Close()
//	sock := conn.Of(chat.NS)
//	stop := client.On(sock, chat.IsTyping, func(p chat.Presence) { … })
//	history, err := client.Call(ctx, sock, chat.Join, chat.JoinRequest{Room: room})
//	for m, err := range client.Stream(ctx, sock, chat.Posted) { … }
//
// A [Conn] is the connection to one server, made again whenever it is lost. A
// [Socket] is one namespace on it. The typed functions take declarations of
// parley/shared/event; the untyped methods of Socket speak to any peer.
//
// The package knows packets, namespaces, acknowledgements and reconnection. It
// must not know how bytes travel (the transports below it do), nor anything of a
// server or an application.
package client
