package engineio

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Rows: E01
func TestHandshake(t *testing.T) {
	for _, c := range []struct {
		wire string
		h    Handshake
	}{
		{
			`{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`,
			Handshake{"lv_VI97HAXpY6yYWAAAC", []string{"websocket"}, 25000, 20000, 1000000},
		},
		{
			`{"sid":"a","upgrades":[],"pingInterval":1,"pingTimeout":1,"maxPayload":0}`,
			Handshake{"a", []string{}, 1, 1, 0},
		},
	} {
		assert.Equal(t, c.wire, string(c.h.Append(nil)))
		got, err := ParseHandshake([]byte(c.wire))
		require.NoError(t, err)
		assert.Equal(t, c.h, got)
	}
	assert.Equal(t, `0{"sid":"a","upgrades":[],"pingInterval":1,"pingTimeout":2,"maxPayload":3}`,
		string(Handshake{"a", nil, 1, 2, 3}.Append([]byte("0"))), "no upgrades is an empty list, not null")
}

func TestParseHandshakeBoundsWhatAServerMaySay(t *testing.T) {
	for name, wire := range map[string]string{
		"empty":           ``,
		"no JSON":         `{"sid":"a"`,
		"array":           `[]`,
		"null":            `null`,
		"no sid":          `{"upgrades":[],"pingInterval":1,"pingTimeout":1}`,
		"sid number":      `{"sid":5,"pingInterval":1,"pingTimeout":1}`,
		"sid blank":       `{"sid":"a b","pingInterval":1,"pingTimeout":1}`,
		"sid not ASCII":   `{"sid":"é","pingInterval":1,"pingTimeout":1}`,
		"sid line break":  `{"sid":"a\r\nCookie: b","pingInterval":1,"pingTimeout":1}`,
		"sid long":        `{"sid":"` + strings.Repeat("a", MaxSIDBytes+1) + `","pingInterval":1,"pingTimeout":1}`,
		"no interval":     `{"sid":"a","pingTimeout":1}`,
		"interval 0":      `{"sid":"a","pingInterval":0,"pingTimeout":1}`,
		"interval < 0":    `{"sid":"a","pingInterval":-1,"pingTimeout":1}`,
		"interval huge":   `{"sid":"a","pingInterval":2147483648,"pingTimeout":1}`,
		"interval float":  `{"sid":"a","pingInterval":1.5,"pingTimeout":1}`,
		"timeout 0":       `{"sid":"a","pingInterval":1,"pingTimeout":0}`,
		"payload < 0":     `{"sid":"a","pingInterval":1,"pingTimeout":1,"maxPayload":-1}`,
		"upgrades number": `{"sid":"a","upgrades":[1],"pingInterval":1,"pingTimeout":1}`,
		"upgrades many":   `{"sid":"a","upgrades":["x"` + strings.Repeat(`,"x"`, MaxUpgrades) + `],"pingInterval":1,"pingTimeout":1}`,
		"too long":        `{"sid":"a","pingInterval":1,"pingTimeout":1,"x":"` + strings.Repeat("a", MaxHandshakeBytes) + `"}`,
	} {
		_, err := ParseHandshake([]byte(wire))
		assert.ErrorContains(t, err, "parse handshake", name)
	}
}

// FuzzParseHandshake: what is accepted is within the bounds and survives being
// written and read again.
func FuzzParseHandshake(f *testing.F) {
	for _, s := range []string{
		`{"sid":"a","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`,
		`{"SID":"a","pingInterval":1,"pingTimeout":1,"maxPayload":-1}`, `{}`, `[]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ParseHandshake(data)
		if err != nil {
			require.Zero(t, h)
			return
		}
		require.Empty(t, h.problem())
		again, err := ParseHandshake(h.Append(nil))
		require.NoError(t, err)
		if h.Upgrades == nil {
			h.Upgrades = []string{}
		}
		require.Equal(t, h, again)
	})
}
