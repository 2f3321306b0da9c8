package httpd

import (
	"log/slog"
	"net/http"
	"runtime/debug"
)

// DefaultSocketPath is where Socket.IO clients connect unless told otherwise.
const DefaultSocketPath = "/socket.io/"

// Config says what New puts on one port.
type Config struct {
	// Socket is the realtime endpoint. nil leaves its path to Site.
	Socket http.Handler
	// SocketPath is the path prefix of Socket, with slashes at both ends.
	// Default DefaultSocketPath.
	SocketPath string
	// Site answers every other path: pages and static files. nil answers 404.
	Site http.Handler
	// Health answers /livez and /readyz. nil leaves the two paths to Site.
	Health *Health
	// Policy is the Content-Security-Policy of everything but Socket. Default
	// PagePolicy.
	Policy string
	// Log receives panics of handlers. Default slog.Default().
	Log *slog.Logger
}

// New returns the handler for an application's one port: Socket under its path,
// health checks, and the site with security headers under everything else. A
// panic in the site is logged and becomes a 500 when nothing has been sent.
// Socket gets the connection's own http.ResponseWriter, unwrapped.
func New(cfg Config) http.Handler {
	if cfg.SocketPath == "" {
		cfg.SocketPath = DefaultSocketPath
	}
	if cfg.Site == nil {
		cfg.Site = http.HandlerFunc(NotFound)
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	site := http.NewServeMux()
	site.Handle("/", cfg.Site)
	if cfg.Health != nil {
		site.HandleFunc("GET /livez", cfg.Health.Live)
		site.HandleFunc("GET /readyz", cfg.Health.Ready)
	}
	pages := SecurityHeaders(cfg.Policy, Recover(cfg.Log, site))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Not a ServeMux pattern: the mux would answer a doubled slash or a dot
		// segment with a redirect, and Engine.IO clients do not follow one.
		if cfg.Socket != nil && underPath(r.URL.Path, cfg.SocketPath) {
			cfg.Socket.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	})
}

// Recover logs a panic of next with its stack and answers 500 when the response
// has not begun; otherwise it cuts the connection, so that half an answer is not
// taken for a whole one. http.ErrAbortHandler passes through.
func Recover(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		watched := &startWatcher{ResponseWriter: w}
		defer func() {
			v := recover()
			switch {
			case v == nil:
				return
			case v == http.ErrAbortHandler: //nolint:errorlint // the sentinel travels by panic, unwrapped
				panic(v)
			}
			log.Error("panic in http handler", "method", r.Method, "path", r.URL.Path,
				"panic", v, "stack", string(debug.Stack()))
			if watched.started {
				panic(http.ErrAbortHandler)
			}
			writeProblem(w, r, http.StatusInternalServerError)
		}()
		next.ServeHTTP(watched, r)
	})
}

// startWatcher notes whether a response has begun. Unwrap gives
// http.ResponseController, and with it hijacking and flushing, the real writer.
type startWatcher struct {
	http.ResponseWriter
	started bool
}

func (w *startWatcher) WriteHeader(status int) {
	w.started = true
	w.ResponseWriter.WriteHeader(status)
}

func (w *startWatcher) Write(p []byte) (int, error) {
	w.started = true
	return w.ResponseWriter.Write(p)
}

func (w *startWatcher) Unwrap() http.ResponseWriter { return w.ResponseWriter }
