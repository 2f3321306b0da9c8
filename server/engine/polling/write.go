package polling

import (
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"parley/server/engine/frame"
	"parley/shared/engineio"
)

// Writer writes the answers of polls. The zero value does not compress.
type Writer struct {
	// Compress is the size in bytes from which an answer is compressed, if the
	// client accepts that; 0 or less: never.
	Compress int

	gzips, zlibs sync.Pool
	buffers      sync.Pool // of *[]byte
}

// maxPooled is the size in bytes from which a buffer is not kept.
const maxPooled = 64 << 10

// Write answers a poll with packets. Headers that are already set stay.
func (o *Writer) Write(w http.ResponseWriter, r *http.Request, compress bool, packets []*frame.Message) error {
	pooled, _ := o.buffers.Get().(*[]byte)
	if pooled == nil {
		pooled = new([]byte)
	}
	body := (*pooled)[:0]
	for i, m := range packets {
		if i > 0 {
			body = append(body, engineio.Separator)
		}
		body = m.AppendText(body)
	}
	h := w.Header()
	setMissing(h, "Content-Type", textPlain)
	setMissing(h, "Cache-Control", noStore)
	err := o.send(w, r, compress && o.Compress > 0 && len(body) >= o.Compress, body)
	if cap(body) <= maxPooled {
		*pooled = body
		o.buffers.Put(pooled)
	}
	return err
}

// Header values of every answer, shared as net/http allows.
var (
	textPlain = []string{"text/plain; charset=UTF-8"}
	textHTML  = []string{"text/html"}
	noStore   = []string{"no-store"}
	two       = []string{"2"}
)

func setMissing(h http.Header, name string, value []string) {
	if _, ok := h[name]; !ok {
		h[name] = value
	}
}

// OK answers a post whose packets were taken.
func (o *Writer) OK(w http.ResponseWriter) error {
	h := w.Header()
	setMissing(h, "Content-Type", textHTML) // browsers offered text/plain for download once
	setMissing(h, "Cache-Control", noStore)
	h["Content-Length"] = two
	_, err := io.WriteString(w, "ok")
	return err
}

func (o *Writer) send(w http.ResponseWriter, r *http.Request, compress bool, body []byte) error {
	h := w.Header()
	encoding := ""
	if compress {
		encoding = accepted(r.Header.Get("Accept-Encoding"))
		h.Add("Vary", "Accept-Encoding")
	}
	if encoding == "" {
		h["Content-Length"] = []string{strconv.Itoa(len(body))}
		_, err := w.Write(body)
		return err
	}
	h.Set("Content-Encoding", encoding)
	if encoding == "gzip" {
		z, _ := o.gzips.Get().(*gzip.Writer)
		if z == nil {
			z = gzip.NewWriter(w)
		}
		z.Reset(w)
		defer o.gzips.Put(z)
		return writeAll(z, body)
	}
	z, _ := o.zlibs.Get().(*zlib.Writer)
	if z == nil {
		z = zlib.NewWriter(w)
	}
	z.Reset(w)
	defer o.zlibs.Put(z)
	return writeAll(z, body)
}

func writeAll(z io.WriteCloser, body []byte) error {
	if _, err := z.Write(body); err != nil {
		return err
	}
	return z.Close()
}

// accepted returns the encoding to use out of an Accept-Encoding header: gzip,
// deflate, or none.
func accepted(header string) string {
	best, bestQ := "", 0.0
	for item := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(item, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		q := 1.0
		if v, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			var err error
			if q, err = strconv.ParseFloat(v, 64); err != nil {
				q = 0
			}
		}
		if name == "*" {
			name = "gzip"
		}
		if (name == "gzip" || name == "deflate") && (q > bestQ || q == bestQ && name == "gzip" && q > 0) {
			best, bestQ = name, q
		}
	}
	return best
}
