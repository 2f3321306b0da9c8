package websocket

import (
	"context"
	"io"

	"github.com/coder/websocket"

	"parley/server/engine/frame"
)

// message reads the message that the frame of this header begins. Nearly all are
// one frame, not compressed: those are read past the library, in two steps and
// without a copy. Whatever else comes is the library's: fragments, compression,
// the close frame, and what is wrong.
func (c *Conn) message(h *frame.Header, known bool) (data []byte, text bool, err error) {
	if known && h.Length > uint64(c.a.o.MaxPayload) && !h.Compressed() && !h.Control() {
		return nil, false, ErrTooLarge
	}
	if known && h.Plain() && !c.partial {
		data, err = c.whole(h)
		return data, h.Text(), err
	}
	kind, r, err := c.ws.Reader(context.Background())
	if err != nil {
		return nil, false, err
	}
	c.q.BeginMessage()
	data, err = c.parts(r)
	if err == nil {
		err = c.q.ReadErr() // see there: the library may have cut the message short
	}
	if err != nil {
		return nil, false, err
	}
	c.q.EndMessage()
	c.partial = h.Compressed() && !h.Last()
	return data, kind == websocket.MessageText, nil
}

// beat answers a ping and takes note of a pong. The library would do that too, but
// then stay until a message has come.
func (c *Conn) beat(h *frame.Header) error {
	data, err := c.whole(h)
	if err != nil || h.Pong() {
		return err
	}
	return c.q.Control(frame.Pong(data))
}

// header waits for the header of the next frame and leaves it where it is. With its
// first byte a message begins, or a part of one, or a control frame; known
// is false for what only the library has a word for.
func (c *Conn) header() (h frame.Header, known bool, err error) {
	if _, err = c.br.Peek(1); err != nil {
		return h, false, err
	}
	c.q.BeginMessage()
	b, err := c.br.Peek(2)
	if err != nil {
		return h, false, err
	}
	n := frame.HeaderSize(b[1])
	if n == 0 {
		return h, false, nil
	}
	if b, err = c.br.Peek(n); err != nil {
		return h, false, err
	}
	h, known = frame.ParseHeader(b)
	return h, known, nil
}

// whole reads a frame whose header has been looked at.
func (c *Conn) whole(h *frame.Header) ([]byte, error) {
	c.br.Discard(h.Size) //nolint:errcheck // it is there
	data, err := c.payload(int(h.Length), h.Text())
	if err != nil {
		return nil, err
	}
	c.q.EndMessage()
	frame.Unmask(h.Key, data)
	return data, nil
}

// firstPart is how much memory the mere announcement of a long message gets.
const firstPart = 64 << 10

// payload reads n bytes, if they are no text into a buffer that has been used.
func (c *Conn) payload(n int, text bool) ([]byte, error) {
	var data []byte
	if !text {
		data = c.a.o.Buffers.Get(n)
	}
	if data == nil {
		data = make([]byte, min(n, firstPart))
	}
	_, err := io.ReadFull(c.br, data)
	for err == nil && len(data) < n {
		have := len(data)
		data = append(data, make([]byte, min(have, n-have))...)
		_, err = io.ReadFull(c.br, data[have:])
	}
	return data, err
}

// parts reads a message of the library into a buffer that the receiver may keep: of exactly
// its size, or less than twice of it when it is long.
func (c *Conn) parts(r io.Reader) ([]byte, error) {
	pooled := c.a.small.Get().(*[]byte)
	defer c.a.small.Put(pooled)
	n, err := fill(r, *pooled, 0)
	if err == io.EOF {
		return append(make([]byte, 0, n), (*pooled)[:n]...), nil
	}
	var buf []byte
	more := *pooled // what was read beyond buf
	for size := 16 * smallMessage; err == nil; size *= 4 {
		next := make([]byte, size)
		n = copy(next, buf)
		n += copy(next[n:], more)
		buf = next
		if n, err = fill(r, buf, n); err != nil {
			break
		}
		// It is full, and often that was all: sizes are powers of two.
		var m int
		m, err = fill(r, *pooled, 0)
		if more = (*pooled)[:m]; err == io.EOF && m > 0 {
			buf, n = append(buf, more...), n+m
		}
	}
	if err != io.EOF {
		return nil, err
	}
	if n < len(buf)/2 {
		return append(make([]byte, 0, n), buf[:n]...), nil
	}
	return buf[:n:n], nil
}

// fill reads until buf is full or the message ends; io.EOF means that it ended.
func fill(r io.Reader, buf []byte, n int) (int, error) {
	for {
		m, err := r.Read(buf[n:])
		n += m
		if err != nil || n == len(buf) && m == 0 {
			return n, err
		}
	}
}
