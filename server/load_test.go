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

// recoveryUnderLoad runs two emitters of rate messages a second together and cuts a client again and again: every
// return must be recovered, and nothing lost, repeated or out of order.
func recoveryUnderLoad(t *testing.T, rate, cuts int, seconds float64) {
	f := start(t, server.Config{Recovery: time.Minute})
	c := &comer{f: f}
	s := c.come()
	require.NoError(t, s.Join("r"))
	require.NoError(t, s.Emit("n", -1, 0))
	c.expect(`["n",-1,0]`)

	total := int(float64(rate) * seconds)
	var wg sync.WaitGroup
	for e := range 2 {
		wg.Go(func() {
			tick := time.NewTicker(time.Second / time.Duration(rate/2/10))
			defer tick.Stop()
			for i := 0; i < total/2; i += 10 {
				<-tick.C
				for j := i; j < i+10; j++ {
					assert.NoError(t, f.To("r").Emit("n", e, j))
				}
			}
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
	for next[0]+next[1] < total/20*20 {
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
}
