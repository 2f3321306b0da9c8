// Package httpd is the HTTP face of a Parley application: one mux for the
// Socket.IO endpoint and the pages, static files with proper caching, health
// checks, security headers, and a server that starts and stops in order.
//
//	files := httpd.NewFiles()
//	if err := files.AddFS(assets, "/web"); err != nil {
//		return err
//	}
//	srv := httpd.Server{
//		Handler: httpd.New(httpd.Config{Socket: socket, Site: files, Health: health}),
//		Health:  health,
//		Drain:   socket.Shutdown,
//	}
//	return srv.Run(ctx, ":3000")
//
// The package knows net/http and nothing else: the user interface and the
// realtime server arrive as plain http.Handler values. It must not import app/,
// the Socket.IO server or a store.
package httpd
