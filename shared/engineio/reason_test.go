package engineio

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Rows: H05
func TestReasons(t *testing.T) {
	for _, c := range []struct {
		reason      Reason
		text        string
		recoverable bool
		reconnects  bool
	}{
		{ReasonServerNamespaceDisconnect, "server namespace disconnect", false, false},
		{ReasonClientNamespaceDisconnect, "client namespace disconnect", false, false},
		{ReasonServerShuttingDown, "server shutting down", true, true},
		{ReasonPingTimeout, "ping timeout", true, true},
		{ReasonTransportClose, "transport close", true, true},
		{ReasonTransportError, "transport error", true, true},
		{ReasonParseError, "parse error", false, true},
		{ReasonForcedClose, "forced close", true, true},
		{ReasonForcedServerClose, "forced server close", true, true},
		{ReasonIOServerDisconnect, "io server disconnect", false, false},
		{ReasonIOClientDisconnect, "io client disconnect", false, false},
		{ReasonSlow, "slow consumer", true, true},
	} {
		assert.Equal(t, c.text, string(c.reason))
		assert.Equal(t, c.recoverable, c.reason.Recoverable(), c.text)
		assert.Equal(t, c.reconnects, c.reason.Reconnects(), c.text)
	}
}
