package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/stretchr/testify/require"
)

func TestCompress(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a.txt")
	content := []byte(strings.Repeat("the same again ", 1000))
	require.NoError(t, os.WriteFile(name, content, 0o600))
	var report bytes.Buffer
	require.NoError(t, compress(name, 5, &report))
	require.Contains(t, report.String(), "15000 bytes")

	br, err := os.Open(name + ".br")
	require.NoError(t, err)
	defer func() { require.NoError(t, br.Close()) }()
	plain, err := io.ReadAll(brotli.NewReader(br))
	require.NoError(t, err)
	require.Equal(t, content, plain)

	gz, err := os.Open(name + ".gz")
	require.NoError(t, err)
	defer func() { require.NoError(t, gz.Close()) }()
	zr, err := gzip.NewReader(gz)
	require.NoError(t, err)
	plain, err = io.ReadAll(zr)
	require.NoError(t, err)
	require.Equal(t, content, plain)

	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 3, "no part is left over")
	require.Error(t, compress(filepath.Join(dir, "missing"), 5, &report))
}
