//go:build !linux

package outq

// lot does not exist here: every connection keeps its goroutine.
type lot struct{}

type place struct{}

func (place) none() bool { return true }

func newLot(*Group) *lot { return nil }

func (*lot) close() {}

func (*lot) look() {}

func (*lot) enter(*Conn) bool { return false }

func (*lot) leave(place) {}
