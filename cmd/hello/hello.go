// Package hello is the smallest contract there is: what the two programs beside it agree on.
package hello

import "parley/shared/event"

// NS is the namespace that both meet in.
var NS = event.NewNamespace("/hello")

// The events: direction, payload and answer are types.
var (
	Greet   = event.NewCall[Name, Greeting](NS, "greet") // clients ask, the acknowledgement answers
	Greeted = event.NewToClient[Greeting](NS, "greeted") // the server tells
)

// Name is who wants to be greeted.
type Name struct {
	Name string `json:"name"`
}

// Greeting is what they are told.
type Greeting struct {
	Text string `json:"text"`
}
