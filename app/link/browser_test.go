//go:build js && browser

// These tests need what only a browser has and the scripts of web/js. They are
// run in Chromium by cmd/parleyd.

package link_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/app/link"
)

func TestBrowserHost(t *testing.T) { testHost(t, link.Browser(), "0123456789abcdef") }

func TestBrowserWithoutServiceWorkerHasNoInstaller(t *testing.T) {
	found, err := link.Browser().Release(t.Context(), "running")
	require.NoError(t, err)
	require.Equal(t, link.NoInstaller, found)
	require.True(t, link.Browser().Online())
}
