package httpd

import (
	"io"
	"net/http"
	"strconv"
	"strings"
)

// NotFound answers 404: a small page with a way back for someone reading in a
// browser, one line of text for everyone else. Nothing of the request is
// repeated in the body.
func NotFound(w http.ResponseWriter, r *http.Request) {
	writeProblem(w, r, http.StatusNotFound)
}

// writeProblem answers an error status in the form the client prefers.
func writeProblem(w http.ResponseWriter, r *http.Request, status int) {
	text := http.StatusText(status)
	body, mediaType := strconv.Itoa(status)+" "+strings.ToLower(text)+"\n", "text/plain; charset=utf-8"
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		body, mediaType = problemPage(status, text), "text/html; charset=utf-8"
	}
	h := w.Header()
	for _, name := range []string{"ETag", "Last-Modified", "Content-Encoding", "Content-Range", RawLengthHeader} {
		h.Del(name)
	}
	h.Add("Vary", "Accept")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, body)
	}
}

// problemPage has no style or script of its own: the page policy forbids inline
// ones and the page must work when nothing else does.
func problemPage(status int, text string) string {
	title := strconv.Itoa(status) + " " + text
	return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>` + title + `</title>
</head>
<body>
<h1>` + title + `</h1>
<p>This address does not work. <a href="/">Open the start page</a>.</p>
</body>
</html>
`
}
