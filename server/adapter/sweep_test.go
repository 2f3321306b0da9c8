package adapter

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"parley/shared/event"
)

type noSink struct{ Sink }

// The sweep finds nothing, something is logged, and somebody must wake up for it.
// Rows: K14
func TestSweepIsNotForgotten(t *testing.T) {
	for i := range 5_000 {
		l := NewLocal(noSink{}, LocalConfig{Recovery: time.Hour})
		l.armLocked() // its timer fires now:
		var wg sync.WaitGroup
		l.smu.Lock() // Stats, Keep, Suspend …
		wg.Go(l.expire)
		wg.Go(func() {
			_ = l.Broadcast(t.Context(), Target{Rooms: []event.Room{"nobody"}}, Packet{Data: []byte(`["x"]`)})
		})
		for range i % 50 {
			runtime.Gosched()
		}
		l.smu.Unlock()
		wg.Wait()
		l.sweep.Stop()
		if !l.sweeping {
			t.Fatalf("round %d: %d in the log, and no timer", i, l.log.tail()-l.log.base)
		}
	}
}
