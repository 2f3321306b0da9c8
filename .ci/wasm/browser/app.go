package app

import (
	"errors"
	"strings"
	"sync"
)

// Handler serves pages; in a browser there are none to serve.
type Handler struct{}

// clientResourceResolver turns /web/… into an address below location.
func clientResourceResolver(location string) func(string) string {
	return func(path string) string {
		name, ok := strings.CutPrefix(strings.Trim(path, "/"), "web/")
		if !ok {
			return path
		}
		return location + "/" + name
	}
}

// router finds the component of an address. Patterns are matched by the browser,
// which has regular expressions of its own.
type router struct {
	mu       sync.RWMutex
	exact    map[string]func() Composer // guarded by mu
	patterns []pattern                  // guarded by mu
}

type pattern struct {
	regexp Value
	open   func() Composer
}

func makeRouter() router { return router{exact: make(map[string]func() Composer)} }

func (r *router) route(path string, open func() Composer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.exact[path] = open
}

func (r *router) routeWithRegexp(expr string, open func() Composer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.patterns = append(r.patterns, pattern{Window().Get("RegExp").New(expr), open})
}

func (r *router) find(path string) func() Composer {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if open, ok := r.exact[path]; ok {
		return open
	}
	for _, p := range r.patterns {
		if p.regexp.Call("test", path).Bool() {
			return p.open
		}
	}
	return nil
}

func (r *router) routed(path string) bool { return r.find(path) != nil }

func (r *router) createComponent(path string) (Composer, bool) {
	if open := r.find(path); open != nil {
		return open(), true
	}
	return nil, false
}

// errNoCipher is what a page gets that stores something encrypted: ours does not.
var errNoCipher = errors.New("this build has no cipher")

func encrypt(string, []byte) ([]byte, error) { return nil, errNoCipher }

func decrypt(string, []byte) ([]byte, error) { return nil, errNoCipher }
