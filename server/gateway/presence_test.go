package gateway

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"parley/shared/chat"
)

var (
	ann = chat.Member{ID: "a", Name: "Ann"}
	bob = chat.Member{ID: "b", Name: "bob"}
)

// told collects the notices of a presence.
type told struct {
	mu      sync.Mutex
	notices []string
}

func (n *told) notify(room chat.RoomID, m chat.Member, here bool, except string) {
	verb := "left"
	if here {
		verb = "joined"
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.notices = append(n.notices, fmt.Sprintf("%s %s %s but %q", m.Name, verb, room, except))
}

func (n *told) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.notices
	n.notices = nil
	return all
}

func TestAUserIsPresentOnceHoweverManySockets(t *testing.T) {
	var n told
	p := newPresence(time.Minute, n.notify)
	assert.Equal(t, []chat.Member{bob}, p.enter("x", bob, "b1"))
	assert.Equal(t, []string{`bob joined x but "b1"`}, n.take())
	assert.Equal(t, []chat.Member{ann, bob}, p.enter("x", ann, "a1"), "by name, whatever the case")
	assert.Equal(t, []string{`Ann joined x but "a1"`}, n.take())
	p.enter("x", ann, "a2")
	p.enter("x", ann, "a1")
	assert.Empty(t, n.take())
	assert.Equal(t, 2, p.count("x"))
	assert.True(t, p.has("x", "a2"))
	assert.False(t, p.has("y", "a2"))

	p.leave("x", "a1")
	p.leave("x", "a1")
	p.leave("y", "a2")
	assert.Empty(t, n.take())
	p.leave("x", "a2")
	assert.Equal(t, []string{`Ann left x but ""`}, n.take())
	assert.Equal(t, 1, p.count("x"))

	p.enter("y", bob, "b1")
	n.take()
	p.gone("b1", true)
	assert.ElementsMatch(t, []string{`bob left x but ""`, `bob left y but ""`}, n.take(), "on purpose: at once, everywhere")
	assert.Empty(t, p.rooms)
	assert.Empty(t, p.sockets)
}

func TestABriefAbsenceMakesNoNoise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n told
		p := newPresence(5*time.Second, n.notify)
		p.enter("x", ann, "a1")
		n.take()

		p.gone("a1", false)
		assert.Equal(t, 1, p.count("x"), "still shown")
		time.Sleep(4 * time.Second)
		p.enter("x", ann, "a2")
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Empty(t, n.take())

		p.gone("a2", false)
		time.Sleep(4 * time.Second)
		p.enter("x", ann, "a3")
		p.gone("a3", false)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.Empty(t, n.take(), "the time counts from the last break")
		time.Sleep(3 * time.Second)
		synctest.Wait()
		assert.Equal(t, []string{`Ann left x but ""`}, n.take())
		assert.Zero(t, p.count("x"))
	})
}

func TestSomebodyWhoComesBackWithAnotherNameIsAnnounced(t *testing.T) {
	var n told
	p := newPresence(time.Minute, n.notify)
	p.enter("x", ann, "a1")
	n.take()
	p.enter("x", chat.Member{ID: ann.ID, Name: "Anna"}, "a2")
	assert.Equal(t, []string{`Anna joined x but "a2"`}, n.take())
	assert.Equal(t, 1, p.count("x"))
}

func TestAClosedPresenceIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n told
		p := newPresence(5*time.Second, n.notify)
		p.enter("x", ann, "a1")
		p.enter("x", bob, "b1")
		n.take()
		p.gone("a1", false)
		p.close()
		p.gone("b1", true)
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Empty(t, n.take())
	})
}
