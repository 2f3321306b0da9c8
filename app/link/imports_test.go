//go:build !js

package link_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the link reaches, every visitor downloads. It must not know how the page
// looks, there is no net/http in a browser, and crypto and regexp cost 800 KB for
// what the browser has itself.
func TestImportsStaySmall(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", ".")
	cmd.Env = append(cmd.Environ(), "GOOS=js", "GOARCH=wasm")
	out, err := cmd.Output()
	require.NoError(t, err)
	for _, dep := range strings.Fields(string(out)) {
		switch dep {
		case "net", "net/http", "crypto/tls", "os/exec", "text/template", "html/template", "testing", "crypto", "regexp":
			require.Failf(t, "banned", "app/link reaches %s", dep)
		}
		switch {
		case !strings.Contains(strings.SplitN(dep, "/", 2)[0], ".") && !strings.HasPrefix(dep, "parley/"): // the standard library
		case dep == "parley/app/link", dep == "parley/app/state", strings.HasPrefix(dep, "parley/shared/"):
		default:
			require.Failf(t, "not allowed", "app/link reaches %s", dep)
		}
	}
}
