package gateway

import (
	"sync"
	"time"

	"parley/shared/chat"
)

// Rate is a token bucket: so many a second on average, and Burst at once.
type Rate struct {
	PerSecond float64
	Burst     int
}

// limiter is one bucket. It may be used by several goroutines at once.
type limiter struct {
	rate   Rate
	mu     sync.Mutex
	tokens float64   // guarded by mu: as of at
	at     time.Time // guarded by mu
}

func newLimiter(r Rate) *limiter { return &limiter{rate: r, tokens: float64(r.Burst)} }

// allow takes a token, or tells how long it takes until there is one.
func (l *limiter) allow(now time.Time) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refill(now)
	if l.tokens >= 1 {
		l.tokens--
		return 0
	}
	return time.Duration((1 - l.tokens) / l.rate.PerSecond * float64(time.Second))
}

func (l *limiter) refill(now time.Time) {
	if elapsed := now.Sub(l.at); elapsed > 0 {
		l.tokens = min(float64(l.rate.Burst), l.tokens+elapsed.Seconds()*l.rate.PerSecond)
		l.at = now
	}
}

// full reports whether the bucket is as a new one.
func (l *limiter) full(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refill(now)
	return l.tokens >= float64(l.rate.Burst)
}

// The things that are limited for each user.
const (
	sending = iota
	creating
	typing
	limits
)

// users knows who is connected and how much each has done lately.
type users struct {
	cfg  Config
	mu   sync.Mutex
	all  map[chat.UserID]*user // guarded by mu
	gone []chat.UserID         // guarded by mu: users who may have no connection, to be forgotten when their buckets are full
}

type user struct {
	connections int // guarded by users.mu
	limits      [limits]*limiter
}

func newUsers(cfg Config) *users { return &users{cfg: cfg, all: make(map[chat.UserID]*user)} }

// crowded reports whether a user has more connections than allowed, where own of them are the caller's.
func (us *users) crowded(id chat.UserID, own int) bool {
	us.mu.Lock()
	defer us.mu.Unlock()
	u := us.all[id]
	return u != nil && u.connections-own >= us.cfg.Connections
}

// add counts a connection of a user.
func (us *users) add(id chat.UserID) {
	us.mu.Lock()
	defer us.mu.Unlock()
	us.forget(time.Now())
	u := us.all[id]
	if u == nil {
		u = &user{limits: [limits]*limiter{
			sending: newLimiter(us.cfg.Sends), creating: newLimiter(us.cfg.Rooms), typing: newLimiter(us.cfg.Typing),
		}}
		us.all[id] = u
	}
	u.connections++
}

// remove takes a connection back. The user is remembered until the buckets are full again: a new connection is no way
// round the limits.
func (us *users) remove(id chat.UserID) {
	us.mu.Lock()
	defer us.mu.Unlock()
	if u := us.all[id]; u != nil {
		u.connections--
		if u.connections == 0 {
			us.gone = append(us.gone, id)
		}
	}
	us.forget(time.Now())
}

// forget drops some of the users who are gone and whose buckets are full; the others go to the end of the line. It
// looks at two, so that over time it does more than remove adds. The caller holds mu.
func (us *users) forget(now time.Time) {
	for range min(2, len(us.gone)) {
		id := us.gone[0]
		us.gone = us.gone[1:]
		switch u := us.all[id]; {
		case u == nil || u.connections > 0: // is gone already, or came back
		case u.limits[sending].full(now) && u.limits[creating].full(now) && u.limits[typing].full(now):
			delete(us.all, id)
		default:
			us.gone = append(us.gone, id)
		}
	}
}

// allow takes a token from one of a user's buckets; its error says when to come back.
func (us *users) allow(id chat.UserID, what int) error {
	us.mu.Lock()
	u := us.all[id]
	us.mu.Unlock()
	if u == nil {
		return nil // it disconnected meanwhile
	}
	if wait := u.limits[what].allow(time.Now()); wait > 0 {
		return limited(wait)
	}
	return nil
}
