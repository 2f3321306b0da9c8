package interop_test

import (
	"net/http/httptest"
	"testing"

	"parley/server/interop/browsertest"
	"parley/shared/client/transporttest"
)

// The suite of the client's transports runs in Chromium, in a page and in a worker: close codes and what
// arrived before them, bounded closing, backlogs, and all else that the js build of a WebSocket library got
// wrong. Natively each transport runs it in its own package.
//
// Rows: G01 G08 G11 G12 E08
func TestTransportsInABrowser(t *testing.T) {
	site := serveCases(t, "../../shared/client/transporttest")
	browser := browsertest.Chromium(t)
	server := transporttest.NewServer(t, httptest.NewServer)
	for _, transport := range []string{"websocket", "polling"} {
		setup := map[string]string{"URL": server.URL, "Transport": transport}
		for _, where := range []string{"page", "in-worker"} {
			t.Run(transport+"/"+where, func(t *testing.T) { runInBrowser(t, browser, site+"/"+where, setup) })
		}
	}
}
