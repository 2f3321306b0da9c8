//go:build !js

package msgpack_test

import (
	"testing"

	"parley/shared/internal/importtest"
)

func TestImportsStaySmall(t *testing.T) {
	importtest.Check(t, importtest.Rules{
		Allowed: map[string]string{
			"parley/shared/socketio":          "the packets it writes and reads",
			"parley/shared/event":             "through socketio: the arguments of an event",
			"parley/shared/internal/jsonscan": "walks the JSON text it transcodes",
			"github.com/tinylib/msgp/msgp":    "the primitives of MessagePack",
			"github.com/philhofer/fwd":        "through msgp, unused",
		},
		Banned: importtest.Browser(),
	})
}
