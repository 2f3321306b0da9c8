package server_test

import (
	"encoding/json"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
)

// promisedRate is how many events a second each of the two emitters sends at least. The loss that other servers show in
// this situation comes with the load, so a run that was slower would prove nothing.
const promisedRate = 2500

// farBehind is how many events the client may have to read yet; the emitters wait for it then, so that what a slow
// machine shows is not the end of a slow client.
const farBehind = 10_000

// recoveryUnderLoad lets two emitters broadcast for at least so many seconds, each at the promised rate, so that the
// client is sent twice that, and cuts the client again and again: every return must be recovered, and nothing lost,
// repeated or out of order. Each emitter keeps to a plan that is a tenth faster, catches up when it was held up, and goes
// on until the last cut. That the rate was reached is asserted unless the race detector is there, which makes everything
// several times slower.
func recoveryUnderLoad(t *testing.T, cuts int, seconds float64) {
	f := start(t, server.Config{Recovery: time.Minute})
	c := &comer{f: f}
	s := c.come()
	require.NoError(t, s.Join("r"))
	require.NoError(t, s.Emit("n", -1, 0))
	c.expect(`["n",-1,0]`)

	least := int(promisedRate * seconds)
	var (
		took [2]time.Duration
		sent [2]int       // by each emitter; read after end
		lead atomic.Int64 // events that the client has to read yet
		last atomic.Bool  // the client has been cut for the last time
		wg   sync.WaitGroup
	)
	for e := range took {
		wg.Go(func() {
			begin, i := time.Now(), 0
			for ; i < least || !last.Load(); time.Sleep(2 * time.Millisecond) {
				for due := int(1.1 * promisedRate * time.Since(begin).Seconds()); i < due && lead.Load() < farBehind; i++ {
					assert.NoError(t, f.To("r").Emit("n", e, i))
					lead.Add(1)
				}
			}
			took[e], sent[e] = time.Since(begin), i
		})
	}
	end := make(chan struct{})
	go func() {
		defer close(end)
		wg.Wait()
		assert.NoError(t, f.To("r").Emit("end"))
	}()
	defer func() { last.Store(true); lead.Store(math.MinInt32); <-end }()
	var next [2]int
	check := func(text string) {
		t.Helper()
		var n []any
		require.NoError(t, json.Unmarshal([]byte(text), &n))
		e, i := int(n[1].(float64)), int(n[2].(float64))
		require.Equal(t, next[e], i, "emitter %d", e)
		next[e]++
		lead.Add(-1)
	}
	read := func() (more bool) {
		t.Helper()
		packet := c.p.read()
		require.True(t, strings.HasPrefix(packet, "2["), packet)
		text := c.note(packet)
		if text == `["end"]` {
			return false
		}
		check(text)
		return true
	}
	for done := 1; done <= cuts; done++ {
		for begin := next[0] + next[1]; next[0]+next[1]-begin < 2*least/(cuts+1); {
			read()
		}
		c.p.cut()
		if done%3 == 0 {
			gone(t, s) // else it comes back before the server has noticed
		}
		s = c.come()
		require.True(t, c.recovered, "cut %d", done)
		for _, text := range c.early {
			check(text)
		}
	}
	last.Store(true)
	for read() {
	}
	<-end
	require.Equal(t, sent, next)
	for e, d := range took {
		rate := float64(sent[e]) / d.Seconds()
		t.Logf("emitter %d: %d events in %v, %.0f a second", e, sent[e], d, rate)
		if !raceDetector {
			require.GreaterOrEqual(t, rate, float64(promisedRate), "emitter %d", e)
		}
	}
}
