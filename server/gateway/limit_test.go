package gateway

import (
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/chat"
	"parley/shared/event"
)

func TestALimiterGivesABurstAndThenItsRate(t *testing.T) {
	l := newLimiter(Rate{PerSecond: 10, Burst: 3})
	now := time.Now()
	for range 3 {
		assert.Zero(t, l.allow(now))
	}
	assert.InDelta(t, 100*time.Millisecond, l.allow(now), float64(time.Millisecond))
	now = now.Add(150 * time.Millisecond)
	assert.Zero(t, l.allow(now))
	assert.InDelta(t, 50*time.Millisecond, l.allow(now), float64(time.Millisecond))
	assert.False(t, l.full(now))
	now = now.Add(time.Hour)
	assert.True(t, l.full(now))
	for range 3 {
		assert.Zero(t, l.allow(now))
	}
	assert.NotZero(t, l.allow(now), "an hour of rest is no larger burst")
	assert.NotZero(t, l.allow(now.Add(-time.Hour)), "a clock that jumps back gives nothing")
}

func TestLimitsAreThoseOfTheUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		us := newUsers(Config{}.withDefaults())
		us.add("ann")
		us.add("ann")
		us.add("bob")
		for range 20 {
			require.NoError(t, us.allow("ann", sending))
		}
		err := us.allow("ann", sending)
		assert.Equal(t, event.CodeRateLimited, event.CodeOf(err))
		var data struct {
			RetryAfter int64 `json:"retryAfter"`
		}
		require.NoError(t, json.Unmarshal(event.AsError(err).Data, &data))
		assert.EqualValues(t, 100, data.RetryAfter)
		assert.NoError(t, us.allow("bob", sending))
		assert.NoError(t, us.allow("ann", creating), "each thing has its own")

		// Coming back with a new connection is no way round.
		us.remove("ann")
		us.remove("ann")
		us.add("ann")
		assert.Error(t, us.allow("ann", sending))
		time.Sleep(100 * time.Millisecond)
		assert.NoError(t, us.allow("ann", sending))
		assert.NoError(t, us.allow("nobody", sending))
	})
}

func TestAUserMayHaveSoManyConnections(t *testing.T) {
	us := newUsers(Config{Connections: 2}.withDefaults())
	us.add("ann")
	assert.False(t, us.crowded("ann", 0))
	us.add("ann")
	assert.True(t, us.crowded("ann", 0))
	assert.False(t, us.crowded("ann", 1), "the second of two is welcome")
	assert.False(t, us.crowded("bob", 0))
	us.remove("ann")
	assert.False(t, us.crowded("ann", 0))
}

func TestUsersWhoAreGoneAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		us := newUsers(Config{}.withDefaults())
		for i := range 100 {
			id := chat.UserID(fmt.Sprint(i))
			us.add(id)
			require.NoError(t, us.allow(id, sending))
			us.remove(id)
		}
		assert.Len(t, us.all, 100, "their limits count for a while")
		time.Sleep(time.Minute)
		for range 60 {
			us.add("ann")
			us.remove("ann")
		}
		assert.LessOrEqual(t, len(us.all), 1)
		assert.LessOrEqual(t, len(us.gone), 2)
	})
}
