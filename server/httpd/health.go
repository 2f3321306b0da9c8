package httpd

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// defaultCheckTimeout bounds one readiness check.
const defaultCheckTimeout = 2 * time.Second

// defaultKeep is how long the result of a check is reused.
const defaultKeep = time.Second

// Health answers /livez and /readyz. Live means the process runs and serves
// HTTP; ready means it wants new work: it is not draining and every check
// passes. The zero value is ready and has no checks. All methods may be called
// concurrently.
type Health struct {
	// Keep is how long the result of a check is reused, so that nobody can make
	// the process do costly checks at will. Default 1 s; negative means not at
	// all. Set it before the first request.
	Keep time.Duration

	draining atomic.Bool

	mu     sync.Mutex
	checks []*check // guarded by mu
}

type check struct {
	name string
	run  func(context.Context) error

	mu     sync.Mutex
	result error     // guarded by mu
	at     time.Time // guarded by mu: when result was found, zero for never
}

// outcome runs the check or reuses what it found a moment ago. One run at a
// time; who comes meanwhile waits for it.
func (c *check) outcome(ctx context.Context, keep time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.at.IsZero() && time.Since(c.at) < keep {
		return c.result
	}
	// The result is for everybody who asks: it must not depend on whether the
	// one who asked first is still there.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), defaultCheckTimeout)
	defer cancel()
	c.result = c.run(ctx)
	c.at = time.Now()
	return c.result
}

// Check adds a named readiness check. It gets two seconds per call and should
// touch what it speaks for: a store's check writes and reads, it does not ask
// whether a handle is nil. Checks run one after the other.
func (h *Health) Check(name string, run func(context.Context) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks = append(h.checks, &check{name: name, run: run})
}

// Drain makes /readyz answer 503 from now on, so that a load balancer sends new
// clients elsewhere while the present ones are served to their end.
func (h *Health) Drain() { h.draining.Store(true) }

// Draining reports whether Drain has been called.
func (h *Health) Draining() bool { return h.draining.Load() }

// Live answers 200.
func (h *Health) Live(w http.ResponseWriter, r *http.Request) {
	writeHealth(w, r, http.StatusOK, "ok\n")
}

// Ready answers 200 when the process wants new work and 503 when it does not,
// with one line per check. A failure is named without its cause, which may tell
// a stranger about paths and hosts; the cause belongs into the log of whoever
// registered the check.
func (h *Health) Ready(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	checks := slices.Clone(h.checks)
	h.mu.Unlock()

	keep := h.Keep
	if keep == 0 {
		keep = defaultKeep
	}
	status := http.StatusOK
	var report strings.Builder
	line := func(name, state string) {
		report.WriteString(name + ": " + state + "\n")
	}
	if h.draining.Load() {
		status = http.StatusServiceUnavailable
		line("drain", "in progress")
	}
	for _, c := range checks {
		err := c.outcome(r.Context(), keep)
		switch {
		case err == nil:
			line(c.name, "ok")
		case errors.Is(err, context.DeadlineExceeded):
			status = http.StatusServiceUnavailable
			line(c.name, "timed out")
		default:
			status = http.StatusServiceUnavailable
			line(c.name, "failed")
		}
	}
	if report.Len() == 0 {
		report.WriteString("ok\n")
	}
	writeHealth(w, r, status, report.String())
}

func writeHealth(w http.ResponseWriter, r *http.Request, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, body)
	}
}
