package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/andybalholm/brotli"
)

// compress writes both forms of one file and prints the three sizes.
func compress(name string, quality int, report io.Writer) error {
	content, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var sizes [2]int64
	var errs [2]error
	var wg sync.WaitGroup
	wg.Go(func() {
		sizes[0], errs[0] = write(name+".br", content, func(w io.Writer) (io.WriteCloser, error) {
			return brotli.NewWriterLevel(w, quality), nil
		})
	})
	wg.Go(func() {
		sizes[1], errs[1] = write(name+".gz", content, func(w io.Writer) (io.WriteCloser, error) {
			return gzip.NewWriterLevel(w, gzip.BestCompression)
		})
	})
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(report, "%s: %d bytes, gzip %d, brotli(%d) %d\n", name, len(content), sizes[1], quality, sizes[0])
	return err
}

// write puts the encoded content under a name in one step, so that a reader
// never finds half of it, and returns its size.
func write(name string, content []byte, encoder func(io.Writer) (io.WriteCloser, error)) (int64, error) {
	file, err := os.Create(name + ".part")
	if err != nil {
		return 0, err
	}
	defer func() { _ = file.Close() }()
	w, err := encoder(file)
	if err != nil {
		return 0, err
	}
	if _, err := w.Write(content); err != nil {
		return 0, err
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	if err := file.Close(); err != nil {
		return 0, err
	}
	return info.Size(), os.Rename(file.Name(), name)
}
