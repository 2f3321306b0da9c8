package client

import (
	"math"
	"math/rand/v2"
	"time"
)

// Reconnect says when a lost connection is tried again. Its zero value is the
// reference's default: for ever, after about 1 s, 2 s, 4 s and then at most 5 s.
type Reconnect struct {
	// Off gives up after the first failure.
	Off bool
	// Attempts bounds the attempts that follow a loss. 0: no bound.
	Attempts int
	// Delay precedes the first attempt and doubles with each one. Default 1 s.
	Delay time.Duration
	// MaxDelay bounds it. Default 5 s.
	MaxDelay time.Duration
	// Jitter spreads each delay evenly over ±Jitter of itself, so that the clients
	// of a server that restarts do not come back in one moment. Default 0.5;
	// negative means none. At the bound the reference loses its jitter, this
	// client spreads over [(1-Jitter)·MaxDelay, MaxDelay] there.
	Jitter float64
}

func (r Reconnect) withDefaults() Reconnect {
	if r.Delay <= 0 {
		r.Delay = time.Second
	}
	if r.MaxDelay <= 0 {
		r.MaxDelay = 5 * time.Second
	}
	if r.Jitter == 0 {
		r.Jitter = 0.5
	}
	r.Jitter = min(max(r.Jitter, 0), 1)
	return r
}

// delay is the pause before attempt n (1, 2, …).
func (r Reconnect) delay(n int) time.Duration {
	base := math.Min(float64(r.Delay)*math.Pow(2, float64(n-1)), float64(r.MaxDelay))
	low := base * (1 - r.Jitter)
	high := math.Min(base*(1+r.Jitter), float64(r.MaxDelay))
	return time.Duration(low + rand.Float64()*(high-low))
}
