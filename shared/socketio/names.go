package socketio

import (
	"maps"
	"sync"
	"sync/atomic"
)

// names keeps the strings of event names and namespaces, so that the thousandth
// event of a name costs no allocation for it. All decoders of one parser share
// a table. Peers choose what goes in, therefore both its size and the length of
// a name are bounded; what does not fit is made anew each time.
type names struct {
	known atomic.Pointer[map[string]string] // never written to, only replaced
	mu    sync.Mutex                        // held to replace it
}

const (
	maxNames    = 256
	maxNameKept = 64 // bytes
)

// of returns text as a string.
func (n *names) of(text []byte) string {
	known := n.known.Load()
	if known != nil {
		if s, ok := (*known)[string(text)]; ok {
			return s
		}
	}
	s := string(text)
	if len(s) <= maxNameKept && (known == nil || len(*known) < maxNames) {
		n.add(s)
	}
	return s
}

func (n *names) add(s string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	more := map[string]string{s: s}
	if known := n.known.Load(); known != nil {
		if len(*known) >= maxNames {
			return
		}
		maps.Copy(more, *known)
	}
	n.known.Store(&more)
}
