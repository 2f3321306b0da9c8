//go:build js

package clientcases_test

import (
	"encoding/json"
	"flag"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/server/interop/clientcases"
)

var setup = flag.String("setup", "", "a clientcases.Setup as JSON")

// TestInBrowser runs in a page or a worker that server/interop opens in a browser.
func TestInBrowser(t *testing.T) {
	var s clientcases.Setup
	require.NoError(t, json.Unmarshal([]byte(*setup), &s))
	clientcases.Run(t, s)
}
