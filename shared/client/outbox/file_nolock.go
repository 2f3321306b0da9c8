//go:build !js && !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package outbox

import "os"

// lockFile does nothing where the standard library knows no whole-file locks:
// starting one process per file is up to the user there.
func lockFile(*os.File) error { return nil }
