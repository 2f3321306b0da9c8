package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"parley/cmd/parleyd/internal/site"
	"parley/server"
	"parley/server/chat"
	"parley/server/chat/sqlite"
	"parley/server/engine"
	"parley/server/gateway"
	"parley/server/httpd"
	"parley/web"
)

// maxPayload is the largest message a client may send, in bytes: several times
// the longest text there can be.
const maxPayload = 64 << 10

// serve puts the program together, serves until ctx is done, and takes it apart
// again in the opposite order.
func serve(ctx context.Context, o options, log *slog.Logger) (err error) {
	assets := web.Files()
	if o.Web != "" {
		assets = os.DirFS(o.Web)
	}
	pages, err := site.New(assets)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.Data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	store, err := sqlite.Open(ctx, filepath.Join(o.Data, "chat.db"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()

	var counted *metrics
	config := server.Config{
		Engine:   engine.Config{MaxPayload: maxPayload},
		Limits:   server.Limits{EventRate: server.Rate{PerSecond: 50, Burst: 100}},
		Recovery: o.Recovery,
		Logger:   log,
	}
	if len(o.Origin) > 0 {
		config.Engine.CORS = &engine.CORS{Origins: o.Origin}
	}
	if o.Internal != "" {
		counted = newMetrics()
		config.OnFault = func(server.Fault) { counted.faults.Inc() }
	}
	srv := server.New(config)
	defer func() { err = errors.Join(err, srv.Close()) }()
	chats, err := chat.Open(ctx, chat.Config{Store: store, Publisher: gateway.NewPublisher(srv, log)})
	if err != nil {
		return err
	}
	gate := gateway.New(srv, chats, gateway.Config{Build: pages.Version(), Logger: log})
	defer gate.Close()

	health := &httpd.Health{}
	health.Check("store", func(ctx context.Context) error {
		err := chats.Check(ctx)
		if err != nil {
			log.Warn("the store is not writable", "error", err)
		}
		return err
	})
	if counted != nil {
		counted.watch(srv)
		stop, err := serveInternals(ctx, o.Internal, internals(counted, health, o.Pprof, log), log)
		if err != nil {
			return err
		}
		defer stop()
	}
	web := httpd.Server{
		Handler: httpd.New(httpd.Config{Socket: srv, Site: pages, Health: health, Log: log}),
		Health:  health,
		Drain:   srv.Shutdown,
		Grace:   o.Grace,
		Log:     log,
		Ready: func(addr net.Addr) {
			log.Info("parley is ready", "page", pageURL(addr), "build", pages.Version(), "data", o.Data)
		},
	}
	return web.Run(ctx, o.Addr)
}

// serveInternals serves the internal address until stop is called. It listens
// before it returns, so that an address in use is an error of the start.
func serveInternals(ctx context.Context, addr string, h http.Handler, log *slog.Logger) (stop func(), err error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on the internal address: %w", err)
	}
	// It outlives ctx: who watches the server stop wants to see it stop.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var serving sync.WaitGroup
	serving.Go(func() {
		srv := httpd.Server{Handler: h, Log: log, Grace: time.Second}
		if err := srv.Serve(ctx, ln); err != nil {
			log.Warn("internal address", "error", err)
		}
	})
	return func() { cancel(); serving.Wait() }, nil
}

// pageURL is an address to open in a browser on this machine.
func pageURL(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return "http://" + addr.String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}
