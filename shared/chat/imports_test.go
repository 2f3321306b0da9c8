//go:build !js

package chat_test

import (
	"testing"

	"parley/shared/internal/importtest"
)

func TestImportsStaySmall(t *testing.T) {
	importtest.Check(t, importtest.Rules{
		Allowed: map[string]string{
			"parley/shared/event":             "the contract is written with it",
			"parley/shared/internal/jsonscan": "event is built on it",
		},
		Banned: importtest.Browser(),
	})
}
