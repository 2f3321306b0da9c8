package load

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestBucketsCoverEveryDurationClosely(t *testing.T) {
	for us := int64(0); us < 1<<40; us += 1 + us/50 {
		b := bucket(us)
		assert.GreaterOrEqual(t, upper(b), us)
		assert.LessOrEqual(t, float64(upper(b)-us), float64(us)/subBuckets, "%d us", us)
		if b > 0 {
			assert.Less(t, upper(b-1), us)
		}
	}
	assert.Less(t, bucket(math.MaxInt64), 64*subBuckets)
}

func TestQuantiles(t *testing.T) {
	var h histogram
	assert.Zero(t, h.latency())
	for i := 1; i <= 1000; i++ {
		h.add(time.Duration(i) * time.Millisecond)
	}
	l := h.latency()
	assert.EqualValues(t, 1000, l.Count)
	assert.InEpsilon(t, 500.5, l.Mean, 0.001)
	assert.InEpsilon(t, 500, l.P50, 1.0/subBuckets)
	assert.InEpsilon(t, 900, l.P90, 1.0/subBuckets)
	assert.InEpsilon(t, 990, l.P99, 1.0/subBuckets)
	assert.InEpsilon(t, 999, l.P999, 1.0/subBuckets)
	assert.InDelta(t, 1000, l.Max, 0)
	h.add(-time.Second)
	assert.Zero(t, h.quantile(0), "a clock that jumps back does no harm")
}
