package crew_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"parley/server/engine/internal/crew"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type task func()

func (t task) Run() { t() }

func TestTasksRunAtOnceAndIdleGoroutinesAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c crew.Crew
		c.Hold()
		block := make(chan struct{})
		var mu sync.Mutex
		ran := 0
		for range 300 { // more than are kept; none waits for another
			c.Go(task(func() { mu.Lock(); ran++; mu.Unlock(); <-block }))
		}
		synctest.Wait()
		assert.Equal(t, 300, ran)
		close(block)
		synctest.Wait()
		for range 300 {
			c.Go(task(func() { mu.Lock(); ran++; mu.Unlock() }))
		}
		synctest.Wait()
		assert.Equal(t, 600, ran)
		c.Hold()
		c.Release() // one of two: they stay
		c.Release() // else the test would not end
		c.Go(task(func() { ran++ }))
		synctest.Wait()
		assert.Equal(t, 601, ran)
	})
}

// A task that is in the queue behind one that blocks runs nevertheless, in whatever
// order they come.
func TestTasksThatBlockHoldUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c crew.Crew
		c.Hold()
		defer c.Release()
		block := make(chan struct{})
		var ran, blocked atomic.Int32
		for i := range 5000 {
			if i%7 == 0 && blocked.Load() < 200 {
				blocked.Add(1)
				c.Queue(task(func() { <-block }))
			}
			c.Queue(task(func() { ran.Add(1) }))
			if i%100 == 0 {
				synctest.Wait()
				require.EqualValues(t, i+1, ran.Load())
			}
		}
		synctest.Wait()
		assert.EqualValues(t, 5000, ran.Load())
		close(block)
	})
}

// Tasks that begin others while many wait: the queue is never empty, and none is
// lost.
func TestTasksFromManySides(t *testing.T) {
	var c crew.Crew
	c.Hold()
	defer c.Release()
	var ran atomic.Int32
	var all sync.WaitGroup
	var step func(left int) task
	step = func(left int) task {
		all.Add(1)
		return func() {
			defer all.Done()
			ran.Add(1)
			if left > 0 {
				c.Queue(step(left - 1))
			}
		}
	}
	for range 50 {
		c.Queue(step(999))
		c.Go(step(999))
	}
	all.Wait()
	assert.EqualValues(t, 100_000, ran.Load())
}

func BenchmarkQueue(b *testing.B) {
	for _, burst := range []int{1, 64} {
		b.Run(fmt.Sprint("burst", burst), func(b *testing.B) {
			var c crew.Crew
			c.Hold()
			defer c.Release()
			var all sync.WaitGroup
			t := task(all.Done)
			b.ReportAllocs()
			for b.Loop() {
				all.Add(burst)
				for range burst {
					c.Queue(t)
				}
				all.Wait()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*burst), "ns/task")
		})
	}
}
