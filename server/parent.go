package server

import (
	"context"
	"errors"
	"regexp"
	"sync/atomic"
	"time"

	"parley/shared/event"
)

// Parent stands for namespaces that are made when a client first asks for them. Its middlewares and handlers count
// for every child, also those added after the child was made; a child may have its own besides.
type Parent struct {
	hooks
	srv         *Server
	pattern     *regexp.Regexp // nil: match decides
	match       func(ctx context.Context, name string, auth event.Value) (bool, error)
	concurrency atomic.Int32
}

// Match declares namespaces by pattern. Names that exist win, then parents are asked in the order in which they
// were declared. Anchor the pattern: ^/room-\d+$. What a pattern fits a client can make: without
// Config.CleanupNamespaces every name that was ever asked for stays in memory. Call it before the server is served, as
// [Server.Of].
//
// [Handle] and [On] take declarations of any namespace for a parent and its children: declare the contract once, for a
// name that stands for all of them ("/room"). Clients in Go say so with client.Socket.As.
func (srv *Server) Match(pattern *regexp.Regexp) *Parent {
	return srv.addParent(&Parent{srv: srv, pattern: pattern})
}

// MatchFunc declares namespaces by a function, which may take its time: the client waits, and auth is what it sent. ctx
// is that of a [ConnectFunc], and an error refuses the client as one of those does. The function is asked for names that
// are not there yet, and not for each client: who may come in is for [Parent.Use].
func (srv *Server) MatchFunc(match func(ctx context.Context, name string, auth event.Value) (bool, error)) *Parent {
	return srv.addParent(&Parent{srv: srv, match: match})
}

func (srv *Server) addParent(p *Parent) *Parent {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	srv.parents = append(srv.parents, p)
	return p
}

// Concurrency is [Namespace.Concurrency] for every child that does not choose its own.
func (p *Parent) Concurrency(n int) { p.concurrency.Store(int32(max(n, 1))) }

// Children lists the namespaces that the parent has made and that exist now.
func (p *Parent) Children() []*Namespace {
	p.srv.mu.RLock()
	defer p.srv.mu.RUnlock()
	var list []*Namespace
	for _, ns := range p.srv.namespaces {
		if ns.parent == p {
			list = append(list, ns)
		}
	}
	return list
}

// Emit sends an event to every socket of every child.
func (p *Parent) Emit(name string, args ...any) error {
	return p.each(func(ns *Namespace) error { return ns.Emit(name, args...) })
}

// To addresses the sockets of every child that are in any of the rooms; the target can only emit.
func (p *Parent) To(rooms ...event.Room) Family { return Family{parent: p}.To(rooms...) }

// Except addresses the sockets of every child but those in these rooms.
func (p *Parent) Except(rooms ...event.Room) Family { return Family{parent: p}.Except(rooms...) }

func (p *Parent) each(fn func(*Namespace) error) error {
	var errs []error
	for _, ns := range p.Children() {
		errs = append(errs, fn(ns))
	}
	return errors.Join(errs...)
}

// Family is a [Target] over the children of a [Parent]. It can emit; acknowledgements and questions are for each
// child, see [Parent.Children].
type Family struct {
	parent *Parent
	shape  Target
}

// To is [Target.To].
func (f Family) To(rooms ...event.Room) Family { f.shape = f.shape.To(rooms...); return f }

// Except is [Target.Except].
func (f Family) Except(rooms ...event.Room) Family { f.shape = f.shape.Except(rooms...); return f }

// Local is [Target.Local].
func (f Family) Local() Family { f.shape = f.shape.Local(); return f }

// Volatile is [Target.Volatile].
func (f Family) Volatile() Family { f.shape = f.shape.Volatile(); return f }

// Emit sends an event to the addressed sockets of every child.
func (f Family) Emit(name string, args ...any) error {
	return f.parent.each(func(ns *Namespace) error {
		t := f.shape
		t.ns = ns
		return t.Emit(name, args...)
	})
}

// errInvalidNamespace is the reference's refusal of a namespace that is not there.
var errInvalidNamespace = &Refusal{Message: "Invalid namespace"}

// lookup finds a namespace that exists and counts one more user of it.
func (srv *Server) lookup(name string) (ns *Namespace, dynamic bool) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if ns = srv.namespaces[name]; ns != nil {
		ns.users++
	}
	return ns, len(srv.parents) > 0
}

// resolve finds or makes the namespace a client asks for and counts one more user of it.
func (srv *Server) resolve(ctx context.Context, name string, auth event.Value) (*Namespace, error) {
	if _, err := event.ParseNamespace(name); err != nil {
		return nil, errInvalidNamespace
	}
	srv.mu.RLock()
	parents := srv.parents
	srv.mu.RUnlock()
	for _, p := range parents {
		ok, err := p.accepts(ctx, name, auth)
		if err != nil {
			return nil, err
		}
		if ok {
			return srv.child(p, name)
		}
	}
	return nil, errInvalidNamespace
}

func (p *Parent) accepts(ctx context.Context, name string, auth event.Value) (bool, error) {
	if p.pattern != nil {
		return p.pattern.MatchString(name), nil
	}
	return p.match(ctx, name, auth)
}

// child returns p's child of that name; clients that race for it get the same one.
func (srv *Server) child(p *Parent, name string) (*Namespace, error) {
	srv.mu.Lock()
	ns := srv.namespaces[name]
	made := false
	if ns == nil {
		if srv.closing {
			srv.mu.Unlock()
			return nil, errInvalidNamespace
		}
		ns, made = newNamespace(srv, name, p), true
		srv.namespaces[name] = ns
	}
	ns.users++
	srv.mu.Unlock()
	if made {
		told := false
		defer func() {
			if !told { // who asked ends here
				srv.release(ns)
			}
		}()
		srv.announce(ns)
		told = true
	}
	return ns, nil
}

// release counts one user less and removes a child that nobody uses any more, when that is wanted: at once, or with
// recovery when nobody can come back.
func (srv *Server) release(ns *Namespace) {
	srv.mu.Lock()
	ns.users--
	unused := srv.unused(ns)
	if unused && ns.recoverer != nil {
		unused = false
		if ns.idle == nil {
			ns.idle = time.AfterFunc(srv.cfg.Recovery+time.Second, func() { srv.cleanup(ns) })
		} else {
			ns.idle.Reset(srv.cfg.Recovery + time.Second)
		}
	}
	srv.mu.Unlock()
	if unused {
		srv.cleanup(ns)
	}
}

// unused reports whether a namespace can go; the caller holds mu. At the end of the server all go in another way.
func (srv *Server) unused(ns *Namespace) bool {
	return srv.cfg.CleanupNamespaces && !srv.closing &&
		ns.users == 0 && ns.parent != nil && !ns.static && srv.namespaces[ns.name] == ns
}

// cleanup removes a namespace if it is still unused.
func (srv *Server) cleanup(ns *Namespace) {
	srv.mu.Lock()
	gone := srv.unused(ns)
	if gone {
		delete(srv.namespaces, ns.name)
	}
	srv.mu.Unlock()
	if gone {
		if err := ns.adapter.Close(); err != nil {
			srv.fault(Fault{Namespace: ns, Err: err})
		}
	}
}
