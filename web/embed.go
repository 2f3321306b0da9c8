// Package web holds the files of the page: style sheets, scripts, icons, the
// manifest, the service worker's template, and in dist the compiled program once
// it has been built (`make wasm`). It embeds them and does nothing else.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist css icons js screens *.js *.webmanifest
var files embed.FS

// Files returns the embedded files as they lie in this directory.
func Files() fs.FS { return files }
