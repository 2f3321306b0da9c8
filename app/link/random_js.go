package link

import "syscall/js"

// random fills b with bytes nobody can guess. crypto/rand would ask the browser for
// them as well, and bring 250 KB of ciphers and hashes to the page.
func random(b []byte) {
	array := js.Global().Get("Uint8Array").New(len(b))
	js.Global().Get("crypto").Call("getRandomValues", array)
	js.CopyBytesToGo(b, array)
}
