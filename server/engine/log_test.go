package engine_test

import (
	"bytes"
	"log/slog"
	"sync"
)

// logHandler keeps what is logged.
type logHandler struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logHandler) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logHandler) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (l *logHandler) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
