package httpd

import (
	"net/http"
	"strings"
)

// PagePolicy is the Content-Security-Policy of a WebAssembly page that loads
// everything from its own origin. It allows no inline script or style.
// 'wasm-unsafe-eval' lets the page compile WebAssembly and nothing else.
const PagePolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; " +
	"style-src 'self'; img-src 'self' data: blob:; font-src 'self'; media-src 'self' blob:; worker-src 'self'; " +
	"manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"

// permissions switches off the browser features a chat page never asks for.
const permissions = "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), " +
	"microphone=(), midi=(), payment=(), usb=()"

// SecurityHeaders sets the security headers of a page on every response of next:
// the Content-Security-Policy (PagePolicy when policy is empty), nosniff, no
// referrer, isolation from other origins' windows and pages, and over TLS a year
// of HSTS. A handler may still replace any of them.
func SecurityHeaders(policy string, next http.Handler) http.Handler {
	if policy == "" {
		policy = PagePolicy
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", permissions)
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// underPath reports whether a URL path is prefix itself or lies below it.
func underPath(urlPath, prefix string) bool {
	return urlPath == strings.TrimSuffix(prefix, "/") || strings.HasPrefix(urlPath, prefix)
}
