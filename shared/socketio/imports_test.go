//go:build !js

package socketio_test

import (
	"testing"

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
