package polling

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/server/engine/frame"
)

// Rows: E04 E13
// Advisories: CVE-2020-36048
func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, body, kind string
		unknown          bool // without a Content-Length
		err              error
	}{
		{"text", "4hello", "text/plain;charset=UTF-8", false, nil},
		{"no type", "4hello", "", false, nil},
		{"empty", "", "", false, nil},
		{"of unknown length", strings.Repeat("x", 9999), "", true, nil},
		{"the limit", strings.Repeat("x", 10_000), "", false, nil},
		{"the limit, of unknown length", strings.Repeat("x", 10_000), "", true, nil},
		{"above the limit", strings.Repeat("x", 10_001), "", false, ErrTooLarge},
		{"above the limit, of unknown length", strings.Repeat("x", 10_001), "", true, ErrTooLarge},
		{"binary", "4hello", "application/octet-stream", false, ErrContentType},
		{"not UTF-8", "4\xff", "", false, ErrUTF8},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(c.body))
			if c.unknown {
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader(c.body)), -1
			}
			r.Header.Set("Content-Type", c.kind)
			body, err := Read(r, 10_000)
			require.ErrorIs(t, err, c.err)
			if c.err == nil {
				require.Equal(t, c.body, string(body))
			}
		})
	}
}

// Rows: E03 E05 E14
func TestWrite(t *testing.T) {
	w := httptest.NewRecorder()
	var o Writer
	require.NoError(t, o.Write(w, httptest.NewRequest(http.MethodGet, "/", nil), true, []*frame.Message{
		frame.New(false, []byte("a")), frame.New(true, []byte{1, 2}), frame.New(false, nil),
	}))
	require.Equal(t, "4a\x1ebAQI=\x1e4", w.Body.String())
	require.Equal(t, "text/plain; charset=UTF-8", w.Header().Get("Content-Type"))
	require.Equal(t, "10", w.Header().Get("Content-Length"))
}

func TestAccepted(t *testing.T) {
	for header, want := range map[string]string{
		"": "", "gzip": "gzip", "deflate": "deflate", "GZIP": "gzip", "br, gzip;q=0.1": "gzip", "gzip;q=0": "",
		"deflate, gzip": "gzip", "deflate;q=1, gzip;q=0.5": "deflate", "identity": "", "*": "gzip", "gzip;q=x": "", "*;q=0": "",
	} {
		require.Equal(t, want, accepted(header), header)
	}
}
