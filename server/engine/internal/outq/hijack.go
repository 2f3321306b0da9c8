package outq

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"reflect"

	"parley/server/engine/frame"
)

// Sizes of the library's own buffers. It reads through the first, which only has
// to hold a frame header, and writes control frames through the second, which
// holds the largest of them (127 bytes) whole.
const (
	libraryReads  = 16
	libraryWrites = 128
)

// ResponseWriter is a response writer that gives away a [Conn] when it is
// hijacked. The answer that announces the new protocol is the first that the Conn
// has queued, so that it leaves together with what is sent next: who has nothing
// to send calls [Conn.Flush]. Only when somebody stands before the HTTP server's
// own writer, who may want to see the status or to add to the header, it takes
// the usual way.
type ResponseWriter struct {
	http.ResponseWriter
	Group  *Group
	Conn   *Conn         // set by Hijack
	Reader *bufio.Reader // set by Hijack: what the library reads through; it holds a frame header

	switches bool
}

// switching is the first line of the answer.
const switching = "HTTP/1.1 101 Switching Protocols\r\n"

// WriteHeader keeps the header of an answer that is to follow with Hijack.
func (w *ResponseWriter) WriteHeader(status int) {
	if w.switches = status == http.StatusSwitchingProtocols && own(w.ResponseWriter); !w.switches {
		w.ResponseWriter.WriteHeader(status)
	}
}

// own reports whether w is the HTTP server's writer itself.
func own(w http.ResponseWriter) bool { return reflect.TypeOf(w).String() == "*http.response" }

// Hijack takes over the connection from the HTTP server, with any bytes that the
// client sent early. The server's own buffers are free afterwards.
func (w *ResponseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	nc, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.Conn = New(nc, w.Group)
	if w.switches {
		var answer bytes.Buffer
		answer.WriteString(switching)
		w.Header().Write(&answer) //nolint:errcheck // a buffer takes everything
		answer.WriteString("\r\n")
		w.Conn.Queue(nil, frame.Raw(answer.Bytes())) //nolint:errcheck // it is open
	}
	if n := rw.Reader.Buffered(); n > 0 {
		early, _ := rw.Reader.Peek(n) // n bytes are there
		w.Conn.unread(early)
	}
	lib := bufio.NewReaderSize(w.Conn, libraryReads)
	w.Conn.in.library, w.Reader = lib, lib
	return w.Conn, bufio.NewReadWriter(lib, bufio.NewWriterSize(w.Conn, libraryWrites)), nil
}
