package event

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxNameBytes bounds the length in bytes of a namespace name and of an event name in a declaration.
const MaxNameBytes = 255

// Namespace names one channel of a connection (Socket.IO v5 section "Connection to a namespace").
// Get one from [NewNamespace] or [ParseNamespace]; the zero value is no namespace and declarations
// refuse it. Values are immutable and comparable.
type Namespace struct {
	name string
}

// NewNamespace returns the namespace with that name for a declaration in source. A leading "/" is added
// where it is missing, "" is the main namespace "/". It panics on a name that [ParseNamespace] refuses:
// that is a mistake in the program. The contract of namespaces that are made on demand is declared for one name that
// stands for all of them: see Match of parley/server and Socket.As of parley/shared/client.
func NewNamespace(name string) Namespace {
	ns, err := ParseNamespace(name)
	if err != nil {
		panic("event.NewNamespace: " + err.Error())
	}
	return ns
}

// ParseNamespace is [NewNamespace] for a name that comes from outside. It refuses a name that cannot be
// written in a packet header or that another peer would read differently: one with a comma (it ends the
// name on the wire), a question mark (the reference cuts the name there), a control character, invalid
// UTF-8 or more than [MaxNameBytes] bytes.
func ParseNamespace(name string) (Namespace, error) {
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	switch {
	case len(name) > MaxNameBytes:
		return Namespace{}, fmt.Errorf("namespace name of %d bytes: at most %d are allowed", len(name), MaxNameBytes)
	case strings.ContainsAny(name, ",?"):
		return Namespace{}, fmt.Errorf("namespace name %q: a comma or question mark cannot be part of it", name)
	case hasControl(name):
		return Namespace{}, fmt.Errorf("namespace name %q: control characters and invalid UTF-8 cannot be part of it", name)
	}
	return Namespace{name: name}, nil
}

// Name is the name as it stands on the wire, with its leading "/"; "" for the zero Namespace.
func (n Namespace) Name() string { return n.name }

// String is Name, for logs.
func (n Namespace) String() string { return n.name }

// Room names a set of sockets of one namespace. Rooms exist on the server only: a socket joins and leaves
// them, and an emit addresses them. Every socket is in the room named by its id.
type Room string

// Reserved reports whether an event name belongs to the protocol or to the reference's event emitter, so
// that nobody may emit it and a received one is a parse error: connect, connect_error, disconnect,
// disconnecting, newListener and removeListener.
func Reserved(name string) bool {
	switch name {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return true
	}
	return false
}

func hasControl(s string) bool {
	return !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl)
}
