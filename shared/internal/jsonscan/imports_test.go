//go:build !js

package jsonscan_test

import (
	"go/build"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/internal/importtest"
)

func TestImportsStaySmall(t *testing.T) {
	importtest.Check(t, importtest.Rules{Banned: importtest.Browser()})
}

func TestCodecHasNoClockAndNoSocket(t *testing.T) {
	pkg, err := build.ImportDir(".", 0)
	require.NoError(t, err)
	for _, path := range []string{"time", "net", "os", "context", "sync", "reflect"} {
		assert.NotContains(t, pkg.Imports, path)
	}
}
