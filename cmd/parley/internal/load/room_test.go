package load

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAMemberKnowsWhatItHasSeen(t *testing.T) {
	m := &member{}
	m.start(100)
	assert.False(t, m.see(100), "it was there before")
	assert.True(t, m.see(101))
	assert.True(t, m.see(103))
	assert.False(t, m.see(103), "again")
	assert.EqualValues(t, 101, m.seen())
	assert.True(t, m.see(102))
	assert.EqualValues(t, 103, m.seen())
	assert.True(t, m.see(1000))
	assert.False(t, m.has(999))
	assert.True(t, m.has(1000))

	assert.True(t, m.read(104))
	assert.False(t, m.read(104), "a page may hold it again")
	assert.True(t, m.wasRead(104))
	assert.False(t, m.wasRead(104), "one event for it, not two")
	assert.False(t, m.read(103))
	assert.False(t, m.wasRead(103), "an event had brought it")
}

func TestWhatARoomIsMissing(t *testing.T) {
	r := &room{id: "r"}
	users := []*user{{}, {}, {}}
	for _, u := range users {
		m := &member{user: u, room: r}
		m.start(10)
		u.members = []*member{m}
		r.enter(m)
	}
	r.answered(11, users[0])
	r.answered(12, users[1])
	assert.EqualValues(t, 4, r.due())
	assert.EqualValues(t, 4, r.lost())
	users[1].members[0].see(11)
	users[2].members[0].see(11)
	users[2].members[0].see(12)
	assert.EqualValues(t, 1, r.lost(), "the first user has not seen 12")
	users[0].members[0].see(12)
	assert.Zero(t, r.lost())
}
