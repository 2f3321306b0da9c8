package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"parley/shared/engineio"
)

// Handler receives what arrives on a session.
type Handler interface {
	// Receive gets the messages one at a time in the order of arrival. It owns
	// data. It must not wait for something that arrives on the same session, and
	// must not call Close.
	Receive(binary bool, data []byte)
	// Closed is called once, after the last Receive. err says more about the
	// reason and may be nil.
	Closed(reason engineio.Reason, err error)
}

// A Session is one Engine.IO session. Its methods may be called by several
// goroutines at once.
type Session struct {
	cfg       Config
	handshake engineio.Handshake
	upgrades  []Transport
	handler   Handler
	early     []engineio.Packet // what came along with the handshake

	ctx    context.Context // ends with the session
	cancel context.CancelFunc
	wg     sync.WaitGroup // reader, writer, upgrade
	kick   chan struct{}  // wakes the writer; buffer of one
	dead   chan struct{}  // closed when the session has a reason to end
	done   chan struct{}  // closed after Handler.Closed

	mu        sync.Mutex // guards everything below
	link      Link
	transport string
	queue     []engineio.Packet
	queued    int // bytes in queue
	inFlight  int // bytes the writer has taken and not yet delivered
	writing   bool
	upgrade   upgradeState
	quiet     quiet
	seen      time.Time // wall clock of the last packet
	closing   bool      // a Close waits for the queue to empty
	drained   chan struct{}
	ended     bool
	reason    engineio.Reason
	err       error
}

// Dial opens a session: it dials the transports as the configuration says and
// returns when the server's handshake has arrived. ctx bounds that, not the
// session. Nothing is received before Start.
func Dial(ctx context.Context, cfg Config) (*Session, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	candidates := cfg.Transports
	if !cfg.TryAll {
		candidates = candidates[:1]
	}
	var failures []error
	for i, t := range candidates {
		s, err := open(ctx, cfg, t, candidates[:i], share(ctx, len(candidates)-i))
		if err == nil {
			return s, nil
		}
		failures = append(failures, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(failures...)
}

// share is the part of the time left that one of n candidates may take, so that
// a network which swallows one transport leaves time for the next.
func share(ctx context.Context, n int) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok || n <= 1 {
		return 0
	}
	return time.Until(deadline) / time.Duration(n)
}

func open(ctx context.Context, cfg Config, t Transport, tried []Transport, limit time.Duration) (*Session, error) {
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	link, err := t.Dial(ctx, cfg.request(t.Name(), "", 0))
	if err != nil {
		return nil, wrapDial(t, err)
	}
	h, rest, err := readHandshake(ctx, link)
	if err != nil {
		_ = link.Close(canceled())
		return nil, wrapDial(t, err)
	}
	s := &Session{
		cfg: cfg, handshake: h, link: link, transport: t.Name(), early: rest,
		upgrades: cfg.upgradesFrom(t, tried, h.Upgrades),
		kick:     make(chan struct{}, 1), dead: make(chan struct{}), done: make(chan struct{}),
		seen: cfg.Now(),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if cfg.Trace.Opened != nil {
		cfg.Trace.Opened(s.transport, h)
	}
	return s, nil
}

func readHandshake(ctx context.Context, link Link) (h engineio.Handshake, rest []engineio.Packet, err error) {
	packets, err := link.Read(ctx)
	if err != nil {
		return h, nil, err
	}
	if packets[0].Type != engineio.PacketOpen {
		return h, nil, fmt.Errorf("expected an open packet, got %s", packets[0].Type)
	}
	h, err = engineio.ParseHandshake(packets[0].Data)
	return h, packets[1:], err
}

// wrapDial makes sure that a failed attempt names its transport.
func wrapDial(t Transport, err error) error {
	if e, ok := errors.AsType[*Error](err); ok && e.Transport != "" {
		return err
	}
	return &Error{Transport: t.Name(), Op: OpDial, Err: err}
}

// canceled is a context that is done, for closing without a goodbye.
func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// Start begins to receive: h.Receive and h.Closed are called from now on. It
// must be called once for every session that Dial returned.
func (s *Session) Start(h Handler) {
	s.handler = h
	s.wg.Go(func() { s.read(s.link, s.early) })
	s.wg.Go(s.write)
	if len(s.upgrades) > 0 {
		s.wg.Go(s.runUpgrade)
	}
	go s.supervise()
}

// supervise waits for the end of the session, checks the heartbeat meanwhile,
// and clears up.
func (s *Session) supervise() {
	defer close(s.done)
	s.watchHeartbeat()

	s.mu.Lock()
	link, reason, err := s.link, s.reason, s.err
	s.mu.Unlock()
	if saysGoodbye(reason) {
		ctx, cancel := context.WithTimeout(context.Background(), s.cfg.CloseTimeout)
		_ = link.Close(ctx)
		cancel()
	}
	s.cancel()
	_ = link.Close(canceled())
	s.wg.Wait()
	s.handler.Closed(reason, err)
}

// saysGoodbye reports whether the peer can and should be told about the end.
func saysGoodbye(r engineio.Reason) bool {
	return r == engineio.ReasonForcedClose || r == engineio.ReasonParseError
}

// end gives the session its reason to end; the first one counts.
func (s *Session) end(reason engineio.Reason, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked(reason, err)
}

func (s *Session) endLocked(reason engineio.Reason, err error) {
	if s.ended {
		return
	}
	s.ended, s.reason, s.err = true, reason, err
	s.queue, s.queued = nil, 0
	if s.drained != nil {
		close(s.drained)
		s.drained = nil
	}
	close(s.dead)
}

// End ends the session without sending what is queued and does not wait.
// Handler.Closed gets the reason and err.
func (s *Session) End(reason engineio.Reason, err error) { s.end(reason, err) }

// Close sends what is queued, says goodbye to the server and returns when the
// session is gone and Handler.Closed has returned; the reason is "forced close".
// It takes no longer than CloseTimeout for the queue and again for the goodbye,
// and cuts both short when ctx is done. The error is ctx's, or nil.
func (s *Session) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	var drained chan struct{}
	if !s.ended && (len(s.queue) > 0 || s.writing || s.upgrade == upgradeSwitching) {
		if s.drained == nil {
			s.drained = make(chan struct{})
		}
		drained = s.drained
	}
	s.mu.Unlock()

	if drained != nil {
		timer := time.NewTimer(s.cfg.CloseTimeout)
		defer timer.Stop()
		select {
		case <-drained:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		s.end(engineio.ReasonTransportClose, ctx.Err())
	}
	s.end(engineio.ReasonForcedClose, nil)
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		s.cancel()
		<-s.done
		return ctx.Err()
	}
}

// Done is closed when the session is gone and Handler.Closed has returned.
func (s *Session) Done() <-chan struct{} { return s.done }

// Handshake is what the server told when the session opened.
func (s *Session) Handshake() engineio.Handshake { return s.handshake }

// Transport is the name of the transport in use, which an upgrade changes.
func (s *Session) Transport() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.transport
}
