package talk

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"parley/shared/client/engine"
)

// Brief says in a few words why there is no connection. The error itself names every layer it came through.
func Brief(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Error()
	}
	if e, ok := errors.AsType[*engine.Error](err); ok {
		switch {
		case e.Refusal != nil:
			return "the server refuses: " + line(e.Refusal.Error())
		case e.Status != 0:
			return fmt.Sprintf("the server answers HTTP status %d", e.Status)
		case e.Op != engine.OpDial:
			return "the connection was closed"
		}
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return line(first)
}
