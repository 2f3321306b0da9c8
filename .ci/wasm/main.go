// Command wasm builds the chat page's program for the browser and compresses it
// for serving: app.wasm, app.wasm.br and app.wasm.gz in web/dist.
//
//	go run ./.ci/wasm              # for development: brotli quality 5, a second
//	go run ./.ci/wasm -quality 11  # for a release: a sixth smaller, half a minute
//
// The program is built against a copy of go-app without what a browser cannot run
// or has already; see slim.go. A plain `GOOS=js GOARCH=wasm go build ./cmd/parleyweb`
// gives a program that does the same and is half as large again.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	quality := flag.Int("quality", 5, "brotli quality, 0 to 11")
	out := flag.String("o", filepath.Join("web", "dist", "app.wasm"), "where the program goes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *out, *quality, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "wasm:", err)
		os.Exit(1)
	}
}

// work is where the copy of go-app lies during a build. Its name gets into the
// program, so it must be the same every time: a release is known by the hash of
// its files, and the same source must not look like a new one.
const work = "bin/wasm"

// run builds beside the target and puts the result in place when all of it is
// there. One run at a time; others wait.
func run(ctx context.Context, out string, quality int, report io.Writer) error {
	if err := os.MkdirAll("bin", 0o755); err != nil {
		return err
	}
	lock, err := os.Create(work + ".lock")
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	if err := os.RemoveAll(work); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	modfile, err := slimModfile(ctx, work)
	if err != nil {
		return err
	}
	built := out + ".part"
	// Without Go's inlining (-l) the program is smaller for those who download it
	// and starts as fast (`make bench-browser`): the browser's own compiler inlines
	// what is called often. The runtime is small functions that become nothing when
	// they are inlined: there it saves 330 KB of program for 50 KB of download, and
	// memory is managed faster.
	build := exec.CommandContext(ctx, "go", "build", "-modfile", modfile, "-trimpath", "-buildvcs=false",
		"-gcflags=all=-l", "-gcflags=runtime=", "-gcflags=internal/...=", "-ldflags=-s -w", "-o", built, "./cmd/parleyweb")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	if err := os.Rename(out+".part", out); err != nil {
		return err
	}
	return compress(out, quality, report)
}
