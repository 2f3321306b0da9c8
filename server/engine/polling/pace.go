package polling

import (
	"errors"
	"net/http"
	"time"
)

// floor is how many bytes a client has to take within Paced.Age, unless fewer are
// left.
const floor = 64 << 10

// Paced is a response writer for an answer that may take a while: the connection's
// write deadline is renewed as the client takes it. Age must be set.
type Paced struct {
	http.ResponseWriter
	Age time.Duration

	taken int       // since the deadline was set
	until time.Time // the deadline; zero when the connection can have none, or has none yet
	begun bool
}

// Write writes in pieces that each have their time. An error may mean that this was
// over, see [Paced.Late].
func (p *Paced) Write(b []byte) (n int, err error) {
	if !p.begun {
		p.begun = true
		p.renew()
	}
	for len(b) > 0 && err == nil {
		var m int
		m, err = p.ResponseWriter.Write(b[:min(len(b), floor-p.taken)])
		n, b = n+m, b[m:]
		if p.taken += m; p.taken == floor {
			p.taken = 0
			p.renew()
		}
	}
	return n, err
}

// End sends what is left in buffers and takes the deadline back.
func (p *Paced) End() error {
	control := http.NewResponseController(p.ResponseWriter)
	if err := control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if !p.until.IsZero() {
		control.SetWriteDeadline(time.Time{}) //nolint:errcheck // it worked a moment ago
	}
	return nil
}

// Late reports whether the time for a piece is over.
func (p *Paced) Late() bool { return !p.until.IsZero() && !time.Now().Before(p.until) }

func (p *Paced) renew() {
	until := time.Now().Add(p.Age)
	if http.NewResponseController(p.ResponseWriter).SetWriteDeadline(until) == nil {
		p.until = until
	}
}
