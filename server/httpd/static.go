package httpd

import (
	"net/http"
	"path"
	"strconv"
	"strings"
)

// RawLengthHeader carries the uncompressed size of a body that is sent
// compressed: Content-Length counts the bytes on the wire, while a page that
// reads the body through fetch counts decoded ones and needs this figure to
// show progress.
const RawLengthHeader = "X-Raw-Length"

const (
	cacheRevalidate = "no-cache"
	cacheForever    = "public, max-age=31536000, immutable"
)

// ServeHTTP answers GET and HEAD for the files of the set. A content-hashed name
// is immutable for a year; every other name is revalidated by ETag on each use.
// A path ending in a slash means its index.html, and a directory that has one
// is redirected to the form with the slash. Everything else is 404; other
// methods are 405.
func (f *Files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e, cache := f.lookup(r.URL.Path)
	if e == nil {
		if f.Has(r.URL.Path + "/index.html") {
			redirectSlash(w, r)
			return
		}
		NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		writeProblem(w, r, http.StatusMethodNotAllowed)
		return
	}
	e.serve(w, r, cache)
}

// Page returns a handler that answers every GET and HEAD with the file at the
// URL path, whatever the request's own path is: the shell of a page with
// several routes. It must be called after the file has been added.
func (f *Files) Page(urlPath string) http.Handler {
	e := f.entries[urlPath]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case e == nil:
			NotFound(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			writeProblem(w, r, http.StatusMethodNotAllowed)
		default:
			e.serve(w, r, cacheRevalidate)
		}
	})
}

func (f *Files) lookup(urlPath string) (*entry, string) {
	if strings.HasSuffix(urlPath, "/") && f.entries[urlPath] == nil {
		urlPath += "index.html"
	}
	if e := f.entries[urlPath]; e != nil {
		return e, cacheRevalidate
	}
	if e := f.hashed[urlPath]; e != nil {
		return e, cacheForever
	}
	return nil, ""
}

func (e *entry) serve(w http.ResponseWriter, r *http.Request, cache string) {
	h := w.Header()
	v := e.variants[0]
	if len(e.variants) > 1 {
		h.Add("Vary", "Accept-Encoding")
		// A range is a piece of the file the client asks for by offset; it means
		// the plain bytes, not those of a compressed form it cannot see.
		if r.Header.Get("Range") == "" {
			v = e.choose(strings.Join(r.Header.Values("Accept-Encoding"), ","))
		}
	}
	body, err := v.open()
	if err != nil {
		writeProblem(w, r, http.StatusInternalServerError)
		return
	}
	defer func() { _ = body.Close() }()

	h.Set("Content-Type", e.mediaType)
	h.Set("Cache-Control", cache)
	h.Set("ETag", v.etag)
	if v.encoding != "" {
		h.Set("Content-Encoding", v.encoding)
		h.Set("Content-Length", strconv.FormatInt(v.size, 10))
		h.Set(RawLengthHeader, strconv.FormatInt(e.variants[0].size, 10))
	}
	// RFC 9110 14.2: a Range that cannot be understood is ignored. ServeContent
	// answers 416 to it, which is for ranges that are understood and lie outside.
	if rng := r.Header.Get("Range"); rng != "" && !wellFormedRange(rng) {
		r = r.Clone(r.Context())
		r.Header.Del("Range")
	}
	http.ServeContent(w, r, "", e.modified, body)
}

// wellFormedRange reports whether a Range header is a list of byte ranges.
func wellFormedRange(header string) bool {
	list, ok := strings.CutPrefix(header, "bytes=")
	if !ok {
		return false
	}
	for spec := range strings.SplitSeq(list, ",") {
		first, last, ok := strings.Cut(strings.TrimSpace(spec), "-")
		if !ok || (first == "" && last == "") || !isDigits(first) || !isDigits(last) {
			return false
		}
		if first != "" && last != "" && compareDigits(first, last) > 0 {
			return false
		}
	}
	return true
}

func isDigits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

// compareDigits compares two unsigned decimals of any length.
func compareDigits(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// choose picks the representation for an Accept-Encoding header (RFC 9110
// 12.5.3): the acceptable one with the highest weight, brotli before gzip before
// identity among equals. The identity is sent when nothing else is acceptable.
func (e *entry) choose(accept string) variant {
	best, bestWeight := e.variants[0], 0.0
	for _, v := range e.variants[1:] {
		if weight := codingWeight(accept, v.encoding); weight > bestWeight {
			best, bestWeight = v, weight
		}
	}
	if identity, named := weightOf(accept, "identity"); named && identity > bestWeight {
		return e.variants[0]
	}
	return best
}

// codingWeight is the weight a client gives to a content coding, 0 when it does
// not accept it.
func codingWeight(accept, coding string) float64 {
	if weight, named := weightOf(accept, coding); named {
		return weight
	}
	weight, _ := weightOf(accept, "*")
	return weight
}

func weightOf(accept, coding string) (weight float64, named bool) {
	for part := range strings.SplitSeq(accept, ",") {
		name, params, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), coding) {
			continue
		}
		q, ok := strings.CutPrefix(strings.TrimSpace(params), "q=")
		if !ok {
			return 1, true
		}
		weight, err := strconv.ParseFloat(q, 64)
		if err != nil || weight < 0 || weight > 1 {
			return 0, true
		}
		return weight, true
	}
	return 0, false
}

// redirectSlash sends a directory to its form with a trailing slash. The target
// is built from the cleaned path, so that //host/dir cannot become a redirect
// to another host.
func redirectSlash(w http.ResponseWriter, r *http.Request) {
	target := *r.URL
	target.Scheme, target.Host, target.User = "", "", nil
	target.Path = path.Clean(r.URL.Path) + "/"
	target.RawPath = ""
	http.Redirect(w, r, target.String(), http.StatusMovedPermanently)
}
