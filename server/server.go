package server

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"parley/server/adapter"
	"parley/server/engine"
	"parley/shared/event"
)

// Server is a Socket.IO v5 server and an [http.Handler]: mount it where clients look for it, usually
// "/socket.io/". It embeds its main namespace "/", so that srv.OnConnect, srv.Emit or srv.To speak of that one.
//
// All methods are safe for concurrent use. [New] starts no goroutine; [Server.Shutdown] or [Server.Close] ends
// everything that connections have started.
type Server struct {
	*Namespace // the main namespace "/"

	cfg      Config
	engine   *engine.Server
	http     http.Handler
	admit    AdmitFunc          // nil: every event is queued
	queue    engine.QueueLimits // of the engine, with defaults
	tasks    tasks
	encoders encoders

	mu         sync.RWMutex
	namespaces map[string]*Namespace // guarded by mu
	parents    []*Parent             // guarded by mu
	watchers   []*func(*Namespace)   // guarded by mu
	closing    bool                  // guarded by mu
}

// New returns a server. It panics when the configuration contradicts itself, which is a mistake in the program.
func New(cfg Config) *Server {
	srv := &Server{cfg: cfg.withDefaults(), namespaces: map[string]*Namespace{}}
	srv.admit = srv.cfg.admission()
	srv.queue = srv.cfg.Engine.Queue.WithDefaults()
	ec := srv.cfg.Engine
	ec.Open = func(s *engine.Session) engine.Receiver { return srv.open(s) }
	srv.engine = engine.New(ec)
	srv.http = srv.withBundles(srv.engine)
	srv.Namespace = srv.Of(event.NewNamespace("/"))
	return srv
}

// ServeHTTP serves one request of a client: handshake, poll, post, upgrade or bundle file.
func (srv *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { srv.http.ServeHTTP(w, r) }

// Before returns a handler that serves the paths of the server and leaves the others to next.
func (srv *Server) Before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, srv.engine.Path()) {
			srv.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Engine is the layer of connections below: counters and manual routing. What is routed to it by hand passes the bundles
// of Config.Client by.
func (srv *Server) Engine() *engine.Server { return srv.engine }

// Of returns the namespace of that name and makes it when it is not there yet. Clients can connect to it from
// then on: call it before the server is served, or a client may be faster than the Use that follows. It panics on the
// zero [event.Namespace] and on a server that is shut down.
//
// A name that a [Server.Match] pattern fits is attached to that [Parent]: its middlewares and handlers count too.
func (srv *Server) Of(name event.Namespace) *Namespace {
	if name.Name() == "" {
		panic("server.Of: the namespace is the zero value, use event.NewNamespace")
	}
	ns, made := srv.static(name.Name())
	if made {
		srv.announce(ns)
	}
	return ns
}

func (srv *Server) static(name string) (ns *Namespace, made bool) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if ns := srv.namespaces[name]; ns != nil {
		ns.static = true
		return ns, false
	}
	if srv.closing {
		panic("server.Of: the server is shut down")
	}
	var parent *Parent
	for _, p := range srv.parents {
		if p.pattern != nil && p.pattern.MatchString(name) {
			parent = p
			break
		}
	}
	ns = newNamespace(srv, name, parent)
	ns.static = true
	srv.namespaces[name] = ns
	return ns, true
}

// Namespaces lists the namespaces that exist now, in no order.
func (srv *Server) Namespaces() []*Namespace {
	srv.mu.RLock()
	defer srv.mu.RUnlock()
	list := make([]*Namespace, 0, len(srv.namespaces))
	for _, ns := range srv.namespaces {
		list = append(list, ns)
	}
	return list
}

// OnNamespace calls fn for each namespace that is made from now on, static or dynamic. Until every such function has
// returned no client is let in, so that fn can add middlewares and handlers. stop ends it.
func (srv *Server) OnNamespace(fn func(*Namespace)) (stop func()) {
	entry := &fn
	srv.mu.Lock()
	defer srv.mu.Unlock()
	srv.watchers = append(slices.Clip(srv.watchers), entry)
	return func() {
		srv.mu.Lock()
		defer srv.mu.Unlock()
		srv.watchers = slices.DeleteFunc(slices.Clone(srv.watchers), func(e *func(*Namespace)) bool { return e == entry })
	}
}

// announce tells of a new namespace and opens it.
func (srv *Server) announce(ns *Namespace) {
	srv.mu.RLock()
	watchers := srv.watchers
	srv.mu.RUnlock()
	srv.announceTo(ns, watchers)
}

// announceTo is announce for these functions. One that ends the goroutine keeps the namespace closed until the others
// have returned on another: they may be those that lock the door.
func (srv *Server) announceTo(ns *Namespace, watchers []*func(*Namespace)) {
	over := false
	defer func() {
		if over {
			close(ns.announced)
			return
		}
		defer srv.tasks.run(func() { srv.announceTo(ns, watchers) })
		srv.fault(Fault{Namespace: ns, Err: errGoexit, Stack: debug.Stack()})
	}()
	for len(watchers) > 0 {
		fn := watchers[0]
		watchers = watchers[1:]
		ns.guard("", func() { (*fn)(ns) })
	}
	over = true
}

// Connections is the number of open connections; each may carry several sockets.
func (srv *Server) Connections() int { return srv.engine.Count() }

// Shutdown ends the server in order: no new connection is accepted, every socket is disconnected with the reason
// "server shutting down" (no DISCONNECT packet, so that clients come back to the next server), what is queued is
// flushed, and running handlers are waited for. It returns early with ctx's error when ctx ends first; then
// everything is closed at once and handlers may still run. Shutting down twice is harmless.
//
// It must not be called from a handler, a middleware or another function that the server runs: it would wait for its
// own caller, for ever where ctx does not end. Start a goroutine that does: go srv.Shutdown(ctx).
//
// An http.Server's own Shutdown does not wait for WebSocket connections: call this one first.
func (srv *Server) Shutdown(ctx context.Context) error {
	return srv.shut(ctx, func() error { return srv.engine.Shutdown(ctx) })
}

// Close is [Server.Shutdown] without the flush: connections are cut. It waits for running handlers and so must not be
// called from one; start a goroutine that does: go srv.Close().
func (srv *Server) Close() error {
	return srv.shut(context.Background(), srv.engine.Close)
}

// shut ends connections, then waits for handlers, then closes adapters, which the handlers may still have used.
func (srv *Server) shut(ctx context.Context, engine func() error) error {
	srv.mu.Lock()
	first := !srv.closing
	srv.closing = true
	srv.mu.Unlock()
	err := errors.Join(engine(), srv.tasks.wait(ctx))
	if !first {
		return err
	}
	for _, ns := range srv.Namespaces() {
		srv.mu.Lock()
		if ns.idle != nil {
			ns.idle.Stop()
		}
		srv.mu.Unlock()
		err = errors.Join(err, ns.adapter.Close())
	}
	return err
}

// open is called by the engine for each new connection.
func (srv *Server) open(session *engine.Session) engine.Receiver {
	c := &conn{srv: srv, session: session}
	c.start()
	return c
}

// recoverer is the adapter of ns when it keeps sessions.
func (srv *Server) recoverer(ns *Namespace) adapter.Recoverer {
	if srv.cfg.Recovery <= 0 {
		return nil
	}
	r, _ := ns.adapter.(adapter.Recoverer)
	return r
}
