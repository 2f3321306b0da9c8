package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// In two parts, so that what these tests write is not found in this file.
const (
	tag        = "// Ro" + "ws: "
	advisories = "// Advis" + "ories: "
)

func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}

func TestScanFindsTheTestThatFollows(t *testing.T) {
	dir := tree(t, map[string]string{
		"a/a_test.go":               "package a\n" + tag + "E01 E02\n// more words\nfunc TestHandshake(t *testing.T) {}\n",
		"b/case.mjs":                tag + "N01\ncases.connect = () => {}\n",
		"b/node_modules/x/index.js": tag + "N02\n",
		"c/c.go":                    tag + "N03\n",
	})
	found, err := scan(dir)
	require.NoError(t, err)
	require.Len(t, found, 3)
	require.Equal(t, "a TestHandshake", found["E01"][0].String())
	require.Equal(t, "a TestHandshake", found["E02"][0].String())
	require.Equal(t, "b/case.mjs:1", found["N01"][0].String())
}

func TestMissingAndUnknownRowsFail(t *testing.T) {
	all := tag
	for _, r := range parseRows(rowsText) {
		if r.group == "http" {
			all += r.id + " "
		}
	}
	run := func(text string) (bool, string) {
		var out strings.Builder
		ok, err := run(&out, tree(t, map[string]string{"x_test.go": text}), []string{"http"}, false)
		require.NoError(t, err)
		return ok, out.String()
	}

	ok, _ := run(all)
	require.True(t, ok)
	ok, out := run(tag + "X01")
	require.False(t, ok)
	require.Contains(t, out, "NO TEST")
	ok, out = run(all + " Z99")
	require.False(t, ok)
	require.Contains(t, out, "unknown row Z99")
}

func TestAdvisoriesAreRows(t *testing.T) {
	all := advisories
	for _, r := range parseRows(rowsText) {
		if r.group == "advisories" {
			all += r.id + ", "
		}
	}
	run := func(text string) (bool, string) {
		var out strings.Builder
		ok, err := run(&out, tree(t, map[string]string{"x_test.go": text}), []string{"advisories"}, false)
		require.NoError(t, err)
		return ok, out.String()
	}
	ok, out := run(all + "\n" + tag + "E01\nfunc TestX(t *testing.T) {}\n")
	require.True(t, ok)
	require.Contains(t, out, "CVE-2022-21676 ")
	require.Contains(t, out, "-> . TestX")
	ok, out = run(strings.Replace(all, "CVE-2022-21676", "", 1))
	require.False(t, ok)
	require.Contains(t, out, "NO TEST")
	ok, out = run(all + "CVE-2022-0000")
	require.False(t, ok)
	require.Contains(t, out, "unknown row CVE-2022-0000")
}

func TestRowIDsAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range parseRows(rowsText) {
		require.False(t, seen[r.id], r.id)
		require.NotEmpty(t, r.title, r.id)
		seen[r.id] = true
	}
}
