package httpd

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/andybalholm/brotli"
)

// hashLength is how many hex digits of a SHA-256 name a file's content: 64 bits,
// far beyond an accidental collision among the files of one release.
const hashLength = 16

// minCompress is the size in bytes below which compressing is not worth the
// header it costs.
const minCompress = 512

// Files is a fixed set of static files, served over HTTP with strong hash
// ETags, conditional and Range requests, HEAD, and precompressed variants. It
// is what express.static is to Express, with these differences: validators are
// content hashes rather than size and time; a dotfile or a directory never
// answers, and nothing outside the set can be named at all, because requests
// look paths up instead of opening files.
//
// Fill the set with AddFS and Add, then serve it: the filling methods must not
// run while requests are served. ServeHTTP may run concurrently with itself.
type Files struct {
	// Plain leaves what is added from memory uncompressed.
	Plain bool

	entries map[string]*entry
	hashed  map[string]*entry // by content-hashed path
}

// entry is one path with its representations; the first one is the identity.
type entry struct {
	path      string
	mediaType string
	modified  time.Time // zero when the file system does not say
	sum       [sha256.Size]byte
	variants  []variant
}

// variant is one representation of an entry.
type variant struct {
	encoding string // "", "br" or "gzip"
	etag     string // strong, quoted
	size     int64
	open     func() (io.ReadSeekCloser, error)
}

// NewFiles returns an empty set.
func NewFiles() *Files {
	return &Files{entries: make(map[string]*entry), hashed: make(map[string]*entry)}
}

// AddFS adds every regular file of fsys below the URL path prefix ("/web" for
// /web/app.css). Names with a segment that starts with a dot are left out. A
// file x.br or x.gz beside x is not a file of its own but the compressed form
// of x. AddFS reads every file once to hash it; contents are opened again for
// each request, so an embedded file system costs no heap. The files must not
// change afterwards. It fails on the first file that cannot be read.
func (f *Files) AddFS(fsys fs.FS, prefix string) error {
	names := make(map[string]bool)
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != "." && strings.HasPrefix(path.Base(name), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.Type().IsRegular():
			names[name] = true
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list static files: %w", err)
	}
	for name := range names {
		if base, _, ok := cutEncoding(name); ok && names[base] {
			continue
		}
		e := &entry{path: path.Join("/", prefix, name), mediaType: MediaType(name)}
		if err := e.addFile(fsys, name, ""); err != nil {
			return err
		}
		for _, encoding := range []string{"br", "gzip"} {
			if compressed := name + suffixOf(encoding); names[compressed] {
				if err := e.addFile(fsys, compressed, encoding); err != nil {
					return err
				}
			}
		}
		f.put(e)
	}
	return nil
}

// Add adds one file held in memory at an absolute URL path, replacing what was
// there. An empty mediaType means the one of the path's extension. Text is
// compressed on the spot with brotli and gzip when it is long enough, unless
// Plain is set. Add keeps body and the caller must not change it.
func (f *Files) Add(urlPath, mediaType string, body []byte) error {
	if !strings.HasPrefix(urlPath, "/") {
		return fmt.Errorf("add static file: path %q is not absolute", urlPath)
	}
	if mediaType == "" {
		mediaType = MediaType(urlPath)
	}
	e := &entry{path: urlPath, mediaType: mediaType, sum: sha256.Sum256(body)}
	e.addBody(body, "")
	if !f.Plain && len(body) >= minCompress && compressible(mediaType) {
		for _, encoding := range []string{"br", "gzip"} {
			compressed, err := compress(body, encoding)
			if err != nil {
				return fmt.Errorf("compress static file %s: %w", urlPath, err)
			}
			if len(compressed) < len(body) {
				e.addBody(compressed, encoding)
			}
		}
	}
	f.put(e)
	return nil
}

// Remove takes the file at the URL path out of the set; none there is no error.
func (f *Files) Remove(urlPath string) {
	if e := f.entries[urlPath]; e != nil {
		delete(f.hashed, e.hashedPath())
		delete(f.entries, urlPath)
	}
}

// Has reports whether the set answers for the URL path under its own name.
func (f *Files) Has(urlPath string) bool { return f.entries[urlPath] != nil }

// Hashed returns the path under which the file's present content is served with
// an immutable Cache-Control: /web/app.wasm becomes /web/app.0123456789abcdef.wasm.
// A path that is not in the set is returned unchanged. The plain path keeps
// working and is revalidated by its ETag each time.
func (f *Files) Hashed(urlPath string) string {
	e := f.entries[urlPath]
	if e == nil {
		return urlPath
	}
	return e.hashedPath()
}

// Size returns the uncompressed size in bytes of the file at the URL path, or
// -1 when the set has no such file.
func (f *Files) Size(urlPath string) int64 {
	e := f.entries[urlPath]
	if e == nil {
		return -1
	}
	return e.variants[0].size
}

// Paths returns the plain URL paths of the set in order.
func (f *Files) Paths() []string {
	paths := make([]string, 0, len(f.entries))
	for p := range f.entries {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	return paths
}

// Version returns a short hash over the paths and contents of the named files,
// in whatever order they are named: it changes exactly when one of them does.
// It fails when a path is not in the set, so that a build never gets a version
// that ignores a file it meant to include.
func (f *Files) Version(paths ...string) (string, error) {
	sorted := slices.Sorted(slices.Values(paths))
	h := sha256.New()
	for _, p := range slices.Compact(sorted) {
		e := f.entries[p]
		if e == nil {
			return "", fmt.Errorf("hash version: no file %s", p)
		}
		_, _ = fmt.Fprintf(h, "%s\x00%x\x00", p, e.sum)
	}
	return hex.EncodeToString(h.Sum(nil))[:hashLength], nil
}

func (f *Files) put(e *entry) {
	f.Remove(e.path)
	f.entries[e.path] = e
	f.hashed[e.hashedPath()] = e
}

func (e *entry) hashedPath() string {
	ext := path.Ext(e.path)
	return strings.TrimSuffix(e.path, ext) + "." + hex.EncodeToString(e.sum[:])[:hashLength] + ext
}

// addFile adds the file as a representation; the identity comes first and gives
// the entry its hash and time.
func (e *entry) addFile(fsys fs.FS, name, encoding string) error {
	open := func() (io.ReadSeekCloser, error) { return openSeeker(fsys, name) }
	file, err := open()
	if err != nil {
		return fmt.Errorf("open static file: %w", err)
	}
	h := sha256.New()
	size, err := io.Copy(h, file)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("read static file %s: %w", name, err)
	}
	sum := [sha256.Size]byte(h.Sum(nil))
	if encoding == "" {
		e.sum = sum
		if info, err := fs.Stat(fsys, name); err == nil {
			e.modified = info.ModTime()
		}
	}
	e.variants = append(e.variants, variant{encoding: encoding, etag: etag(sum), size: size, open: open})
	return nil
}

func (e *entry) addBody(body []byte, encoding string) {
	e.variants = append(e.variants, variant{
		encoding: encoding,
		etag:     etag(sha256.Sum256(body)),
		size:     int64(len(body)),
		open: func() (io.ReadSeekCloser, error) {
			return nopCloser{bytes.NewReader(body)}, nil
		},
	})
}

func etag(sum [sha256.Size]byte) string { return `"` + hex.EncodeToString(sum[:16]) + `"` }

type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }

// openSeeker opens a file for serving. The files of embed, os and fstest seek;
// one that does not is read into memory.
func openSeeker(fsys fs.FS, name string) (io.ReadSeekCloser, error) {
	file, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	if seeker, ok := file.(io.ReadSeekCloser); ok {
		return seeker, nil
	}
	body, err := io.ReadAll(file)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, err
	}
	return nopCloser{bytes.NewReader(body)}, nil
}

func suffixOf(encoding string) string {
	if encoding == "gzip" {
		return ".gz"
	}
	return "." + encoding
}

// cutEncoding splits the suffix of a compressed form off a file name.
func cutEncoding(name string) (base, encoding string, ok bool) {
	if base, ok := strings.CutSuffix(name, ".br"); ok {
		return base, "br", true
	}
	if base, ok := strings.CutSuffix(name, ".gz"); ok {
		return base, "gzip", true
	}
	return name, "", false
}

func compress(body []byte, encoding string) ([]byte, error) {
	var out bytes.Buffer
	var w io.WriteCloser
	if encoding == "br" {
		w = brotli.NewWriterLevel(&out, brotli.BestCompression)
	} else {
		gz, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
		if err != nil {
			return nil, err
		}
		w = gz
	}
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// AddResponse adds the answer h gives to a GET of the URL path: its body and its
// Content-Type. It turns a handler whose answers never change, such as the page
// shell of a user interface, into files with their own validators and
// compressed forms. The functions in edit change the body before, in order. It
// fails when the handler answers anything but 200.
func (f *Files) AddResponse(urlPath string, h http.Handler, edit ...func([]byte) []byte) error {
	rec := recorder{header: make(http.Header)}
	req, err := http.NewRequest(http.MethodGet, urlPath, nil)
	if err != nil {
		return fmt.Errorf("capture %s: %w", urlPath, err)
	}
	h.ServeHTTP(&rec, req)
	if rec.status != http.StatusOK {
		return fmt.Errorf("capture %s: handler answered %d", urlPath, rec.status)
	}
	mediaType := rec.header.Get("Content-Type")
	if fixed := MediaType(urlPath); fixed != defaultType {
		mediaType = fixed
	} else if mediaType == "text/html" {
		mediaType = "text/html; charset=utf-8"
	}
	body := rec.body.Bytes()
	for _, change := range edit {
		body = change(body)
	}
	return f.Add(urlPath, mediaType, body)
}

// recorder is the http.ResponseWriter of AddResponse.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}
