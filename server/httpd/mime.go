package httpd

import (
	"path"
	"strings"
)

// defaultType is the media type of a file whose extension is not in the table.
// With nosniff in place a browser downloads such a file instead of guessing.
const defaultType = "application/octet-stream"

// MediaType returns the Content-Type for a file name, judged by its extension
// in any letter case. The table is fixed: the mime package reads the system's
// files, so the same binary would answer differently from machine to machine,
// and few systems know .webmanifest. Text types carry charset=utf-8. Unknown
// extensions are application/octet-stream.
func MediaType(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".html", ".htm":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".wasm":
		return "application/wasm"
	case ".webmanifest":
		return "application/manifest+json; charset=utf-8"
	case ".json", ".map":
		return "application/json; charset=utf-8"
	case ".txt", ".md":
		return "text/plain; charset=utf-8"
	case ".csv":
		return "text/csv; charset=utf-8"
	case ".xml":
		return "application/xml; charset=utf-8"
	case ".svg":
		return "image/svg+xml; charset=utf-8"
	case ".png":
		return "image/png"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".gif":
		return "image/gif"
	case ".webp":
		return "image/webp"
	case ".avif":
		return "image/avif"
	case ".ico":
		return "image/x-icon"
	case ".woff2":
		return "font/woff2"
	case ".woff":
		return "font/woff"
	case ".ttf":
		return "font/ttf"
	case ".otf":
		return "font/otf"
	case ".mp3":
		return "audio/mpeg"
	case ".ogg":
		return "audio/ogg"
	case ".mp4":
		return "video/mp4"
	case ".webm":
		return "video/webm"
	case ".pdf":
		return "application/pdf"
	case ".zip":
		return "application/zip"
	case ".gz":
		return "application/gzip"
	default:
		return defaultType
	}
}

// compressible reports whether a body of this media type shrinks enough to be
// worth compressing; images, fonts and archives are compressed already.
func compressible(mediaType string) bool {
	base, _, _ := strings.Cut(mediaType, ";")
	switch base {
	case "application/wasm", "application/json", "application/manifest+json", "application/xml",
		"image/svg+xml", "image/x-icon", "font/ttf", "font/otf":
		return true
	default:
		return strings.HasPrefix(base, "text/")
	}
}
