package engine_test

import (
	"encoding/base64"
	"net/http/httptest"
	"testing"
	"testing/cryptotest"

	"github.com/stretchr/testify/require"

	"parley/server/engine"
	"parley/shared/engineio"
)

// Each of the 120 bits of a session id comes from the system's generator: where that repeats
// itself, so do the ids, and every bit is now one, now the other.
//
// Rows: A13
// Advisories: CVE-2017-16031
func TestSessionIDsAreRandom(t *testing.T) {
	f := start(t, engine.Config{})
	ids := func() (list []string) {
		for range 200 {
			w := httptest.NewRecorder()
			f.ServeHTTP(w, httptest.NewRequest("GET", "/socket.io/"+pollQuery, nil))
			h, err := engineio.ParseHandshake(w.Body.Bytes()[1:])
			require.NoError(t, err)
			f.opened().Abort(engineio.ReasonForcedClose)
			list = append(list, h.SID)
		}
		return list
	}
	cryptotest.SetGlobalRandom(t, 1)
	first := ids()
	cryptotest.SetGlobalRandom(t, 1)
	require.Equal(t, first, ids(), "nothing but the system's generator")
	cryptotest.SetGlobalRandom(t, 2)
	var ones [120]int
	for i, id := range ids() {
		require.NotEqual(t, first[i], id)
		b, err := base64.RawURLEncoding.DecodeString(id)
		require.NoError(t, err)
		require.Len(t, b, len(ones)/8)
		for bit := range ones {
			ones[bit] += int(b[bit/8] >> (bit % 8) & 1)
		}
	}
	for bit, n := range ones {
		require.InDelta(t, 100, n, 50, "bit %d", bit)
	}
}
