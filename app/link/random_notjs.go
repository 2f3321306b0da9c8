//go:build !js

package link

import "crypto/rand"

// random fills b with bytes nobody can guess.
func random(b []byte) { _, _ = rand.Read(b) } // never fails: it ends the program instead
