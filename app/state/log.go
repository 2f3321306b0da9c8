package state

import (
	"iter"
	"slices"

	"parley/shared/chat"
)

// ChunkSize is how many numbers a [Chunk] covers. It is also how many message
// rows the page draws, hides and shows at once.
const ChunkSize = 50

// Chunk holds the messages with the numbers Index*ChunkSize+1 up to
// (Index+1)*ChunkSize, each at its own place. A place without a message has
// Seq 0. Chunks are never changed: a new one with a higher Version replaces it.
type Chunk struct {
	Index    int
	Version  int
	Held     int // how many places are filled
	Messages [ChunkSize]chat.Message
}

// ChunkOf is the index of the chunk that has a place for number seq.
func ChunkOf(seq int64) int { return int((seq - 1) / ChunkSize) }

// Log holds the messages of a room, each at the place its number gives it. So a
// message that comes twice is held once, whatever came between, and the order of
// arrival means nothing. The zero Log is empty. Logs are values: Insert leaves
// the receiver as it was.
type Log struct {
	chunks []*Chunk // by index, only those with messages
	held   int
}

// Len is how many messages are held.
func (l Log) Len() int { return l.held }

// First is the lowest number held, 0 when there is none.
func (l Log) First() int64 {
	if len(l.chunks) == 0 {
		return 0
	}
	c := l.chunks[0]
	for i := range c.Messages {
		if c.Messages[i].Seq != 0 {
			return c.Messages[i].Seq
		}
	}
	return 0
}

// Last is the highest number held, 0 when there is none.
func (l Log) Last() int64 {
	if len(l.chunks) == 0 {
		return 0
	}
	c := l.chunks[len(l.chunks)-1]
	for i := len(c.Messages) - 1; i >= 0; i-- {
		if c.Messages[i].Seq != 0 {
			return c.Messages[i].Seq
		}
	}
	return 0
}

// Chunk returns the chunk with an index, nil when nothing of it is held.
func (l Log) Chunk(index int) *Chunk {
	if i, ok := l.find(index); ok {
		return l.chunks[i]
	}
	return nil
}

func (l Log) find(index int) (int, bool) {
	return slices.BinarySearchFunc(l.chunks, index, func(c *Chunk, index int) int { return c.Index - index })
}

// Get returns the message with a number.
func (l Log) Get(seq int64) (chat.Message, bool) {
	if seq < 1 {
		return chat.Message{}, false
	}
	c := l.Chunk(ChunkOf(seq))
	if c == nil {
		return chat.Message{}, false
	}
	m := c.Messages[(seq-1)%ChunkSize]
	return m, m.Seq != 0
}

// Before returns the newest message below a number.
func (l Log) Before(seq int64) (chat.Message, bool) {
	for m := range l.Backward(seq - 1) {
		return m, true
	}
	return chat.Message{}, false
}

// Backward yields the messages up to a number, the newest first.
func (l Log) Backward(from int64) iter.Seq[chat.Message] {
	return func(yield func(chat.Message) bool) {
		for i := len(l.chunks) - 1; i >= 0; i-- {
			c := l.chunks[i]
			if int64(c.Index)*ChunkSize >= from {
				continue
			}
			for j := len(c.Messages) - 1; j >= 0; j-- {
				if m := &c.Messages[j]; m.Seq != 0 && m.Seq <= from && !yield(*m) {
					return
				}
			}
		}
	}
}

// All yields every message, the oldest first.
func (l Log) All() iter.Seq[chat.Message] {
	return func(yield func(chat.Message) bool) {
		for _, c := range l.chunks {
			for i := range c.Messages {
				if c.Messages[i].Seq != 0 && !yield(c.Messages[i]) {
					return
				}
			}
		}
	}
}

// Insert returns the Log with these messages in it and those of them that were
// not held before. Messages without a number are left out; what is held is never
// replaced.
func (l Log) Insert(messages []chat.Message) (Log, []chat.Message) {
	var fresh []chat.Message
	var own []*Chunk // already copied for this call
	next := l
	for _, m := range messages {
		if m.Seq < 1 {
			continue
		}
		index := ChunkOf(m.Seq)
		at, ok := next.find(index)
		if ok && next.chunks[at].Messages[(m.Seq-1)%ChunkSize].Seq != 0 {
			continue
		}
		if fresh == nil {
			next.chunks = slices.Clone(l.chunks)
		}
		switch {
		case !ok:
			c := &Chunk{Index: index}
			own = append(own, c)
			next.chunks = slices.Insert(next.chunks, at, c)
		case !slices.Contains(own, next.chunks[at]):
			c := *next.chunks[at]
			c.Version++
			own = append(own, &c)
			next.chunks[at] = &c
		}
		c := next.chunks[at]
		c.Messages[(m.Seq-1)%ChunkSize] = m
		c.Held++
		next.held++
		fresh = append(fresh, m)
	}
	return next, fresh
}

// Gap returns the highest stretch of numbers, up to last, that is missing above
// a held message. What is missing below the lowest message is older history and
// not a gap.
func (l Log) Gap(last int64) (from, to int64, ok bool) {
	to = last
	for i := len(l.chunks) - 1; i >= 0; i-- {
		c := l.chunks[i]
		end := int64(c.Index+1) * ChunkSize
		if c.Held == ChunkSize && to == end {
			to = end - ChunkSize
			continue
		}
		for j := len(c.Messages) - 1; j >= 0; j-- {
			switch seq := c.Messages[j].Seq; {
			case seq == 0 || seq > to:
			case seq == to:
				to--
			default:
				return seq + 1, to, true
			}
		}
	}
	return 0, 0, false
}

// GapBelow returns the stretch of numbers missing directly below a number, when
// there is a held message further down.
func (l Log) GapBelow(seq int64) (from, to int64, ok bool) {
	m, ok := l.Before(seq)
	if !ok || m.Seq == seq-1 {
		return 0, 0, false
	}
	return m.Seq + 1, seq - 1, true
}

// Newest returns the Log with its newest chunks only.
func (l Log) Newest(chunks int) Log {
	if len(l.chunks) <= chunks {
		return l
	}
	next := Log{chunks: slices.Clone(l.chunks[len(l.chunks)-chunks:])}
	for _, c := range next.chunks {
		next.held += c.Held
	}
	return next
}
