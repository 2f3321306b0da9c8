package load

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"parley/shared/chat"
	"parley/shared/client"
)

// Config says how much load. The zero value is not useful; cmd/parley has the defaults.
type Config struct {
	URL         string
	Connections int           // users, each with a connection of its own
	Rooms       int           // in which the users are spread evenly
	RoomsEach   int           // rooms that every user joins
	Rate        float64       // messages a second, all users together
	Payload     int           // runes of a message
	Ramp        float64       // connections a second at the start
	Duration    time.Duration // of sending
	Drain       time.Duration // for what is on its way at the end, as long as something arrives
	Timeout     time.Duration // for one connection to come about
	PID         int           // of the server, 0: find it by its port if it is on this machine, -1: do not look

	Client   client.Config  // Auth is the run's own
	Progress func(Progress) // called every second; may be nil
}

// Bounds of what one process can do.
const (
	MaxConnections = 100_000
	MaxRooms       = 1_000
	MaxMessages    = 10_000_000 // of one run
	maxInFlight    = 20_000     // unanswered messages; more are not sent and counted as skipped
)

// Validate checks the bounds.
func (c Config) Validate() error {
	switch {
	case c.Connections < 1 || c.Connections > MaxConnections:
		return fmt.Errorf("connections must be 1 to %d", MaxConnections)
	case c.Rooms < 1 || c.Rooms > MaxRooms || c.Rooms > c.Connections:
		return fmt.Errorf("rooms must be 1 to %d, and no more than connections", MaxRooms)
	case c.RoomsEach < 1 || c.RoomsEach > c.Rooms:
		return errors.New("rooms-each must be 1 to the number of rooms")
	case c.Rate < 0 || c.Rate*c.Duration.Seconds() > MaxMessages:
		return fmt.Errorf("rate and duration must make 0 to %d messages", MaxMessages)
	case c.Payload < 1 || c.Payload > chat.MaxText:
		return fmt.Errorf("payload must be 1 to %d", chat.MaxText)
	case c.Ramp <= 0:
		return errors.New("ramp must be above 0")
	case c.Duration < 0:
		return errors.New("duration must not be negative")
	}
	return nil
}

// run is one run in progress.
type run struct {
	cfg   Config
	id    string
	start time.Time
	ctx   context.Context
	rooms []*room
	users []*user

	connects, answers, deliveries          histogram
	sent, answered, delivered, repeated    atomic.Int64
	skipped, reconnects, drops, unanswered atomic.Int64
	background                             sync.WaitGroup

	mu       sync.Mutex
	phase    string           // guarded by mu
	failures map[string]int64 // guarded by mu
}

// Run puts load on a server and reports. A run that ctx ends early is reported as far as it came. The error is one of
// the configuration, or says that no user could connect.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	r := &run{cfg: cfg, id: rand.Text()[:6], start: time.Now(), ctx: ctx, failures: make(map[string]int64)}
	for i := range cfg.Rooms {
		r.rooms = append(r.rooms, &room{id: chat.RoomID(fmt.Sprintf("bench-%d", i+1))})
	}
	report := &Report{Config: summary(cfg)}
	server := findServer(cfg)
	stop := r.showProgress(server)
	defer stop()

	idle := server.sample()
	errs := r.connectAll(ctx)
	defer r.close()
	report.Connected = len(r.users)
	if len(r.users) == 0 {
		return nil, fmt.Errorf("no user could connect: %w", errors.Join(errs...))
	}
	for _, err := range errs {
		r.failed(fmt.Errorf("connect: %w", err))
	}
	ready := server.sample()
	began := time.Now()
	r.sendAll(ctx)
	sending := time.Since(began)
	r.drain(ctx)
	done := server.sample()

	r.fill(report, sending)
	report.Server = server.usage(idle, ready, done, len(r.users), r.delivered.Load())
	return report, nil
}

func (r *run) enter(phase string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.phase = phase
}

// connectAll brings the users in at an even pace and returns why some could not come.
func (r *run) connectAll(ctx context.Context) (errs []error) {
	r.enter("connecting")
	var mu sync.Mutex
	var wg sync.WaitGroup
	pace := time.Duration(float64(time.Second) / r.cfg.Ramp)
	for i := range r.cfg.Connections {
		if !sleepUntil(ctx, r.start.Add(time.Duration(i)*pace)) {
			break
		}
		wg.Go(func() {
			u, err := newUser(r, i)
			if err == nil {
				if err = u.connect(ctx); err != nil {
					err = errors.Join(err, u.conn.Close())
				}
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, err)
				return
			}
			r.mu.Lock()
			r.users = append(r.users, u)
			r.mu.Unlock()
		})
	}
	wg.Wait()
	return errs
}

// sendAll sends the messages when they are due, whatever became of those before, and waits for the answers.
func (r *run) sendAll(ctx context.Context) {
	r.enter("sending")
	total := int(r.cfg.Rate * r.cfg.Duration.Seconds())
	began := time.Now()
	var wg sync.WaitGroup
	for n := range total {
		due := began.Add(time.Duration(float64(n) / r.cfg.Rate * float64(time.Second)))
		if !sleepUntil(ctx, due) {
			break
		}
		if r.unanswered.Load() >= maxInFlight {
			r.skipped.Add(1)
			continue
		}
		r.sent.Add(1)
		r.unanswered.Add(1)
		u := r.users[n%len(r.users)]
		wg.Go(func() {
			defer r.unanswered.Add(-1)
			u.send(ctx, n/len(r.users), due)
		})
	}
	if total == 0 {
		sleepUntil(ctx, began.Add(r.cfg.Duration))
	}
	wg.Wait() // each call has a deadline
}

// drain waits until every delivery has arrived, or nothing has for the time of drain.
func (r *run) drain(ctx context.Context) {
	r.enter("draining")
	var due int64
	for _, room := range r.rooms {
		due += room.due()
	}
	last, since := int64(-1), time.Now()
	// Messages without an answer are delivered too, so the number alone does not tell.
	for r.delivered.Load() < due || r.lost() > 0 {
		if now := r.delivered.Load(); now != last {
			last, since = now, time.Now()
		}
		if time.Since(since) > r.cfg.Drain || !sleepUntil(ctx, time.Now().Add(20*time.Millisecond)) {
			return
		}
	}
}

// lost counts the deliveries of answered messages that are missing.
func (r *run) lost() (n int64) {
	for _, room := range r.rooms {
		n += room.lost()
	}
	return n
}

// close ends the connections, many at once.
func (r *run) close() {
	r.enter("closing")
	var wg sync.WaitGroup
	slots := make(chan struct{}, 256)
	for _, u := range r.users {
		slots <- struct{}{}
		wg.Go(func() {
			_ = u.conn.Close() // never fails
			<-slots
		})
	}
	wg.Wait()
	r.background.Wait()
}

// sleepUntil reports false when ctx ended first.
func sleepUntil(ctx context.Context, t time.Time) bool {
	wait := time.Until(t)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Progress is how a run stands.
type Progress struct {
	Phase     string
	Elapsed   time.Duration
	Connected int
	Sent      int64
	Answered  int64
	Delivered int64
	Repeated  int64
	P99       time.Duration // of deliveries
	RSS       int64         // bytes of the server, 0 when unknown
	CPU       float64       // processors that the server has used in the last second
}

// showProgress reports every second until stop.
func (r *run) showProgress(server *process) (stop func()) {
	if r.cfg.Progress == nil {
		return func() {}
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		before, at := server.sample(), time.Now()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			now := server.sample()
			p := r.progress()
			p.RSS = now.RSS
			p.CPU = (now.CPU - before.CPU).Seconds() / time.Since(at).Seconds()
			before, at = now, time.Now()
			r.cfg.Progress(p)
		}
	})
	return func() {
		close(done)
		wg.Wait()
	}
}

func (r *run) progress() Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Progress{
		Phase: r.phase, Elapsed: time.Since(r.start), Connected: len(r.users),
		Sent: r.sent.Load(), Answered: r.answered.Load(), Delivered: r.delivered.Load(), Repeated: r.repeated.Load(),
		P99: r.deliveries.quantile(0.99),
	}
}

// fill writes what was counted into the report.
func (r *run) fill(report *Report, sending time.Duration) {
	report.Seconds = sending.Seconds()
	report.Sent, report.Answered, report.Skipped = r.sent.Load(), r.answered.Load(), r.skipped.Load()
	report.Delivered, report.Repeated = r.delivered.Load(), r.repeated.Load()
	report.Drops, report.Reconnects = r.drops.Load(), r.reconnects.Load()
	for _, room := range r.rooms {
		report.Due += room.due()
	}
	report.Lost = r.lost()
	report.Connect, report.Answer, report.Delivery = r.connects.latency(), r.answers.latency(), r.deliveries.latency()
	if sending > 0 {
		report.DeliveredPerSecond = float64(report.Delivered) / sending.Seconds()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	report.Failures = maps.Clone(r.failures)
}
