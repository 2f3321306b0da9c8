package outq

import "parley/server/engine/frame"

// Sizes of one write.
const (
	joinSize = 64 << 10 // short frames are joined up to this many bytes
	maxVec   = 128      // buffers of a vectored write
)

// scratch turns a batch of messages into few writes: frames that are one buffer
// are copied together, long payloads are written from where they are.
type scratch struct {
	buf []byte   // joined frames
	vec [][]byte // what to write; parts of buf and payloads
	sys vector   // the system's form of vec
	end int      // end in buf of the last of vec, -1 when that is a payload

	joined [maxVec]bool // which of vec are parts of buf
}

func newScratch() *scratch {
	return &scratch{buf: make([]byte, 0, joinSize), vec: make([][]byte, 0, 16), end: -1}
}

// write writes the batch until the socket is full and returns what is left.
func (s *scratch) write(k sock, batch []*frame.Message) (rest [][]byte, err error) {
	if rest, err = s.gather(k, batch); err == nil && rest == nil {
		for _, m := range batch {
			m.Written()
		}
	}
	return rest, err
}

func (s *scratch) gather(k sock, batch []*frame.Message) (rest [][]byte, err error) {
	for i, m := range batch {
		head, body := m.WebSocket()
		if len(s.buf)+len(head) > joinSize || len(s.vec)+2 > maxVec {
			if rest, err = s.flush(k); err != nil || rest != nil {
				return s.remainder(rest, batch[i:]), err
			}
		}
		if len(head) > joinSize { // a raw frame; ours are shorter
			s.refer(head)
		} else {
			s.join(head)
		}
		if body != nil {
			s.refer(body)
		}
	}
	return s.flush(k)
}

// refer adds a buffer that is written from where it is.
func (s *scratch) refer(b []byte) {
	s.joined[len(s.vec)] = false
	s.vec = append(s.vec, b)
	s.end = -1
}

func (s *scratch) join(head []byte) {
	at := len(s.buf)
	s.buf = append(s.buf, head...)
	if s.end == at && at > 0 {
		last := &s.vec[len(s.vec)-1]
		*last = s.buf[at-len(*last):]
	} else {
		s.joined[len(s.vec)] = true
		s.vec = append(s.vec, s.buf[at:])
	}
	s.end = len(s.buf)
}

// flush writes vec and returns what the socket did not take, copied where it
// lies in buf.
func (s *scratch) flush(k sock) (rest [][]byte, err error) {
	vec := s.vec
	for len(vec) > 0 {
		var n int
		if len(vec) == 1 {
			n, err = k.write(vec[0])
		} else {
			n, err = k.writeVector(&s.sys, vec)
		}
		if err != nil {
			break
		}
		full := n == 0
		for len(vec) > 0 && n >= len(vec[0]) {
			n -= len(vec[0])
			vec = vec[1:]
		}
		if len(vec) == 0 {
			break
		}
		vec[0] = vec[0][n:]
		if full {
			for i, b := range vec {
				if s.joined[len(s.vec)-len(vec)+i] {
					b = append([]byte(nil), b...)
				}
				rest = append(rest, b)
			}
			break
		}
	}
	clear(s.vec)
	s.buf, s.vec, s.end = s.buf[:0], s.vec[:0], -1
	return rest, err
}

// remainder appends the messages of batch that were not begun.
func (s *scratch) remainder(rest [][]byte, batch []*frame.Message) [][]byte {
	for _, m := range batch {
		head, body := m.WebSocket()
		if rest = append(rest, head); body != nil {
			rest = append(rest, body)
		}
	}
	return rest
}
