package server

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// bundles serves the official client's files right below the path (GET and HEAD), from Config.Client.
type bundles struct {
	path    string // with a slash at the end
	files   fs.FS
	version string
	next    http.Handler
	srv     *Server

	mu     sync.Mutex
	tags   map[string]string // guarded by mu: ETags of files, hashed once
	zipped map[string][]byte // guarded by mu: forms that were made here, by name and encoding
}

// withBundles puts the client's files in front of the engine.
func (srv *Server) withBundles(next http.Handler) http.Handler {
	path := strings.TrimSuffix(srv.engine.Path(), "/") + "/"
	return &bundles{path: path, files: srv.cfg.Client, version: srv.cfg.ClientVersion, next: next, srv: srv, tags: map[string]string{}, zipped: map[string][]byte{}}
}

// isBundle knows the files that the reference serves; a .map belongs to each.
func isBundle(name string) bool {
	switch strings.TrimSuffix(name, ".map") {
	case "socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js":
		return true
	}
	return false
}

func (b *bundles) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, below := strings.CutPrefix(r.URL.Path, b.path)
	if !below || !isBundle(name) || r.Method != http.MethodGet && r.Method != http.MethodHead {
		b.next.ServeHTTP(w, r)
		return
	}
	if b.srv.engine.CORS(w, r) {
		return
	}
	if b.files == nil {
		http.Error(w, bundleHelp, http.StatusNotFound)
		return
	}
	b.serve(w, r, name)
}

const (
	bundleHelp   = "This server has no copy of the browser client.\n" + bundleAdvice
	bundleAdvice = `
Install it with "npm install socket.io-client" and give the folder node_modules/socket.io-client/dist to the server
as Config.Client (os.DirFS(...)), or load it from a CDN:
<script src="https://cdn.socket.io/4.8.3/socket.io.min.js"></script>
`
)

func (b *bundles) serve(w http.ResponseWriter, r *http.Request, name string) {
	body, encoding, err := b.read(name, r.Header.Get("Accept-Encoding"))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			http.Error(w, "This server's copy of the browser client has no "+name+".\n"+bundleAdvice, http.StatusNotFound)
			return
		}
		b.srv.fault(Fault{Err: err})
		http.Error(w, "cannot read "+name, http.StatusInternalServerError)
		return
	}
	h := w.Header()
	tag := b.tag(name)
	h.Set("Cache-Control", "public, max-age=0")
	h.Set("ETag", `"`+tag+`"`)
	h.Add("Vary", "Accept-Encoding")
	if matches(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	contentType := "application/javascript; charset=utf-8"
	if strings.HasSuffix(name, ".map") {
		contentType = "application/json; charset=utf-8"
	}
	h.Set("Content-Type", contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if encoding != "" {
		h.Set("Content-Encoding", encoding)
	}
	if r.Method == http.MethodGet {
		_, _ = bytes.NewReader(body).WriteTo(w) // an error means that the client has left
	}
}

// read picks the best form that is there and accepted: br, gzip, deflate, plain. A gzip or deflate form that is not
// there is made, once.
func (b *bundles) read(name, accept string) (body []byte, encoding string, err error) {
	if accepts(accept, "br") {
		if body, err = fs.ReadFile(b.files, name+".br"); err == nil {
			return body, "br", nil
		}
	}
	if accepts(accept, "gzip") {
		if body, err = fs.ReadFile(b.files, name+".gz"); err == nil {
			return body, "gzip", nil
		}
		if body, err = b.zip(name, "gzip"); err == nil {
			return body, "gzip", nil
		}
	}
	if accepts(accept, "deflate") {
		if body, err = b.zip(name, "deflate"); err == nil {
			return body, "deflate", nil
		}
	}
	body, err = fs.ReadFile(b.files, name)
	return body, "", err
}

// zip is the compressed form of a file that has none. On the wire deflate is the format of zlib (RFC 9110 section
// 8.4.1.2).
func (b *bundles) zip(name, encoding string) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := name + " " + encoding
	if zipped, ok := b.zipped[key]; ok {
		return zipped, nil
	}
	plain, err := fs.ReadFile(b.files, name)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&out)
	if encoding == "deflate" {
		w = zlib.NewWriter(&out)
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	b.zipped[key] = out.Bytes()
	return out.Bytes(), nil
}

// tag is the file's version: the configured one, else a hash of the plain file.
func (b *bundles) tag(name string) string {
	if b.version != "" {
		return b.version
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	tag, ok := b.tags[name]
	if !ok {
		body, err := fs.ReadFile(b.files, name)
		if err != nil {
			return "0"
		}
		sum := sha256.Sum256(body)
		tag = base64.RawURLEncoding.EncodeToString(sum[:12])
		b.tags[name] = tag
	}
	return tag
}

// matches reads an If-None-Match list; weak tags match as well.
func matches(header, tag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		part = strings.TrimSpace(part)
		if part == "*" || strings.TrimPrefix(part, "W/") == `"`+tag+`"` {
			return true
		}
	}
	return false
}

// accepts reads an Accept-Encoding list (RFC 9110 section 12.5.3); a quality of 0 refuses.
func accepts(header, encoding string) bool {
	any := false
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		q, found := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(params), " ", ""), "q=")
		refused := false
		if found {
			v, err := strconv.ParseFloat(q, 64)
			refused = err == nil && v == 0
		}
		switch name {
		case encoding:
			return !refused
		case "*":
			any = !refused
		}
	}
	return any
}
