package talk

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"parley/shared/chat"
)

func seqs(messages []chat.Message) []int64 {
	var all []int64
	for _, m := range messages {
		all = append(all, m.Seq)
	}
	return all
}

func numbered(from, to int64) (messages []chat.Message) {
	for n := from; n <= to; n++ {
		messages = append(messages, chat.Message{Seq: n})
	}
	return messages
}

// Rows: D08
func TestALogShowsEachMessageOnceAndInOrder(t *testing.T) {
	var l log
	assert.Empty(t, l.add(numbered(12, 13)...), "nothing before it is known where to begin")
	assert.False(t, l.gap())
	l.begin(9)
	assert.True(t, l.gap())
	assert.Equal(t, []int64{10, 11, 12, 13}, seqs(l.add(numbered(10, 11)...)), "what came early follows")
	assert.Empty(t, l.add(numbered(9, 13)...), "known")
	assert.Empty(t, l.add(numbered(15, 15)...))
	assert.True(t, l.gap())
	assert.Equal(t, []int64{14, 15}, seqs(l.add(numbered(13, 14)...)))
	assert.False(t, l.gap())

	l.add(numbered(30, 31)...)
	l.begin(30)
	assert.Equal(t, []int64{31}, seqs(l.add()), "a jump forgets what lies before")
}

// Rows: D08
func TestALogSurvivesAnyOrder(t *testing.T) {
	for range 200 {
		var l log
		messages := append(numbered(1, 30), numbered(1, 30)...)
		rand.Shuffle(len(messages), func(i, j int) { messages[i], messages[j] = messages[j], messages[i] })
		var shown []int64
		for i, m := range messages {
			if i == 7 {
				l.begin(0)
			}
			shown = append(shown, seqs(l.add(m))...)
		}
		assert.Equal(t, seqs(numbered(1, 30)), shown)
		assert.False(t, l.gap())
	}
}
