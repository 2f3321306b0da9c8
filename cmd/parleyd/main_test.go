package main

import (
	"os"
	"testing"

	"parley/app/page"
	"parley/server/interop/browsertest"
)

// TestMain is the server itself in the child processes that the tests start, so
// that they drive the very program that users run.
func TestMain(m *testing.M) {
	if os.Getenv(browsertest.ChildVariable) != "" {
		main()
	}
	page.Register(page.Config{})
	os.Exit(m.Run())
}
