package server_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
)

// promisedRate is how many events a second each of the two emitters sends at least. The loss that other servers show in
// this situation comes with the load, so a run that was slower would prove nothing.
const promisedRate = 2500

// recoveryUnderLoad lets two emitters broadcast for so many seconds, each at the promised rate, so that the client is
// sent twice that, and cuts the client again and again: every return must be recovered, and nothing lost, repeated or
// out of order. Each emitter keeps to a plan that is a tenth faster and catches up when it was held up. That the rate
// was reached is asserted unless the race detector is there, which makes everything several times slower.
func recoveryUnderLoad(t *testing.T, cuts int, seconds float64) {
	f := start(t, server.Config{Recovery: time.Minute})
	c := &comer{f: f}
	s := c.come()
	require.NoError(t, s.Join("r"))
	require.NoError(t, s.Emit("n", -1, 0))
	c.expect(`["n",-1,0]`)

	each := int(promisedRate * seconds)
	total := 2 * each
	var took [2]time.Duration
	var wg sync.WaitGroup
	for e := range took {
		wg.Go(func() {
			begin := time.Now()
			for i := 0; i < each; time.Sleep(2 * time.Millisecond) {
				for due := int(1.1 * promisedRate * time.Since(begin).Seconds()); i < min(due, each); i++ {
					assert.NoError(t, f.To("r").Emit("n", e, i))
				}
			}
			took[e] = time.Since(begin)
		})
	}
	defer wg.Wait()
	next := [2]int{}
	check := func(text string) {
		t.Helper()
		var n []any
		require.NoError(t, json.Unmarshal([]byte(text), &n))
		e, i := int(n[1].(float64)), int(n[2].(float64))
		require.Equal(t, next[e], i, "emitter %d", e)
		next[e]++
	}
	done := 0
	for next[0]+next[1] < total {
		if done < cuts && next[0]+next[1] >= done*total/(cuts+1) {
			done++
			c.p.cut()
			if done%3 == 0 {
				gone(t, s) // else it comes back before the server has noticed
			}
			s = c.come()
			require.True(t, c.recovered, "cut %d", done)
			for _, text := range c.early {
				check(text)
			}
			continue
		}
		packet := c.p.read()
		require.True(t, strings.HasPrefix(packet, "2["), packet)
		check(c.note(packet))
	}
	require.Equal(t, cuts, done)
	require.Equal(t, [2]int{each, each}, next)
	wg.Wait()
	for e, d := range took {
		rate := float64(each) / d.Seconds()
		t.Logf("emitter %d: %d events in %v, %.0f a second", e, each, d, rate)
		if !raceDetector {
			require.GreaterOrEqual(t, rate, float64(promisedRate), "emitter %d", e)
		}
	}
}
