package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"

	"parley/shared/client/engine"
)

// clockTick is how often the wall clock is compared with the timers, to notice
// that the machine slept; sleepJump is how far it must have run ahead.
const (
	clockTick = 5 * time.Second
	sleepJump = 3 * time.Second
)

// tries counts since the connection last stood.
type tries struct {
	attempt int // attempts, the one at work included
	pauses  int // attempts that a pause preceded, which are those a policy counts
}

// loop keeps the connection: it waits until one is wanted, makes attempts, stays
// with the session that opens, and pauses between attempts.
func (c *Conn) loop() {
	var t tries
	for c.awaitWanted() {
		t.attempt++
		c.mu.Lock()
		c.setState(State{Phase: Connecting, Attempt: t.attempt, Err: c.state.Err})
		c.hurry = false
		c.mu.Unlock()

		session, err := c.dial()
		left := false
		if err == nil {
			left, err = c.serve(session)
			t = tries{}
		}
		if !left && c.failed(&t, err) {
			c.pause()
		} else {
			t = tries{}
		}
	}
}

// awaitWanted returns true when a connection is wanted, false at the end.
func (c *Conn) awaitWanted() bool {
	for {
		c.mu.Lock()
		wanted := c.wanted
		if !wanted && !c.closed && c.state.Phase != Idle {
			c.setState(State{Phase: Idle, Err: c.state.Err})
		}
		c.mu.Unlock()
		if wanted {
			return c.ctx.Err() == nil
		}
		select {
		case <-c.kick:
		case <-c.ctx.Done():
			return false
		}
	}
}

// dial makes one attempt. It is cut short when nobody wants it any more.
func (c *Conn) dial() (*engine.Session, error) {
	ctx, cancel := context.WithCancelCause(c.ctx)
	defer cancel(nil)
	if c.cfg.Timeout > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, c.cfg.Timeout,
			fmt.Errorf("client: no connection within %v: %w", c.cfg.Timeout, context.DeadlineExceeded))
		defer stop()
	}
	stopped := make(chan struct{})
	defer close(stopped)
	c.wg.Go(func() { c.abandon(stopped, cancel) })

	cfg, err := c.engineConfig(ctx)
	if err != nil {
		return nil, err
	}
	session, err := engine.Dial(ctx, cfg)
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("%w (%w)", context.Cause(ctx), err)
	}
	if err != nil {
		c.mu.Lock()
		c.remembered = ""
		c.mu.Unlock()
		err = c.cfg.explain(err, c.address, c.server)
	}
	return session, err
}

// abandon cancels an attempt when the connection is not wanted any more.
func (c *Conn) abandon(stopped <-chan struct{}, cancel context.CancelCauseFunc) {
	for {
		select {
		case <-stopped:
			c.wake() // what was taken from kick may be for the loop
			return
		case <-c.kick:
			c.mu.Lock()
			wanted := c.wanted
			c.mu.Unlock()
			if !wanted {
				cancel(errAttemptCanceled)
			}
		}
	}
}

func (c *Conn) engineConfig(ctx context.Context) (engine.Config, error) {
	c.mu.Lock()
	remembered := c.remembered
	c.mu.Unlock()
	query := c.server.Query()
	maps.Copy(query, c.cfg.Query)
	header := map[string][]string{}
	for k, v := range c.cfg.Header {
		header[k] = slices.Clone(v)
	}
	if c.cfg.Prepare != nil {
		if err := c.cfg.Prepare(ctx, query, header); err != nil {
			return engine.Config{}, fmt.Errorf("client: prepare: %w", err)
		}
	}
	transports := slices.Clone(c.cfg.Transports)
	slices.SortStableFunc(transports, func(a, b engine.Transport) int {
		return rank(a, remembered) - rank(b, remembered)
	})
	return engine.Config{
		URL:   &url.URL{Scheme: c.server.Scheme, User: c.server.User, Host: c.server.Host, Path: c.cfg.Path},
		Query: query, Header: header, Credentials: c.cfg.WithCredentials,
		Transports: transports, TryAll: !c.cfg.FirstOnly, NoUpgrade: c.cfg.NoUpgrade,
		MaxQueued: c.cfg.MaxQueued, Trace: c.trace(), Now: c.cfg.now,
	}, nil
}

func rank(t engine.Transport, first string) int {
	if t.Name() == first {
		return 0
	}
	return 1
}

// trace is the program's Trace, with an eye on upgrades.
func (c *Conn) trace() *engine.Trace {
	var t engine.Trace
	if c.cfg.Trace != nil {
		t = *c.cfg.Trace
	}
	upgraded := t.Upgraded
	t.Upgraded = func(transport string) {
		c.mu.Lock()
		if c.cfg.RememberUpgrade {
			c.remembered = transport
		}
		if c.live != nil && c.state.Phase == Open {
			c.setState(State{Phase: Open, Transport: transport})
		}
		c.mu.Unlock()
		if upgraded != nil {
			upgraded(transport)
		}
	}
	return &t
}

// serve stays with a session until it ends and returns why it did; left says that
// the last Socket went, so that nothing failed.
func (c *Conn) serve(session *engine.Session) (left bool, err error) {
	l := &link{conn: c, session: session, ended: make(chan dropped, 1), left: map[string]int{}}
	l.decoder = c.cfg.Parser.NewDecoder(c.cfg.Limits)
	l.ctx, l.cancel = context.WithCancelCause(c.ctx)
	c.attach(l)
	session.Start(l)

	tick := time.NewTicker(clockTick)
	defer tick.Stop()
	last := c.cfg.now()
	for {
		select {
		case d := <-l.ended:
			<-session.Done()
			if d.err != nil {
				return d.left, fmt.Errorf("%s: %w", d.reason, d.err)
			}
			return d.left, errors.New(string(d.reason))
		case <-c.kick:
			c.mu.Lock()
			deserted := !c.wanted || l.leaving
			c.mu.Unlock()
			if deserted {
				_ = session.Close(c.ctx)
			}
		case <-c.ctx.Done():
			_ = session.Close(c.ctx)
		case <-tick.C:
			now := c.cfg.now()
			if now.Round(0).Sub(last.Round(0)) > clockTick+sleepJump && !session.Expired() {
				c.Retry()
			}
			last = now
		}
	}
}

// failed notes that an attempt failed or, with t.attempt 0, that a session ended,
// and reports whether another attempt follows after a pause.
func (c *Conn) failed(t *tries, err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.first != nil {
		c.first <- err
		c.first = nil
	}
	if !c.wanted || c.closed {
		return false
	}
	if t.attempt > 0 {
		for _, k := range c.order {
			if k.active {
				k.connectFailed(newFailure(k.ns, err))
			}
		}
	}
	r := c.reconnect
	if r.Off || (r.Attempts > 0 && t.pauses >= r.Attempts) {
		c.wanted = false
		c.setState(State{Phase: Idle, Attempt: t.attempt, Err: fmt.Errorf("%w: %w", ErrGaveUp, err)})
		return false
	}
	t.pauses++
	c.setState(State{Phase: Waiting, Attempt: t.attempt + 1, Retry: r.delay(t.pauses), Err: err})
	return true
}

// pause waits before the next attempt, unless something makes it urgent or
// needless.
func (c *Conn) pause() {
	c.mu.Lock()
	delay := c.state.Retry
	c.mu.Unlock()
	due := c.cfg.now().Round(0).Add(delay)
	timer := time.NewTimer(min(delay, clockTick))
	defer timer.Stop()
	for {
		c.mu.Lock()
		skip := c.hurry || !c.wanted
		c.mu.Unlock()
		left := due.Sub(c.cfg.now().Round(0))
		if skip || left <= 0 || c.ctx.Err() != nil {
			return
		}
		timer.Reset(min(left, clockTick))
		select {
		case <-timer.C:
		case <-c.kick:
		case <-c.ctx.Done():
		}
	}
}
