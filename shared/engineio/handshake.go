package engineio

import (
	"encoding/json"
	"fmt"
	"math"
)

// Handshake is what the server tells in the open packet.
type Handshake struct {
	SID          string   `json:"sid"`          // the session; a secret between the two peers
	Upgrades     []string `json:"upgrades"`     // transports the client may upgrade to, best last
	PingInterval int      `json:"pingInterval"` // milliseconds between two pings of the server
	PingTimeout  int      `json:"pingTimeout"`  // milliseconds the pong may take
	MaxPayload   int      `json:"maxPayload"`   // bytes one payload may have; 0: the server did not say
}

// Bounds of what [ParseHandshake] accepts.
const (
	MaxHandshakeBytes = 16 << 10
	MaxSIDBytes       = 256
	MaxUpgrades       = 16
)

// Append appends the JSON form of h, as it follows the digit of the open packet.
func (h Handshake) Append(dst []byte) []byte {
	if h.Upgrades == nil {
		h.Upgrades = []string{}
	}
	text, err := json.Marshal(h)
	if err != nil { // strings and integers always encode
		panic(err)
	}
	return append(dst, text...)
}

// ParseHandshake reads the data of an open packet. The session id must consist
// of 1 to [MaxSIDBytes] printable ASCII characters, both times must be positive
// and fit 31 bits, and text above [MaxHandshakeBytes] is refused. Unknown
// members are ignored.
func ParseHandshake(data []byte) (Handshake, error) {
	if len(data) > MaxHandshakeBytes {
		return Handshake{}, fmt.Errorf("engineio: parse handshake: %d bytes", len(data))
	}
	var h Handshake
	if err := json.Unmarshal(data, &h); err != nil {
		return Handshake{}, fmt.Errorf("engineio: parse handshake: %w", err)
	}
	if problem := h.problem(); problem != "" {
		return Handshake{}, fmt.Errorf("engineio: parse handshake: %s", problem)
	}
	return h, nil
}

func (h *Handshake) problem() string {
	if len(h.SID) == 0 || len(h.SID) > MaxSIDBytes {
		return "bad length of sid"
	}
	for _, c := range []byte(h.SID) {
		if c <= ' ' || c > '~' {
			return "bad character in sid"
		}
	}
	switch {
	case len(h.Upgrades) > MaxUpgrades:
		return "too many upgrades"
	case h.PingInterval <= 0 || h.PingInterval > math.MaxInt32:
		return "pingInterval out of range"
	case h.PingTimeout <= 0 || h.PingTimeout > math.MaxInt32:
		return "pingTimeout out of range"
	case h.MaxPayload < 0:
		return "negative maxPayload"
	}
	return ""
}
