//go:build !js

// Package importtest keeps a package's dependencies what its map entry says, with a reason for every rule. A test
// calls [Check]; it asks the go command what the package in the test's own folder reaches when it is built for
// js/wasm, directly or through others.
//
// It knows nothing about any package of Parley.
package importtest

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Rules say what a package may reach. Keys are import paths, values are the reasons, printed when a rule breaks.
type Rules struct {
	// Allowed are the packages outside the standard library that may be reached. All others may not.
	Allowed map[string]string

	// Banned are packages of the standard library that may not be reached.
	Banned map[string]string
}

// Browser returns the standard packages that no package of the page may reach: they are useless in a browser and
// cost megabytes there.
func Browser() map[string]string {
	return map[string]string{
		"net":           "there are no sockets in a browser",
		"net/http":      "its client and server cost 1.5 MB compressed; the page uses fetch and WebSocket",
		"crypto/tls":    "the browser does TLS",
		"os/exec":       "there are no processes in a browser",
		"text/template": "it keeps every exported method alive, which defeats the linker",
		"html/template": "it keeps every exported method alive, which defeats the linker",
		"testing":       "test code does not belong in the page",
	}
}

type listed struct {
	ImportPath string
	Standard   bool
	Imports    []string
}

// Check fails the test for each package that the package in the working folder reaches against the rules, naming
// who imports it. It runs the go command and waits for it.
func Check(t testing.TB, r Rules) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Standard,Imports", ".")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &complaints)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("go list answered no JSON: %v", err)
		}
		all = append(all, p)
	}
	self := all[len(all)-1].ImportPath // go list -deps puts the package itself last
	for _, p := range all {
		switch reason, banned := r.Banned[p.ImportPath]; {
		case p.ImportPath == self:
		case banned:
			t.Errorf("%s reaches %s through %v: %s", self, p.ImportPath, importers(all, p.ImportPath), reason)
		case !p.Standard && r.Allowed[p.ImportPath] == "":
			t.Errorf("%s reaches %s through %v: it may only reach %v and the standard library",
				self, p.ImportPath, importers(all, p.ImportPath), r.Allowed)
		}
	}
}

func importers(all []listed, path string) []string {
	var names []string
	for _, p := range all {
		if slices.Contains(p.Imports, path) {
			names = append(names, p.ImportPath)
		}
	}
	return names
}
