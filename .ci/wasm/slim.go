package main

import (
	"bytes"
	"context"
	_ "embed" // the files of browser
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// goApp is the module the page is drawn with, uuid one that goApp needs for names
// of tabs only.
const (
	goApp = "github.com/maxence-charriere/go-app/v10"
	uuid  = "github.com/google/uuid"
)

// left are the files of goApp's package app that a page has no use for or that the
// browser can do, none with a build constraint. Through http.go and resource.go
// every page links net/http, TLS and elliptic curves; through route.go regular
// expressions with all of Unicode's tables; through crypto.go, and through uuid,
// ciphers. Together they are a third of what a visitor downloads.
func left() []string { return []string{"http.go", "resource.go", "route.go", "crypto.go"} }

// browserApp stands in for what the rest of the package names of the files left
// out, browserUUID for the module.
var (
	//go:embed browser/app.go
	browserApp []byte
	//go:embed browser/uuid.go
	browserUUID []byte
)

// slimModfile copies goApp into dir, puts what the browser has in place of what is
// left out, and returns a go.mod for -modfile that is the project's own but for the
// use of the copy.
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
	for _, name := range left() {
		if err := constrain(filepath.Join(pkg, name)); err != nil {
			return "", err
		}
	}
	if err := os.WriteFile(filepath.Join(pkg, "browser_js.go"), browserApp, 0o644); err != nil {
		return "", err
	}
	ids := filepath.Join(dir, "uuid")
	if err := os.Mkdir(ids, 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(ids, "uuid_js.go"), browserUUID, 0o644); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(ids, "go.mod"), []byte("module "+uuid+"\n"), 0o644); err != nil {
		return "", err
	}

	mod, err := os.ReadFile("go.mod")
	if err != nil {
		return "", err
	}
	mod = fmt.Appendf(mod, "\nreplace (\n\t%s => ./%s\n\t%s => ./%s\n)\n", goApp, filepath.ToSlash(copied), uuid, filepath.ToSlash(ids))
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
