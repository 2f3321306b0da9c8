package crew_test

import (
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"parley/server/engine/internal/crew"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type task func()

func (t task) Run() { t() }

func TestTasksRunAtOnceAndIdleGoroutinesAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c crew.Crew
		c.Keep(true)
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
		c.Keep(false) // else the test would not end
		c.Go(task(func() { ran++ }))
		synctest.Wait()
		assert.Equal(t, 601, ran)
	})
}

func BenchmarkGo(b *testing.B) {
	var c crew.Crew
	c.Keep(true)
	defer c.Keep(false)
	done := make(chan struct{})
	t := task(func() { done <- struct{}{} })
	b.ReportAllocs()
	for b.Loop() {
		c.Go(t)
		<-done
	}
}
