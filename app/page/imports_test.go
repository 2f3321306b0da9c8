//go:build !js

package page

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The three packages of the page may reach what the map says and nothing else:
// whatever they reach, every reader downloads.
func TestWhatThePageIsMadeOf(t *testing.T) {
	state := []string{"parley/app/state", "parley/shared/chat", "parley/shared/event", "parley/shared/internal/jsonscan"}
	goapp := []string{"github.com/maxence-charriere/go-app/", "github.com/google/uuid"}
	for pkg, allowed := range map[string][]string{
		"parley/app/state": state,
		"parley/app/ui":    append([]string{"parley/app/ui"}, goapp...),
		"parley/app/page":  append(append([]string{"parley/app/ui", "parley/app/page"}, goapp...), state...),
	} {
		cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", pkg)
		cmd.Env = append(cmd.Environ(), "GOOS=js", "GOARCH=wasm")
		out, err := cmd.Output()
		require.NoError(t, err)
		for _, dep := range strings.Fields(string(out)) {
			ok := false
			for _, a := range allowed {
				ok = ok || dep == a || strings.HasSuffix(a, "/") && strings.HasPrefix(dep, a)
			}
			require.True(t, ok, "%s reaches %s", pkg, dep)
		}
	}
}
