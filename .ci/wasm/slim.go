package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// goApp is the module whose server half the page has no use for.
const goApp = "github.com/maxence-charriere/go-app/v10"

// serverHalf are the files of goApp's package app that only a server needs and
// that carry no build constraint. Through them every page links net/http, TLS and
// elliptic curves: a fifth of what a visitor downloads, and none of it can run.
func serverHalf() []string { return []string{"http.go", "resource.go"} }

// browserHalf stands in for what the rest of the package names of serverHalf:
// a type that is only ever passed on, and where a page finds its resources.
const browserHalf = `package app

import "strings"

// Handler serves pages; in a browser there are none to serve.
type Handler struct{}

// clientResourceResolver turns /web/… into an address below location.
func clientResourceResolver(location string) func(string) string {
	return func(path string) string {
		name, ok := strings.CutPrefix(strings.Trim(path, "/"), "web/")
		if !ok {
			return path
		}
		return location + "/" + name
	}
}
`

// slimModfile copies goApp into dir, takes its server half out of builds for the
// browser, and returns a go.mod for -modfile that is the project's own but for
// the use of the copy.
func slimModfile(ctx context.Context, dir string) (string, error) {
	source, err := moduleDir(ctx, goApp)
	if err != nil {
		return "", err
	}
	copied := filepath.Join(dir, "go-app")
	if err := os.CopyFS(copied, os.DirFS(source)); err != nil {
		return "", fmt.Errorf("copy go-app: %w", err)
	}
	pkg := filepath.Join(copied, "pkg", "app")
	for _, name := range serverHalf() {
		if err := constrain(filepath.Join(pkg, name)); err != nil {
			return "", err
		}
	}
	if err := os.WriteFile(filepath.Join(pkg, "browserhalf_js.go"), []byte(browserHalf), 0o644); err != nil {
		return "", err
	}

	mod, err := os.ReadFile("go.mod")
	if err != nil {
		return "", err
	}
	mod = fmt.Appendf(mod, "\nreplace %s => ./%s\n", goApp, filepath.ToSlash(copied))
	sum, err := os.ReadFile("go.sum")
	if err != nil {
		return "", err
	}
	modfile := filepath.Join(dir, "go.mod")
	if err := os.WriteFile(modfile, mod, 0o644); err != nil {
		return "", err
	}
	return modfile, os.WriteFile(filepath.Join(dir, "go.sum"), sum, 0o644)
}

// constrain leaves a file out of builds for js. It fails when the file has a
// constraint already: then this copy is of a release it was not made for.
func constrain(name string) error {
	content, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("slim go-app: %w", err)
	}
	if bytes.Contains(content, []byte("//go:build")) {
		return fmt.Errorf("slim go-app: %s has a build constraint of its own", filepath.Base(name))
	}
	if err := os.Remove(name); err != nil { // the module cache's copy is read-only
		return err
	}
	return os.WriteFile(name, append([]byte("//go:build !js\n\n"), content...), 0o644)
}

// moduleDir is where the module's source is, downloaded when it has to be.
func moduleDir(ctx context.Context, path string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "mod", "download", "-json", path).Output()
	if err != nil {
		return "", fmt.Errorf("find %s: %w", path, err)
	}
	var module struct{ Dir, Error string }
	if err := json.Unmarshal(out, &module); err != nil {
		return "", fmt.Errorf("find %s: %w", path, err)
	}
	if module.Dir == "" {
		return "", fmt.Errorf("find %s: %s", path, strings.TrimSpace(module.Error))
	}
	return module.Dir, nil
}
