package server_test

import (
	"errors"
	"fmt"
	"sync"
)

// modelBook tells what a client of the recovery model has to get.
type modelBook struct {
	mu      sync.Mutex
	cond    sync.Cond // of mu: something has changed
	ledgers [modelEmitters + 3]ledger
	stopped bool // something was wrong, or there is nothing more to see
}

// The ledgers behind those of the emitters.
const (
	ledgerDoor    = modelEmitters + iota // to rooms, by middlewares and OnConnect
	ledgerWelcome                        // to the socket, by middlewares
	ledgerFirst                          // to the socket, by OnConnect
)

// ledger is what one emitter has emitted.
type ledger struct {
	fates []fate
	got   []bool
	next  int // what the client may get
	owed  int
}

type fate uint8

const (
	undecided fate = iota
	meant
	spared // not for this client
	perhaps
)

func meantIf(yes bool) fate {
	if yes {
		return meant
	}
	return spared
}

func (b *modelBook) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = true
	b.cond.Broadcast()
}

func (b *modelBook) isStopped() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stopped
}

// enter begins an event.
func (b *modelBook) enter(who int, as fate) (number int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := &b.ledgers[who]
	l.fates, l.got = append(l.fates, undecided), append(l.got, false)
	b.decideLocked(who, len(l.fates)-1, as)
	return len(l.fates) - 1
}

func (b *modelBook) decide(who, number int, as fate) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.decideLocked(who, number, as)
}

func (b *modelBook) decideLocked(who, number int, as fate) {
	l := &b.ledgers[who]
	if l.fates[number] = as; as == meant && !l.got[number] {
		l.owed++
	}
	b.cond.Broadcast()
}

// receive checks an event that the client got.
func (b *modelBook) receive(who, number int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := &b.ledgers[who]
	for number < len(l.fates) && l.fates[number] == undecided && !b.stopped {
		b.cond.Wait()
	}
	switch {
	case number >= len(l.fates):
		return errors.New("never emitted")
	case l.fates[number] == spared:
		return errors.New("not meant")
	case l.got[number]:
		return errors.New("repeated")
	case number < l.next:
		return fmt.Errorf("out of order: %d is next", l.next)
	}
	for i := l.next; i < number; i++ {
		if l.fates[i] == meant {
			return fmt.Errorf("%d was left out", i)
		}
	}
	if l.got[number], l.next = true, number+1; l.fates[number] == meant {
		l.owed--
	}
	b.cond.Broadcast()
	return nil
}

// missing is what never came, once everything is over.
func (b *modelBook) missing() (events []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for who, l := range b.ledgers {
		for i, f := range l.fates {
			if f == meant && !l.got[i] && !b.stopped {
				events = append(events, fmt.Sprintf("%d/%d", who, i))
			}
		}
	}
	return events
}
