package outq

import "time"

// Excess knows since when more waits for a receiver than may wait for long: being
// slow takes time. The zero value is that of a queue within its bounds.
type Excess struct{ since time.Duration } // after Limits.Start, 0: not known

// Admits reports whether n messages of size bytes may join count messages of so
// many bytes, which do not include what the receiver is taking at the moment. It
// may when that leaves the queue within its bounds, and for a moment beyond them:
// until they have been exceeded for longer than l.Burst without a break, and never
// by more than a burst may be long. It reads no clock within the bounds.
func (e *Excess) Admits(l *Limits, count, bytes, n, size int) bool {
	within := l.contain(count, bytes)
	if within && l.contain(count+n, bytes+size) {
		*e = Excess{}
		return true
	}
	if bytes+size > l.BurstBytes || count+n > l.BurstMessages {
		return false
	}
	now := time.Since(l.Start) + 1
	if within || e.since == 0 {
		e.since = now
	}
	return now-e.since <= l.Burst
}

// Look takes note of what waits, before something is added that is not asked about.
func (e *Excess) Look(l *Limits, count, bytes int) {
	if l.contain(count, bytes) {
		*e = Excess{}
	}
}

func (l *Limits) contain(count, bytes int) bool { return bytes <= l.Bytes && count <= l.Messages }
