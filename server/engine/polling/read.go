package polling

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"unicode/utf8"
)

// What can be wrong with the body of a post.
var (
	ErrTooLarge    = errors.New("polling: body too large")
	ErrContentType = errors.New("polling: content type is not text")
	ErrUTF8        = errors.New("polling: body is not UTF-8")
	ErrTimeout     = errors.New("polling: body did not come in time")
)

// Sizes of the first buffer: for a body of unknown size, and at most for one that
// is announced, since it need not come.
const (
	smallBody = 4 << 10
	firstPart = 64 << 10
)

// Read reads the body of a post: at most limit bytes. The caller owns the result,
// and has to see to it that reading ends. Errors other than those of this package
// are those of the connection.
func Read(r *http.Request, limit int64) ([]byte, error) {
	if kind := r.Header.Get("Content-Type"); strings.HasPrefix(kind, "application/octet-stream") {
		return nil, ErrContentType // that was version 3 of the protocol
	}
	if r.ContentLength > limit {
		return nil, ErrTooLarge
	}
	body, err := read(r, limit)
	var ne net.Error
	switch {
	case errors.As(err, &ne) && ne.Timeout():
		return nil, ErrTimeout
	case err != nil:
		return nil, err
	case !utf8.Valid(body):
		return nil, ErrUTF8
	}
	return body, nil
}

func read(r *http.Request, limit int64) ([]byte, error) {
	size := r.ContentLength
	if size < 0 {
		size = smallBody
	}
	body := make([]byte, 0, min(size, firstPart)+1) // one more to see the end
	for {
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > limit:
			return nil, ErrTooLarge
		case err == io.EOF:
			return body, nil
		case err != nil:
			return nil, err
		case len(body) == cap(body):
			body = append(make([]byte, 0, min(4*cap(body), int(limit)+1)), body...)
		}
	}
}
