//go:build !js

package socketio_test

import (
	"go/build"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/internal/importtest"
)

func TestImportsStaySmall(t *testing.T) {
	importtest.Check(t, importtest.Rules{
		Allowed: map[string]string{
			"parley/shared/event":             "the arguments of an event are its values",
			"parley/shared/internal/jsonscan": "validates a payload without decoding it",
		},
		Banned: importtest.Browser(),
	})
}

func TestCodecHasNoClockAndNoSocket(t *testing.T) {
	pkg, err := build.ImportDir(".", 0)
	require.NoError(t, err)
	for _, path := range []string{"time", "net", "os", "context", "parley/shared/engineio"} {
		assert.NotContains(t, pkg.Imports, path)
	}
}
