package client_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/client"
	"parley/shared/client/engine"
)

// watcher is a Network the test speaks for.
type watcher struct {
	mu     sync.Mutex
	notify func(client.NetworkEvent)
	stops  int
}

func (w *watcher) watch(notify func(client.NetworkEvent)) func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notify = notify
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.stops++
	}
}

// Rows: F11
func TestNetworkEvents(t *testing.T) {
	w := &watcher{}
	with(t, client.Config{Network: w.watch, Reconnect: client.Reconnect{Delay: time.Hour, MaxDelay: time.Hour}}, func(t *testing.T, r *rig) {
		s, log := r.socket(chat)
		p := r.open(s)
		began := time.Now()
		w.notify(client.NetworkDown)
		assert.Equal(t, []string{"connect", "disconnect: transport close"}, log.take())
		assert.ErrorContains(t, r.conn.State().Err, "network connection lost")
		assert.False(t, p.AwaitClosed(t))
		w.notify(client.NetworkDown)

		w.notify(client.NetworkUp)
		p = r.server.Accept(t)
		p.Join(t, "/chat", "x")
		assert.Zero(t, time.Since(began), "nothing waits for the back-off")

		r.server.Refuse(func(engine.Request) error { return errors.New("down") })
		p.Hang()
		synctest.Wait()
		r.conn.Retry()
		synctest.Wait()
		assert.Equal(t, 3, r.server.Dials())
		r.server.Refuse(nil)
		w.notify(client.NetworkChanged)
		r.server.Accept(t).Join(t, "/chat", "y")
		synctest.Wait()
		assert.Zero(t, time.Since(began))
		assert.True(t, s.Connected())
	})
	assert.Equal(t, 1, w.stops)
}

// Rows: F11 F13
func TestProbe(t *testing.T) {
	w := &watcher{}
	with(t, client.Config{Network: w.watch}, func(t *testing.T, r *rig) {
		s, log := r.socket(chat)
		p := r.open(s)
		log.take()
		began := time.Now()
		r.conn.Retry()
		w.notify(client.NetworkChanged)
		answerProbe(t, p)
		synctest.Wait()
		p.ExpectNothing(t) // one at a time
		time.Sleep(10 * time.Second)
		assert.Empty(t, log.take())

		r.conn.Retry()
		p.Expect(t, "40"+client.ProbeNamespace+",")
		time.Sleep(time.Second)
		p.Send(`42/chat,["any packet is an answer"]`)
		time.Sleep(10 * time.Second)
		assert.Equal(t, []string{"any packet is an answer"}, log.take())
		p.Send("44" + client.ProbeNamespace + `,{"message":"Invalid namespace"}`)
		synctest.Wait()

		asked := time.Now()
		r.conn.Retry()
		p = r.server.Accept(t)
		assert.Equal(t, 4*time.Second, time.Since(asked), "silence is death, and the next attempt is made at once")
		assert.Equal(t, []string{"disconnect: ping timeout"}, log.take())
		p.Join(t, "/chat", "again")
		_ = began
	})
}

// A page that is thawed asks whether its connection works a moment before it hears
// that the browser has closed it.
//
// Rows: F11
func TestAConnectionThatEndsWhileItIsDoubted(t *testing.T) {
	with(t, client.Config{Reconnect: client.Reconnect{Delay: time.Hour, MaxDelay: time.Hour}}, func(t *testing.T, r *rig) {
		s, _ := r.socket(chat)
		p := r.open(s)
		began := time.Now()
		r.conn.Retry()
		p.Hang()
		r.server.Accept(t).Join(t, "/chat", "again")
		assert.Zero(t, time.Since(began))
	})
}

// Rows: F12
func TestSleepIsNoticedAtOnce(t *testing.T) {
	for _, c := range []struct {
		about string
		slept time.Duration
		dead  bool
	}{{"a nap", 10 * time.Second, false}, {"a night", 8 * time.Hour, true}} {
		t.Run(c.about, func(t *testing.T) {
			var wall clock
			with(t, client.WithClock(client.Config{}, wall.now), func(t *testing.T, r *rig) {
				s, log := r.socket(chat)
				p := r.open(s)
				log.take()
				time.Sleep(7 * time.Second)
				woke := time.Now()
				wall.sleep(c.slept)
				if !c.dead {
					time.Sleep(5 * time.Second)
					answerProbe(t, p)
					assert.Empty(t, log.take())
					return
				}
				p = r.server.Accept(t)
				assert.LessOrEqual(t, time.Since(woke), 5*time.Second)
				p.Join(t, "/chat", "again")
				assert.Equal(t, []string{"disconnect: ping timeout", "connect"}, log.take())
			})
		})
	}
}

// Rows: F12 H07
func TestEmitAfterASleepIsBuffered(t *testing.T) {
	var wall clock
	with(t, client.WithClock(client.Config{}, wall.now), func(t *testing.T, r *rig) {
		s, _ := r.socket(chat)
		p := r.open(s)
		wall.sleep(time.Hour)
		require.NoError(t, s.Emit("good morning"))
		synctest.Wait()
		p.ExpectNothing(t)
		p = r.server.Accept(t)
		p.Join(t, "/chat", "again")
		p.Expect(t, `42/chat,["good morning"]`)
	})
}

func TestSleepWhileWaiting(t *testing.T) {
	var wall clock
	cfg := client.Config{Reconnect: client.Reconnect{Delay: time.Hour, MaxDelay: time.Hour, Jitter: -1}}
	with(t, client.WithClock(cfg, wall.now), func(t *testing.T, r *rig) {
		s, _ := r.socket(chat)
		r.open(s).Hang()
		time.Sleep(time.Minute)
		woke := time.Now()
		wall.sleep(2 * time.Hour)
		r.server.AcceptWithin(t, time.Minute)
		assert.LessOrEqual(t, time.Since(woke), 5*time.Second)
	})
}
