package state

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/shared/chat"
)

func TestLogHoldsEachNumberOnce(t *testing.T) {
	for _, c := range []struct {
		name  string
		in    [][2]int64 // stretches, in order of arrival
		held  []int64
		fresh int // of the last stretch
	}{
		{"in order", [][2]int64{{1, 3}, {4, 6}}, span(1, 6), 3},
		{"backwards", [][2]int64{{4, 6}, {1, 3}}, span(1, 6), 3},
		{"twice", [][2]int64{{1, 6}, {1, 6}}, span(1, 6), 0},
		{"overlapping", [][2]int64{{1, 4}, {3, 6}}, span(1, 6), 2},
		{"around", [][2]int64{{3, 4}, {1, 6}}, span(1, 6), 4},
		{"across chunks", [][2]int64{{49, 52}, {100, 101}}, []int64{49, 50, 51, 52, 100, 101}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			var l Log
			var fresh []chat.Message
			for _, s := range c.in {
				l, fresh = l.Insert(msgs(ana, s[0], s[1]))
			}
			var held []int64
			for m := range l.All() {
				require.Equal(t, msg(ana, m.Seq), m)
				held = append(held, m.Seq)
			}
			require.Equal(t, c.held, held)
			require.Len(t, fresh, c.fresh)
			require.Equal(t, len(c.held), l.Len())
			require.Equal(t, c.held[0], l.First())
			require.Equal(t, c.held[len(c.held)-1], l.Last())
		})
	}
}

func TestLogIsAValue(t *testing.T) {
	one, _ := Log{}.Insert(msgs(ana, 1, 60))
	two, _ := one.Insert(msgs(ana, 61, 70))
	three, _ := one.Insert(msgs(ben, 61, 62))
	require.EqualValues(t, 60, one.Last())
	require.EqualValues(t, 70, two.Last())
	m, ok := three.Get(61)
	require.True(t, ok)
	require.Equal(t, ben, m.From)
	require.Same(t, one.Chunk(0), two.Chunk(0), "what did not change is shared")
	require.NotSame(t, one.Chunk(1), two.Chunk(1))
	require.Greater(t, two.Chunk(1).Version, one.Chunk(1).Version)
	same, fresh := two.Insert(msgs(ana, 1, 70))
	require.Empty(t, fresh)
	require.Same(t, two.Chunk(1), same.Chunk(1), "nothing new changes nothing")
}

func TestLogKeepsWhatItHas(t *testing.T) {
	l, _ := Log{}.Insert([]chat.Message{msg(ana, 1), {Seq: 0}, {Seq: -3}})
	l, fresh := l.Insert([]chat.Message{msg(ben, 1)})
	require.Empty(t, fresh)
	m, _ := l.Get(1)
	require.Equal(t, ana, m.From)
	_, ok := l.Get(0)
	require.False(t, ok)
	_, ok = l.Get(99)
	require.False(t, ok)
}

func TestLogGap(t *testing.T) {
	for _, c := range []struct {
		name     string
		in       [][2]int64
		last     int64
		from, to int64 // 0, 0 for none
	}{
		{"empty", nil, 10, 0, 0},
		{"whole", [][2]int64{{1, 10}}, 10, 0, 0},
		{"older history is none", [][2]int64{{5, 10}}, 10, 0, 0},
		{"at the end", [][2]int64{{1, 7}}, 10, 8, 10},
		{"in the middle", [][2]int64{{1, 3}, {7, 10}}, 10, 4, 6},
		{"the newest of two", [][2]int64{{1, 3}, {7, 8}, {10, 10}}, 10, 9, 9},
		{"at a chunk's edge", [][2]int64{{1, 49}, {51, 60}}, 60, 50, 50},
		{"a chunk is whole", [][2]int64{{1, 100}}, 150, 101, 150},
		{"a chunk is missing", [][2]int64{{1, 50}, {101, 150}}, 150, 51, 100},
		{"behind whole chunks", [][2]int64{{1, 20}, {30, 150}}, 150, 21, 29},
	} {
		t.Run(c.name, func(t *testing.T) {
			var l Log
			for _, s := range c.in {
				l, _ = l.Insert(msgs(ana, s[0], s[1]))
			}
			from, to, ok := l.Gap(c.last)
			require.Equal(t, c.from != 0, ok)
			require.Equal(t, c.from, from)
			require.Equal(t, c.to, to)
		})
	}
}

func TestLogGapBelow(t *testing.T) {
	l, _ := Log{}.Insert(append(msgs(ana, 1, 3), msgs(ana, 100, 110)...))
	from, to, ok := l.GapBelow(100)
	require.True(t, ok)
	require.EqualValues(t, 4, from)
	require.EqualValues(t, 99, to)
	_, _, ok = l.GapBelow(105)
	require.False(t, ok)
	_, _, ok = l.GapBelow(1)
	require.False(t, ok)
}

func TestLogNewest(t *testing.T) {
	l, _ := Log{}.Insert(msgs(ana, 1, 420))
	n := l.Newest(2)
	require.EqualValues(t, 351, n.First())
	require.EqualValues(t, 420, n.Last())
	require.Equal(t, 70, n.Len())
	require.Equal(t, 420, l.Len())
	require.Equal(t, l, l.Newest(100))
}
