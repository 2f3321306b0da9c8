//go:build !linux

package outq

import (
	"errors"
	"net"
)

// sock is nothing here: every write is left to a goroutine that may block.
type sock struct{}

type vector struct{}

var errNoSock = errors.New("outq: no bare socket")

func sockOf(net.Conn) sock { return sock{} }

func (sock) ok() bool { return false }

func (sock) write([]byte) (int, error) { return 0, errNoSock }

func (sock) writev(_, _ []byte) (int, error) { return 0, errNoSock }

func (sock) writeVector(*vector, [][]byte) (int, error) { return 0, errNoSock }

func (sock) read([]byte) (int, error) { return 0, errNoSock }

func (sock) read2(_, _ []byte) (int, error) { return 0, errNoSock }
