package load

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// A histogram counts durations in buckets that are at most 1/32 wide, from a microsecond to more than an hour. It may
// be used by several goroutines at once.
type histogram struct {
	buckets [64 * subBuckets]atomic.Int64
	total   atomic.Int64
	sum     atomic.Int64 // microseconds
	max     atomic.Int64 // microseconds
}

const (
	subBits    = 5
	subBuckets = 1 << subBits
)

// bucket is the index for a number of microseconds: exact below subBuckets, then subBuckets to every power of two.
func bucket(us int64) int {
	if us < subBuckets {
		return int(us)
	}
	exp := bits.Len64(uint64(us)) - subBits - 1
	return (exp+1)<<subBits + int(us>>exp) - subBuckets
}

// upper is the largest number of microseconds in a bucket.
func upper(bucket int) int64 {
	if bucket < subBuckets {
		return int64(bucket)
	}
	exp := bucket>>subBits - 1
	return (int64(bucket&(subBuckets-1))+subBuckets+1)<<exp - 1
}

func (h *histogram) add(d time.Duration) {
	us := max(0, d.Microseconds())
	h.buckets[bucket(us)].Add(1)
	h.total.Add(1)
	h.sum.Add(us)
	for {
		m := h.max.Load()
		if us <= m || h.max.CompareAndSwap(m, us) {
			return
		}
	}
}

// quantile is the duration that a share q of all does not exceed.
func (h *histogram) quantile(q float64) time.Duration {
	total := h.total.Load()
	if total == 0 {
		return 0
	}
	rank, seen := int64(q*float64(total-1))+1, int64(0)
	for i := range h.buckets {
		if seen += h.buckets[i].Load(); seen >= rank {
			return time.Duration(min(upper(i), h.max.Load())) * time.Microsecond
		}
	}
	return time.Duration(h.max.Load()) * time.Microsecond
}

// Latency sums up durations in milliseconds.
type Latency struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"meanMs"`
	P50   float64 `json:"p50Ms"`
	P90   float64 `json:"p90Ms"`
	P99   float64 `json:"p99Ms"`
	P999  float64 `json:"p999Ms"`
	Max   float64 `json:"maxMs"`
}

func (h *histogram) latency() Latency {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	l := Latency{
		Count: h.total.Load(), Max: float64(h.max.Load()) / 1000,
		P50: ms(h.quantile(0.5)), P90: ms(h.quantile(0.9)), P99: ms(h.quantile(0.99)), P999: ms(h.quantile(0.999)),
	}
	if l.Count > 0 {
		l.Mean = float64(h.sum.Load()) / float64(l.Count) / 1000
	}
	return l
}
