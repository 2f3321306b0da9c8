package httpd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// DefaultGrace is how long a Server waits for work under way when it stops.
const DefaultGrace = 15 * time.Second

// Server serves a handler on one address and stops in order. The zero value of
// each field but Handler works.
type Server struct {
	// Handler answers the requests. Required.
	Handler http.Handler
	// Health, when set, turns unready as soon as stopping begins.
	Health *Health
	// Ready is called once, with the address being listened on, before the first
	// request is served. Listening on port 0 picks a free port and this is where
	// to learn it.
	Ready func(net.Addr)
	// Drain is called when stopping begins, while requests are still served. It
	// ends what http.Server.Shutdown does not know of: hijacked connections such
	// as WebSockets, and long polls. Its context ends with the grace.
	Drain func(context.Context) error
	// Grace bounds the whole of stopping, Drain included. Default DefaultGrace.
	// What has not ended by then is cut.
	Grace time.Duration
	// Log receives start, stop and connection errors. Default slog.Default().
	Log *slog.Logger
}

// Run listens on addr ("host:port", ":port") and serves until ctx is done, then
// drains and returns nil. It returns an error when it cannot listen, when
// serving fails, or when work under way had to be cut. It blocks for all of
// that and leaves no goroutine of its own behind.
func (s *Server) Run(ctx context.Context, addr string) error {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	return s.Serve(ctx, ln)
}

// Serve is Run on a listener that is open already. It closes the listener.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	log := s.Log
	if log == nil {
		log = slog.Default()
	}
	httpServer := &http.Server{
		Handler: s.Handler,
		// Requests that are slow to arrive hold a connection each (slowloris).
		// There is no ReadTimeout or WriteTimeout: a long poll is read and
		// answered over far more time than any page needs.
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- httpServer.Serve(ln) }()
	if s.Ready != nil {
		s.Ready(ln.Addr())
	}
	log.Info("listening", "addr", ln.Addr().String())

	select {
	case err := <-served:
		_ = httpServer.Close()
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	return s.stop(context.WithoutCancel(ctx), httpServer, served, log)
}

// stop drains and shuts down; it returns when the accept loop has ended.
func (s *Server) stop(ctx context.Context, httpServer *http.Server, served <-chan error, log *slog.Logger) error {
	grace := s.Grace
	if grace <= 0 {
		grace = DefaultGrace
	}
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	log.Info("stopping", "grace", grace.String())
	if s.Health != nil {
		s.Health.Drain()
	}
	var drainErr error
	if s.Drain != nil {
		if drainErr = s.Drain(ctx); drainErr != nil {
			drainErr = fmt.Errorf("drain: %w", drainErr)
		}
	}
	shutdownErr := httpServer.Shutdown(ctx)
	if shutdownErr != nil {
		shutdownErr = fmt.Errorf("shut down: %w", shutdownErr)
		_ = httpServer.Close()
	}
	<-served
	log.Info("stopped")
	return errors.Join(drainErr, shutdownErr)
}
