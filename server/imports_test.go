package server_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestImports keeps the map: what a package must not reach, and why.
func TestImports(t *testing.T) {
	for pkg, banned := range map[string]map[string]string{
		".": {
			"parley/server/chat":                "the chat is one application of many",
			"parley/shared/chat":                "the chat is one application of many",
			"parley/shared/client":              "client and server share protocol packages, never each other",
			"parley/app":                        "the server is given its UI",
			"parley/shared/socketio/msgpack":    "opt-in by import",
			"parley/server/engine/webtransport": "opt-in by import: it brings QUIC",
			"github.com/quic-go":                "opt-in by import",
			"database/sql":                      "storage is the application's",
			"testing":                           "test code does not belong in programs",
		},
		"./adapter": {
			"parley/server/engine": "an adapter knows no connections",
			"net/http":             "drivers for Redis or PostgreSQL import it",
			"database/sql":         "storage belongs to the drivers",
			"testing":              "the suite is a package of its own",
		},
	} {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", pkg).Output()
		require.NoError(t, err)
		for dep := range strings.Lines(string(out)) {
			dep = strings.TrimSpace(dep)
			for path, reason := range banned {
				assert.False(t, dep == path || strings.HasPrefix(dep, path+"/"), "%s reaches %s: %s", pkg, dep, reason)
			}
		}
	}
}
