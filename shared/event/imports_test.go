//go:build !js

package event_test

import (
	"testing"

	"parley/shared/internal/importtest"
)

func TestImportsStaySmall(t *testing.T) {
	importtest.Check(t, importtest.Rules{
		Allowed: map[string]string{
			"parley/shared/internal/jsonscan": "splits a JSON array into its elements without decoding them",
		},
		Banned: importtest.Browser(),
	})
}
