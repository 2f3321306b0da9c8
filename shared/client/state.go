package client

import "time"

// Phase is where a Conn stands.
type Phase byte

const (
	// Idle: not connected and not trying to, because Connect was not called yet,
	// the last Socket left or was sent away, or the attempts are used up.
	Idle Phase = iota
	// Connecting: an attempt is being made.
	Connecting
	// Open: the connection stands. Whether a namespace is connected is for
	// Socket.Connected to say.
	Open
	// Waiting: an attempt failed or the connection was lost; the next attempt
	// follows after State.Retry.
	Waiting
	// Closed: Close was called. Nothing follows.
	Closed
)

// String is the phase in lower case.
func (p Phase) String() string {
	switch p {
	case Idle:
		return "idle"
	case Connecting:
		return "connecting"
	case Open:
		return "open"
	case Waiting:
		return "waiting"
	case Closed:
		return "closed"
	}
	return "unknown"
}

// State is what a user interface shows about a Conn.
type State struct {
	Phase Phase
	// Attempt counts attempts since the connection was lost or the first one was
	// asked for. It is 1 during the first and is not set when Open.
	Attempt int
	// Retry is how long the Conn waits before the next attempt; only in Waiting.
	Retry time.Duration
	// Err says why the last attempt failed or the connection was lost. nil when
	// Open, and before anything went wrong.
	Err error
	// Transport is the transport in use; only in Open. An upgrade changes it and
	// is reported as a new State.
	Transport string
}

// State returns the present state. It never blocks.
func (c *Conn) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// OnState calls fn for every change of the state from now on, in order, never
// two calls at once, on a goroutine of the Conn that no event handler shares.
// The last call is for Closed. After stop has returned no call begins.
func (c *Conn) OnState(fn func(State)) (stop func()) {
	return c.onState.add(fn)
}

// setState is called with the lock held. Closed is the last state: an attempt may
// still end after it.
func (c *Conn) setState(s State) {
	if c.state.Phase == Closed {
		return
	}
	c.state = s
	c.lane.push(func() {
		c.onState.each(func(fn func(State)) { fn(s) })
	})
}
