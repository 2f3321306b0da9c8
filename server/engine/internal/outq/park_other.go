//go:build !linux

package outq

// lot does not exist here: every connection keeps its goroutine.
type lot struct{}

func newLot(*Group) *lot { return nil }

func (*lot) close() {}

func (*lot) park(*Conn, func()) bool { return false }

func (*lot) wakeConn(*Conn) {}

func (*lot) count() int { return 0 }
