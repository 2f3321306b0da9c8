package outbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/client"
	"parley/shared/client/outbox"
	"parley/shared/event"
)

var errLost = errors.New("connection lost")

// peer is the other side: it notes what arrives and answers what the test says.
type peer struct {
	mu     sync.Mutex
	got    []string                                        // IDs in the order of arrival
	answer func(ctx context.Context, it outbox.Item) error // nil: acknowledge
}

func (p *peer) send(ctx context.Context, it outbox.Item) (json.RawMessage, error) {
	p.mu.Lock()
	p.got = append(p.got, it.ID)
	answer := p.answer
	p.mu.Unlock()
	if answer != nil {
		if err := answer(ctx, it); err != nil {
			return nil, err
		}
	}
	return json.RawMessage(`"ack ` + it.ID + `"`), nil
}

func (p *peer) arrived() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.got)
}

// set changes what the peer answers from now on.
func (p *peer) set(answer func(ctx context.Context, it outbox.Item) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

// history notes changes as "status id".
type history struct {
	mu   sync.Mutex
	list []string
	last outbox.Change
}

func (h *history) add(c outbox.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = append(h.list, string(c.Status)+" "+c.Item.ID)
	h.last = c
}

// take returns what happened since the last call.
func (h *history) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.list
	h.list = nil
	return list
}

// box is a running outbox in a synctest bubble.
type box struct {
	*outbox.Box
	store outbox.Store
	peer  *peer
	seen  *history
}

func start(t *testing.T, store outbox.Store, p *peer, group outbox.Group) *box {
	t.Helper()
	b := &box{store: store, peer: p, seen: &history{}}
	made, err := outbox.New(outbox.Config{
		Store: store, Send: p.send, OnChange: b.seen.add, Group: group,
		SendTimeout: 5 * time.Second, RetryMin: time.Second, RetryMax: 8 * time.Second,
	})
	require.NoError(t, err)
	b.Box = made
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { made.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return b
}

func (b *box) add(t *testing.T, lane string, ids ...string) {
	t.Helper()
	for _, id := range ids {
		_, err := b.Add(t.Context(), id, lane, json.RawMessage(`1`))
		require.NoError(t, err)
	}
}

func (b *box) left(t *testing.T) []string {
	t.Helper()
	items, err := b.Items(t.Context())
	require.NoError(t, err)
	ids := []string{}
	for _, it := range items {
		ids = append(ids, it.ID)
	}
	return ids
}

func bubble(t *testing.T, run func(t *testing.T)) { t.Helper(); synctest.Test(t, run) }

// Rows: D12
func TestStoredBeforeShownAndSentInOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := &peer{}
		b := start(t, outbox.NewMemory(), p, nil)
		b.add(t, "lobby", "a", "b", "c")
		synctest.Wait()
		require.Equal(t, []string{"queued a", "queued b", "queued c"}, b.seen.take())
		require.Empty(t, p.arrived(), "nothing is sent while offline")

		b.SetOnline(true)
		synctest.Wait()
		require.Equal(t, []string{"a", "b", "c"}, p.arrived())
		require.Equal(t, []string{"sending a", "sent a", "sending b", "sent b", "sending c", "sent c"}, b.seen.take())
		require.JSONEq(t, `"ack c"`, string(b.seen.last.Result))
		require.Empty(t, b.left(t))

		b.add(t, "lobby", "d")
		synctest.Wait()
		require.Equal(t, []string{"queued d", "sending d", "sent d"}, b.seen.take())
	})
}

// failing is a store whose writes fail.
type failing struct{ outbox.Store }

func (failing) Add(context.Context, outbox.Item) (outbox.Item, error) {
	return outbox.Item{}, errors.New("disk full")
}

func TestNothingIsQueuedThatCannotBeStored(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := start(t, failing{outbox.NewMemory()}, &peer{}, nil)
		b.SetOnline(true)
		_, err := b.Add(t.Context(), "a", "lobby", nil)
		require.ErrorContains(t, err, "disk full")
		synctest.Wait()
		require.Empty(t, b.seen.take())
		require.Empty(t, b.peer.arrived())
	})
}

// Rows: D05 D12
func TestAddingAnIDTwiceSendsItOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := start(t, outbox.NewMemory(), &peer{}, nil)
		b.add(t, "lobby", "a", "a")
		b.SetOnline(true)
		synctest.Wait()
		require.Equal(t, []string{"a"}, b.peer.arrived())
	})
}

// Rows: D04 D12
func TestLostAcknowledgementIsSentAgainUnderTheSameID(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := &peer{}
		b := start(t, outbox.NewMemory(), p, nil)
		p.set(func(context.Context, outbox.Item) error { b.SetOnline(false); return errLost })
		b.add(t, "lobby", "a", "b")
		b.SetOnline(true)
		synctest.Wait()
		require.Equal(t, []string{"a"}, p.arrived(), "nothing overtakes the first one")
		require.Equal(t, []string{"a", "b"}, b.left(t))
		require.Equal(t, []string{"queued a", "queued b", "sending a", "queued a"}, b.seen.take())

		p.set(nil)
		time.Sleep(time.Minute)
		require.Len(t, p.arrived(), 1, "offline is offline")
		b.SetOnline(true)
		synctest.Wait()
		require.Equal(t, []string{"a", "a", "b"}, p.arrived())
		require.Empty(t, b.left(t))
	})
}

// Rows: D12
func TestGoingOfflineCutsTheSendUnderWay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := &peer{answer: func(ctx context.Context, _ outbox.Item) error { <-ctx.Done(); return ctx.Err() }}
		b := start(t, outbox.NewMemory(), p, nil)
		b.add(t, "lobby", "a")
		b.SetOnline(true)
		synctest.Wait()
		at := time.Now()
		b.SetOnline(false)
		synctest.Wait()
		require.Equal(t, at, time.Now())
		require.Equal(t, []string{"queued a", "sending a", "queued a"}, b.seen.take())
		require.Equal(t, []string{"a"}, b.left(t))
	})
}

func TestSilentPeerIsTriedAgainWithGrowingPauses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var at []time.Duration
		began := time.Now()
		p := &peer{}
		p.set(func(ctx context.Context, _ outbox.Item) error {
			at = append(at, time.Since(began))
			if len(at) < 6 {
				<-ctx.Done() // no acknowledgement in time
				return ctx.Err()
			}
			return nil
		})
		b := start(t, outbox.NewMemory(), p, nil)
		b.add(t, "lobby", "a")
		b.SetOnline(true)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		require.Len(t, at, 6)
		require.Empty(t, b.left(t))
		for i, longest := range []time.Duration{1, 2, 4, 8, 8} {
			paused := at[i+1] - at[i] - 5*time.Second
			require.LessOrEqual(t, paused, longest*time.Second)
			require.GreaterOrEqual(t, paused, longest*time.Second/2)
		}
	})
}

// Rows: D12
func TestDeadLettersDoNotHoldUpTheOthers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := &peer{answer: func(_ context.Context, it outbox.Item) error {
			if it.ID == "long" {
				return fmt.Errorf("send: %w", event.Errorf(event.CodeTooLarge, "message too long"))
			}
			return nil
		}}
		store := outbox.NewMemory()
		b := start(t, store, p, nil)
		b.add(t, "lobby", "long", "fine")
		b.SetOnline(true)
		synctest.Wait()
		require.Equal(t, []string{"queued long", "queued fine", "sending long", "dead long", "sending fine", "sent fine"}, b.seen.take())
		items, err := b.Items(t.Context())
		require.NoError(t, err)
		require.Len(t, items, 1)
		require.Equal(t, &outbox.Failure{Code: "too_large", Message: "message too long"}, items[0].Failure)

		b.SetOnline(false)
		b.SetOnline(true)
		time.Sleep(time.Hour)
		require.Equal(t, []string{"long", "fine"}, p.arrived(), "a dead letter is never sent by itself")

		p.set(nil)
		require.NoError(t, b.Retry(t.Context(), "long"))
		synctest.Wait()
		require.Equal(t, []string{"queued long", "sending long", "sent long"}, b.seen.take())
		require.ErrorIs(t, b.Retry(t.Context(), "long"), outbox.ErrUnknown)
	})
}

func TestRetryLeavesTheLivingAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := start(t, outbox.NewMemory(), &peer{}, nil)
		b.add(t, "lobby", "a", "b")
		require.NoError(t, b.Retry(t.Context(), "a"))
		require.Equal(t, []string{"a", "b"}, b.left(t))
	})
}

func TestRetryableRefusalsStay(t *testing.T) {
	for _, err := range []error{
		event.Errorf(event.CodeRateLimited, "slow down"),
		// It is the sender who is refused, not what is sent.
		fmt.Errorf("call: %w", &client.ConnectError{Message: "who?", Data: json.RawMessage(`{"code":"unauthenticated"}`)}),
	} {
		bubble(t, func(t *testing.T) {
			p := &peer{answer: func(context.Context, outbox.Item) error { return err }}
			b := start(t, outbox.NewMemory(), p, nil)
			b.add(t, "lobby", "a", "b")
			b.SetOnline(true)
			synctest.Wait()
			require.Equal(t, []string{"a", "b"}, b.left(t))
			p.set(nil)
			time.Sleep(time.Second)
			synctest.Wait()
			require.Equal(t, []string{"a", "a", "b"}, p.arrived())
		})
	}
}

// Rows: D12
func TestLanesDoNotWaitForEachOther(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := &peer{answer: func(ctx context.Context, it outbox.Item) error {
			if it.Lane == "stuck" {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}}
		b := start(t, outbox.NewMemory(), p, nil)
		b.add(t, "stuck", "s1", "s2")
		b.add(t, "free", "f1", "f2")
		b.SetOnline(true)
		synctest.Wait()
		require.Equal(t, []string{"s1", "s2"}, b.left(t))
		require.ElementsMatch(t, []string{"s1", "f1", "f2"}, p.arrived())
	})
}

func TestDiscard(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan error)
		p := &peer{answer: func(context.Context, outbox.Item) error { return <-release }}
		b := start(t, outbox.NewMemory(), p, nil)
		b.add(t, "lobby", "a", "b", "c")
		b.SetOnline(true)
		synctest.Wait()
		b.seen.take()

		// One that waits behind another is never sent.
		require.NoError(t, b.Discard(t.Context(), "b"))
		// One under way whose acknowledgement is lost is not sent again.
		require.NoError(t, b.Discard(t.Context(), "a"))
		release <- errLost
		synctest.Wait()
		require.Equal(t, []string{"a", "c"}, p.arrived())

		// One under way may arrive nevertheless, and that is not hidden.
		require.NoError(t, b.Discard(t.Context(), "c"))
		release <- nil
		synctest.Wait()
		require.Equal(t, []string{"gone b", "gone a", "sending c", "gone c", "sent c"}, b.seen.take())
		require.ErrorIs(t, b.Discard(t.Context(), "c"), outbox.ErrUnknown)

		// The id is free again.
		b.add(t, "lobby", "b")
		go func() { release <- nil }()
		synctest.Wait()
		require.Equal(t, []string{"a", "c", "b"}, p.arrived())
	})
}

// Rows: D12
func TestRestartSendsWhatWasLeft(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store := outbox.NewMemory()
		before, err := outbox.New(outbox.Config{Store: store, Send: (&peer{}).send})
		require.NoError(t, err)
		for _, id := range []string{"a", "b"} {
			_, err := before.Add(t.Context(), id, "lobby", json.RawMessage(`1`))
			require.NoError(t, err)
		}
		b := start(t, store, &peer{}, nil)
		require.Equal(t, []string{"a", "b"}, b.left(t))
		b.SetOnline(true)
		synctest.Wait()
		require.Equal(t, []string{"a", "b"}, b.peer.arrived())
	})
}

// tabs is a Group of several Boxes in one program.
type tabs struct {
	turn chan struct{} // holds one token

	mu    sync.Mutex
	inbox map[*tab]chan []byte
}

type tab struct{ *tabs }

func newTabs() *tabs {
	s := &tabs{turn: make(chan struct{}, 1), inbox: make(map[*tab]chan []byte)}
	s.turn <- struct{}{}
	return s
}

func (t *tab) Hold(ctx context.Context, fn func(context.Context)) error {
	select {
	case <-t.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { t.turn <- struct{}{} }()
	fn(ctx)
	return nil
}

func (t *tab) Post(message []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for other, inbox := range t.inbox {
		if other != t {
			inbox <- message
		}
	}
}

func (t *tab) Listen(fn func([]byte)) func() {
	inbox := make(chan []byte, 1000)
	t.mu.Lock()
	t.inbox[t] = inbox
	t.mu.Unlock()
	var reading sync.WaitGroup
	reading.Go(func() {
		for message := range inbox {
			fn(message)
		}
	})
	return func() {
		t.mu.Lock()
		delete(t.inbox, t)
		t.mu.Unlock()
		close(inbox)
		reading.Wait()
	}
}

// Rows: D12
func TestOneTabSendsAndAllTabsSee(t *testing.T) {
	bubble(t, func(t *testing.T) {
		group, store, p := newTabs(), outbox.NewMemory(), &peer{}
		first, second := start(t, store, p, &tab{group}), start(t, store, p, &tab{group})
		synctest.Wait()
		second.add(t, "lobby", "a", "b")
		synctest.Wait()
		require.Equal(t, []string{"queued a", "queued b"}, first.seen.take())

		first.SetOnline(true)
		synctest.Wait()
		second.SetOnline(true)
		synctest.Wait()
		require.Equal(t, []string{"a", "b"}, p.arrived(), "each item is sent once, whoever could send it")

		second.add(t, "lobby", "c")
		synctest.Wait()
		want := []string{"sending a", "sent a", "sending b", "sent b", "queued c", "sending c", "sent c"}
		require.Equal(t, want, first.seen.take())
		require.Equal(t, want, second.seen.take()[2:])
		require.JSONEq(t, `"ack c"`, string(second.seen.last.Result), "the other tab learns what the peer made of it")
	})
}

// Rows: D12
func TestAnotherTabTakesOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		group, store := newTabs(), outbox.NewMemory()
		hung := &peer{answer: func(ctx context.Context, _ outbox.Item) error { <-ctx.Done(); return ctx.Err() }}
		first, second := start(t, store, hung, &tab{group}), start(t, store, &peer{}, &tab{group})
		first.add(t, "lobby", "a", "b")
		first.SetOnline(true)
		synctest.Wait()
		second.SetOnline(true)
		synctest.Wait()
		require.Empty(t, second.peer.arrived())

		first.SetOnline(false) // as a closed tab would
		synctest.Wait()
		require.Equal(t, []string{"a", "b"}, second.peer.arrived())
		require.Empty(t, first.left(t))
		require.Equal(t, "sent b", func() string { l := first.seen.take(); return l[len(l)-1] }())
	})
}

func TestDiscardInAnotherTab(t *testing.T) {
	bubble(t, func(t *testing.T) {
		group, store := newTabs(), outbox.NewMemory()
		release := make(chan error)
		p := &peer{answer: func(context.Context, outbox.Item) error { return <-release }}
		first, second := start(t, store, p, &tab{group}), start(t, store, p, &tab{group})
		first.add(t, "lobby", "a", "b")
		first.SetOnline(true)
		synctest.Wait()
		require.NoError(t, second.Discard(t.Context(), "b"))
		synctest.Wait()
		release <- nil
		synctest.Wait()
		require.Equal(t, []string{"a"}, p.arrived())
		require.Contains(t, first.seen.take(), "gone b")
	})
}

// slow is a store whose Add tells when it has stored and then waits.
type slow struct {
	outbox.Store
	stored, release chan struct{}
}

func (s slow) Add(ctx context.Context, it outbox.Item) (outbox.Item, error) {
	it, err := s.Store.Add(ctx, it)
	s.stored <- struct{}{}
	<-s.release
	return it, err
}

// The tab that sends may be done with an item before the tab that wrote it has
// been told that it is stored.
func TestQueuedIsAlwaysToldFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		group, store := newTabs(), outbox.NewMemory()
		s := slow{Store: store, stored: make(chan struct{}), release: make(chan struct{})}
		sender := start(t, store, &peer{}, &tab{group})
		writer := start(t, s, &peer{}, &tab{group})
		synctest.Wait()
		var adding sync.WaitGroup
		adding.Go(func() {
			_, err := writer.Add(t.Context(), "a", "lobby", json.RawMessage(`1`))
			assert.NoError(t, err)
		})
		<-s.stored
		writer.SetOnline(true) // the writer's own flush must hold back as well
		synctest.Wait()
		require.Empty(t, writer.peer.arrived())
		writer.SetOnline(false)
		synctest.Wait()
		sender.SetOnline(true)
		synctest.Wait()
		require.Equal(t, []string{"a"}, sender.peer.arrived())
		close(s.release)
		adding.Wait()
		require.Equal(t, []string{"queued a", "sending a", "sent a"}, writer.seen.take())
	})
}

// Rows: D12
func TestTwoHundredItemsUnderCuts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		// The peer stores each id once, loses every seventh acknowledgement, and the
		// connection drops at every eleventh send.
		var mu sync.Mutex
		stored, order, sends := map[string]bool{}, map[string][]string{}, 0
		p := &peer{}
		b := start(t, outbox.NewMemory(), p, nil)
		p.set(func(_ context.Context, it outbox.Item) error {
			mu.Lock()
			defer mu.Unlock()
			sends++
			if !stored[it.ID] {
				stored[it.ID] = true
				order[it.Lane] = append(order[it.Lane], it.ID)
			}
			switch {
			case sends%11 == 0:
				b.SetOnline(false)
				time.AfterFunc(time.Second, func() { b.SetOnline(true) })
				return errLost
			case sends%7 == 0:
				return errLost
			}
			return nil
		})
		want := map[string][]string{}
		for i := range 200 {
			lane, id := fmt.Sprint("lane-", i%3), fmt.Sprint("id-", i)
			want[lane] = append(want[lane], id)
			b.add(t, lane, id)
		}
		b.SetOnline(true)
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Empty(t, b.left(t))
		require.Equal(t, want, order)
	})
}

func TestNewNeedsStoreAndSend(t *testing.T) {
	_, err := outbox.New(outbox.Config{Store: outbox.NewMemory()})
	require.Error(t, err)
	_, err = outbox.New(outbox.Config{Send: (&peer{}).send})
	require.Error(t, err)
}
