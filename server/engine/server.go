package engine

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"parley/server/engine/frame"
	"parley/server/engine/internal/outq"
	"parley/server/engine/internal/track"
	"parley/server/engine/polling"
	"parley/server/engine/websocket"
	"parley/shared/engineio"
)

// Server is an Engine.IO server. It is an http.Handler: mount it at Config.Path,
// or put it in front of another handler with [Server.Before]. All methods are
// safe for concurrent use.
type Server struct {
	cfg     Config
	log     *slog.Logger
	handler http.Handler // CORS around the middlewares around handle
	sockets *websocket.Acceptor
	writer  polling.Writer
	buffers frame.Buffers
	start   time.Time
	limits  outq.Limits // of every queue
	gate    *gate       // nil when nothing bounds who comes in
	shards  []*shard
	count   atomic.Int64
	closing atomic.Bool
	track   track.Group // goroutines
	live    track.Group // sessions
}

// New returns a server. It starts nothing before the first session. It panics
// when Config.Open is nil.
func New(cfg Config) *Server {
	cfg = cfg.withDefaults()
	srv := &Server{cfg: cfg, log: cfg.Logger, start: time.Now()}
	srv.gate = newGate(cfg.Connections, srv.now)
	srv.writer.Compress = cfg.Compression.HTTP
	srv.sockets = websocket.NewAcceptor(websocket.Options{
		MaxPayload:     cfg.MaxPayload,
		MessageTimeout: cfg.MessageTimeout,
		Deflate:        cfg.Compression.WebSocket,
		Buffers:        &srv.buffers,
	})
	srv.limits = outq.Limits{
		Bytes:         cfg.Queue.Bytes,
		Messages:      cfg.Queue.Messages,
		Burst:         cfg.Queue.Burst,
		BurstBytes:    cfg.Queue.BurstBytes,
		BurstMessages: cfg.Queue.BurstMessages,
		Age:           cfg.Queue.Age,
		Close:         cfg.CloseTimeout,
		Linger:        min(time.Second, cfg.CloseTimeout),
		Start:         srv.start,
	}
	for range runtime.GOMAXPROCS(0) {
		srv.shards = append(srv.shards, &shard{
			srv:      srv,
			out:      outq.NewGroup(srv.limits, &srv.track),
			sessions: map[string]*Session{},
		})
	}
	srv.handler = srv.withCORS(srv.withMiddleware(http.HandlerFunc(srv.handle)))
	return srv
}

// Path returns where the server answers: Config.Path, or the default.
func (srv *Server) Path() string { return srv.cfg.Path }

// Count returns the number of open sessions.
func (srv *Server) Count() int { return int(srv.count.Load()) }

// Shutdown ends the server in order: no new session is accepted, every session
// is closed with the reason "server shutting down", and what was queued before
// is delivered, over polling with the next poll. It returns when every session
// and every goroutine of the server is gone, but for those that run a [Task]. When ctx ends first, the rest is
// cut off as by [Server.Close] and the error of ctx is returned. It must not be
// called from a [Receiver]. An http.Server is shut down separately, afterwards.
func (srv *Server) Shutdown(ctx context.Context) error {
	for _, s := range srv.refuse() {
		s.Close(engineio.ReasonServerShuttingDown)
	}
	err := srv.live.Wait(ctx)
	if err == nil {
		err = srv.track.Wait(ctx)
	}
	if err != nil {
		srv.Close() //nolint:errcheck // always nil
		return err
	}
	srv.stop()
	return nil
}

// Close ends the server at once: what is queued is lost. Clients are told as far
// as that takes no time, polls that wait are answered. It waits for every
// goroutine, and so for every call of a [Receiver]; it must not be called from
// one. It does not wait for those that run a [Task]. Closing again is harmless. The error is nil.
func (srv *Server) Close() error {
	for _, s := range srv.refuse() {
		s.step(func(do *after) { s.finish(do, ending{reason: engineio.ReasonServerShuttingDown}) })
	}
	for _, sh := range srv.shards {
		sh.out.Cut()
	}
	srv.track.Wait(context.Background()) //nolint:errcheck // it cannot end
	srv.stop()
	return nil
}

// refuse makes the server accept no further session and returns those it has.
func (srv *Server) refuse() []*Session {
	srv.closing.Store(true)
	var all []*Session
	for _, sh := range srv.shards {
		sh.mu.Lock()
		for _, s := range sh.sessions {
			all = append(all, s)
		}
		sh.mu.Unlock()
	}
	return all
}

func (srv *Server) stop() {
	for _, sh := range srv.shards {
		sh.stop()
	}
}

// shardOf returns the shard of a session id.
func (srv *Server) shardOf(id string) *shard {
	h := uint32(2166136261) // FNV-1a
	for i := range len(id) {
		h = (h ^ uint32(id[i])) * 16777619
	}
	return srv.shards[h%uint32(len(srv.shards))]
}

// find returns the session of that id, or nil.
func (srv *Server) find(id string) *Session {
	sh := srv.shardOf(id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.sessions[id]
}

// insert makes s findable; false means that the server is closing or that the id
// is taken.
func (srv *Server) insert(s *Session) bool {
	sh := s.shard
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if srv.closing.Load() || sh.sessions[s.id] != nil {
		return false
	}
	sh.sessions[s.id] = s
	sh.out.Hold()
	srv.live.Add()
	return true
}

func (srv *Server) remove(s *Session) {
	sh := s.shard
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.sessions[s.id] == s {
		delete(sh.sessions, s.id)
		sh.out.Release()
		srv.live.Done()
	}
}
