package event

import "fmt"

// declaration is what every kind of event has: the namespace it lives in and its name on the wire.
type declaration struct {
	ns   Namespace
	name string
}

// Name is the event's name on the wire.
func (d declaration) Name() string { return d.name }

// Namespace is where the event lives.
func (d declaration) Namespace() Namespace { return d.ns }

// String is namespace and name, for logs.
func (d declaration) String() string { return d.ns.name + " " + d.name }

// declare checks what a program declares; it panics, as a bad declaration is a mistake in its source.
func declare(kind string, ns Namespace, name string) declaration {
	var fault string
	switch {
	case ns.name == "":
		fault = "the namespace is the zero value, use NewNamespace"
	case name == "":
		fault = "the event has no name"
	case len(name) > MaxNameBytes:
		fault = fmt.Sprintf("the event name has %d bytes, at most %d are allowed", len(name), MaxNameBytes)
	case hasControl(name):
		fault = fmt.Sprintf("the event name %q has control characters or invalid UTF-8", name)
	case Reserved(name):
		fault = fmt.Sprintf("the event name %q is reserved by the protocol", name)
	}
	if fault != "" {
		panic("event." + kind + ": " + fault)
	}
	return declaration{ns: ns, name: name}
}

// ToServer declares an event that clients send and the server handles, with payload T and no answer.
// T is one wire argument, or none with [None], or several with [Args2], [Args3] or [Args].
type ToServer[T any] struct {
	declaration
	_ [0]*T
}

// NewToServer declares an event from client to server. Like every New function here it panics on the zero
// Namespace and on a name that is empty, longer than [MaxNameBytes], [Reserved] or has control characters.
func NewToServer[T any](ns Namespace, name string) ToServer[T] {
	return ToServer[T]{declaration: declare("NewToServer", ns, name)}
}

// ToClient declares an event that the server sends and clients handle, with payload T and no answer.
type ToClient[T any] struct {
	declaration
	_ [0]*T
}

// NewToClient declares an event from server to client.
func NewToClient[T any](ns Namespace, name string) ToClient[T] {
	return ToClient[T]{declaration: declare("NewToClient", ns, name)}
}

// Call declares a question that clients ask and the server answers in the acknowledgement. The answer is
// a Res or an *[Error]; how it looks on the wire is written at [EncodeReply].
type Call[Req, Res any] struct {
	declaration
	raw bool
	_   [0]func(*Req) *Res
}

// NewCall declares a question to the server whose acknowledgement carries {"data":…} or {"error":…}.
func NewCall[Req, Res any](ns Namespace, name string) Call[Req, Res] {
	return Call[Req, Res]{declaration: declare("NewCall", ns, name)}
}

// NewRawCall declares a question to the server whose acknowledgement is the bare value, for peers whose
// contract is not ours. An error of the handler is acknowledged as {"error":{"code","message"}} in the place of the
// value: a caller written in Go gets it as an *[Error], any other has to look for that member. It follows that a
// value of exactly this form cannot be a result, also where Res is a [Value]; see [DecodeReply].
func NewRawCall[Req, Res any](ns Namespace, name string) Call[Req, Res] {
	return Call[Req, Res]{declaration: declare("NewRawCall", ns, name), raw: true}
}

// Raw reports whether the acknowledgement is the bare value instead of an envelope.
func (c Call[Req, Res]) Raw() bool { return c.raw }

// Ask declares a question that the server asks and clients answer in the acknowledgement: the mirror image
// of [Call].
type Ask[Req, Res any] struct {
	declaration
	raw bool
	_   [0]func(*Req) *Res
}

// NewAsk declares a question to clients whose acknowledgement carries {"data":…} or {"error":…}.
func NewAsk[Req, Res any](ns Namespace, name string) Ask[Req, Res] {
	return Ask[Req, Res]{declaration: declare("NewAsk", ns, name)}
}

// NewRawAsk declares a question to clients whose acknowledgement is the bare value, with errors as in [NewRawCall].
func NewRawAsk[Req, Res any](ns Namespace, name string) Ask[Req, Res] {
	return Ask[Req, Res]{declaration: declare("NewRawAsk", ns, name), raw: true}
}

// Raw reports whether the acknowledgement is the bare value instead of an envelope.
func (a Ask[Req, Res]) Raw() bool { return a.raw }

// ServerSide declares an event that servers of a cluster send one another within a namespace, with payload T.
// Clients never see it.
type ServerSide[T any] struct {
	declaration
	_ [0]*T
}

// NewServerSide declares an event between servers.
func NewServerSide[T any](ns Namespace, name string) ServerSide[T] {
	return ServerSide[T]{declaration: declare("NewServerSide", ns, name)}
}

// ServerCall declares a question that a server asks all others of a cluster.
type ServerCall[Req, Res any] struct {
	declaration
	raw bool
	_   [0]func(*Req) *Res
}

// NewServerCall declares a question between servers whose answer carries {"data":…} or {"error":…}.
func NewServerCall[Req, Res any](ns Namespace, name string) ServerCall[Req, Res] {
	return ServerCall[Req, Res]{declaration: declare("NewServerCall", ns, name)}
}

// NewRawServerCall declares a question between servers whose answer is the bare value, for clusters with servers of
// the reference.
func NewRawServerCall[Req, Res any](ns Namespace, name string) ServerCall[Req, Res] {
	return ServerCall[Req, Res]{declaration: declare("NewRawServerCall", ns, name), raw: true}
}

// Raw reports whether the answer is the bare value instead of an envelope.
func (c ServerCall[Req, Res]) Raw() bool { return c.raw }
