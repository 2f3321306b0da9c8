// Command sizes prints what a visitor downloads and what a server's owner installs, as a Markdown table:
//
//	go run ./.ci/sizes
//
// It measures web/dist/app.wasm and bin/parleyd as they were built last, and builds two small programs to
// tell what parley/shared/client adds to a wasm program that uses it.
package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/andybalholm/brotli"
)

func main() {
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sizes:", err)
		os.Exit(1)
	}
}

func run(w io.Writer) error {
	page, err := os.ReadFile(filepath.Join("web", "dist", "app.wasm"))
	if err != nil {
		return err
	}
	server, err := os.Stat(filepath.Join("bin", "parleyd"))
	if err != nil {
		return err
	}
	without, err := buildWasm(programs["without the client"])
	if err != nil {
		return err
	}
	with, err := buildWasm(programs["with the client"])
	if err != nil {
		return err
	}
	a, b := measure(without), measure(with)

	fmt.Fprintln(w, "| what | raw | gzip -9 | brotli -11 |")
	fmt.Fprintln(w, "| --- | --- | --- | --- |")
	fmt.Fprintf(w, "| the chat page's wasm | %s |\n", measure(page))
	fmt.Fprintf(w, "| what `shared/client` adds to a wasm program with fmt and encoding/json | %s |\n", size{b.raw - a.raw, b.gzip - a.gzip, b.brotli - a.brotli})
	fmt.Fprintf(w, "| the server with the page inside (linux/amd64, stripped) | %s | | |\n", megabytes(int(server.Size())))
	return nil
}

// programs are the two whose difference is the client.
var programs = map[string]string{
	"without the client": `package main

import (
	"encoding/json"
	"fmt"
)

func main() {
	var v any
	fmt.Println(json.Unmarshal([]byte("{}"), &v), v)
}
`,
	"with the client": `package main

import (
	"context"
	"encoding/json"
	"fmt"

	"parley/shared/client"
	"parley/shared/event"
)

func main() {
	var v any
	fmt.Println(json.Unmarshal([]byte("{}"), &v), v)
	conn, err := client.Dial(context.Background(), "http://localhost", client.Config{})
	if err != nil {
		return
	}
	conn.Main().On("message", func(args event.Args) { fmt.Println(args.String(0)) })
}
`,
}

// buildWasm compiles one file inside this module, so that it sees the module's packages.
func buildWasm(source string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "parley-sizes-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file, out := filepath.Join(dir, "main.go"), filepath.Join(dir, "out.wasm")
	if err := os.WriteFile(file, []byte(source), 0o644); err != nil {
		return nil, err
	}
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out, file)
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if msg, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, bytes.TrimSpace(msg))
	}
	return os.ReadFile(out)
}

// size is one thing's bytes in three forms.
type size struct{ raw, gzip, brotli int }

func (s size) String() string {
	return strings.Join([]string{megabytes(s.raw), megabytes(s.gzip), megabytes(s.brotli)}, " | ")
}

func megabytes(n int) string { return fmt.Sprintf("%.2f MB", float64(n)/1e6) }

func measure(data []byte) size {
	var count counter
	gz, _ := gzip.NewWriterLevel(&count, gzip.BestCompression)
	_, _ = gz.Write(data)
	_ = gz.Close()
	s := size{raw: len(data), gzip: int(count)}
	count = 0
	br := brotli.NewWriterLevel(&count, brotli.BestCompression)
	_, _ = br.Write(data)
	_ = br.Close()
	s.brotli = int(count)
	return s
}

// counter counts what is written to it.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
