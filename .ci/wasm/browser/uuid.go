// Package uuid makes random UUIDs out of the browser's random bytes. It has what
// go-app asks of the module it stands in for.
package uuid

import (
	"encoding/hex"
	"syscall/js"
)

// NewString returns a new UUID of version 4.
func NewString() string {
	bytes := js.Global().Get("Uint8Array").New(16)
	js.Global().Get("crypto").Call("getRandomValues", bytes)
	b := make([]byte, 16)
	js.CopyBytesToGo(b, bytes)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	s := hex.EncodeToString(b)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}
