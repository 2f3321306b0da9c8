//go:build !js

package outbox_test

import (
	"testing"

	"parley/shared/internal/importtest"
)

func TestImportsStaySmall(t *testing.T) {
	importtest.Check(t, importtest.Rules{
		Allowed: map[string]string{
			"parley/shared/event":             "says which failures are worth a repetition",
			"parley/shared/internal/jsonscan": "comes with event",
			"parley/shared/promise":           "waits for IndexedDB and Web Locks",
		},
		Banned: importtest.Browser(),
	})
}
